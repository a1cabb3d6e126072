/* How large micro-batches get: found by walking every step of a run before it begins, so that
 * memory is planned once and the cuts depend on data, recipe and seed alone, not on the device. */
#ifndef HARNESS_TRAIN_STEP_CAPACITY_H
#define HARNESS_TRAIN_STEP_CAPACITY_H

#include "data/pack.h"
#include "model/batch.h"

/* Most tokens of a micro-batch, unless one sentence alone is longer. */
enum { MICRO_TOKENS = 4096 };

/* Raises *c (tokens, sentences, micros, max_length) so that pack_fill takes these sentences as one
 * step.
 *   order            (count) places in sentences; NULL: 0, 1, ...
 *   micro_sentences  most sentences of a micro-batch, 0: no bound */
void capacity_raise(batch_capacity *c, const pack_sentence *sentences, const uint32_t *order,
                    size_t count, uint32_t micro_sentences);
/* The same with fewer tokens in a micro-batch. */
void capacity_raise_within(batch_capacity *c, const pack_sentence *sentences, const uint32_t *order,
                           size_t count, uint32_t micro_sentences, uint32_t micro_tokens);

#endif
