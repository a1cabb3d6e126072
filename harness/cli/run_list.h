/* The runs that are here: output folders below a root (runs/<task>/<run>), folders in which `tune`
 * searched, with the trial that it was stopped in, and records of the results folder whose output
 * folder is gone. */
#ifndef HARNESS_CLI_RUN_LIST_H
#define HARNESS_CLI_RUN_LIST_H

#include "base/err.h"
#include "train/run/waste.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The headline of a pretraining: of the held-out sentences, behind its last step. */
#define RUN_LIST_PERPLEXITY "perplexity"

typedef enum run_state {
    RUN_STATE_FINISHED,
    RUN_STATE_UNFINISHED,
    RUN_STATE_AT_WORK, /* another process holds its lock */
    RUN_STATE_RECORD,  /* a record alone */
    RUN_STATE_DAMAGED  /* its record cannot be read */
} run_state;

typedef struct listed_run {
    run_state state;
    char *folder; /* or the record's file; owned, as all text; NULL: not known */
    char *task, *model, *device, *headline;
    char *worker;  /* "HOST PROCESS" that is at work, or NULL */
    char date[11]; /* "2026-01-31": of the record, or of the last change */
    int64_t seed;  /* -1: not known */
    double score;  /* NaN: none */
    uint32_t step; /* of the newest checkpoint, or of the whole run by its record; 0: none */
    uint64_t bytes, checkpoint_bytes;
    size_t checkpoints;
    size_t trials; /* done, of a search; 0: it is a run. Its score is of the dev rows, and its bytes
                      are without those of the trial that is under way, a run of its own */
    bool has_model, on_board; /* on_board: the results folder has its record */
    const char *part; /* what its scores are of in part: "sample", "limit" or "max-steps", the
                                 flag; NULL: whole, or not known */
    time_t changed;   /* last, of what lies at the folder's top */
} listed_run;

typedef struct run_list {
    listed_run *runs; /* (count) owned, by folder */
    size_t count, capacity;
} run_list;

/* Reads all below the roots (count), and which of them the results have; `alone`: also the records
 * there that have no folder. What is no run of this program is passed over. Free with run_list_free, also after an error. */
err run_list_read(run_list *l, const char *const *roots, size_t count, const char *results,
                  bool alone) MUST_CHECK;
void run_list_free(run_list *l);

/* "finished", "unfinished", ... */
const char *run_state_name(run_state state);

/* Finds what can go of a run, its checkpoints or, `whole`, all that run_waste_find tells of, and
 * `deletes` it, with the folder once nothing else is in it. Free w with run_waste_free, also after
 * an error. Errors: ERR_IO, also of a run that is at work and is to be deleted; run_waste_find's. */
err listed_run_clean(run_waste *w, const listed_run *r, bool whole, bool deletes) MUST_CHECK;

#endif
