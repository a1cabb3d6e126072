/* What a run logs on its way: log.jsonl and, if asked for, TensorBoard events.
 *
 * log.jsonl has one object a line, as Trainer's log_history: "loss", "grad_norm" and
 * "learning_rate" each logging_steps; "eval_loss", "eval_<metric>", "eval_runtime",
 * "eval_samples_per_second" and "eval_steps_per_second" at each evaluation; "train_loss",
 * "train_runtime", "train_samples_per_second" and "train_steps_per_second" at the end; then
 * "test_loss", "test_<metric>" and the times of the test rows; "epoch" and "step" in all. TensorBoard
 * gets the same as "eval/<name>", "train/<name>" and "test/<name>", the arguments as a text, and its
 * hparams page the arguments beside the scores.
 *
 * A run that goes on from a checkpoint keeps what was logged up to it and logs the rest anew: no
 * line is there twice. */
#ifndef HARNESS_TRAIN_LOG_TRAIN_LOG_H
#define HARNESS_TRAIN_LOG_TRAIN_LOG_H

#include "base/json.h"
#include "train/log/event_file.h"

#include <stdbool.h>

enum { LOG_VALUES_MAX = 40, LOG_NAME_BYTES = 64 };

typedef struct train_log {
    void *lines; /* FILE *, log.jsonl */
    char *path;  /* owned */
    event_file events;
    bool has_events;
} train_log;

typedef struct log_value {
    char name[LOG_NAME_BYTES];
    double value;
} log_value;

/* Opens <folder>/log.jsonl and, with tensorboard, <folder>/tensorboard/. kept_step: the step that
 * the run goes on from; 0 begins both anew. Free with train_log_close, also after an error.
 * Errors: ERR_IO naming the path; ERR_MEMORY. */
err train_log_open(train_log *l, const char *folder, bool tensorboard,
                   uint32_t kept_step) MUST_CHECK;

/* Adds one line, with epoch and step behind the values (count of at most LOG_VALUES_MAX). */
err train_log_add(train_log *l, uint32_t step, double epoch, const log_value *values,
                  size_t count) MUST_CHECK;

/* Of a new event file: what the run was told, an object of numbers, texts and truths. Of a damaged
 * one the events that log.jsonl still has lines of, with a warning. Without event files it does
 * nothing. Comes before the first train_log_add. */
err train_log_begin(train_log *l, const cJSON *arguments) MUST_CHECK;
/* The run ended well, all of it is logged. */
err train_log_end(train_log *l, uint32_t step) MUST_CHECK;

void train_log_close(train_log *l);

/* Whether <folder> (of name tensorboard) holds nothing but a run's own event file. */
err train_log_owns_events(bool *ours, const char *folder) MUST_CHECK;
/* Removes the event file of the run in folder, and tensorboard/ when that was all in it. */
void train_log_remove_events(const char *folder);

#endif
