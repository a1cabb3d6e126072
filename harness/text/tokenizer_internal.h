/* What the files of the tokenizer share: lookup structures and the splitting into words. */
#ifndef HARNESS_TEXT_TOKENIZER_INTERNAL_H
#define HARNESS_TEXT_TOKENIZER_INTERNAL_H

#include "base/err.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One step of the trie of pieces: from a node by a code point. All steps lie in one hash table,
 * open addressing; nodes are numbered and have no storage of their own. */
typedef struct trie_step {
    uint64_t key;   /* node << 21 | code point; 0: free */
    uint32_t child; /* node that it leads to */
    uint32_t id;    /* of the piece that ends there, or TOKENIZER_NO_ID */
} trie_step;

/* Root nodes: plain pieces; "##" ones without it; added tokens as written, and those for cleaned
 * text as that is. The ids of the latter two are places in t->added. */
enum { TRIE_WORD = 1, TRIE_CONTINUED, TRIE_ADDED, TRIE_CLEANED, TRIE_FIRST_FREE };

enum { ADDED_POINTS_MAX = 256 }; /* bounds what looking for added tokens may cost */

enum { FIRST_PLANE = 0x10000 }; /* code points whose classes are a table */

/* What splitting does with a code point. */
enum {
    CLASS_REMOVED = 1,     /* dropped by cleaning */
    CLASS_SPACE = 2,       /* ends a word */
    CLASS_PUNCTUATION = 4, /* a word of its own */
    CLASS_CHINESE = 8      /* set apart by blanks */
};

typedef struct tokenizer_index {
    trie_step *steps; /* (1 << bits) */
    unsigned bits;
    uint32_t node_count;
    size_t step_count;
    uint8_t classes[FIRST_PLANE]; /* of the code points below U+10000 */
    bool strips, lowers;          /* accents, case */
    bool first_byte[256];         /* some added token for the raw text begins with this byte */
    bool has_normalized;          /* some added token is looked for in the cleaned text */
    const added_token **by_id;    /* (added_count) owned */
} tokenizer_index;

enum { SPECIAL_PAD, SPECIAL_UNK, SPECIAL_CLS, SPECIAL_SEP, SPECIAL_MASK, SPECIAL_COUNT };

/* The key in Hugging Face's files and the usual name of each special token. */
typedef struct special_token {
    const char *key, *name;
} special_token;
extern const special_token tokenizer__special[SPECIAL_COUNT];

/* Appends an added token, unless there is one of that text. *a is copied; a->id TOKENIZER_NO_ID:
 * the piece's id, or the next free one. pre: tokenizer__index_pieces. Errors: ERR_FORMAT for a text
 * that is not UTF-8, or an id that transformers would not give; ERR_UNSUPPORTED for one of more
 * than ADDED_POINTS_MAX code points. */
err tokenizer__add(tokenizer *t, const added_token *a, const char *where) MUST_CHECK;

/* Makes t->index with the vocabulary, and sets t->next_id. Errors: ERR_FORMAT naming a token that
 * is not UTF-8. */
err tokenizer__index_pieces(tokenizer *t, const char *where) MUST_CHECK;
/* Adds t->added[place] under its text; *there when one of that text is there already. */
err tokenizer__index_added(tokenizer *t, size_t place, bool *there) MUST_CHECK;
/* Completes t->index, once all options and tokens are known, and again when some were added. */
err tokenizer__index_end(tokenizer *t) MUST_CHECK;
void tokenizer__index_free(tokenizer_index *x);

static inline const trie_step *trie_find(const tokenizer_index *x, uint32_t node, uint32_t point) {
    uint64_t key = (uint64_t)node << 21 | point;
    size_t mask = ((size_t)1 << x->bits) - 1;
    size_t slot = (size_t)(key * 0x9E3779B97F4A7C15u >> (64 - x->bits));
    while (x->steps[slot].key != key) {
        if (!x->steps[slot].key) return NULL;
        slot = (slot + 1) & mask;
    }
    return &x->steps[slot];
}

/* The classes of one code point, and of all below FIRST_PLANE, that t's options ask for. */
uint8_t tokenizer__classify(const tokenizer *t, uint32_t point);
void tokenizer__classes(const tokenizer *t, uint8_t classes[FIRST_PLANE]);

static inline uint8_t tokenizer__class(const tokenizer *t, uint32_t point) {
    return point < FIRST_PLANE ? t->index->classes[point] : tokenizer__classify(t, point);
}

/* Receives one word: its code points (count > 0), borrowed for the call. */
typedef err (*tokenizer_word_fn)(void *context, const uint32_t *points, size_t count);
/* Receives the id of an added token that stands between words, and where in the scratch's points.
 */
typedef err (*tokenizer_added_fn)(void *context, uint32_t id, const uint32_t *points);

typedef struct tokenizer_sink {
    tokenizer_word_fn word;
    tokenizer_added_fn added; /* may be NULL when the tokenizer has no normalized added tokens */
    void *context;
} tokenizer_sink;

/* Cleans text (bytes), splits it and hands over its words in order. scratch lends its buffer, in
 * which the words lie; with scratch->tracks its origins say where each code point comes from.
 * Errors: ERR_FORMAT with the offset of a byte that is not UTF-8, those of the sink, ERR_MEMORY. */
err tokenizer__split(const tokenizer *t, encoding *scratch, const char *text, size_t bytes,
                     const tokenizer_sink *sink) MUST_CHECK;

/* Cleans text into scratch->points and sets *count, without splitting. */
err tokenizer__clean(const tokenizer *t, encoding *scratch, size_t *start, size_t *count,
                     const char *text, size_t bytes) MUST_CHECK;

#endif
