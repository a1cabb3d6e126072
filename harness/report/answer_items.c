#include "report/answer_items.h"

#include "base/utf8.h"
#include "metric/arcs.h"
#include "metric/tags.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_COLUMNS = 32 };

static err add(answer_items *l, unsigned column, uint32_t a, uint32_t b, uint32_t c) {
    err e = mem_grow((void **)&l->list, &l->capacity, l->count + 1, sizeof *l->list);
    if (e) return e;
    answer_item *item = &l->list[l->count++];
    *item = (answer_item){.key = {a, b, c}};
    item->in[column] = 1;
    return ERR_OK;
}

static err add_entities(answer_items *l, const record *r, size_t row, bool is_gold,
                        unsigned column) {
    size_t first = r->unit_begin[row], count = r->unit_begin[row + 1] - first, at = 0;
    const uint32_t *tags = (is_gold ? r->gold : r->predicted) + first;
    tag_entity one;
    err e = ERR_OK;
    while (!e && tag_next(&one, &at, tags, count, r->task.label_count, !is_gold))
        e = add(l, column, one.begin, one.end, one.type);
    return e;
}

static err add_words(answer_items *l, const record *r, size_t row, bool is_gold, unsigned column) {
    const uint32_t *arcs = is_gold ? r->gold : r->predicted;
    uint32_t first = r->unit_begin[row], end = r->unit_begin[row + 1];
    err e = ERR_OK;
    for (uint32_t w = first; w < end && !e; w++) {
        const uint32_t *arc = arcs + (size_t)w * ARC_WIDTH;
        e = add(l, column, w - first, arc[ARC_HEAD], arc[ARC_RELATION]);
    }
    return e;
}

err answer_items_add(answer_items *l, const record *r, size_t row, bool is_gold, unsigned column) {
    size_t labels = r->task.label_count;
    const float *set = is_gold ? r->gold_numbers : r->predicted_numbers;
    err e = ERR_OK;
    switch (r->task.kind) {
    case ANSWER_CLASS:
    case ANSWER_RELATION: return add(l, column, (is_gold ? r->gold : r->predicted)[row], 0, 0);
    case ANSWER_SET:
        for (uint32_t k = 0; k < labels && !e; k++)
            if (set[row * labels + k] > 0) e = add(l, column, k, 0, 0);
        return e;
    case ANSWER_TAGS: return add_entities(l, r, row, is_gold, column);
    case ANSWER_ARCS: return add_words(l, r, row, is_gold, column);
    case ANSWER_NUMBER: break;
    }
    return ERR_OK;
}

static int by_key(const void *a, const void *b) {
    const uint32_t *x = ((const answer_item *)a)->key, *y = ((const answer_item *)b)->key;
    int order = 0;
    for (int i = 0; !order && i < ITEM_KEYS; i++) order = (x[i] > y[i]) - (x[i] < y[i]);
    return order;
}

void answer_items_merge(answer_items *l) {
    size_t kept = 0;
    if (l->count) qsort(l->list, l->count, sizeof *l->list, by_key);
    for (size_t i = 0; i < l->count; i++) {
        if (!kept || by_key(&l->list[kept - 1], &l->list[i])) {
            l->list[kept++] = l->list[i];
            continue;
        }
        for (int c = 0; c < ITEM_COLUMNS; c++) l->list[kept - 1].in[c] += l->list[i].in[c];
    }
    l->count = kept;
}

void answer_items_free(answer_items *l) {
    mem_free(l->list);
    *l = (answer_items){0};
}

/* A record does not say whether characters or words were tagged: those that are as many. */
err row_units_find(row_units *u, const record *r, size_t row, const char *text) {
    static const unit_kind kinds[] = {UNIT_WORD, UNIT_CHARACTER};
    *u = (row_units){0};
    if (!text || !answer_in_units(r->task.kind)) return ERR_OK;
    for (int i = 0; i < 2; i++) {
        err e = units_find(&u->list, &u->count, kinds[i], text, strlen(text));
        if (e) return e;
        u->text = text;
        if (u->count == r->unit_begin[row + 1] - r->unit_begin[row]) return ERR_OK;
        row_units_free(u);
        if (r->task.kind == ANSWER_ARCS) break;
    }
    return ERR_OK;
}

void row_units_free(row_units *u) {
    mem_free(u->list);
    *u = (row_units){0};
}

/* Behind a blank what the units [begin, end) are in the text, not more than fits a cell. */
static err add_text(strbuf *out, const row_units *u, uint32_t begin, uint32_t end) {
    if (end > u->count) return ERR_OK; // no text, or a head that is no word: a record may hold it
    size_t from = u->list[begin].begin, bytes = u->list[end - 1].end - from;
    size_t fit = text_fit(u->text + from, WORD_COLUMNS);
    err e = strbuf_add(out, " ");
    if (!e) e = strbuf_add_bytes(out, u->text + from, bytes < fit ? bytes : fit);
    return e || bytes <= fit ? e : strbuf_add(out, "...");
}

err answer_item_word(strbuf *out, const answer_item *item, const row_units *u) {
    err e = strbuf_printf(out, "%u", item->key[0] + 1);
    return e ? e : add_text(out, u, item->key[0], item->key[0] + 1);
}

err answer_item_head(strbuf *out, const answer_item *item, const char *const *names,
                     const row_units *u) {
    uint32_t head = item->key[1];
    err e = head ? strbuf_printf(out, "%u", head) : strbuf_add(out, "root");
    if (!e && head) e = add_text(out, u, head - 1, head);
    return e ? e : strbuf_printf(out, " %s", names[item->key[2]]);
}

/* "LC" of "B-LC". */
static const char *type_name(const char *const *names, uint32_t type) {
    const char *begin = names[2 * (size_t)type];
    return strncmp(begin, "B-", 2) == 0 ? begin + 2 : begin;
}

err answer_item_name(strbuf *out, const answer_item *item, answer_kind kind,
                     const char *const *names, const row_units *u) {
    const uint32_t *k = item->key;
    err e;
    switch (kind) {
    case ANSWER_TAGS:
        e = strbuf_printf(out, "%s %u-%u", type_name(names, k[2]), k[0] + 1, k[1]);
        return e ? e : add_text(out, u, k[0], k[1]);
    case ANSWER_ARCS:
        e = answer_item_word(out, item, u);
        if (!e) e = strbuf_add(out, ": ");
        return e ? e : answer_item_head(out, item, names, u);
    case ANSWER_CLASS:
    case ANSWER_NUMBER:
    case ANSWER_SET:
    case ANSWER_RELATION: break;
    }
    return strbuf_add(out, names[k[0]]);
}
