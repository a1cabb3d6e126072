/* What an answer to a test row consists of, one by one, so that answers of every kind are compared
 * and listed alike: a label (of a set each that holds), an entity, a word with its head and its
 * relation. A number has no items. */
#ifndef HARNESS_REPORT_ANSWER_ITEMS_H
#define HARNESS_REPORT_ANSWER_ITEMS_H

#include "base/memory.h"
#include "result/record.h"
#include "text/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ITEM_KEYS = 3, ITEM_COLUMNS = 3 };

typedef struct answer_item {
    /* a label and nothing; first unit, unit behind the last, type; word from 0, head, relation */
    uint32_t key[ITEM_KEYS];
    uint32_t in[ITEM_COLUMNS]; /* how many answers of each column have it */
} answer_item;

typedef struct answer_items {
    answer_item *list; /* (count) owned */
    size_t count, capacity;
} answer_items;

/* Adds what one run, or the gold list, has of the row. column: of `in`. */
err answer_items_add(answer_items *l, const record *r, size_t row, bool is_gold,
                     unsigned column) MUST_CHECK;
/* Puts all that was added in order, equal ones together. */
void answer_items_merge(answer_items *l);
void answer_items_free(answer_items *l);

/* The units of a row in its text. */
typedef struct row_units {
    const char *text; /* borrowed; NULL: texts are not shown, or are not what the record is of */
    text_unit *list;  /* (count) owned */
    uint32_t count;
} row_units;

/* text may be NULL. Free with row_units_free. */
err row_units_find(row_units *u, const record *r, size_t row, const char *text) MUST_CHECK;
void row_units_free(row_units *u);

/* "person 3-5 한도윤", "2 서울: 4 갔다 nsubj" or a label; of a word's head alone "4 갔다 nsubj", "root
 * root" where it has none. Units count from 1. names: (labels) of the record. */
err answer_item_name(strbuf *out, const answer_item *item, answer_kind kind,
                     const char *const *names, const row_units *u) MUST_CHECK;
err answer_item_head(strbuf *out, const answer_item *item, const char *const *names,
                     const row_units *u) MUST_CHECK;
/* "2 서울" */
err answer_item_word(strbuf *out, const answer_item *item, const row_units *u) MUST_CHECK;

#endif
