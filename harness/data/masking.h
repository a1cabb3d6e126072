/* Masking: which tokens of a sentence a masked language model has to name, and what stands in their
 * place.
 *
 * As transformers' DataCollatorForLanguageModeling: each token but the special ones is chosen with
 * `probability` ([UNK] may be chosen); of those chosen four fifths become [MASK], a tenth a token
 * drawn from the whole vocabulary, a tenth stays. With whole words a word's first piece decides for
 * the pieces that follow it (those that begin with "##"); each is then replaced by itself.
 *
 * All is drawn by Philox from (seed, epoch, sentence, place) and nothing else, so it does not
 * depend on device, packing or what else is in a step. */
#ifndef HARNESS_DATA_MASKING_H
#define HARNESS_DATA_MASKING_H

#include "data/pack.h"
#include "text/tokenizer.h"

/* The least probability by which a token may be chosen. */
#define MASKING_LEAST 0x1p-32

typedef struct masking {
    uint32_t vocabulary; /* V: a random token is below it */
    uint32_t mask_id;
    uint8_t *kinds;        /* (V) of the ids, owned */
    uint32_t chosen_below; /* a word below it is chosen */
    bool whole_words;
    uint32_t seed;
} masking;

/* vocabulary: the model's, at least the tokenizer's. Free with masking_free. Errors: ERR_DATA when
 * the tokenizer has no [MASK]; ERR_MEMORY. */
err masking_init(masking *m, const tokenizer *words, uint32_t vocabulary, double probability,
                 bool whole_words, uint32_t seed) MUST_CHECK;
void masking_free(masking *m);

/* Masks the ids (count) of one sentence in place. places and wanted (room for count) get where
 * tokens were chosen, ascending, and what stood there. Returns how many. */
uint32_t masking_apply(const masking *m, uint32_t *ids, uint32_t *places, uint32_t *wanted,
                       uint32_t count, uint32_t epoch, uint64_t sentence);

#endif
