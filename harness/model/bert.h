/* BERT for sequence classification as plans over packed batches: training (forward, backward,
 * update) and evaluation (forward alone).
 *
 * The arithmetic is that of transformers' BertForSequenceClassification. Sizes: T packed tokens of
 * a micro-batch, B sentences, H hidden, A heads, F feed-forward, V vocabulary, C classes, L layers,
 * U distinct token ids of an optimizer step.
 *
 * A bert owns its parameters; bert_memory holds the activations, planned once for the largest
 * micro-batch and shared by the training and the evaluation plan, which must not run at the same
 * time.
 *
 * The head reads one row of a sentence, so the last layer computes queries and all that follows the
 * attention for those rows alone: the same function with the same dropout, less of what nobody
 * reads. This needs a hidden size whose rows start aligned (multiples of 64 in f32); other models
 * compute all rows. */
#ifndef HARNESS_MODEL_BERT_H
#define HARNESS_MODEL_BERT_H

#include "model/batch.h"
#include "model/params.h"

/* Places of dropout in the model: the site word of dropout_spec. */
enum {
    BERT_SITE_EMBEDDINGS,
    BERT_SITE_POOLED,
    BERT_SITE_LAYERS, /* layer l has these three from BERT_SITE_LAYERS + l * BERT_SITES_PER_LAYER */
    BERT_SITE_PROBABILITIES = 0,
    BERT_SITE_ATTENTION_OUTPUT,
    BERT_SITE_OUTPUT,
    BERT_SITES_PER_LAYER
};

typedef struct bert {
    bert_config config; /* borrowed labels: the caller keeps its own config alive */
    params params;
    /* The last layer computes every row, not the [CLS] rows alone that the head reads: for who
     * reads hidden states. Set between bert_init and bert_memory_init. */
    bool keeps_all_rows;
} bert;

/* How a training plan computes and updates. */
typedef struct bert_training {
    float hidden_dropout, attention_dropout, classifier_dropout;
    float label_smoothing;
    float max_grad_norm; /* 0: no clipping */
    float beta1, beta2, eps;
    span table;         /* (steps + 1, 4) real: adamw's table */
    span class_weights; /* (C) real; absent: every class weighs 1 */
    /* Frozen tensors have no gradient, no part in the norm, no update and no decay. */
    bool freeze_embeddings; /* word, position, token type and their LayerNorm */
    uint32_t freeze_layers; /* the first layers of the encoder; at most all */
} bert_training;

/* What a layer's forward keeps for its backward. In the last layer, where only [CLS] rows are
 * computed behind the keys and values, T is B but in qkv, which holds k and v (T, 2H), then q
 * (B, H), and lse, which is not used. */
typedef struct bert_layer_memory {
    span qkv;                            /* (T, 3H) */
    span attention, lse;                 /* (T, H), (A, T) */
    span attention_sum, attention_y;     /* (T, H) before and after LayerNorm */
    span attention_mean, attention_rstd; /* (T) */
    span pre, inner;                     /* (T, F) before and after GELU; pre only for training */
    span sum, y;                         /* (T, H) */
    span mean, rstd;                     /* (T) */
} bert_layer_memory;

typedef struct bert_memory {
    arena arena;
    uint32_t tokens, sentences; /* most of a micro-batch */
    bool training;
    bert_layer_memory *layers; /* (layer_count), owned; one when not training */
    uint32_t layer_count;
    span embedded, hidden; /* (T, H) before and after the embedding's LayerNorm */
    span embedded_mean, embedded_rstd;
    span temp;                 /* (T, H) */
    span first, second;        /* (T, H): gradients in training, hidden states in evaluation */
    span wide;                 /* (T, max(F, 3H)) gradient */
    span cls_in;               /* (B, H) [CLS] rows of the last layer's input */
    span cls, pooled, dropped; /* (B, H) */
    span cls_positions;        /* (B) u32, all 0 */
    span dpooled, dcls;        /* (B, H) */
    span dlogits;              /* (B, C) */
} bert_memory;

/* Allocates the parameters (zero). token_rows as params_init; 0: evaluation only. Free with
 * bert_free, after the plans made from it. */
err bert_init(bert *m, device *d, const bert_config *config, uint32_t token_rows) MUST_CHECK;
void bert_free(bert *m);

/* Activations for micro-batches of up to tokens and sentences. Free with bert_memory_free. */
err bert_memory_init(bert_memory *memory, const bert *m, uint32_t tokens, uint32_t sentences,
                     bool training) MUST_CHECK;
void bert_memory_free(bert_memory *memory);

/* Fills *p (plan_init to plan_ready) with a whole optimizer step: zero gradients and catch the
 * step's token rows up; forward and backward; norm, clip and update. Losses and logits land in b,
 * the norm in b->norm. Everything is borrowed until plan_free. Errors: ERR_ARG, ERR_DEVICE,
 * ERR_MEMORY. */
err bert_train_plan(plan *p, const bert *m, const bert_memory *memory, const batch *b,
                    const bert_training *options) MUST_CHECK;

/* Forward without dropout; losses and logits land in b. */
err bert_eval_plan(plan *p, const bert *m, const bert_memory *memory, const batch *b) MUST_CHECK;

/* A plan that brings every row of the token embedding up to the step it is submitted with (as
 * `step`, with no micro-batches). Needed before weights are read: evaluation, saving, digests. */
err bert_flush_plan(plan *p, const bert *m, const bert_training *options) MUST_CHECK;

#endif
