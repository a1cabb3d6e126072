/* What `run` is to do: tasks, models and seeds, whose product is the list of a sweep's runs. */
#ifndef HARNESS_CLI_RUN_WORK_H
#define HARNESS_CLI_RUN_WORK_H

#include "cli/options.h"
#include "result/shard.h"
#include "train/run/run.h"

enum { RUNS_MAX = 1000 /* seeds */ };

typedef struct work {
    char *device;           /* this process', owned */
    char **tasks, **models; /* (task_count), (model_count) owned */
    size_t task_count, model_count;
    /* of own files, owned, else NULL; where its paths go from, NULL: from here on; and the file of
       a run that keeps it, NULL: none */
    char *manifest, *manifest_folder, *manifest_where;
    uint32_t seeds[RUNS_MAX];
    size_t seed_count;
    shard shard; /* of the list */
} work;

/* A request of what every run takes from the flags alike: data, start, how to compute; the device's
 * name, the model and all else are the caller's. Errors: those of model_flag_arch and
 * device_check_parse. */
err work_request(run_request *q, const options *o) MUST_CHECK;

/* The task of the user's own files, if --train-file or, by --task, a run before this one names them:
 * into w and q. Those of a trial (q->is_trial) without their test rows. Errors: those of
 * own_flags_read, own_files_manifest and task_flag_kept. */
err work_own_files(work *w, bool *found, const options *o, run_request *q) MUST_CHECK;

/* Tasks and seeds by the flags; models are the caller's. q gets the manifest of own files. Free with
 * work_free, also after an error. Errors: ERR_USAGE; those of reading tasks. */
err work_read(work *w, const options *o, run_request *q) MUST_CHECK;
void work_free(work *w);

static inline size_t work_runs(const work *w) {
    return w->task_count * w->model_count * w->seed_count;
}
/* Task, model and seed of run i into q: seeds change first, then models. */
void work_choose(run_request *q, const work *w, size_t i);
/* Whether run i is of this worker's shard. */
bool work_has(const work *w, size_t i);

#endif
