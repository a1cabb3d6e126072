/* Encoded sentences as a masked language model trains on them, masked once: a trainer's feed
 * (train/step/feed.h) whose steps are each of so many sentences, in their order, over and over. */
#ifndef HARNESS_BENCH_MASKED_FEED_H
#define HARNESS_BENCH_MASKED_FEED_H

#include "data/masking.h"
#include "train/evaluate/encode.h"
#include "train/step/feed.h"

typedef struct masked_feed {
    pack_sentence *list; /* (count) owned */
    uint32_t *words;     /* owned: ids, places and wanted ids of each */
    uint32_t count, size;
} masked_feed;

/* size: sentences of a step. Free with masked_feed_free, also after an error. Errors: ERR_MEMORY;
 * ERR_DATA where nothing was chosen. */
err masked_feed_init(masked_feed *f, const encoded *data, const masking *m,
                     uint32_t size) MUST_CHECK;
void masked_feed_free(masked_feed *f);

/* As a trainer takes it, for so many steps; f must stay where it is. */
feed masked_feed_of(masked_feed *f, uint32_t steps);

#endif
