/* Which tokens are masked, and by what. */
#include "base/memory.h"
#include "base/rng.h"
#include "data/masking.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VOCABULARY = 40, LENGTH = 12, SENTENCES = 20000 };

/* [PAD] [UNK] [CLS] [SEP] [MASK], words, pieces that follow. */
static void open_words(tokenizer *t) {
    static char text[VOCABULARY][16];
    char *tokens[VOCABULARY];
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    for (int i = 0; i < VOCABULARY; i++) {
        tokens[i] = text[i];
        if (i < 5)
            snprintf(text[i], sizeof text[i], "%s", special[i]);
        else
            snprintf(text[i], sizeof text[i], "%sw%d", i % 3 ? "" : "##", i);
    }
    MUST(tokenizer_from_tokens(t, tokens, VOCABULARY, false));
}

/* [CLS], an [UNK], words of one, two and three pieces, [SEP]. */
static const uint32_t sentence[LENGTH] = {2, 1, 5, 7, 6, 8, 9, 12, 10, 15, 3, 3};

typedef struct counts {
    double chosen, masked, drawn, kept, places[LENGTH];
} counts;

static void count_all(counts *c, const masking *m, uint32_t epoch) {
    uint32_t ids[LENGTH], places[LENGTH], wanted[LENGTH];
    memset(c, 0, sizeof *c);
    for (uint64_t s = 0; s < SENTENCES; s++) {
        memcpy(ids, sentence, sizeof ids);
        uint32_t n = masking_apply(m, ids, places, wanted, LENGTH, epoch, s);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t k = places[i];
            cr_assert(k < LENGTH && (!i || k > places[i - 1]));
            cr_assert_eq(wanted[i], sentence[k]);
            cr_assert(k > 0 && sentence[k] != 3, "a special token was chosen");
            c->chosen++;
            c->places[k]++;
            c->masked += ids[k] == 4;
            c->kept += ids[k] == sentence[k];
            c->drawn += ids[k] != 4 && ids[k] != sentence[k];
            ids[k] = sentence[k];
        }
        cr_assert_eq(memcmp(ids, sentence, sizeof ids), 0, "a token not chosen changed");
    }
}

/* Six standard deviations of a share p of n. */
static void check_share(double found, double n, double p, const char *what) {
    cr_assert_float_eq(found / n, p, 6 * sqrt(p * (1 - p) / n), "%s: %g of %g", what, found, n);
}

CleanTest(masking, shares_are_those_of_the_collator) {
    tokenizer t;
    masking m;
    counts c;
    open_words(&t);
    // a tokenizer.json may not say of a token that it is special: its name does
    for (size_t i = 0; i < t.added_count; i++) t.added[i].special = false;
    MUST(masking_init(&m, &t, VOCABULARY, 0.15, false, 7));
    count_all(&c, &m, 3);
    check_share(c.chosen, 9.0 * SENTENCES, 0.15, "chosen");
    check_share(c.places[1], SENTENCES, 0.15, "[UNK]");
    // a drawn token is [MASK] or what stood there once in V times each
    check_share(c.masked, c.chosen, 0.8 + 0.1 / VOCABULARY, "masked");
    check_share(c.kept, c.chosen, 0.1 + 0.1 / VOCABULARY, "kept");
    check_share(c.drawn, c.chosen, 0.1 - 0.2 / VOCABULARY, "drawn");
    masking_free(&m);
    tokenizer_free(&t);
}

Test(masking, follows_seed_epoch_sentence_and_place_alone) {
    tokenizer t;
    masking m, other;
    uint32_t a[LENGTH], b[LENGTH], places[LENGTH], wanted[LENGTH], same = 0, n = 0;
    open_words(&t);
    MUST(masking_init(&m, &t, VOCABULARY, 0.5, false, 7));
    MUST(masking_init(&other, &t, VOCABULARY, 0.5, false, 8));
    for (uint64_t s = 0; s < 64; s++) {
        const struct {
            const masking *m;
            uint32_t epoch;
            uint64_t sentence;
            bool is_same;
        } tries[] = {{&m, 1, s, true},
                     {&other, 1, s, false},
                     {&m, 2, s, false},
                     {&m, 1, s + 1, false},
                     {&m, 1, s + (1ULL << 32), false}};
        memcpy(a, sentence, sizeof a);
        (void)masking_apply(&m, a, places, wanted, LENGTH, 1, s);
        for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
            memcpy(b, sentence, sizeof b);
            (void)masking_apply(tries[i].m, b, places, wanted, LENGTH, tries[i].epoch,
                                tries[i].sentence);
            bool equal = memcmp(a, b, sizeof a) == 0;
            if (tries[i].is_same) cr_assert(equal);
            same += !tries[i].is_same && equal;
            n += !tries[i].is_same;
        }
        // the same places of a longer sentence are masked alike
        memcpy(b, sentence, sizeof b);
        (void)masking_apply(&m, b, places, wanted, 6, 1, s);
        cr_assert_eq(memcmp(a, b, 6 * sizeof *a), 0);
    }
    cr_assert_lt(same, n / 8, "%u of %u alike", same, n);
    masking_free(&m);
    masking_free(&other);
    tokenizer_free(&t);
}

/* Places of words: each [first, end) is chosen as a whole, all equally often. */
typedef struct word_places {
    uint32_t ids[LENGTH];
    uint32_t first[5], end[5], count;
} word_places;

static void check_words(const masking *m, const word_places *x) {
    double chosen[5] = {0};
    for (uint64_t s = 0; s < SENTENCES / 4; s++) {
        uint32_t ids[LENGTH], places[LENGTH], wanted[LENGTH];
        bool is_chosen[LENGTH] = {false};
        memcpy(ids, x->ids, sizeof ids);
        uint32_t n = masking_apply(m, ids, places, wanted, LENGTH, 0, s);
        for (uint32_t i = 0; i < n; i++) is_chosen[places[i]] = true;
        for (uint32_t w = 0; w < x->count; w++) {
            chosen[w] += is_chosen[x->first[w]];
            for (uint32_t k = x->first[w] + 1; k < x->end[w]; k++)
                cr_assert_eq(is_chosen[k], is_chosen[x->first[w]], "place %u", k);
        }
    }
    for (uint32_t w = 0; w < x->count; w++)
        check_share(chosen[w], SENTENCES / 4.0, 0.3, "rows of a word");
}

Test(masking, whole_words_go_together) {
    // the second: texts that begin within a word, as those that are cut do
    static const word_places rows[] = {
        {{2, 1, 5, 7, 6, 8, 9, 12, 10, 15, 3, 3}, {1, 2, 3, 5, 8}, {2, 3, 5, 8, 10}, 5},
        {{2, 6, 9, 5, 3, 12, 15, 7, 3, 3, 3, 3}, {1, 3, 5, 7}, {3, 4, 7, 8}, 4},
    };
    tokenizer t;
    masking m;
    open_words(&t);
    MUST(masking_init(&m, &t, VOCABULARY, 0.3, true, 7));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_words(&m, &rows[i]);
    masking_free(&m);
    tokenizer_free(&t);
}

Test(masking, all_none_and_no_mask) {
    tokenizer t;
    masking m;
    uint32_t ids[LENGTH], places[LENGTH], wanted[LENGTH];
    open_words(&t);
    for (int p = 0; p < 2; p++) {
        MUST(masking_init(&m, &t, VOCABULARY, p, false, 7));
        memcpy(ids, sentence, sizeof ids);
        cr_assert_eq(masking_apply(&m, ids, places, wanted, LENGTH, 0, 0), p ? 9 : 0);
        cr_assert_eq(masking_apply(&m, ids, places, wanted, 1, 0, 0), 0);
        masking_free(&m);
    }
    // one that the model has no row for is none
    MUST_FAIL(masking_init(&m, &t, t.mask_id, 0.15, false, 7), ERR_DATA, "no [MASK]");
    masking_free(&m);
    t.mask_id = TOKENIZER_NO_ID;
    MUST_FAIL(masking_init(&m, &t, VOCABULARY, 0.15, false, 7), ERR_DATA, "no [MASK]");
    masking_free(&m);
    tokenizer_free(&t);
}

Test(masking, orders_without_a_list_are_permutations) {
    const uint64_t counts_of[] = {1, 2, 3, 4, 5, 16, 17, 1000, 4097};
    for (size_t i = 0; i < sizeof counts_of / sizeof *counts_of; i++) {
        uint64_t n = counts_of[i];
        uint32_t *seen = NULL;
        uint64_t moved = 0, differ = 0;
        MUST(mem_new(&seen, n));
        for (uint64_t k = 0; k < n; k++) {
            uint64_t p = rng_permuted(k, n, 42, 3);
            cr_assert_lt(p, n);
            cr_assert_eq(seen[p]++, 0, "%zu of %zu twice", (size_t)p, (size_t)n);
            moved += p != k;
            differ += p != rng_permuted(k, n, 42, 4);
        }
        if (n > 16) cr_assert(moved > n * 9 / 10 && differ > n * 9 / 10, "%zu", (size_t)n);
        mem_free(seen);
    }
    // far beyond 32 bits
    cr_assert_lt(rng_permuted(5000000000u, 6000000000u, 1, 1), 6000000000u);
}
