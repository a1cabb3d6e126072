/* A trainer's feed of encoded rows: an epoch takes all of them in the order rng_order(seed, epoch),
 * with group_by_length then grouped (order.h), batch_size * gradient_accumulation_steps a step, the
 * last step of an epoch with what is left. */
#ifndef HARNESS_TRAIN_STEP_ROWS_FEED_H
#define HARNESS_TRAIN_STEP_ROWS_FEED_H

#include "train/evaluate/encode.h"
#include "train/recipe/recipe.h"
#include "train/step/feed.h"
#include "train/step/order.h"

typedef struct rows_feed {
    const encoded *data; /* borrowed */
    const recipe *recipe;
    uint32_t seed, epoch_steps, total_steps;
    uint32_t *order; /* (data->count) of order_epoch, owned */
    uint32_t order_epoch;
    order_entry *scratch;     /* (data->count) with group_by_length, else NULL; owned */
    pack_sentence *sentences; /* of one step, owned */
} rows_feed;

/* data and recipe are borrowed until rows_feed_free, which may be called after an error. Errors:
 * ERR_DATA without a row; ERR_USAGE without a step; ERR_MEMORY. */
err rows_feed_init(rows_feed *f, const encoded *data, const recipe *r, uint32_t seed) MUST_CHECK;
void rows_feed_free(rows_feed *f);

/* As a trainer takes it; f must stay where it is. */
feed rows_feed_of(rows_feed *f);

#endif
