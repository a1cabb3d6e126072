/* Token ids of many texts, one behind the other. */
#ifndef HARNESS_TRAIN_EVALUATE_ENCODE_H
#define HARNESS_TRAIN_EVALUATE_ENCODE_H

#include "data/dataset.h"
#include "data/pack.h"
#include "text/tokenizer.h"

/* The units of a sentence: where the answers to them are, as units_align has it. */
typedef struct encoded_units {
    const int32_t *first; /* (count) */
    uint32_t count;
} encoded_units;

typedef struct encoded {
    pack_sentence *sentences; /* (count); ids point into the blocks */
    encoded_units *units;     /* (count) where answers are to units, else NULL */
    size_t unit_results;      /* units that a token answers for */
    size_t count;
    size_t tokens;        /* of all sentences */
    size_t pieces;        /* of the tokens those that are neither [CLS] nor [SEP] */
    size_t unknown;       /* of the tokens those that are [UNK] */
    uint32_t longest;     /* tokens of the longest sentence */
    size_t cut;           /* sentences that were truncated */
    size_t lost;          /* units of these that no token answers for; without units those of
                             these that lost a marker of an entity (text/markers.h) */
    uint32_t *blocks[64]; /* owned */
} encoded;

/* Rows of outputs that a model gives for them: a sentence each, or a unit each. */
static inline size_t encoded_results(const encoded *e) {
    return e->units ? e->unit_results : e->count;
}

/* Which rows of a split. */
typedef enum encode_rows { ENCODE_ALL, ENCODE_KEPT } encode_rows;

/* Encodes a split's rows to at most max_length tokens, on all threads; the result does not depend
 * on their number. Free with encoded_free, also after an error. Errors: ERR_FORMAT naming the row;
 * ERR_MEMORY. */
err encode_split(encoded *out, const tokenizer *t, const dataset_split *split, encode_rows rows,
                 uint32_t max_length) MUST_CHECK;

/* The same of examples. */
err encode_examples(encoded *out, const tokenizer *t, const example *examples, size_t count,
                    uint32_t max_length) MUST_CHECK;

/* What this thread encodes from here on it encodes alone: one that works beside a device takes no
 * processors from it. */
void encode_alone(void);
/* On how many threads it encodes. */
uint32_t encode_threads(void);

/* What truncation took from sentences, if anything: cut of them, and what these lost. */
void encode_note_cut(answer_kind kind, unit_kind unit, size_t cut, size_t lost,
                     uint32_t max_length);

void encoded_free(encoded *e);

#endif
