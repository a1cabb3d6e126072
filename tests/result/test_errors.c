#include "result/errors.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ROWS = 6, CLASSES = 2 };

/* A row's logits that give class 1 the probability p. */
static void put(float *logits, const double *p) {
    for (int i = 0; i < ROWS; i++) {
        logits[2 * i] = 0;
        logits[2 * i + 1] = (float)log(p[i] / (1 - p[i]));
    }
}

static const uint32_t gold[ROWS] = {0, 0, 1, 1, 0, 1};
static const double first[ROWS] = {0.1, 0.9, 0.95, 0.4, 0.52, 0.1};
static const double second[ROWS] = {0.2, 0.7, 0.97, 0.6, 0.55, 0.2};

static errors find_of(answer_kind kind, const char *headline) {
    static float a[ROWS * CLASSES], b[ROWS * CLASSES];
    static uint32_t x[ROWS], y[ROWS];
    static const uint32_t repeats[ROWS] = {0, 1, 2, 1, 4, 5};
    static const uint32_t tokens[ROWS] = {3, 3, 3, 9, 9, 20}, unknown[ROWS] = {0, 0, 1, 0, 0, 2};
    static const bool leaked[ROWS] = {true};
    const float *const logits[] = {a, b};
    const uint32_t *const predicted[] = {x, y};
    errors out;
    put(a, first);
    put(b, second);
    for (int i = 0; i < ROWS; i++) {
        x[i] = first[i] > 0.5;
        y[i] = second[i] > 0.5;
    }
    MUST(errors_find(&out, &(errors_input){.runs = 2,
                                           .rows = ROWS,
                                           .classes = CLASSES,
                                           .kind = kind,
                                           .logits = logits,
                                           .predicted = predicted,
                                           .gold = gold,
                                           .first_row = repeats,
                                           .leaked = leaked,
                                           .tokens = tokens,
                                           .unknown = unknown,
                                           .headline = metric_find(headline)}));
    return out;
}

static errors find(void) {
    return find_of(ANSWER_CLASS, "macro_f1");
}

/* Rows of class 1 get (0.96 + 0.5 + 0.15) / 3 = 0.537 for it on average, which row 4 with its 0.535
 * stays below; rows of class 0 get (0.85 + 0.2 + 0.465) / 3 = 0.505 for theirs. */
Test(errors, rows_that_all_get_wrong) {
    errors e = find();
    cr_assert_eq(e.wrong_count, 3);
    static const size_t order[] = {5, 1, 4};
    for (int i = 0; i < 3; i++) cr_expect_eq(e.wrong[i].row, order[i], "%d", i);
    cr_expect_float_eq(e.wrong[0].probability, 0.85, 1e-6);
    cr_expect_float_eq(e.wrong[0].gold_chance, 0.15, 1e-6);
    cr_expect_eq(e.wrong[0].answer, 0);
    cr_expect_eq(e.suspect_count, 2);
    cr_expect(e.wrong[1].is_suspect && !e.wrong[2].is_suspect);
    cr_assert_eq(e.parted_count, 1);
    cr_expect_eq(e.parted[0].row, 3);
    cr_expect_float_eq(e.parted[0].entropy, log(2), 1e-12);
    errors_free(&e);
}

static const errors_slice *slice(const errors *e, const char *by, const char *name) {
    for (size_t i = 0; i < e->slice_count; i++)
        if (!strcmp(e->slices[i].by, by) && !strcmp(e->slices[i].name, name)) return &e->slices[i];
    cr_assert_fail("no slice %s %s", by, name);
    return NULL;
}

Test(errors, slices_and_pairs) {
    errors e = find();
    cr_expect_eq(slice(&e, "length", "0 to 3 tokens")->rows, 3);
    cr_expect_float_eq(slice(&e, "length", "0 to 3 tokens")->accuracy, 2.0 / 3, 1e-12);
    cr_expect_eq(slice(&e, "length", "4 to 9 tokens")->rows, 2);
    cr_expect_float_eq(slice(&e, "length", "4 to 9 tokens")->accuracy, 0.25, 1e-12);
    cr_expect_eq(slice(&e, "length", "10 to 20 tokens")->rows, 1);
    cr_expect_eq(slice(&e, "[UNK]", "none")->rows, 4);
    cr_expect_eq(slice(&e, "[UNK]", "up to a tenth")->rows, 1);
    cr_expect_eq(slice(&e, "[UNK]", "more")->rows, 1);
    cr_expect_eq(slice(&e, "text", "also in train")->rows, 1);
    cr_expect_eq(slice(&e, "text", "more than once")->rows, 2);
    cr_expect_eq(slice(&e, "text", "neither")->rows, 3);
    // the first row alone is right: the class that it has not and nobody says does not count
    cr_expect_float_eq(slice(&e, "text", "also in train")->headline, 1, 1e-12);
    cr_assert_eq(e.pair_count, 2);
    cr_expect(e.pairs[0].gold == 0 && e.pairs[0].said == 1 && e.pairs[0].rows == 2);
    cr_expect_float_eq(e.pairs[0].share, 2.0 / 3, 1e-12);
    cr_expect(e.pairs[1].gold == 1 && e.pairs[1].said == 0 && e.pairs[1].rows == 1.5);
    errors_free(&e);
}

/* Quarters of the rows: equal lengths stay together, and every row is in one of them. */
Test(errors, slices_of_lengths_hold_every_row_once) {
    enum { MOST = 8 };
    static const struct {
        uint32_t tokens[MOST];
        size_t rows;
        const char *names;
    } lists[] = {{{1, 2, 3, 4}, 4, "0 to 1 tokens, 2 tokens, 3 tokens, 4 tokens"},
                 {{5, 5, 5, 5}, 4, "0 to 5 tokens"},
                 {{0, 1, 1, 1}, 4, "0 tokens, 1 tokens"},
                 {{9, 1, 2, 1}, 4, "0 to 1 tokens, 2 tokens, 3 to 9 tokens"},
                 {{3}, 1, "0 to 3 tokens"},
                 {{3, 7}, 2, "0 to 3 tokens, 4 to 7 tokens"},
                 {{8, 7, 6, 5, 4, 3, 2, 1},
                  8,
                  "0 to 2 tokens, 3 to 4 tokens, 5 to 6 tokens, 7 to 8 tokens"}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        static float a[MOST * CLASSES];
        static uint32_t answered[MOST], rows[MOST] = {0, 1, 2, 3, 4, 5, 6, 7};
        static bool leaked[MOST];
        const float *const logits[] = {a};
        const uint32_t *const predicted[] = {answered};
        errors e;
        char names[200] = "";
        size_t sum = 0;
        MUST(errors_find(&e, &(errors_input){.runs = 1,
                                             .rows = lists[i].rows,
                                             .classes = CLASSES,
                                             .logits = logits,
                                             .predicted = predicted,
                                             .gold = answered,
                                             .first_row = rows,
                                             .leaked = leaked,
                                             .tokens = lists[i].tokens,
                                             .unknown = answered,
                                             .headline = metric_find("macro_f1")}));
        for (size_t k = 0; k < e.slice_count && !strcmp(e.slices[k].by, "length"); k++) {
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k ? ", " : "",
                     e.slices[k].name);
            sum += e.slices[k].rows;
        }
        cr_expect_str_eq(names, lists[i].names);
        cr_expect_eq(sum, lists[i].rows, "%s: %zu rows", names, sum);
        errors_free(&e);
    }
}

/* Rows that are as wrong, and rows on which runs part as much, stand in the order of the data. */
Test(errors, equal_rows_keep_their_order) {
    enum { N = 6 };
    // the first three rows are answered wrongly by both runs, the others by one
    static float a[N * CLASSES] = {0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1},
                       b[N * CLASSES] = {0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0};
    static const uint32_t of[N], x[N] = {1, 1, 1, 1, 0, 1}, y[N] = {1, 1, 1, 0, 1, 0};
    static const uint32_t rows[N] = {0, 1, 2, 3, 4, 5};
    static const bool leaked[N];
    const float *const logits[] = {a, b};
    const uint32_t *const predicted[] = {x, y};
    errors e;
    const errors_input in = {.runs = 2,
                             .rows = N,
                             .classes = CLASSES,
                             .logits = logits,
                             .predicted = predicted,
                             .gold = of,
                             .first_row = rows,
                             .leaked = leaked,
                             .tokens = of,
                             .unknown = of,
                             .headline = metric_find("macro_f1")};
    MUST(errors_find(&e, &in));
    cr_assert(e.wrong_count == 3 && e.parted_count == 3);
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(e.wrong[i].row, i);
        cr_expect_eq(e.parted[i].row, 3 + i);
    }
    errors_free(&e);
    // of rows with as many votes those first whose probabilities are further apart
    a[5 * CLASSES + 1] = 5;
    MUST(errors_find(&e, &in));
    cr_expect(e.parted[0].row == 5 && e.parted[1].row == 3 && e.parted[2].row == 4);
    cr_expect_gt(e.parted[0].distance, e.parted[1].distance);
    errors_free(&e);
}

/* No more than `bytes` from here on. */
static void limit_memory(size_t bytes) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    rlim_t all = pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    cr_assert_eq(setrlimit(RLIMIT_AS, &(struct rlimit){all, all}), 0);
}

/* A table of every pair of 4,096 labels would take 134 MB, and a list of them 400. */
Test(errors, pairs_of_many_labels_take_no_square) {
    enum { LABELS = 4096, N = 8 };
    static float a[N * LABELS];
    static const uint32_t of[N] = {4095, 4095, 4095, 7, 7, 0, 1, 2}, none[N];
    static const uint32_t x[N] = {4095, 3000, 3000, 2, 7, 0, 1, 2},
                          y[N] = {1, 3000, 2, 2, 2, 0, 1, 2};
    static const uint32_t rows[N] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const bool leaked[N];
    const float *const logits[] = {a, a};
    const uint32_t *const predicted[] = {x, y};
    errors e;
    limit_memory(64 << 20);
    MUST(errors_find(&e, &(errors_input){.runs = 2,
                                         .rows = N,
                                         .classes = LABELS,
                                         .logits = logits,
                                         .predicted = predicted,
                                         .gold = of,
                                         .first_row = rows,
                                         .leaked = leaked,
                                         .tokens = none,
                                         .unknown = none,
                                         .headline = metric_find("macro_f1")}));
    static const errors_pair pairs[] = {{7, 2, 1.5, 0.75},
                                        {4095, 3000, 1.5, 0.5},
                                        {4095, 1, 0.5, 0.5 / 3},
                                        {4095, 2, 0.5, 0.5 / 3}};
    cr_assert_eq(e.pair_count, 4);
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(e.pairs[i].gold, pairs[i].gold, "%d", i);
        cr_expect_eq(e.pairs[i].said, pairs[i].said, "%d", i);
        cr_expect_float_eq(e.pairs[i].rows, pairs[i].rows, 1e-12, "%d", i);
        cr_expect_float_eq(e.pairs[i].share, pairs[i].share, 1e-12, "%d", i);
    }
    errors_free(&e);
}

/* Of relations a slice has the scores that take the probabilities: the first row alone gives its
 * label an area of 1, and the absent one 1/2, as KLUE counts it. */
Test(errors, slices_of_relations) {
    errors e = find_of(ANSWER_RELATION, "klue_auprc");
    cr_expect_float_eq(slice(&e, "text", "also in train")->headline, 0.75, 1e-12);
    cr_expect_float_eq(slice(&e, "text", "also in train")->accuracy, 1, 1e-12);
    errors_free(&e);
}
