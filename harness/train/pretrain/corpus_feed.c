#include "train/pretrain/corpus_feed.h"

#include "base/memory.h"
#include "base/rng.h"
#include "train/step/capacity.h"

#include <math.h>

enum { WORDS_PER_TOKEN = 3 };

err masked_sentences_init(masked_sentences *m, uint64_t sentences, uint64_t tokens) {
    *m = (masked_sentences){0};
    err e = mem_new(&m->list, sentences);
    return e ? e : mem_new(&m->words, tokens * WORDS_PER_TOKEN);
}

void masked_sentences_free(masked_sentences *m) {
    mem_free(m->list);
    mem_free(m->words);
    *m = (masked_sentences){0};
}

void masked_sentences_clear(masked_sentences *m) {
    m->count = 0;
    m->used = 0;
}

void masked_sentences_add(masked_sentences *m, const token_store *store, const masking *mask,
                          uint64_t i, uint32_t epoch) {
    uint32_t n = token_store_length(store, i);
    uint32_t *ids = m->words + m->used, *places = ids + n, *wanted = places + n;
    (void)token_store_get(store, i, ids);
    uint32_t chosen = masking_apply(mask, ids, places, wanted, n, epoch, i);
    m->list[m->count++] = (pack_sentence){ids, n, n, {.chosen = {places, wanted, chosen}}};
    m->used += (size_t)n * WORDS_PER_TOKEN;
}

enum { SENTENCE_LEAST = 2 /* tokens: [CLS] and [SEP] */ };

/* Tokens of a step at most. */
static uint64_t step_tokens(const corpus_feed *f) {
    const token_store *s = f->store;
    uint64_t most = f->options.tokens_per_batch ? (uint64_t)f->options.tokens_per_batch + s->longest
                                                : (uint64_t)f->options.batch_size * s->longest;
    return most < s->tokens ? most : s->tokens;
}

err corpus_feed_init(corpus_feed *f, const token_store *store, const masking *m,
                     const corpus_feed_options *o) {
    *f = (corpus_feed){.store = store, .masking = m, .options = *o, .next = 1};
    if (!store->count) return err_set(ERR_DATA, "the corpus has no sentence to train on");
    if (o->tokens_per_batch && o->tokens_per_batch < 2 * store->longest)
        return err_set(ERR_USAGE,
                       "tokens_per_batch is %u, but the longest sentence has %u tokens: expected "
                       "%u or more",
                       o->tokens_per_batch, store->longest, 2 * store->longest);
    uint64_t all = o->tokens_per_batch ? store->tokens : store->count;
    uint64_t each = o->tokens_per_batch ? o->tokens_per_batch : o->batch_size;
    uint64_t steps = (all + each - 1) / each;
    double total = o->max_steps ? o->max_steps : ceil(o->epochs * (double)steps);
    if (steps > INT32_MAX || total > INT32_MAX)
        return err_set(ERR_USAGE, "%g steps are too many: expected fewer than 2^31", total);
    f->epoch_steps = (uint32_t)steps;
    f->total_steps = (uint32_t)total;
    if (!f->total_steps)
        return err_set(ERR_USAGE, "epochs is %g: there is no step to train", o->epochs);
    uint64_t tokens = step_tokens(f);
    return masked_sentences_init(&f->step, tokens / SENTENCE_LEAST + 1, tokens);
}

void corpus_feed_free(corpus_feed *f) {
    masked_sentences_free(&f->step);
    *f = (corpus_feed){0};
}

/* Whether step `index` of an epoch is full: by sentences, or by its share of the tokens. */
static bool is_full(const corpus_feed *f, uint32_t index, uint64_t taken, uint64_t tokens) {
    if (taken == f->store->count) return true;
    if (index + 1 == f->epoch_steps) return false;
    uint64_t behind = (uint64_t)index + 1;
    if (!f->options.tokens_per_batch) return taken >= behind * f->options.batch_size;
    // in doubles, which are the same everywhere: a product of integers might pass 64 bits
    double share = (double)f->store->tokens * (double)behind / f->epoch_steps;
    return (double)tokens >= share;
}

static uint64_t sentence_at(const corpus_feed *f, uint64_t place, uint32_t epoch) {
    return rng_permuted(place, f->store->count, f->options.seed, epoch);
}

/* Walks to where step s begins: through its epoch, unless the step before it was the last given. */
static void seek(corpus_feed *f, uint32_t s) {
    uint32_t epoch = (s - 1) / f->epoch_steps, index = (s - 1) % f->epoch_steps;
    if (f->next == s && index) return;
    f->next = s;
    f->taken = f->tokens = 0;
    for (uint32_t i = 0; i < index; i++)
        while (!is_full(f, i, f->taken, f->tokens))
            f->tokens += token_store_length(f->store, sentence_at(f, f->taken++, epoch));
}

static err step(void *context, const pack_sentence **sentences, uint32_t *count, uint32_t s) {
    corpus_feed *f = context;
    uint32_t epoch = (s - 1) / f->epoch_steps, index = (s - 1) % f->epoch_steps;
    seek(f, s);
    uint64_t taken = f->taken, tokens = f->tokens;
    masked_sentences_clear(&f->step);
    while (!is_full(f, index, taken, tokens)) {
        masked_sentences_add(&f->step, f->store, f->masking, sentence_at(f, taken++, epoch), epoch);
        tokens += f->step.list[f->step.count - 1].count;
    }
    f->next = s + 1;
    f->taken = taken;
    f->tokens = tokens;
    *sentences = f->step.list;
    *count = f->step.count;
    return ERR_OK;
}

void corpus_capacity(batch_capacity *c, const token_store *store, const masking *m,
                     uint64_t all_tokens) {
    enum { DEVIATIONS = 8 };
    uint64_t tokens = MICRO_TOKENS > store->longest ? MICRO_TOKENS : store->longest;
    if (tokens > all_tokens) tokens = all_tokens;
    double p = (double)m->chosen_below * 0x1p-32, n = (double)tokens;
    double chosen = p * n + DEVIATIONS * sqrt(p * (1 - p) * n) + store->longest;
    uint32_t most = chosen < n ? (uint32_t)chosen : (uint32_t)tokens;
    // two micro-batches that follow each other hold more than one's tokens
    uint64_t micros = 2 * (all_tokens / tokens) + 2;
    // or more than one's chosen ones, which come together where they are of whole words
    if (m->whole_words) micros += 2 * (all_tokens / (most ? most : 1));
    if (c->tokens < tokens) c->tokens = (uint32_t)tokens;
    if (c->sentences < tokens / SENTENCE_LEAST + 1)
        c->sentences = (uint32_t)(tokens / SENTENCE_LEAST + 1);
    if (c->max_length < store->longest) c->max_length = store->longest;
    if (c->chosen < most) c->chosen = most;
    if (c->micros < micros) c->micros = (uint32_t)micros;
}

static void raise(void *context, batch_capacity *c) {
    const corpus_feed *f = context;
    corpus_capacity(c, f->store, f->masking, step_tokens(f));
}

static double epochs_of(void *context, uint32_t done) {
    const corpus_feed *f = context;
    return (double)done / f->epoch_steps;
}

feed corpus_feed_of(corpus_feed *f) {
    return (feed){.context = f,
                  .epoch_steps = f->epoch_steps,
                  .total_steps = f->total_steps,
                  .unit = "tokens",
                  .per_step = (double)f->store->tokens / f->epoch_steps,
                  .raise = raise,
                  .step = step,
                  .epoch = epochs_of};
}
