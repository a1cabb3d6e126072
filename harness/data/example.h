/* An example: the texts that a model reads together, and what it is to say of them. */
#ifndef HARNESS_DATA_EXAMPLE_H
#define HARNESS_DATA_EXAMPLE_H

#include "text/text_span.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { EXAMPLE_TEXTS_MAX = 2 };

/* Tokens of a sentence that are to be named. Borrowed. */
typedef struct example_chosen {
    const uint32_t *places; /* (count) ascending */
    const uint32_t *ids;    /* (count) what stands there */
    uint32_t count;
} example_chosen;

/* What is to be said. Which member holds is the task's matter: all its examples have the same. */
typedef union example_target {
    uint32_t class; /* index into the task's labels */
    example_chosen chosen;
} example_target;

typedef struct example {
    text_span texts[EXAMPLE_TEXTS_MAX]; /* (text_count); a 0 byte follows each */
    uint32_t text_count;
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

#endif
