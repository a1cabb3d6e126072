/* A model, an encoder with its head, as plans over packed batches: training (forward, backward,
 * update) and evaluation (forward alone).
 *
 * The arithmetic is that of transformers' classes of the same family and head. Sizes: T packed
 * tokens of a micro-batch, B sentences, H hidden, A heads, F feed-forward, V vocabulary, C outputs,
 * L layers, U distinct token ids of an optimizer step.
 *
 * A model owns its parameters; model_memory holds the activations, planned once for the largest
 * micro-batch. The evaluation plan may use the training plan's, which must not run at the same
 * time. */
#ifndef HARNESS_MODEL_MODEL_H
#define HARNESS_MODEL_MODEL_H

#include "model/batch.h"
#include "model/encoder/encoder.h"
#include "model/head/head.h"
#include "model/params.h"

/* Places of dropout in the model: the site word of dropout_spec. */
enum {
    MODEL_SITE_EMBEDDINGS,
    MODEL_SITE_HEAD,
    MODEL_SITE_HEAD_INPUT = 0x0fffffff, /* behind all layers' */
    MODEL_SITE_PARSER = 0x0ffffffe,     /* of its first part; before it those of the others */
    MODEL_SITE_LAYERS =
        MODEL_SITE_HEAD +
        1, /* layer l has these three from MODEL_SITE_LAYERS + l * MODEL_SITES_PER_LAYER
            */
    MODEL_SITE_PROBABILITIES = 0,
    MODEL_SITE_ATTENTION_OUTPUT,
    MODEL_SITE_OUTPUT,
    MODEL_SITES_PER_LAYER
};

struct model {
    model_config config; /* borrowed labels: the caller keeps its own config alive */
    const head *head;
    params params;
    /* The last layer computes every row, not those alone that the head reads: for who reads hidden
     * states. Set between model_init and model_memory_init. */
    bool keeps_all_rows;
};

/* How a training plan computes and updates. */
typedef struct model_training {
    float hidden_dropout, attention_dropout, classifier_dropout;
    float label_smoothing;
    float max_grad_norm; /* 0: no clipping */
    double beta1, beta2; /* double: as float, 1 - beta2 is off by 1e-5 */
    float eps;
    span table;         /* (steps + 1, 4) real: adamw's table */
    span class_weights; /* (C) real; absent: every class weighs 1 */
    /* Frozen tensors have no gradient, no part in the norm, no update and no decay. */
    bool freeze_embeddings; /* word, position, token type, their LayerNorm and projection */
    uint32_t freeze_layers; /* the first layers of the encoder; at most all */
} model_training;

typedef struct model_memory {
    arena arena;
    arena zeros;                        /* of what is never written */
    uint32_t tokens, sentences, chosen; /* most of a micro-batch */
    bool training;
    encoder_memory encoder;
    head_memory head;
} model_memory;

/* Allocates the parameters (zero) of the configuration's encoder and head. token_rows as
 * params_init; 0: evaluation only. Free with
 * model_free, after the plans made from it. */
err model_init(struct model *m, device *d, const model_config *config,
               uint32_t token_rows) MUST_CHECK;
void model_free(struct model *m);

/* Fills in what a batch for this model has of the model and its device: outputs, target, tile; and
 * chosen, where the head reads chosen rows and it is not known that fewer than all tokens are. */
void model_capacity(batch_capacity *c, const struct model *m);

/* Activations for micro-batches of up to the capacity's tokens, sentences and chosen rows. Free
 * with model_memory_free. */
err model_memory_init(model_memory *memory, const struct model *m, const batch_capacity *capacity,
                      bool training) MUST_CHECK;
/* The same for evaluations in the memory of training, which must outlive it and whose activations
 * are lost with each: *capacity, which model_capacity has seen, is lowered to the tokens that fit
 * there. Memory beside is taken where the longest sentence needs it, alone. */
err model_memory_lend(model_memory *memory, const struct model *m, batch_capacity *capacity,
                      const model_memory *from) MUST_CHECK;
void model_memory_free(model_memory *memory);

/* Fills *p (plan_init to plan_ready) with a whole optimizer step: zero gradients and catch the
 * step's token rows up; forward and backward; norm, clip and update. Losses and outputs land in b,
 * the norm in b->norm. Everything is borrowed until plan_free. Errors: ERR_ARG, ERR_DEVICE,
 * ERR_MEMORY. */
err model_train_plan(plan *p, const struct model *m, const model_memory *memory, const batch *b,
                     const model_training *options) MUST_CHECK;

/* The same in two plans, for a rank of a group (train/group): what comes before norm, clip and
 * update, whose gradients are then those of this rank's sentences, and these, for gradients that
 * are the whole step's. */
err model_gradient_plan(plan *p, const struct model *m, const model_memory *memory, const batch *b,
                        const model_training *options) MUST_CHECK;
err model_update_plan(plan *p, const struct model *m, const model_memory *memory, const batch *b,
                      const model_training *options) MUST_CHECK;

/* Elements of one of model_parts that is not of rows. */
typedef struct model_range {
    uint32_t part;
    size_t first, count; /* multiples of PARAM_ALIGN */
} model_range;
/* model_update_plan of these ranges, and of all token rows, where the caller has put the norm into
 * b->norm: a rank's part of an update that ranks divide. */
err model_own_update_plan(plan *p, const struct model *m, const model_memory *memory,
                          const batch *b, const model_training *options, const model_range *own,
                          size_t own_count) MUST_CHECK;

/* What is trained: all that a step's norm is taken over. */
typedef struct model_part {
    span p, m, v; /* all rows where only some of a step have a gradient */
    span g;       /* (rows, cols) */
    dim rows;
    uint32_t cols;
    bool decay;
} model_part;
/* Returns how many there are. */
uint32_t model_parts(model_part parts[GRAD_PARTS_MAX], const struct model *m, const batch *b,
                     const model_training *options);

/* Forward without dropout; losses and outputs land in b. */
err model_eval_plan(plan *p, const struct model *m, const model_memory *memory,
                    const batch *b) MUST_CHECK;

/* A plan that brings every row of the token embedding up to the step it is submitted with (as
 * `step`, with no micro-batches). Needed before weights are read: evaluation, saving, digests. */
err model_flush_plan(plan *p, const struct model *m, const model_training *options) MUST_CHECK;

#endif
