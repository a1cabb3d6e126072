/* Words with their counts, from which a vocabulary is trained. */
#ifndef HARNESS_TEXT_VOCAB_INTERNAL_H
#define HARNESS_TEXT_VOCAB_INTERNAL_H

#include "base/err.h"
#include "text/tokenizer.h"
#include "text/vocab_train.h"

#include <stddef.h>
#include <stdint.h>

typedef struct counted_word {
    size_t start;  /* of its code points in points */
    uint32_t size; /* code points */
    uint64_t times;
} counted_word;

/* The distinct words of a list of texts. Zeroed is empty. */
typedef struct word_counts {
    uint32_t *points; /* (point_count), owned: all words end to end */
    size_t point_count, point_capacity;
    counted_word *words; /* (count), owned */
    size_t count, capacity;
    uint32_t *slots; /* (1 << bits), owned: index + 1 of a word by its hash, 0 when free */
    unsigned bits;
} word_counts;

/* Counts the words of texts (count), split as t does, and puts them in the order of their code
 * points, so that the result does not depend on the order of the texts. Errors: as vocab_train. */
err vocab__count_words(word_counts *w, const tokenizer *t, const text_span *texts,
                       size_t count) MUST_CHECK;
void vocab__free_words(word_counts *w);

#endif
