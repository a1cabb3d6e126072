/* What run.c and run_files.c share. */
#ifndef HARNESS_TRAIN_RUN_RUN_INTERNAL_H
#define HARNESS_TRAIN_RUN_RUN_INTERNAL_H

#include "metric/score.h"
#include "train/checkpoint/marker.h"
#include "train/run/run.h"

#define RUN_UNFINISHED "unfinished.json"
#define RUN_FINISHED "run.json"
#define RUN_RECORD "record.json"

/* Finds out that the folder, or the one above it, can be written. Errors: ERR_IO. */
err run__output_prepare(run *r) MUST_CHECK;
/* Says who this run is (r->identity, r->surroundings); needs task, device, data and source. */
err run__identify(run *r) MUST_CHECK;
/* The same of a pretraining, by its corpus in place of a task. */
typedef struct run_corpus {
    const char *digest; /* of corpus, tasks, vocabulary and rules */
    uint32_t tokens_per_batch;
    double mlm_probability, max_minutes;
    bool whole_word;
} run_corpus;
err run__identify_corpus(run *r, const run_corpus *c) MUST_CHECK;
/* Names the output folder, refuses one that holds what a run would replace and none made, and keeps
 * other runs out of it. Errors: ERR_DATA; ERR_IO, also when another process runs there. */
err run__output_open(run *r) MUST_CHECK;
void run__output_close(run *r);
/* Compares this run with what the folder holds: sets r->is_finished, or finds out that the request
 * allows to go on with it or to replace it. Errors: ERR_USAGE, ERR_DATA naming what differs. */
err run__compare(run *r) MUST_CHECK;
/* Goes on with the unfinished run in the folder, or begins a new one, as the request says. */
err run__begin(run *r) MUST_CHECK;
/* The log of this run; r->resumed_at says what of it stays. */
err run__log_open(run *r) MUST_CHECK;
/* trainer_hook of logging steps (context: the run). */
err run__log_step(void *context, trainer *t) MUST_CHECK;
/* c: of the dev rows; seconds that scoring them took. */
err run__log_evaluation(run *r, const confusion *c, double loss, double seconds) MUST_CHECK;
err run__log_end(run *r) MUST_CHECK;
/* Takes the trainer's evaluations from `first` on into r->best; true when the last is the best. */
bool run__judge(run *r, uint32_t first);
/* Checks the disk for the checkpoints to come. */
err run__check_disk(const run *r) MUST_CHECK;
/* "<output>/<name>", owned. */
err run__path(char **path, const run *r, const char *name) MUST_CHECK;
/* The folder is finished. */
err run__end(run *r) MUST_CHECK;
/* Writes the trainer's weights as <output>/<name>, in place of what was there, with the
 * card that `card` writes, unless it is NULL. */
err run__write_model(const run *r, const char *name,
                     err (*card)(const char *folder, const void *context),
                     const void *context) MUST_CHECK;
/* Opens and checks the device that the request names. */
err run__open_device(run *r) MUST_CHECK;
/* Weights before the first step; what a folder lacks is drawn. */
err run__load_weights(run *r) MUST_CHECK;
/* Adds to the error what there is to go on from. */
err run__name_checkpoint(const run *r, err e) MUST_CHECK;
/* One line of the log at the trainer's step. */
err run__log_values(run *r, const log_value *values, size_t count) MUST_CHECK;
/* trainer_hook: writes a checkpoint of the run (context). */
err run__save(void *context, trainer *t) MUST_CHECK;

#endif
