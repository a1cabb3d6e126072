#include "bench/masked_feed.h"

#include "base/memory.h"
#include "train/step/capacity.h"

#include <string.h>

enum { WORDS_PER_TOKEN = 3 };

err masked_feed_init(masked_feed *f, const encoded *data, const masking *m, uint32_t size) {
    uint64_t all = 0;
    *f = (masked_feed){.count = (uint32_t)data->count, .size = size};
    err e = mem_new(&f->list, data->count);
    if (e || (e = mem_new(&f->words, data->tokens * WORDS_PER_TOKEN))) return e;
    uint32_t *next = f->words;
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t n = data->sentences[i].count, *places = next + n, *wanted = places + n;
        memcpy(next, data->sentences[i].ids, n * sizeof *next);
        uint32_t chosen = masking_apply(m, next, places, wanted, n, 0, i);
        f->list[i] = (pack_sentence){next, n, n, {.chosen = {places, wanted, chosen}}};
        next += (size_t)n * WORDS_PER_TOKEN;
        all += chosen;
    }
    return all ? ERR_OK : err_set(ERR_DATA, "no token of the %u sentences was chosen", f->count);
}

void masked_feed_free(masked_feed *f) {
    mem_free(f->list);
    mem_free(f->words);
    *f = (masked_feed){0};
}

static err step(void *context, const pack_sentence **sentences, uint32_t *count, uint32_t s) {
    const masked_feed *f = context;
    uint32_t first = (s - 1) % ((f->count + f->size - 1) / f->size) * f->size;
    *sentences = f->list + first;
    *count = f->count - first < f->size ? f->count - first : f->size;
    return ERR_OK;
}

static void raise(void *context, batch_capacity *c) {
    const masked_feed *f = context;
    for (uint32_t first = 0; first < f->count; first += f->size) {
        uint32_t n = f->count - first < f->size ? f->count - first : f->size, chosen = 0;
        capacity_raise(c, f->list + first, NULL, n, 0);
        for (uint32_t i = 0; i < n; i++) chosen += f->list[first + i].target.chosen.count;
        if (c->chosen < chosen) c->chosen = chosen;
    }
}

static double epoch(void *context, uint32_t done) {
    const masked_feed *f = context;
    return (double)done * f->size / f->count;
}

feed masked_feed_of(masked_feed *f, uint32_t steps) {
    return (feed){.context = f,
                  .epoch_steps = (f->count + f->size - 1) / f->size,
                  .total_steps = steps,
                  .unit = "sentences",
                  .per_step = f->size,
                  .raise = raise,
                  .step = step,
                  .epoch = epoch};
}
