/* Shared by bert.c (memory, optimizer, plans), bert_forward.c and bert_backward.c. */
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
typedef struct builder {
    plan *plan;
    const bert *model;
    const bert_config *c;
    const bert_memory *memory;
    const batch *batch;
    const bert_training *training; /* NULL: evaluation */
} builder;

static inline const param *at(const builder *b, param_field field, uint32_t layer) {
    return params_at(&b->model->params, field, layer);
}

static inline dropout_spec hidden_drop(const builder *b, uint32_t site) {
    return (dropout_spec){b->training ? b->training->hidden_dropout : 0.0f, site};
}

static inline uint32_t layer_site(uint32_t layer, uint32_t place) {
    return BERT_SITE_LAYERS + layer * BERT_SITES_PER_LAYER + place;
}

static inline float scale_of(const bert_config *c) {
    return (float)(1.0 / sqrt((double)(c->hidden / c->heads)));
}

/* The rows that a layer computes behind its attention. */
typedef struct row_set {
    dim rows;
    span positions, sentences; /* of dropout */
} row_set;

static inline row_set token_rows(const builder *b) {
    return (row_set){b->batch->dim_tokens, b->batch->positions, b->batch->token_sentence};
}

static inline row_set cls_rows(const builder *b) {
    return (row_set){b->batch->dim_sentences, b->memory->cls_positions, b->batch->ordinals};
}

/* Parts of what holds q, k and v, or their gradients, in the last layer. */
static inline span kv_part(const builder *b, span whole) {
    return span_part(whole, 0, (size_t)b->memory->tokens * 2 * b->c->hidden);
}

static inline span q_part(const builder *b, span whole) {
    size_t h = b->c->hidden;
    return span_part(whole, b->memory->tokens * 2 * h, b->memory->sentences * h);
}

/* Append the forward and the backward to the current part. The backward is of a training plan. */
err bert__forward(const builder *b) MUST_CHECK;
err bert__backward(const builder *b) MUST_CHECK;
/* y = dropout(x) between pooler and classifier; forward and backward alike. */
err bert__dropout_pooled(const builder *b, span y, span x) MUST_CHECK;

#endif
