// The bundled sentences: how many, how different from each other, and whether anything can be
// learned.
#include "base/memory.h"
#include "data/dataset.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 5, LABELS_MAX = 7, TRAIN = 16, TEST = 8 };
static const char *const names[TASKS] = {"nsmc", "kor_hate", "kor_sarcasm", "kor_sae", "kor_3i4k"};

static void load(task *t, dataset *d, const char *name) {
    dataset_options sample = {.sample = true};
    err e = task_find(t, name, NULL);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
    e = dataset_load(d, t, &sample);
    cr_assert_eq(e, ERR_OK, "%s", err_message(e));
}

CleanTest(sample, sixteen_train_and_eight_test_sentences_of_each_label) {
    size_t total = 0;
    for (size_t i = 0; i < TASKS; i++) {
        task t;
        dataset d;
        load(&t, &d, names[i]);
        for (size_t c = 0; c < t.label_count; c++) {
            cr_expect_eq(d.train.label_counts[c], TRAIN, "%s label %zu", names[i], c);
            cr_expect_eq(d.test.label_counts[c], TEST, "%s label %zu", names[i], c);
        }
        cr_expect_eq(d.train.kept_count, d.train.row_count, "%s", names[i]);
        cr_expect_eq(d.test.dedup_count, d.test.row_count, "%s", names[i]);
        total += d.train.row_count + d.test.row_count;
        dataset_free(&d);
        task_free(&t);
    }
    cr_expect_eq(total, 480);
}

Test(sample, the_other_hate_columns_have_every_label_in_both_splits) {
    static const char *const others[] = {"kor_hate_bias", "kor_hate_gender"};
    for (size_t i = 0; i < 2; i++) {
        task t;
        dataset d;
        load(&t, &d, others[i]);
        for (size_t c = 0; c < t.label_count; c++) {
            cr_expect_gt(d.train.label_counts[c], 3, "%s label %zu", others[i], c);
            cr_expect_gt(d.test.label_counts[c], 1, "%s label %zu", others[i], c);
        }
        dataset_free(&d);
        task_free(&t);
    }
}

/* The distinct pairs of neighbouring characters of a text, sorted; a pair is (first << 32 |
 * second). */
typedef struct bigrams {
    uint64_t list[512];
    size_t count;
} bigrams;

static uint32_t next_character(const unsigned char **p) {
    static const unsigned char lead_bits[] = {0x7F, 0x1F, 0x0F, 0x07};
    int more = **p < 0x80 ? 0 : **p < 0xE0 ? 1 : **p < 0xF0 ? 2 : 3;
    uint32_t c = *(*p)++ & lead_bits[more];
    while (more--) c = c << 6 | (*(*p)++ & 0x3F);
    return c;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bigrams distinct_bigrams(const char *text) {
    bigrams b = {.count = 0};
    const unsigned char *p = (const unsigned char *)text;
    uint32_t before = next_character(&p);
    while (*p) {
        uint32_t c = next_character(&p);
        cr_assert_lt(b.count, 512);
        b.list[b.count++] = (uint64_t)before << 32 | c;
        before = c;
    }
    qsort(b.list, b.count, sizeof *b.list, by_value);
    size_t kept = 0;
    for (size_t i = 0; i < b.count; i++) {
        if (!i || b.list[i] != b.list[i - 1]) b.list[kept++] = b.list[i];
    }
    b.count = kept;
    return b;
}

static size_t shared(const bigrams *a, const bigrams *b) {
    size_t count = 0;
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        if (a->list[i] == b->list[j]) count++;
        if (a->list[i] <= b->list[j])
            i++;
        else
            j++;
    }
    return count;
}

// of two sentences of any two tasks, the shorter one shares fewer than half its pairs with the
// other
Test(sample, no_two_sentences_share_half_their_bigrams) {
    task t[TASKS];
    dataset d[TASKS];
    const char *texts[600];
    bigrams *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < TASKS; i++) {
        load(&t[i], &d[i], names[i]);
        for (size_t r = 0; r < d[i].train.row_count; r++)
            texts[count++] = d[i].train.rows[r].example.texts[0].text;
        for (size_t r = 0; r < d[i].test.row_count; r++)
            texts[count++] = d[i].test.rows[r].example.texts[0].text;
    }
    cr_assert_eq(count, 480);
    cr_assert_eq(mem_new(&all, count), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        all[i] = distinct_bigrams(texts[i]);
        for (size_t j = 0; j < i; j++) {
            size_t fewer = all[i].count < all[j].count ? all[i].count : all[j].count;
            size_t both = shared(&all[i], &all[j]);
            cr_expect_lt(2 * both, fewer, "%zu of %zu pairs shared: '%s' and '%s'", both, fewer,
                         texts[i], texts[j]);
        }
    }
    mem_free(all);
    for (size_t i = 0; i < TASKS; i++) {
        dataset_free(&d[i]);
        task_free(&t[i]);
    }
}

enum { SLOTS = 1 << 14 };

static size_t slot_of(uint64_t pair) {
    return (size_t)(pair * 0x9E3779B97F4A7C15u >> 50);
}

// naive Bayes over hashed character pairs: a model that knows nothing but which pairs a label's 16
// sentences hold
Test(sample, a_bigram_classifier_beats_chance) {
    static double counts[LABELS_MAX][SLOTS], totals[LABELS_MAX];
    for (size_t i = 0; i < TASKS; i++) {
        task t;
        dataset d;
        load(&t, &d, names[i]);
        memset(counts, 0, sizeof counts);
        memset(totals, 0, sizeof totals);
        for (size_t r = 0; r < d.train.row_count; r++) {
            bigrams b = distinct_bigrams(d.train.rows[r].example.texts[0].text);
            for (size_t k = 0; k < b.count; k++) {
                counts[d.train.rows[r].example.target.class][slot_of(b.list[k])]++;
                totals[d.train.rows[r].example.target.class]++;
            }
        }
        size_t right = 0;
        for (size_t r = 0; r < d.test.row_count; r++) {
            bigrams b = distinct_bigrams(d.test.rows[r].example.texts[0].text);
            size_t best = 0;
            double best_score = -INFINITY;
            for (size_t c = 0; c < t.label_count; c++) {
                double score = 0;
                for (size_t k = 0; k < b.count; k++) {
                    score += log((counts[c][slot_of(b.list[k])] + 0.5) / (totals[c] + 500));
                }
                if (score > best_score) {
                    best_score = score;
                    best = c;
                }
            }
            right += best == d.test.rows[r].example.target.class;
        }
        // chance is 8 whatever the number of labels
        cr_expect_gt(right, TEST + 2, "%s: %zu of %zu right", names[i], right, d.test.row_count);
        dataset_free(&d);
        task_free(&t);
    }
}
