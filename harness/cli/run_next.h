/* The commands that come after `harness run`: once at its end, however many runs it was of. */
#ifndef HARNESS_CLI_RUN_NEXT_H
#define HARNESS_CLI_RUN_NEXT_H

#include "base/memory.h"
#include "cli/options.h"
#include "train/run/run.h"

/* Of the finished runs; one of {0} holds none. */
typedef struct run_next {
    size_t runs;              /* of the first one's task and model: seeds that `errors` compares */
    const char *task, *model; /* the first one's, borrowed from the request */
    bool is_own, has_errors;
    bool is_stored;          /* there is a record among the results */
    strbuf use, seeds, keep; /* commands */
    strbuf folders;          /* of these runs, as a shell's words */
} run_next;

/* Adds a run whose folder holds its record; is_stored: so do the results. Errors: ERR_MEMORY; those
 * of own_flags_of_task. */
err run_next_add(run_next *n, const run *r, const options *o, bool is_stored) MUST_CHECK;

/* Prints the block, unless there is nothing to say. Errors: ERR_MEMORY. */
err run_next_show(const run_next *n, const options *o) MUST_CHECK;

void run_next_free(run_next *n);

#endif
