/* WordPiece vocabulary training for models trained from scratch.
 *
 * What `tokenizers` calls WordPieceTrainer: pairs of neighbouring pieces are merged, the most
 * frequent first, until the vocabulary is full. Words come from the tokenizer's own cleaning and
 * splitting. Deterministic: a function of the texts (as a multiset) and the options. */
#ifndef HARNESS_TEXT_VOCAB_TRAIN_H
#define HARNESS_TEXT_VOCAB_TRAIN_H

#include "base/err.h"
#include "text/text_span.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vocab_options {
    size_t size;            /* pieces wanted, special tokens included; 0: 8,000 */
    size_t alphabet_limit;  /* characters kept, the most frequent; 0: 1,000 */
    uint32_t min_frequency; /* of a pair that is merged; 0: 2 */
    bool lowercase;         /* false for Korean: it strips accents after NFD, which splits Hangul */
} vocab_options;

/* Trains on texts (count) and makes *t the tokenizer with that vocabulary: [PAD] [UNK] [CLS] [SEP]
 * [MASK] as 0 to 4, then characters, then merged pieces. It may hold fewer pieces than asked for
 * when the texts are few, and more when the alphabet alone is larger. options NULL: the defaults.
 * Errors: ERR_FORMAT naming the text (counted from 0) and byte that is not UTF-8; ERR_MEMORY. */
err vocab_train(tokenizer *t, const text_span *texts, size_t count,
                const vocab_options *options) MUST_CHECK;

#endif
