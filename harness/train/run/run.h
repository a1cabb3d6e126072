/* A whole run: task, data, tokenizer, model, device, training, test predictions.
 *
 * run_open prepares everything and finds what can fail early: output folder, data, device, model,
 * memory, disk. run_train trains, run_evaluate scores the test rows once,
 * run_keep_model leaves the final model in <output>/model, run_finish ends the run once its record
 * is on the disk too. What is in the output folder:
 *     .lock             held by the process that runs
 *     unfinished.json   who the run is, while it is under way
 *     run.json          the same of a finished run
 *     record.json       its result (written by who calls run_finish)
 *     log.jsonl         a line each logging_steps and evaluation (train/log/train_log.h)
 *     tensorboard/      the same as event file, if asked for
 *     checkpoint-<n>/   every save_steps, and after Ctrl-C
 *     best/             protocol dev: the best weights so far
 *     model/            the final model
 *
 * Protocol dev is Trainer's load_best_model_at_end: the evaluation that is best by
 * metric_for_best_model gives the final weights, and early_stopping_patience may end the training
 * before the recipe's last step (best.h).
 *
 * The default folder is runs/<task>/<model>-<device>-s<seed>[-sample]-<hash>: plain names
 * (base/name.h) and eight digits of a hash over all that makes it this run (identity.c), so that no
 * two different runs share one. Nothing that was trained is replaced without `overwrite`, and what
 * this program did not make (checkpoint/marker.h) is never touched: run_open refuses the folder.
 * A run that fails before it has saved or logged anything leaves nothing behind.
 *
 * In a group (train/group) every rank calls the same functions with the same request; device and
 * threads may differ. Rank 0 alone has an output folder, writes and logs; the others have what is
 * needed to train and to score their share of the rows, and take the state of a resumed run from
 * it. */
#ifndef HARNESS_TRAIN_RUN_RUN_H
#define HARNESS_TRAIN_RUN_RUN_H

#include "data/dataset.h"
#include "metric/calibration.h"
#include "model/weights/weights.h"
#include "platform/power.h"
#include "task/task.h"
#include "train/checkpoint/checkpoint.h"
#include "train/evaluate/evaluate.h"
#include "train/log/train_log.h"
#include "train/run/base_model.h"
#include "train/run/best.h"
#include "train/run/device_check.h"
#include "train/run/kernel_times.h"
#include "train/step/trainer.h"

typedef enum run_protocol { PROTOCOL_LAST, PROTOCOL_DEV } run_protocol;
#define PROTOCOL_WORDS "last, dev"

/* What was asked for; strings are borrowed until run_close. */
typedef struct run_request {
    const char *task, *task_dir, *data_dir;
    const char *manifest; /* text of the task's manifest, of files of the user's own; NULL: `task`
                             is looked for */
    const struct cJSON *places;  /* of its files (kept_task_place), or NULL */
    const char *manifest_folder; /* that its relative paths go from; NULL: where the program is */
    const char *manifest_where;  /* the file of a run that keeps it; NULL: none does */
    bool sample;
    size_t limit;
    const char *model;
    const encoder_family *arch; /* of a preset; NULL: BERT */
    bool from_scratch;          /* a folder's weights are drawn from the seed all the same */
    bool
        ignore_mismatched_sizes; /* a classifier of another size, or of other labels, is drawn from the seed */
    bool cased;                  /* the folder's tokenizer is, though its files do not say so */
    const char *label_map; /* labels.h, or NULL */
    recipe recipe;
    run_protocol protocol;
    uint32_t seed;
    const char *device, *precision;
    uint32_t threads;
    bool validation;
    device_check check_device;
    bool offline;       /* nothing is downloaded */
    const char *output; /* NULL: a folder of its own below root */
    const char *root;   /* NULL: runs/<task> */
    bool resume, overwrite;
    bool tensorboard;    /* event files beside log.jsonl */
    bool resume_if_any;  /* with resume: nothing is said when there is nothing to go on with */
    bool is_trial;       /* protocol dev alone: the test rows are not read, and no weights are kept.
                           After run_train `best` and the trainer's evaluations are the result, and
                           run_discard takes back the rest */
    bool is_dry;         /* run_open prepares, and makes and changes nothing in the output folder:
                           the run can be looked at, and trained a few steps that nobody keeps */
    uint32_t shards;     /* of trainer.h, or 0 */
    bool is_swept;       /* one of many that others may work on too: r->is_busy in place of an error
                            where another process is at work on it */
    bool weights_told;   /* a run before told which keys the model's folder lacks or has beside */
    struct group *group; /* borrowed: its ranks do the run together; NULL: alone */
    /* whether this run (run_sha256) need not be done; NULL: it is. In a group rank 0's counts. */
    bool (*is_done)(void *context, const char *run_sha256);
    void *is_done_context;
} run_request;

/* When the machine's counters are read. */
enum { RUN_TRAINS, RUN_TRAINED, RUN_SCORES, RUN_SCORED, RUN_MOMENTS };

typedef struct run {
    run_request request;
    task task;
    dataset data;
    base_model base_model;
    device device;
    encoded train, dev, test;
    trainer trainer;
    bool device_is_open;
    weights_report weights;
    uint32_t max_length;
    char *output;          /* owned */
    size_t existing_bytes; /* of output: the folders that were there before */
    int lock;              /* descriptor of <output>/.lock, held against other processes */
    bool is_held;          /* Ctrl-C is waited for, until training ended or the run is closed */
    bool is_ours;          /* a run of this program was in the output folder before */
    bool had_record;       /* the folder held a record when its lock was taken */
    char *id;              /* of this run, owned; NULL until it is written there */
    cJSON *identity;       /* what has to be equal for a run to go on; owned */
    cJSON *surroundings;   /* what may differ; owned */
    char run_sha256[HASH_HEX_BYTES];      /* of what identity holds: the run's name in records */
    char identity_sha256[HASH_HEX_BYTES]; /* and of where its model lies: the folder's */
    char *rank_devices; /* of a group whose ranks' devices differ: each one's, owned; else NULL */
    bool is_done;       /* the request said so: there is nothing to train, nothing was written */
    bool is_busy;       /* is_swept: another process is at work on it; nothing more is prepared */
    bool is_finished;   /* run_open found this very run, finished: there is nothing to train */
    bool is_ended;      /* run_finish was done */
    bool classifier_is_anew; /* the folder's has as many labels, but others */
    bool weights_told;       /* by this run or one before: see the request */
    best_tracker best;       /* protocol dev: of the evaluations so far, which the trainer holds */
    bool replaces;           /* checkpoints of another run may be there, and none of this one, which
                          --overwrite has given up */
    uint32_t saved_at;       /* step of the newest checkpoint of this run; 0: there is none */
    train_log log;
    float *logits; /* (test rows, C), or (units that a token answers for, C), owned; NULL of
                      classes, of which only the next are kept */
    calibration_chance *chances; /* (test rows) of one label each; owned, else NULL */
    calibration calibration;     /* likewise, at temperature 1 */
    answer_arrays said;          /* classes and tags: of other kinds logits are the answers */
    double test_loss;
    double temperature;        /* of the final weights on the dev rows; 0: not fitted */
    double tokenize_s, eval_s; /* seconds; training's are the trainer's */
    kernel_times kernels;
    power_sample power[RUN_MOMENTS];
    char final_sha256[HASH_HEX_BYTES]; /* digest of the final weights */
} run;

/* The task that is asked for. Errors: those of task_find and task_parse, ERR_DATA for ERR_IO. Free with task_free. */
err run_find_task(task *t, const run_request *q) MUST_CHECK;

/* Whether its scores compare with no other's: of a sample, of a part of the rows, or after a bounded
 * number of steps. */
static inline bool run_is_partial(const run_request *q) {
    return q->sample || q->limit || q->recipe.max_steps;
}

/* Prepares. With r->is_done nothing more is prepared than what r->run_sha256 is made of, and with
 * r->is_finished, set when the folder holds this very run, finished, with its model,
 * and not `overwrite`: nothing more is prepared than r->task and r->output, and no other function
 * but run_close may be called. Free with run_close, also after an error. */
err run_open(run *r, const run_request *request) MUST_CHECK;
/* Trains to the end. Errors: ERR_INTERRUPTED after Ctrl-C, with a checkpoint saved; trainer_run's.
 */
err run_train(run *r) MUST_CHECK;
/* Predicts the test rows with the final (or best) weights. */
err run_evaluate(run *r) MUST_CHECK;
/* The sum of the answers to the test rows, all or those of the deduplicated score. Free with
 * confusion_free. pre: run_evaluate. */
err run_test_sum(confusion *c, const run *r, bool dedup) MUST_CHECK;
/* What was said of the test rows. Borrowed. pre: run_evaluate. */
static inline answers run_answers(const run *r) {
    return (answers){r->said.classes, r->logits, r->said.begin};
}

/* Writes <output>/model with its card. pre: run_evaluate. */
err run_keep_model(run *r) MUST_CHECK;
/* Ends the run: the folder is no longer unfinished, and cannot be resumed. Of its checkpoints the
 * newest save_total_limit stay. */
err run_finish(run *r) MUST_CHECK;
/* Takes back all that the run has written; its folder goes with run_close. */
err run_discard(run *r) MUST_CHECK;
void run_close(run *r);

/* Most bytes of this run on the disk at one time, of *checkpoints and the final model. */
uint64_t run_disk_bytes(const run *r, uint64_t *checkpoints);

/* What the disk of the output folder has left, also before that is made. */
err run_free_bytes(uint64_t *bytes, const run *r) MUST_CHECK;

/* Checkpoints of this run that are in its folder, and the bytes they take on the disk. */
err run_checkpoints(const run *r, size_t *count, uint64_t *bytes) MUST_CHECK;

/* What the best evaluation is chosen by: "loss" or a metric's name. Borrowed from r. */
const char *run_best_metric(const run *r);

const char *run_protocol_name(run_protocol protocol);

#endif
