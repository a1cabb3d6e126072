/* The parts of a run (run.h) that a pretraining (train/pretrain) goes through too, each on the same
 * struct, in the order of run_open, run_train and run_keep_model. */
#ifndef HARNESS_TRAIN_RUN_RUN_PARTS_H
#define HARNESS_TRAIN_RUN_RUN_PARTS_H

#include "train/run/run.h"

#define RUN_UNFINISHED "unfinished.json"
#define RUN_FINISHED "run.json"
#define RUN_RECORD "record.json"
/* In RUN_UNFINISHED and RUN_FINISHED, of a group that began the run: how many ranks, and each one's
 * device where these differ. */
#define RUN_RANKS_KEY "ranks"
#define RUN_DEVICES_KEY "devices"
#define RUN_TOP "runs" /* the first folder of those that the program names by itself */

/* Finds out that the folder, or the one above it, can be written. Errors: ERR_IO. */
err run_output_prepare(run *r) MUST_CHECK;
/* What says who a pretraining is: its corpus in place of a task. */
typedef struct run_corpus {
    const char *digest; /* of corpus, tasks, vocabulary and rules */
    uint32_t tokens_per_batch;
    double mlm_probability, max_minutes;
    bool whole_word;
} run_corpus;
/* Fills in r->identity and r->surroundings; needs device and source. */
err run_identify_corpus(run *r, const run_corpus *c) MUST_CHECK;
/* The run's hash (run_sha256) by the object `identity` of unfinished.json or run.json. */
void run_identity_digest(char hex[HASH_HEX_BYTES], const cJSON *identity);
/* What --model has to name for a run as that of the folder (of run.json): a preset, a model of the program, a
 * revision of a hub's model, or an absolute folder, which may be gone. *model is owned; NULL where
 * nothing says it. Errors: those of json_read. */
err run_kept_model(char **model, const char *folder) MUST_CHECK;
/* Names the output folder where the request did not: needs the identity. Errors: ERR_MEMORY. */
err run_output_name(run *r) MUST_CHECK;
/* Refuses an output folder that holds what a run would replace and none made, and keeps other runs
 * out of it. Errors: ERR_DATA; ERR_IO, also when another process runs there. */
err run_output_open(run *r) MUST_CHECK;
/* Whether a run is at work in the folder. *who (owned, may be NULL): "HOST PROCESS", or NULL. */
err run_at_work(bool *held, char **who, const char *folder) MUST_CHECK;

/* Whether the folder's lock file is absent or a run's, which may remove it. Errors: ERR_DATA. */
err run_lock_check(const char *folder) MUST_CHECK;
/* From here on the first Ctrl-C waits for a good moment; the pair of run_release, which run_close
 * calls at the latest. */
void run_hold(run *r);
void run_release(run *r);
/* Errors: ERR_INTERRUPTED after a Ctrl-C. */
err run_check_interrupt(void) MUST_CHECK;
/* Compares this run with what the folder holds: sets r->is_finished, or finds out that the request
 * allows to go on with it or to replace it. Errors: ERR_USAGE, ERR_DATA naming what differs. */
err run_compare(run *r) MUST_CHECK;
/* Refuses to begin anew over folders of runs before that hold files of others. Errors: ERR_DATA. */
err run_output_check(const run *r) MUST_CHECK;
/* Whether the task can be trained by the recipe, as far as its manifest tells. Errors: ERR_USAGE. */
err run_check_recipe(const recipe *p, const task *t) MUST_CHECK;
/* Goes on with the unfinished run in the folder, or begins a new one, as the request says. In a
 * group every rank gets the state that rank 0 found. */
err run_begin(run *r) MUST_CHECK;
/* Whether this process writes the run's files: rank 0, alone too. */
bool run_writes(const run *r);
/* Refuses a group whose ranks have other texts in `own`, an object of what they are to do. Errors:
 * ERR_USAGE naming the rank and what differs. */
err run_compare_plans(struct group *g, const cJSON *own) MUST_CHECK;
/* The same of this run, and of the devices that its ranks have. needs r->identity. Errors: ERR_USAGE
 * naming the rank and what differs. */
err run_compare_ranks(run *r) MUST_CHECK;
/* Rank 0's weights to all. */
err run_share_weights(run *r) MUST_CHECK;
/* Weights that differ between ranks show a device that computes wrong numbers. needs
 * r->final_sha256. Errors: ERR_DEVICE naming the rank. */
err run_compare_weights(run *r) MUST_CHECK;
/* The log of this run; the trainer says what of it stays. */
err run_log_open(run *r) MUST_CHECK;
/* trainer_hook of logging steps (context: the run). */
err run_log_step(void *context, trainer *t) MUST_CHECK;
err run_log_end(run *r) MUST_CHECK;
/* Takes what evaluations need beside training's memory, and gives it back: it counts in the device's
 * peak. */
err run_try_evaluators(const run *r) MUST_CHECK;
/* Takes the trainer's evaluations from `first` on into r->best; true when the last is the best. */
bool run_judge(run *r, uint32_t first);
/* Checks the disk for the checkpoints to come. */
err run_check_disk(const run *r) MUST_CHECK;
/* Writes the trainer's weights as <output>/<name>, in place of what was there, with the
 * card that `card` writes, unless it is NULL. */
err run_write_model(const run *r, const char *name,
                    err (*card)(const char *folder, const void *context),
                    const void *context) MUST_CHECK;
/* Opens and checks the device that the request names. */
err run_open_device(run *r) MUST_CHECK;
/* Weights before the first step; what a folder lacks is drawn. */
err run_load_weights(run *r) MUST_CHECK;
/* Of the request, with the hooks that log and save. scaler: how it begins under fp16, to which the
 * options point. */
trainer_options run_trainer_options(run *r, loss_scaler *scaler);
/* Adds to the error what there is to go on from. */
err run_name_checkpoint(const run *r, err e) MUST_CHECK;
/* One line of the log at the trainer's step. */
err run_log_values(run *r, const log_value *values, size_t count) MUST_CHECK;
/* trainer_hook: writes a checkpoint of the run (context). */
err run_save(void *context, trainer *t) MUST_CHECK;

#endif
