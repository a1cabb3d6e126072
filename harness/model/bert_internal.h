/* What bert.c and bert_update.c share. */
#ifndef HARNESS_MODEL_BERT_INTERNAL_H
#define HARNESS_MODEL_BERT_INTERNAL_H

#include "model/bert.h"

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

/* Whether a parameter is trained or frozen. pre: b->training. */
bool bert__trains(const bert_builder *b, const param *p);

/* What comes before the micro-batches (zero gradients, rows caught up) and behind them (norm, clip,
 * update). */
err bert__begin(const bert_builder *b) MUST_CHECK;
err bert__end(const bert_builder *b) MUST_CHECK;

#endif
