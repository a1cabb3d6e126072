/* Ranks of rows whose pairs no bound tells apart, so that each is asked for and judged by its own two rows: they are those of
 * Holm's adjustment over the p-values that `compare` has for the same pairs. */
#include "base/rng.h"
#include "platform/file.h"
#include "report/board.h"
#include "report/compare.h"
#include "support/fake_record.h"
#include "support/holm.h"
#include "support/must.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

TestSuite(board_pairs, .init = fake_results_begin, .fini = fake_results_end);

enum { ROWS = 200, SEEDS = 2, SIDES = 3 };

static float number(uint32_t i, uint32_t stream) {
    return (float)philox4x32((philox){{i, stream, 0, 0}}, 5, 8).v[0] * 0x1p-32f - 0.5f;
}

typedef struct side {
    const char *model;
    uint32_t errors; // sides of the same ones err in the same rows
    float larger;    // times that
    record runs[SEEDS];
} side;

/* The second seed answers with twice the numbers, which is the same correlation. */
static void make(side *s) {
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        float gold[ROWS], said[ROWS];
        fake_record_make(&s->runs[seed], &(fake_record){.task = "kor_x",
                                                        .model = s->model,
                                                        .kind = ANSWER_NUMBER,
                                                        .headline = "pearson",
                                                        .rows = ROWS,
                                                        .seed = seed});
        for (uint32_t i = 0; i < ROWS; i++) {
            gold[i] = 2.5f + 4 * number(i, 1);
            said[i] = (gold[i] + 4 * s->larger * number(i, s->errors)) * (float)(1 + seed);
        }
        MUST(record_test_answers(&s->runs[seed], (answers){.numbers = gold},
                                 (answers){.numbers = said}, NULL, NULL, ROWS));
        MUST(record_score(&s->runs[seed]));
    }
}

static void end(side *s) {
    for (int i = 0; i < SEEDS; i++) record_free(&s->runs[i]);
}

static group_comparison compared(const side *a, const side *b) {
    group_comparison c;
    const record *of_a[SEEDS] = {&a->runs[0], &a->runs[1]}, *of_b[] = {&b->runs[0], &b->runs[1]};
    MUST(compare_groups(&c, of_a, SEEDS, of_b, SEEDS));
    return c;
}

/* Lets s err more until no difference to `from` is as likely as p, and just less. */
static void part(side *s, const side *from, double p) {
    float low = from->larger, high = 4 * low;
    while (nextafterf(low, high) < high) {
        s->larger = low + (high - low) / 2;
        make(s);
        *(compared(from, s).p > p ? &low : &high) = s->larger;
        end(s);
    }
    s->larger = high;
    make(s);
}

static size_t rank_of(const board_table *t, const char *model) {
    size_t i = 0;
    while (strcmp(t->rows[i].runs[0]->model.name, model)) i++;
    return t->rows[i].rank;
}

/* The second errs in other rows than the first, by so much that Holm's first level is just reached; the third in the
 * same ones, where far less is a difference. Rows are in the order of the names: the one that both pairs share is the
 * first of each, and then the second. */
Test(board_pairs, each_doubt_is_of_its_own_rows) {
    static const char *const names[][SIDES] = {{"a", "b", "c"}, {"c", "b", "a"}};
    static const size_t pairs[][2] = {{0, 1}, {0, 2}, {1, 2}};
    for (size_t order = 0; order < 2; order++) {
        side sides[SIDES] = {{.errors = 2, .larger = 1}, {.errors = 3}, {.errors = 2}};
        double p[SIDES], adjusted[SIDES];
        size_t ranks[SIDES] = {1, 1, 1}, worse[SIDES];
        store s;
        board b;
        for (size_t i = 0; i < SIDES; i++) sides[i].model = names[order][i];
        make(&sides[0]);
        part(&sides[1], &sides[0], 0.05 / 3);
        part(&sides[2], &sides[0], 0.022);
        for (size_t i = 0; i < SIDES; i++) {
            group_comparison c = compared(&sides[pairs[i][0]], &sides[pairs[i][1]]);
            p[i] = c.p;
            worse[i] = pairs[i][c.difference < 0];
            for (int seed = 0; seed < SEEDS; seed++)
                MUST(store_write(fake_results, &sides[i].runs[seed], NULL));
        }
        // below the level by less than what is known of a pair that was not asked for
        cr_assert(p[0] * 3 < 0.05 && p[0] * 3 > 0.05 * (1 - 1e-5), "%.9g", p[0]);
        holm_adjust(adjusted, p, SIDES);
        for (size_t i = 0; i < SIDES; i++) ranks[worse[i]] += adjusted[i] < 0.05;
        cr_assert(ranks[0] == 1 && adjusted[0] < 0.05 && adjusted[1] < 0.05);
        MUST(store_read(&s, fake_results));
        MUST(board_init(&b, &s, NULL));
        cr_assert(b.table_count == 1 && b.tables[0].row_count == SIDES);
        for (size_t i = 0; i < SIDES; i++)
            cr_expect_eq(rank_of(&b.tables[0], sides[i].model), ranks[i], "%s", sides[i].model);
        board_free(&b);
        store_free(&s);
        for (size_t i = 0; i < SIDES; i++) end(&sides[i]);
        MUST(folder_remove(fake_results));
    }
}

/* One that errs in the same rows, and in all of them a 20,000th more, differs surely as far as resamples go: but by less than one row
 * decided either way, which is under every variance. */
Test(board_pairs, less_than_a_row_is_no_difference) {
    side sides[] = {{"a", 2, 1, {{0}}}, {"b", 2, 1.00005f, {{0}}}};
    store s;
    board b;
    for (size_t i = 0; i < 2; i++) {
        make(&sides[i]);
        for (int seed = 0; seed < SEEDS; seed++)
            MUST(store_write(fake_results, &sides[i].runs[seed], NULL));
    }
    cr_expect_gt(compared(&sides[0], &sides[1]).p, 0.9);
    MUST(store_read(&s, fake_results));
    MUST(board_init(&b, &s, NULL));
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(rank_of(&b.tables[0], sides[i].model), 1);
        end(&sides[i]);
    }
    board_free(&b);
    store_free(&s);
}
