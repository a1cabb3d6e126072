/* A trainer's feed of a corpus (train/step/feed.h): its sentences, masked anew each epoch.
 *
 * An epoch takes every sentence once, in an order of its own (rng_permuted), so that nothing in
 * memory grows with the corpus. It has as many steps as batches of the tokens, or sentences, asked
 * for fill; by tokens a step ends where its share of all tokens is reached, so that the steps of an
 * epoch are alike. Where a step begins follows from walking its epoch's order up to there. */
#ifndef HARNESS_TRAIN_PRETRAIN_CORPUS_FEED_H
#define HARNESS_TRAIN_PRETRAIN_CORPUS_FEED_H

#include "data/corpus/token_store.h"
#include "data/masking.h"
#include "train/step/feed.h"

/* Of tokens_per_batch and batch_size one counts. */
typedef struct corpus_feed_options {
    uint32_t tokens_per_batch; /* 0: by sentences */
    uint32_t batch_size;       /* sentences */
    double epochs;
    uint32_t max_steps; /* 0: by epochs */
    uint32_t seed;
} corpus_feed_options;

/* Room for sentences with masked ids, one behind the other. */
typedef struct masked_sentences {
    pack_sentence *list; /* (count, of room for sentences) owned */
    uint32_t *words;     /* (used, of room for tokens) owned: ids, places and wanted ids of each */
    uint32_t count;
    size_t used;
} masked_sentences;

/* Errors: ERR_MEMORY. */
err masked_sentences_init(masked_sentences *m, uint64_t sentences, uint64_t tokens) MUST_CHECK;
void masked_sentences_free(masked_sentences *m);
void masked_sentences_clear(masked_sentences *m);
/* Adds sentence i of the store, masked for an epoch. pre: there is room. */
void masked_sentences_add(masked_sentences *m, const token_store *store, const masking *mask,
                          uint64_t i, uint32_t epoch);

typedef struct corpus_feed {
    const token_store *store; /* borrowed, as masking */
    const masking *masking;
    corpus_feed_options options;
    uint32_t epoch_steps, total_steps;
    uint32_t next;          /* step whose beginning is known */
    uint64_t taken, tokens; /* sentences, and their tokens, of its epoch before it */
    masked_sentences step;
} corpus_feed;

/* Errors: ERR_MEMORY; ERR_DATA for an empty store; ERR_USAGE where a batch does not hold two
 * sentences of the longest, or where there is no step. Free with corpus_feed_free, also after an
 * error. */
err corpus_feed_init(corpus_feed *f, const token_store *store, const masking *m,
                     const corpus_feed_options *options) MUST_CHECK;
void corpus_feed_free(corpus_feed *f);

/* As a trainer takes it; f must stay where it is. */
feed corpus_feed_of(corpus_feed *f);

/* Raises *c to what steps of up to all_tokens need: of chosen tokens so many more than their mean
 * that a further micro-batch is practically never cut for them. */
void corpus_capacity(batch_capacity *c, const token_store *store, const masking *m,
                     uint64_t all_tokens);

#endif
