/* The commands that come after `harness run`: once at its end, however many runs it was of. */
#ifndef HARNESS_CLI_RUN_NEXT_H
#define HARNESS_CLI_RUN_NEXT_H

#include "base/memory.h"
#include "cli/options.h"
#include "train/run/run.h"

/* The finished runs of one task and model. */
typedef struct run_next_model {
    const char *task, *model; /* borrowed from the request */
    size_t runs;
    double sum; /* of their scores */
    bool has_errors;
    strbuf use;         /* predict by the first of them */
    strbuf words, side; /* their folders, as `errors` and as `compare` take them */
    strbuf common;      /* what the paths of all begin with */
} run_next_model;

/* Of the finished runs; one of {0} holds none. */
typedef struct run_next {
    run_next_model *models; /* (count) owned, in the order of their first runs */
    size_t count, capacity;
    bool is_own;
    char new_file[16];  /* is_own: what stands for a file of new texts */
    bool is_stored;     /* there is a record among the results */
    strbuf seeds, keep; /* commands of the first run */
} run_next;

/* Adds a run of that score, whose folder holds its record; is_stored: so do the results.
 * Errors: ERR_MEMORY; those of own_flags_of_task. */
err run_next_add(run_next *n, const run *r, const options *o, double score,
                 bool is_stored) MUST_CHECK;

/* Prints the block, unless there is nothing to say: `predict` by the first task's best model, of each
 * task `compare` of its two best models, and `errors` of the best one's seeds. Errors: ERR_MEMORY, ERR_IO. */
err run_next_show(run_next *n, const options *o) MUST_CHECK;

void run_next_free(run_next *n);

#endif
