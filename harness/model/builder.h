/* What makes plans of a model: shared by model.c, update.c, the encoder and the heads. */
#ifndef HARNESS_MODEL_BUILDER_H
#define HARNESS_MODEL_BUILDER_H

#include "model/model.h"

/* What every step of building a plan needs. */
typedef struct model_builder {
    plan *plan;
    const struct model *model;
    const model_config *c;
    const model_memory *memory;
    const batch *batch;
    const model_training *training; /* NULL: evaluation */
    const model_range *own;         /* (own_count) what is updated; NULL: everything */
    size_t own_count;
} model_builder;

typedef struct model_want {
    span *at;
    size_t count;
} model_want;

/* Takes reals from an arena. */
err model__take(arena *a, const model_want *list, size_t count) MUST_CHECK;

/* Whether the last layer computes the first row of each sentence alone: the head reads no other,
 * and parts of the fused q, k, v parameters are aligned as operands must be. */
static inline bool has_first_layer(const struct model *m) {
    return !m->keeps_all_rows && m->head->reads == HEAD_READS_FIRST &&
           m->config.hidden * elem_bytes(m->params.device->real) % SPAN_ALIGN == 0;
}

/* Whether the last layer computes the chosen rows alone behind its attention. */
static inline bool has_chosen_layer(const struct model *m) {
    return !m->keeps_all_rows && m->head->reads == HEAD_READS_CHOSEN;
}

/* The rows that the head reads. */
static inline dim head_rows_of(const model_builder *b) {
    switch (b->model->head->reads) {
    case HEAD_READS_FIRST: return b->batch->dim_sentences;
    case HEAD_READS_CHOSEN: return b->batch->dim_chosen;
    case HEAD_READS_ALL: break;
    }
    return b->batch->dim_tokens;
}

static inline const param *model__param(const model_builder *b, param_field field, uint32_t layer) {
    return params_at(&b->model->params, field, layer);
}

/* A bias stands behind its weight in params.def. */
static inline const param *bias_of(const model_builder *b, param_field weight, uint32_t layer) {
    return model__param(b, (param_field)(weight + 1), layer);
}

/* Whether a parameter is trained or frozen. pre: b->training. */
bool model__trains(const model_builder *b, const param *p);

/* y = act(x weight^T + bias); pre, where it is given, keeps what act is of. */
err model__linear(const model_builder *b, span y, span pre, span x, param_field weight,
                  uint32_t layer, activation act, dim rows) MUST_CHECK;
/* What an activation was of; absent where there was none. */
typedef struct model_pre {
    span z;
    activation act;
} model_pre;

/* Its gradients: weight and bias += unless they are frozen; dx, where it is given, = dy weight
 * (* act'(pre)) (+ add). */
err model__linear_backward(const model_builder *b, span dx, model_pre pre, span add, span dy,
                           span x, param_field weight, uint32_t layer, dim rows) MUST_CHECK;

/* The same for outputs first to first + n of the layer. */
err model__linear_part(const model_builder *b, span y, span pre, span x, param_field weight,
                       uint32_t layer, activation act, dim rows, size_t first, size_t n) MUST_CHECK;
err model__linear_part_backward(const model_builder *b, span dx, model_pre pre, span add, span dy,
                                span x, param_field weight, uint32_t layer, dim rows, size_t first,
                                size_t n) MUST_CHECK;

/* What comes before the micro-batches (zero gradients, rows caught up), once those are planned, and
 * behind them (norm, clip, update). */
err model__begin(const model_builder *b) MUST_CHECK;
err model__end(const model_builder *b) MUST_CHECK;
/* What model__end does of an update that ranks divide. pre: b->own. */
err model__end_own(const model_builder *b) MUST_CHECK;
/* model_parts. */
uint32_t model__parts(const model_builder *b, model_part parts[GRAD_PARTS_MAX]);

#endif
