/* The batches of a pretraining, as the trainer gets them, for a loop in PyTorch.
 *
 *     mask_pass MODEL train.tokens TOKENS_PER_BATCH STEPS SEED
 *
 * A line of JSON a step: its sentences as {"ids": masked, "places": [...], "wanted": [...]}. */
#include "base/json.h"
#include "base/memory.h"
#include "train/pretrain/corpus_feed.h"

#include <stdio.h>
#include <stdlib.h>

static void print_numbers(const char *key, const uint32_t *values, uint32_t count) {
    printf("\"%s\":[", key);
    for (uint32_t i = 0; i < count; i++) printf("%s%u", i ? "," : "", values[i]);
    putchar(']');
}

static err print_step(const feed *f, uint32_t step) {
    const pack_sentence *list = NULL;
    uint32_t count = 0;
    err e = f->step(f->context, &list, &count, step);
    if (e) return e;
    for (uint32_t i = 0; i < count; i++) {
        const example_chosen *chosen = &list[i].target.chosen;
        fputs(i ? ",{" : "[{", stdout);
        print_numbers("ids", list[i].ids, list[i].count);
        putchar(',');
        print_numbers("places", chosen->places, chosen->count);
        putchar(',');
        print_numbers("wanted", chosen->ids, chosen->count);
        putchar('}');
    }
    puts("]");
    return ERR_OK;
}

int main(int argc, char **argv) {
    tokenizer words = {0};
    token_store store = {0};
    masking mask = {0};
    corpus_feed of = {0};
    if (argc != 6) {
        fputs("mask_pass MODEL train.tokens TOKENS_PER_BATCH STEPS SEED\n", stderr);
        return 2;
    }
    uint32_t seed = (uint32_t)strtoul(argv[5], NULL, 10);
    corpus_feed_options options = {.tokens_per_batch = (uint32_t)strtoul(argv[3], NULL, 10),
                                   .max_steps = (uint32_t)strtoul(argv[4], NULL, 10),
                                   .seed = seed};
    json_setup();
    err e = tokenizer_load(&words, argv[1], false);
    if (!e) e = token_store_open(&store, argv[2]);
    if (!e) e = masking_init(&mask, &words, (uint32_t)words.count, 0.15, false, seed);
    if (!e) e = corpus_feed_init(&of, &store, &mask, &options);
    feed f = corpus_feed_of(&of);
    for (uint32_t s = 1; s <= options.max_steps && !e; s++) e = print_step(&f, s);
    if (e) fprintf(stderr, "mask_pass: %s\n", err_message(e));
    corpus_feed_free(&of);
    masking_free(&mask);
    token_store_close(&store);
    tokenizer_free(&words);
    return e ? 1 : 0;
}
