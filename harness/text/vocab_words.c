#include "text/vocab_internal.h"

#include "base/memory.h"
#include "text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_points(const uint32_t *points, size_t count) {
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < count; i++) h = (h ^ points[i]) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

static bool is_word(const word_counts *w, const counted_word *c, const uint32_t *points,
                    size_t count) {
    return c->size == count && !memcmp(w->points + c->start, points, count * sizeof *points);
}

// The slot of a word, or the free one where it belongs.
static uint32_t *find_slot(const word_counts *w, const uint32_t *points, size_t count) {
    size_t mask = ((size_t)1 << w->bits) - 1;
    size_t i = (size_t)(hash_points(points, count) * 0x9E3779B97F4A7C15u >> (64 - w->bits));
    while (w->slots[i] && !is_word(w, &w->words[w->slots[i] - 1], points, count))
        i = (i + 1) & mask;
    return &w->slots[i];
}

static err grow_slots(word_counts *w) {
    if (w->bits && w->count * 2 < (size_t)1 << w->bits) return ERR_OK;
    uint32_t *old = w->slots;
    unsigned bits = w->bits ? w->bits + 1 : 12;
    uint32_t *fresh;
    err e = mem_new(&fresh, (size_t)1 << bits);
    if (e) return e;
    w->slots = fresh;
    w->bits = bits;
    for (size_t i = 0; i < w->count; i++)
        *find_slot(w, w->points + w->words[i].start, w->words[i].size) = (uint32_t)(i + 1);
    mem_free(old);
    return ERR_OK;
}

static err count_word(void *context, const uint32_t *points, size_t count) {
    word_counts *w = context;
    err e = grow_slots(w);
    if (e) return e;
    uint32_t *slot = find_slot(w, points, count);
    if (*slot) {
        w->words[*slot - 1].times++;
        return ERR_OK;
    }
    if ((e = mem_grow((void **)&w->points, &w->point_capacity, w->point_count + count,
                      sizeof *w->points)) ||
        (e = mem_grow((void **)&w->words, &w->capacity, w->count + 1, sizeof *w->words)))
        return e;
    memcpy(w->points + w->point_count, points, count * sizeof *points);
    w->words[w->count++] = (counted_word){w->point_count, (uint32_t)count, 1};
    w->point_count += count;
    *slot = (uint32_t)w->count;
    return ERR_OK;
}

typedef struct sort_entry {
    const uint32_t *points;
    counted_word word;
} sort_entry;

static int compare_entries(const void *a, const void *b) {
    const sort_entry *x = a, *y = b;
    uint32_t shorter = x->word.size < y->word.size ? x->word.size : y->word.size;
    for (uint32_t i = 0; i < shorter; i++)
        if (x->points[i] != y->points[i]) return x->points[i] < y->points[i] ? -1 : 1;
    return (x->word.size > y->word.size) - (x->word.size < y->word.size);
}

static err sort_words(word_counts *w) {
    sort_entry *entries;
    err e = mem_new(&entries, w->count);
    if (e) return e;
    for (size_t i = 0; i < w->count; i++)
        entries[i] = (sort_entry){w->points + w->words[i].start, w->words[i]};
    qsort(entries, w->count, sizeof *entries, compare_entries);
    for (size_t i = 0; i < w->count; i++) w->words[i] = entries[i].word;
    mem_free(entries);
    return ERR_OK;
}

err vocab__count_words(word_counts *w, const tokenizer *t, const text_span *texts, size_t count) {
    encoding scratch = {0};
    tokenizer_sink sink = {count_word, NULL, w};
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++) {
        e = tokenizer__split(t, &scratch, texts[i].text, texts[i].bytes, &sink);
        if (e) e = err_wrap(e, "text %zu of the training texts", i + 1);
    }
    if (!e) e = sort_words(w);
    encoding_free(&scratch);
    return e;
}

void vocab__free_words(word_counts *w) {
    mem_free(w->points);
    mem_free(w->words);
    mem_free(w->slots);
    *w = (word_counts){0};
}
