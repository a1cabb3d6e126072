/* An example: the texts that a model reads together, and what it is to say of them. */
#ifndef HARNESS_DATA_EXAMPLE_H
#define HARNESS_DATA_EXAMPLE_H

#include "base/hash.h"
#include "metric/score.h"
#include "text/text_span.h"
#include "text/tokenizer.h"
#include "text/units.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { EXAMPLE_TEXTS_MAX = 2 };

/* Parts of the text that are answered one by one, and K numbers to be said of each. Borrowed. */
typedef struct example_units {
    const text_unit *list;  /* (count) ascending */
    const uint32_t *values; /* (count, K); NULL where nothing is known */
    uint32_t count;
} example_units;

/* Tokens of a sentence that the head reads, in place of the units that they answer for: `places` of
 * target_layout rows for each of `count` units, and what is to be said of it. Borrowed. */
typedef struct example_chosen {
    const uint32_t *places; /* (count, places) tokens */
    const uint32_t *ids;    /* (count, cols) */
    uint32_t count;
} example_chosen;

/* What is to be said; the task's kind tells which member holds. Once a text is encoded, chosen takes
 * the place of units; and where tokens are to be named chosen does. */
typedef union example_target {
    uint32_t class;      /* one label a row: index into the task's labels */
    float number;        /* ANSWER_NUMBER */
    const uint8_t *set;  /* ANSWER_SET: (labels of the task) 1 where the label holds; borrowed */
    example_units units; /* ANSWER_TAGS: K is 1, an index into the task's labels; ANSWER_ARCS: that
                            of metric/arcs.h, and once it is encoded the root is the first, heads
                            are numbers of those that follow, and CLASS_NONE where none is known */
    example_chosen chosen;
} example_target;

static inline bool example_same_target(answer_kind kind, size_t labels, example_target a,
                                       example_target b) {
    if (answer_is_label(kind)) return a.class == b.class;
    if (kind == ANSWER_NUMBER) return !(a.number < b.number) && !(a.number > b.number);
    if (answer_in_units(kind))
        return a.units.count == b.units.count &&
               !memcmp(a.units.values, b.units.values,
                       a.units.count * answer_unit_width(kind) * sizeof *a.units.values);
    return !memcmp(a.set, b.set, labels);
}

typedef struct example {
    text_span texts[EXAMPLE_TEXTS_MAX]; /* (text_count); a 0 byte follows each */
    uint32_t text_count;
    bool in_units;     /* the target is of units */
    bool in_tree;      /* which are words whose heads are told, the root's being [CLS] */
    bool first_pieces; /* and are read by their first pieces, not by their last */
    example_target target;
} example;

/* Whether every text is empty. */
static inline bool example_is_empty(const example *e) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < e->text_count; i++) bytes += e->texts[i].bytes;
    return !bytes;
}

/* An order of texts, 0 when all are equal; targets may differ. pre: as many texts in both. */
static inline int example_compare_texts(const example *a, const example *b) {
    int order = 0;
    for (uint32_t i = 0; !order && i < a->text_count; i++) {
        const text_span *x = &a->texts[i], *y = &b->texts[i];
        order = x->bytes == y->bytes ? memcmp(x->text, y->text, x->bytes)
                                     : (x->bytes > y->bytes) - (x->bytes < y->bytes);
    }
    return order;
}

/* Cuts a line into a pair at its tab, in place: a 0 byte takes the tab's. Errors: ERR_FORMAT naming
 * source and line unless there is one tab, with text on both sides. */
static inline err example_cut(example *e, char *line, const char *source, size_t number) {
    char *tab = strchr(line, '\t');
    if (!tab || tab == line || !tab[1] || strchr(tab + 1, '\t'))
        return err_set(ERR_FORMAT, "%s:%zu: a pair is two texts with one tab between them", source,
                       number);
    *tab = '\0';
    *e = (example){.texts = {{line, (size_t)(tab - line)}, {tab + 1, strlen(tab + 1)}},
                   .text_count = 2};
    return ERR_OK;
}

/* Token ids of the text or the pair (tokenizer_encode_pair). */
static inline err example_encode(const tokenizer *t, encoding *out, const example *e,
                                 size_t max_length) {
    const text_span *a = &e->texts[0], *b = e->text_count > 1 ? &e->texts[1] : NULL;
    return tokenizer_encode_pair(t, out, a->text, a->bytes, b ? b->text : NULL, b ? b->bytes : 0,
                                 max_length);
}

/* Adds the texts to a digest, a 0 byte between two. */
static inline void example_hash_texts(sha256 *h, const example *e) {
    for (uint32_t i = 0; i < e->text_count; i++) {
        if (i) sha256_add(h, "", 1);
        sha256_add(h, e->texts[i].text, e->texts[i].bytes);
    }
}

/* A number for tables of texts: equal texts have equal ones. */
static inline uint64_t example_key(const example *e) {
    uint64_t key = hash_keyed(e->texts[0].text, e->texts[0].bytes);
    for (uint32_t i = 1; i < e->text_count; i++)
        key = key * 31 + hash_keyed(e->texts[i].text, e->texts[i].bytes);
    return key;
}

#endif
