/* The training loop: order, batches, steps, losses.
 *
 * A feed (feed.h) gives each step's sentences: trainer_init's the rows of a data set. A step whose
 * tokens exceed MICRO_TOKENS is cut into micro-batches. While the device runs a step, the next is
 * packed into the other slot.
 *
 * The loss of a step is the mean over its sentences, or over the tokens chosen in them, however
 * they were cut into micro-batches; of a step in which none was chosen it is 0. With class weights
 * it is divided by the sum of the weights of their labels instead, as
 * torch.nn.CrossEntropyLoss(weight=...) does.
 *
 * Everything follows from (data, recipe, seed, step): a trainer that is set to a checkpoint's step
 * goes on with the same bits.
 *
 * In a group (train/group) every rank has a trainer of the same data, recipe and seed, and they run
 * in step: each computes a share of a step's sentences (share.h), or several shards one after the
 * other, the gradients are summed, and all make the same update. Order, dropout and what the loss is divided by are those of one process.
 * Hooks are called on every rank, with weights and moments whole on each; between them a rank may
 * have the current moments of its own part of the update alone. */
#ifndef HARNESS_TRAIN_STEP_TRAINER_H
#define HARNESS_TRAIN_STEP_TRAINER_H

#include "model/model.h"
#include "train/evaluate/encode.h"
#include "train/recipe/recipe.h"
#include "train/step/loss_scaler.h"
#include "train/step/rows_feed.h"
#include "train/step/share.h"

struct trainer;

/* Called with all steps up to t->done finished and token rows current. */
typedef err (*trainer_hook)(void *context, struct trainer *t);

typedef struct trainer_options {
    uint32_t seed;
    /* Of evaluations, whose sentences may be cut into more micro-batches: trainer_evaluation_memory */
    batch_capacity lend;
    uint32_t stop_at;          /* run to this step and return; 0: to the end */
    const loss_scaler *scaler; /* copied, how it begins; NULL: the loss is not scaled */
    struct group *group;       /* borrowed: all its ranks train together; NULL: alone */
    /* Parts of a step, computed one after the other, whose gradients are summed in their order: the
     * bits are those of their number, by any number of ranks that divides it. 0: one a rank */
    uint32_t shards;
    /* Every `every` steps (0: never) before the last; and at the end of each epoch if at_epochs. */
    struct {
        trainer_hook call;
        void *context;
        uint32_t every;
        bool at_epochs;
    } save, evaluate;
    /* Every `every` steps (0: never), with the step's results read and later ones under way. */
    struct {
        trainer_hook call;
        void *context;
        uint32_t every;
    } log;
} trainer_options;

/* One evaluation on the dev part. */
typedef struct trainer_evaluation {
    uint32_t step;
    double score, loss;
    double seconds; /* of training until it, as trained_s; 0: not known */
} trainer_evaluation;

/* What steps took: seconds in trainer_run, hooks apart, and what was trained on. */
typedef struct trainer_work {
    double seconds;
    uint64_t tokens, sentences;
} trainer_work;

typedef struct trainer {
    device *device;
    feed feed;
    rows_feed rows; /* of trainer_init; else empty */
    recipe recipe;
    trainer_options options;
    uint32_t epoch_steps, total_steps;
    schedule schedule;
    double *table;      /* (total_steps + 1, 4) AdamW's, of a run that skips nothing */
    loss_scaler scaler; /* now, with options.scaler */
    uint32_t *skipped;  /* (skipped_count) steps, ascending; NULL without options.scaler */
    uint32_t skipped_count;
    batch_capacity capacity;
    struct model model; /* load or draw its weights before trainer_run */
    model_memory memory;
    model_memory lent; /* of evaluation, in training's; empty without options.lend */
    model_training training;
    batch batch;
    pack packs[SLOT_COUNT];
    plan plan, flush;
    plan update; /* of several shards: what comes behind the sum of gradients; plan is before it */
    share_list shares; /* of the step that is packed */
    share_sum sum;
    double *shard_losses; /* (sum.shards) sums of losses */
    bool is_asked;        /* in a group: a rank was interrupted, and all know it */
    arena table_arena;
    double *class_weights;       /* (C) factors of the loss, NULL when all are 1 */
    double divisors[SLOT_COUNT]; /* of the sum of a step's losses */
    double sums[SLOT_COUNT];     /* of several shards: of a step's losses, all shards' */
    uint32_t done;               /* steps finished and read */
    float *losses;               /* (total_steps) mean loss of each step */
    double grad_norm;            /* of the last taken, unscaled, before clipping */
    /* (evaluation_count of at most evaluation_limit), ascending: what the evaluation hook added */
    trainer_evaluation *evaluations;
    uint32_t evaluation_count, evaluation_limit;
    bool is_stopped;      /* the evaluation hook may set it: training ends early */
    double *step_ms;      /* (total_steps) time between ends of steps; 0 before a resumed step */
    trainer_work work;    /* in this process */
    trainer_work earlier; /* of the steps before it; seconds < 0, tokens 0: not known */
    double trained_s;     /* by all processes, when the last hook was called; 0: not known */
    double begun_s;       /* clock when trainer_run was called */
    double mark;          /* clock at the end of the last step */
    double warm_begin;    /* clock after the first steps: what the expected end goes by */
    uint32_t begun_at;    /* t->done when trainer_run was called */
    uint32_t set_at; /* where a checkpoint set it, as trainer_set was told; 0: it began itself */
} trainer;

/* Plans everything for a model of `config` (borrowed labels) on data with at least one row.
 * Free with trainer_free, also after an error. Errors: ERR_DEVICE, ERR_MEMORY, ERR_DATA; ERR_USAGE
 * for a recipe that does not fit the model or its labels. */
err trainer_init(trainer *t, device *d, const model_config *config, const encoded *data,
                 const recipe *recipe, const trainer_options *options) MUST_CHECK;
/* The same on any feed, which must live as long. The recipe's batch sizes, class weights and epochs
 * are the feed's matter. */
err trainer_init_feed(trainer *t, device *d, const model_config *config, const feed *f,
                      const recipe *recipe, const trainer_options *options) MUST_CHECK;
void trainer_free(trainer *t);

/* Sets the first `done` steps as taken, with their losses. Parameters and moments must be those
 * after that step. */
err trainer_set(trainer *t, uint32_t done, const float *losses) MUST_CHECK;

/* After trainer_set, with options.scaler: its state after that step. skipped: (skipped_count) steps
 * up to there, ascending. */
err trainer_set_scaling(trainer *t, float scale, uint32_t good_steps, const uint32_t *skipped,
                        uint32_t skipped_count) MUST_CHECK;

/* Memory for evaluations, made with the trainer: the activations of training, which are idle
 * meanwhile. Micro-batches of as many of options.lend's tokens as fit there: t->options.lend. */
static inline const model_memory *trainer_evaluation_memory(const trainer *t) {
    return t->lent.tokens ? &t->lent : &t->memory;
}

/* Learning rate of step s; skipped steps do not move the schedule on. */
double trainer_rate(const trainer *t, uint32_t s);

/* What the evaluation hook found at step t->done. Errors: ERR_ARG when there are more evaluations
 * than the options foretold. */
err trainer_add_evaluation(trainer *t, double score, double loss) MUST_CHECK;

/* Epochs done, as the feed counts them. */
double trainer_epoch(const trainer *t);

/* Mean loss of the steps behind the last logging step up to t->done. */
double trainer_logged_loss(const trainer *t);

/* Runs from t->done to the end (or stop_at), or to where the evaluation hook stops it. An
 * evaluation that is due at t->done and is not among t->evaluations is made first. After an
 * interruption (Ctrl-C; in a group of any rank) the running step is finished, the save hook called,
 * and ERR_INTERRUPTED returned. Errors: ERR_NUMERIC naming the step whose loss or gradient is not finite; ERR_DEVICE;
 * the hooks'. */
err trainer_run(trainer *t) MUST_CHECK;

/* What the run's steps took, by all processes that did them. Returns the step behind which that is:
 * 0, or where this process began, if one before it kept no count. */
uint32_t trainer_work_done(trainer_work *out, const trainer *t);

/* Bytes that the parameters and moments take in a checkpoint. */
uint64_t trainer_checkpoint_bytes(const trainer *t);

#endif
