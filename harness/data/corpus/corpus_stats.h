/* Counts and lengths of a corpus, as `harness corpus stats` shows them. */
#ifndef HARNESS_DATA_CORPUS_CORPUS_STATS_H
#define HARNESS_DATA_CORPUS_CORPUS_STATS_H

#include "base/memory.h"
#include "data/corpus/corpus.h"

/* Duplicates are looked for among so many distinct lines, which bounds the memory they take (256
 * MiB); lines behind that many are counted as new. */
enum { CORPUS_DISTINCT_MOST = 1 << 24 };

/* Lengths up to the most are counted each; what is longer counts as that. */
enum { CORPUS_LENGTH_MOST = 1 << 16 };

typedef struct corpus_lengths {
    uint64_t *counts; /* (CORPUS_LENGTH_MOST + 1) lines by length, owned */
    uint64_t sum, lines, longest;
} corpus_lengths;

typedef struct corpus_stats {
    corpus_counts counts;    /* lines, kept, excluded; with a tokenizer too_long, without_pieces */
    uint64_t duplicates;     /* kept lines that stand there earlier */
    bool all_distinct_known; /* CORPUS_DISTINCT_MOST was enough */
    corpus_lengths characters; /* of kept lines */
    bool has_tokens;           /* what follows is known: a tokenizer was given */
    corpus_lengths tokens;     /* [CLS] and [SEP] included, before anything is cut */
    uint64_t unknown, pieces;  /* [UNK] among the pieces, without [CLS] and [SEP] */
    uint32_t max_length;
} corpus_stats;

/* Reads all of the corpus. t may be NULL; max_length 0: none is too long. Free with
 * corpus_stats_free, also after an error. */
err corpus_stats_measure(corpus_stats *s, corpus *c, const exclusion *x, const tokenizer *t,
                         uint32_t max_length) MUST_CHECK;
void corpus_stats_free(corpus_stats *s);

/* For people, and the same as JSON (owned by the caller). */
err corpus_stats_text(strbuf *out, const corpus_stats *s, const corpus *c,
                      const exclusion *x) MUST_CHECK;
err corpus_stats_json(cJSON **out, const corpus_stats *s, const corpus *c,
                      const exclusion *x) MUST_CHECK;

#endif
