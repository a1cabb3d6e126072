/* How the run of a record is made again: what `harness compare RUN DEVICE` asks for. */
#ifndef HARNESS_CLI_COMPARE_LIKE_H
#define HARNESS_CLI_COMPARE_LIKE_H

#include "cli/compare_run.h"
#include "train/run/kept_task.h"
#include "train/run/run.h"

/* What a request then points to. Zeroed at first. */
typedef struct compare_like {
    kept_task kept;
    char *model;
} compare_like;
void compare_like_free(compare_like *l);

/* Fills in what the flags (in q already) leave to the record: its task, by the manifest that its
 * folder keeps where no other is here, and its model, by its place in run.json or else by its name.
 * Errors: ERR_USAGE for files of one's own or a model that a record alone does not tell; ERR_IO for
 * a model's folder that is gone; those of kept_task_read, run_kept_model and recipe_read. */
err compare_like_request(compare_like *l, run_request *q, const compare_job *job,
                         const options *o) MUST_CHECK;

/* Of the run that was opened: whether its task, its rows and, unless --model names another, the
 * weights and the vocabulary that it begins with are the record's. Errors: ERR_DATA naming both. */
err compare_like_check(const run *r, const compare_job *job, const options *o) MUST_CHECK;

#endif
