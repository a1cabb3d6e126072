/* A whole run: task, data, tokenizer, model, device, training, test predictions.
 *
 * run_open prepares everything and finds what can fail early: output folder, data, device, model,
 * memory, disk. run_train trains, run_evaluate scores the test rows once,
 * run_keep_model leaves the final model in <output>/model, run_finish ends the run once its record
 * is on the disk too. What is in the output folder while a run is under way:
 *     .lock             held by the process that runs
 *     unfinished.json   who the run is; removed at its end
 *     log.jsonl         a line each logging_steps and evaluation (train/log/train_log.h)
 *     tensorboard/      the same as event file, if asked for
 *     checkpoint-<n>/   every save_steps, and after Ctrl-C
 *     best/             protocol dev: the best weights so far
 *     model/            the final model
 *
 * Protocol dev is Trainer's load_best_model_at_end: the evaluation that is best by
 * metric_for_best_model gives the final weights, and early_stopping_patience may end the training
 * before the recipe's last step (best.h). */
#ifndef HARNESS_TRAIN_RUN_RUN_H
#define HARNESS_TRAIN_RUN_RUN_H

#include "data/dataset.h"
#include "model/weights/weights.h"
#include "task/task.h"
#include "train/checkpoint/checkpoint.h"
#include "train/evaluate/evaluate.h"
#include "train/log/train_log.h"
#include "train/run/best.h"
#include "train/run/device_check.h"
#include "train/run/kernel_times.h"
#include "train/run/source.h"
#include "train/step/trainer.h"

typedef enum run_protocol { PROTOCOL_LAST, PROTOCOL_DEV } run_protocol;

/* What was asked for; strings are borrowed until run_close. */
typedef struct run_request {
    const char *task, *task_dir, *data_dir;
    bool sample;
    size_t limit;
    const char *model;
    bool from_scratch;            /* a folder's weights are drawn from the seed all the same */
    bool ignore_mismatched_sizes; /* a classifier of another size is drawn from the seed */
    bool cased;                   /* the folder's tokenizer is, though its files do not say so */
    const char *label_map;        /* labels.h, or NULL */
    recipe recipe;
    run_protocol protocol;
    uint32_t seed;
    const char *device, *precision;
    uint32_t threads;
    bool validation;
    device_check check_device;
    bool offline;       /* nothing is downloaded */
    const char *output; /* NULL: runs/<task>/<model>-<device>-s<seed> */
    bool resume, overwrite;
    bool tensorboard;   /* event files beside log.jsonl */
    bool resume_if_any; /* with resume: nothing is said when there is nothing to go on with */
} run_request;

typedef struct run {
    run_request request;
    task task;
    dataset data;
    source source;
    device device;
    encoded train, dev, test;
    trainer trainer;
    bool trainer_is_open, device_is_open;
    weights_report weights;
    uint32_t max_length;
    char *output;      /* owned */
    void *lock;        /* FILE *: <output>/.lock, held against other processes */
    char *id;          /* of this run, owned */
    cJSON *identity;   /* owned */
    best_tracker best; /* protocol dev: of the evaluations so far, which the trainer holds */
    uint32_t resumed_at;
    uint32_t saved_at; /* step of the newest checkpoint of this run; 0: there is none */
    train_log log;
    float *logits;       /* (test rows, C) owned */
    uint32_t *predicted; /* (test rows) owned */
    double test_loss;
    double tokenize_s, eval_s; /* seconds; training's are the trainer's */
    kernel_times kernels;
    char final_sha256[HASH_HEX_BYTES]; /* digest of the final weights */
} run;

/* Prepares. Free with run_close, also after an error. */
err run_open(run *r, const run_request *request) MUST_CHECK;
/* Trains to the end. Errors: ERR_INTERRUPTED after Ctrl-C, with a checkpoint saved; trainer_run's.
 */
err run_train(run *r) MUST_CHECK;
/* Predicts the test rows with the final (or best) weights. */
err run_evaluate(run *r) MUST_CHECK;
/* Writes <output>/model with its card. pre: run_evaluate. */
err run_keep_model(run *r) MUST_CHECK;
/* Ends the run: the folder is no longer unfinished, and cannot be resumed. */
err run_finish(run *r) MUST_CHECK;
void run_close(run *r);

/* What the best evaluation is chosen by: "loss" or a metric's name. Borrowed from r. */
const char *run_best_metric(const run *r);

const char *run_protocol_name(run_protocol protocol);

#endif
