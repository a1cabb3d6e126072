/* The order in which an epoch takes the training rows. */
#ifndef HARNESS_TRAIN_STEP_ORDER_H
#define HARNESS_TRAIN_STEP_ORDER_H

#include "data/pack.h"

/* Scratch of grouping: one a row. */
typedef struct order_entry {
    uint32_t length, place, row;
} order_entry;

/* Groups sentences of like length, as transformers' get_length_grouped_indices does with a random
 * order: stretches of up to 50 batches (fewer when there are fewer than 200) are sorted, longest
 * first and equals as they were; then the longest sentence of all changes places with the first.
 *   order    (count) a random order of the rows; becomes the grouped one
 *   step_rows  of one optimizer step
 *   scratch  (count)
 * Source: transformers, trainer_pt_utils.py. */
void order_group(uint32_t *order, const pack_sentence *sentences, size_t count, size_t step_rows,
                 order_entry *scratch);

#endif
