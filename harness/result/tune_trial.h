/* Trials of a search for a recipe: each is a run under protocol dev (run_request.is_trial) whose
 * result is kept as <folder>/trials/<16 hex of its run_sha256>.json, and of which nothing else
 * stays. A search that was stopped goes on where it was: a trial with a file is not run again. */
#ifndef HARNESS_RESULT_TUNE_TRIAL_H
#define HARNESS_RESULT_TUNE_TRIAL_H

#include "base/moment.h"
#include "train/run/run.h"

/* Their folder, in that of the search. */
#define TUNE_TRIALS "trials"

typedef struct tune_trial {
    char run_sha256[HASH_HEX_BYTES];
    char created[MOMENT_BYTES]; /* UTC, "2026-01-31T12:00:00Z" */
    double score;               /* of the best evaluation; NaN when is_cut */
    double loss;                /* on the dev rows, of that evaluation; NaN: not known */
    bool is_cut; /* training stopped at numbers that are not finite: nothing to choose */
    int64_t best_step, steps;
    double train_s;
} tune_trial;

/* Whether a name in that folder is one of a trial's file. */
bool tune_trial_is_name(const char *name);

/* Fills in a trial from a run that was trained, or that ended with ERR_NUMERIC (is_cut). */
void tune_trial_of(tune_trial *t, const run *r, bool is_cut);

/* Adds a recipe's recorded values to an object, as a recipe's file has them; `all`: those that are
 * never recorded too. Errors: ERR_MEMORY. */
err tune_recipe_json(cJSON *object, const recipe *r, bool all) MUST_CHECK;

/* Writes its file, with recipe and evaluations, making the folder. Errors: ERR_IO; ERR_MEMORY. */
err tune_trial_write(const tune_trial *t, const run *r, const char *folder) MUST_CHECK;

/* Reads the trial of this run; *found is false where there is none, or its file is damaged or was
 * changed (record_checksums_check), which is warned about. Errors: ERR_MEMORY. */
err tune_trial_read(tune_trial *t, bool *found, const char *folder,
                    const char *run_sha256) MUST_CHECK;

#endif
