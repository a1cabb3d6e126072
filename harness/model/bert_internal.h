/* Shared by bert.c (memory, plans), bert_forward.c, bert_backward.c and bert_update.c. */
#ifndef HARNESS_MODEL_BERT_INTERNAL_H
#define HARNESS_MODEL_BERT_INTERNAL_H

#include "model/bert.h"

#include <math.h>

/* Whether the last layer computes [CLS] rows alone: parts of the fused q, k, v parameters must be
 * aligned as operands are. */
static inline bool has_cls_layer(const bert *m) {
    return !m->keeps_all_rows &&
           m->config.hidden * elem_bytes(m->params.device->real) % SPAN_ALIGN == 0;
}

/* What every step of building a plan needs. */
typedef struct bert_builder {
    plan *plan;
    const bert *model;
    const bert_config *c;
    const bert_memory *memory;
    const batch *batch;
    const bert_training *training; /* NULL: evaluation */
} bert_builder;

static inline const param *bert__param(const bert_builder *b, param_field field, uint32_t layer) {
    return params_at(&b->model->params, field, layer);
}

static inline dropout_spec hidden_drop(const bert_builder *b, uint32_t site) {
    return (dropout_spec){b->training ? b->training->hidden_dropout : 0.0f, site};
}

static inline uint32_t layer_site(uint32_t layer, uint32_t place) {
    return BERT_SITE_LAYERS + layer * BERT_SITES_PER_LAYER + place;
}

static inline float scale_of(const bert_config *c) {
    uint32_t head_size = c->hidden / c->heads;
    return (float)(1.0 / sqrt((double)head_size));
}

/* The rows that a layer computes behind its attention. */
typedef struct row_set {
    dim rows;
    span positions, sentences; /* of dropout */
} row_set;

static inline row_set token_rows(const bert_builder *b) {
    return (row_set){b->batch->dim_tokens, b->batch->positions, b->batch->token_sentence};
}

static inline row_set cls_rows(const bert_builder *b) {
    return (row_set){b->batch->dim_sentences, b->memory->cls_positions, b->batch->ordinals};
}

/* Parts of what holds q, k and v, or their gradients, in the last layer. */
static inline span kv_part(const bert_builder *b, span whole) {
    return span_part(whole, 0, (size_t)b->memory->tokens * 2 * b->c->hidden);
}

static inline span q_part(const bert_builder *b, span whole) {
    size_t h = b->c->hidden;
    return span_part(whole, b->memory->tokens * 2 * h, b->memory->sentences * h);
}

/* Whether a parameter is trained or frozen. pre: b->training. */
bool bert__trains(const bert_builder *b, const param *p);

/* What comes before the micro-batches (zero gradients, rows caught up) and behind them (norm, clip,
 * update). */
err bert__begin(const bert_builder *b) MUST_CHECK;
err bert__end(const bert_builder *b) MUST_CHECK;
/* Append the forward and the backward to the current part. The backward is of a training plan. */
err bert__forward(const bert_builder *b) MUST_CHECK;
err bert__backward(const bert_builder *b) MUST_CHECK;
/* y = dropout(x) between pooler and classifier; forward and backward alike. */
err bert__dropout_pooled(const bert_builder *b, span y, span x) MUST_CHECK;

#endif
