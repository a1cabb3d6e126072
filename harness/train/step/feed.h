/* Where a trainer's sentences come from, step by step: the rows of a data set (rows_feed.h), or a
 * corpus. What a step holds is a function of the step alone. */
#ifndef HARNESS_TRAIN_STEP_FEED_H
#define HARNESS_TRAIN_STEP_FEED_H

#include "data/pack.h"
#include "model/batch.h"

typedef struct feed {
    void *context;
    uint32_t epoch_steps, total_steps;
    uint32_t micro_sentences; /* most of a micro-batch; 0: no bound */
    const char *unit;         /* what progress counts: "sentences" */
    double per_step;          /* of these a step has, about */
    /* Raises *c (tokens, sentences, micros, max_length, chosen) so that every step fits. */
    void (*raise)(void *context, batch_capacity *c);
    /* Sentences of step s (1-based), borrowed until the next call. */
    err (*step)(void *context, const pack_sentence **sentences, uint32_t *count, uint32_t s);
    double (*epoch)(void *context, uint32_t done); /* epochs in the first `done` steps */
} feed;

#endif
