/* Sweeps: many runs of one command, over tasks, models and seeds.
 *
 * A sweep that was stopped goes on where it was: runs that have a valid record in the results
 * folder are not done again. One line tells of the whole, with the expected end.
 *
 * Any number of processes may work on one list over shared folders: a run is claimed by the lock of
 * its output folder (train/run/output.c), and what its folder holds is looked at under the lock. The
 * lock falls with its process, and the run goes on from its checkpoint in another. */
#ifndef HARNESS_RESULT_SWEEP_H
#define HARNESS_RESULT_SWEEP_H

#include "base/memory.h"
#include "compute/device.h"
#include "result/store.h"
#include "result/version.h"
#include "train/run/run.h"

typedef struct sweep {
    store store;          /* what is there already */
    device_info device;   /* that the runs take */
    size_t total, number; /* runs; which of them is at work, from 1: set before sweep_begin */
    bool is_again;        /* another worker had it before: set so too */
    size_t skipped, ran;
    double left, work; /* of all runs still to do, the present one among them; of those done */
    double seconds;    /* of the runs done */
    double run_begin;  /* clock */
    char *fault;       /* what the last run that failed failed with, owned; NULL: none has */
    size_t fault_of;   /* the number of the run that told it */
    /* Of a search, else NULL, borrowed: which trial is at work, "trial 2 of 4", and what it tries. */
    const char *trial, *tries;
} sweep;

/* All tasks, or those of a group (not NULL), whose data is here or can be fetched (sample: that have
 * one), by name; the others are named in a note. *list (count) is owned: words_free. Errors: ERR_DATA
 * when there is none; those of task_list. */
err sweep_tasks_here(char ***list, size_t *count, const run_request *q,
                     const char *group) MUST_CHECK;

/* Words between commas, without the blanks around them; *list (count) is owned, as its words are:
 * words_free. Errors: ERR_USAGE naming the flag when there is no word between two. */
err words_split(char ***list, size_t *count, const char *text, const char *flag) MUST_CHECK;
void words_free(char **list, size_t count);

/* Refuses what names one task, or one model (by its folder too: "a", "./a/"), twice: the runs would
 * be the same. Errors: ERR_USAGE naming the flag and both. */
err sweep_once(char *const *list, size_t count, const char *flag) MUST_CHECK;

/* Prepares for `total` runs on the device of that selector. With `skip` the records below `results`
 * are read. Errors: those of store_read and device_select. Free with sweep_close, also after
 * one. */
err sweep_open(sweep *s, size_t total, const char *selector, const char *results,
               bool skip) MUST_CHECK;
void sweep_close(sweep *s);

/* The record of this very run (run.h), NULL when there is none: it need not be done again. Records
 * that are partial or of a program with uncommitted changes do not count (store_read), nor those of
 * older programs, which do not say which run they are of. Borrowed from s. */
const record *sweep_find(const sweep *s, const char *run_sha256);

/* Counts a run towards the expected end, by the rows it trains on and the size of its model. Call it
 * for every run before the first begins. Errors: those of task_find. */
err sweep_expect(sweep *s, const run_request *q) MUST_CHECK;

/* Around each run, and for each one left out; they tell how far the sweep is. */
void sweep_begin(sweep *s, const run_request *q);
/* Another worker has the run: it is begun once more, later, and told again only where it is taken. */
void sweep_leave(const sweep *s);
void sweep_take(const sweep *s, const run_request *q);
void sweep_end(sweep *s, const run_request *q);
/* by: " by ..." where others than this run's devices did it, or "". */
void sweep_skip(sweep *s, const run_request *q, const record *found, const char *by);
/* The run has failed by its own fault e (err_is_of_one): warns, and `said` gets its name and e's
 * message. What the run that failed before it failed with too is not told again. Errors: ERR_MEMORY. */
err sweep_fail(strbuf *said, sweep *s, const run_request *q, err e) MUST_CHECK;

#endif
