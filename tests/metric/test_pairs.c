#include "base/rng.h"
#include "metric/pairs.h"
#include "metric/score_lanes.h"
#include "metric/statistics.h"
#include "support/class_table.h"
#include "support/holm.h"
#include "support/must.h"

#include <math.h>

enum { DRAWS = 800, SIDES = 45, RUNS = 3, UNITS = 471 };

static double scores[SIDES][RUNS], means[SIDES][DRAWS];
static float draws[SIDES][DRAWS];
static pair_bounds bounds[SIDES * SIDES];
static size_t asked;

static double number(uint32_t i, uint32_t stream) {
    return philox4x32((philox){{i, stream, 0, 0}}, 5, 8).v[0] * 0x1p-32 - 0.5;
}

static double p_of(size_t a, size_t b) {
    estimate x =
        estimate_difference(scores[a], RUNS, means[a], scores[b], RUNS, means[b], DRAWS, UNITS);
    return estimate_p(&x);
}

static err exact(void *of, double *p, const side_pair *pairs, size_t count) {
    (void)of;
    for (size_t i = 0; i < count; i++) p[i] = p_of(pairs[i].a, pairs[i].b);
    asked += count;
    return ERR_OK;
}

/* Models whose resamples share a part, `apart` the further the further their places. */
static void make_sides(pair_side *sides, size_t count, double apart, uint32_t stream) {
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t r = 0; r < RUNS; r++)
            scores[i][r] = 0.5 + apart * number(i, stream) + 0.002 * number(i * 8 + r, stream + 1);
        for (uint32_t d = 0; d < DRAWS; d++)
            means[i][d] = mean_of(scores[i], RUNS) + 0.05 * number(d, stream + 2) +
                          0.04 * number(i * DRAWS + d, stream + 3);
        pairs_center(draws[i], means[i], DRAWS);
        sides[i] = (pair_side){scores[i], RUNS, variance_of(means[i], NULL, DRAWS), draws[i]};
    }
}

/* By exact p-values of all pairs. */
static void plain_ranks(size_t *better, size_t count) {
    static double p[SIDES * SIDES], adjusted[SIDES * SIDES];
    size_t n = 0;
    for (size_t a = 0; a < count; a++)
        for (size_t b = a + 1; b < count; b++) p[n++] = p_of(a, b);
    holm_adjust(adjusted, p, n);
    for (size_t a = 0; a < count; a++) better[a] = 0;
    n = 0;
    for (size_t a = 0; a < count; a++)
        for (size_t b = a + 1; b < count; b++, n++)
            if (adjusted[n] < 0.05)
                better[mean_of(scores[a], RUNS) > mean_of(scores[b], RUNS) ? b : a]++;
}

CleanTest(pairs, ranks_are_those_of_all_exact_p_values) {
    static const double apart[] = {0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 2};
    static const size_t counts[] = {0, 1, 2, 3, 31, 33, SIDES};
    size_t pairs = 0, differ = 0;
    pair_side sides[SIDES];
    for (uint32_t k = 0; k < sizeof apart / sizeof *apart; k++) {
        memset(bounds, 0, sizeof bounds); // then what is known of fewer sides serves more
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            size_t got[SIDES], want[SIDES], n = counts[c];
            make_sides(sides, n, apart[k], 10 * k);
            if (k == 3 && n > 4) { // two that are the same, and one that never varies
                memcpy(scores[1], scores[0], sizeof scores[0]);
                memcpy(means[1], means[0], sizeof means[0]);
                for (size_t d = 0; d < DRAWS; d++) means[2][d] = 0.5;
                for (size_t i = 1; i < 3; i++) {
                    pairs_center(draws[i], means[i], DRAWS);
                    sides[i].variance = variance_of(means[i], NULL, DRAWS);
                }
                memset(bounds, 0, sizeof bounds);
            }
            pair_table t = {sides, n, DRAWS, UNITS, true, exact, NULL, bounds};
            MUST(pairs_rank(got, &t));
            plain_ranks(want, n);
            for (size_t i = 0; i < n; i++) {
                cr_assert_eq(got[i], want[i], "%g apart, side %zu of %zu: %zu better, want %zu",
                             apart[k], i, n, got[i], want[i]);
                differ += want[i];
            }
            pairs += n * (n ? n - 1 : 0) / 2;
        }
    }
    cr_assert(differ > 1000 && differ < pairs - 1000, "%zu of %zu differ", differ, pairs);
    cr_assert_lt(asked, pairs / 100, "%zu of %zu were asked for", asked, pairs);
}

/* A pair whose p-value lies as close to the level as numbers allow: bounds cannot tell, so it is asked
 * for, and is what the exact value says on either side. */
Test(pairs, at_the_level_the_exact_value_is_asked_for) {
    pair_side sides[2];
    size_t got[2];
    double near = 0, far = 1, score[RUNS], mean[DRAWS];
    make_sides(sides, 2, 0, 3);
    memcpy(score, scores[1], sizeof score);
    memcpy(mean, means[1], sizeof mean);
    for (int i = 0; i < 62; i++) {
        double shift = i == 60 ? near : i == 61 ? far : (near + far) / 2;
        for (size_t r = 0; r < RUNS; r++) scores[1][r] = score[r] + shift;
        for (size_t d = 0; d < DRAWS; d++) means[1][d] = mean[d] + shift;
        bool differs = p_of(0, 1) < 0.05;
        if (i < 60) {
            *(differs ? &far : &near) = shift;
            continue;
        }
        pairs_center(draws[1], means[1], DRAWS);
        sides[1].variance = variance_of(means[1], NULL, DRAWS);
        asked = 0;
        memset(bounds, 0, sizeof bounds);
        pair_table t = {sides, 2, DRAWS, UNITS, true, exact, NULL, bounds};
        MUST(pairs_rank(got, &t));
        cr_expect_eq(asked, 1);
        cr_expect_eq(differs, i == 61);
        cr_expect(got[0] == differs && got[1] == 0, "%zu %zu at %g", got[0], got[1], shift);
    }
}

/* Sides without resamples: a pair that was judged before is not tested again, one that was not is. */
Test(pairs, of_which_all_is_known_need_no_resamples) {
    pair_side sides[SIDES];
    size_t first[SIDES], again[SIDES];
    make_sides(sides, SIDES, 0.3, 70); // some of which no product is needed, some in doubt
    pair_table t = {sides, SIDES, DRAWS, UNITS, true, exact, NULL, bounds};
    asked = 0;
    MUST(pairs_rank(first, &t));
    cr_assert_eq(asked, 0);
    for (size_t i = 0; i < SIDES; i++) sides[i].draws = NULL;
    MUST(pairs_rank(again, &t));
    cr_assert_arr_eq(first, again, sizeof first);
    for (size_t i = 0; i < SIDES; i++) sides[i].draws = draws[i];
    bounds[pair_place(3, 7)] = (pair_bounds){0, 1}; // tells nothing
    MUST(pairs_rank(again, &t));
    cr_assert_arr_eq(first, again, sizeof first);
    cr_assert(bounds[pair_place(3, 7)].high < 1 || bounds[pair_place(3, 7)].low > 0);
    cr_assert_eq(asked, 0);
}

// lower is better: the other of each pair
Test(pairs, of_a_metric_that_falls) {
    pair_side sides[3];
    size_t up[3], down[3];
    make_sides(sides, 3, 2, 1);
    pair_table t = {sides, 3, DRAWS, UNITS, true, exact, NULL, bounds};
    MUST(pairs_rank(up, &t));
    t.higher_is_better = false;
    MUST(pairs_rank(down, &t));
    for (size_t i = 0; i < 3; i++) cr_assert_eq(up[i] + down[i], 2);
}

/* The bits of metric.fn, also of classes that nobody has or says, listed or not. */
Test(pairs, lanes_score_as_one_by_one) {
    static const char *const names[] = {"accuracy", "macro_f1"};
    enum { CLASSES = 5 };
    for (uint32_t k = 0; k < 200; k++) {
        uint32_t sums[3][CLASSES][SCORE_LANES];
        for (uint32_t c = 0; c < CLASSES; c++) {
            for (uint32_t j = 0; j < SCORE_LANES; j++) {
                philox w = philox4x32((philox){{k, c, j, 0}}, 3, 4);
                uint32_t most = w.v[3] % 4 ? 50000 : 2;
                sums[2][c][j] = w.v[0] % most;
                sums[0][c][j] = sums[2][c][j] + w.v[1] % most;
                sums[1][c][j] = sums[2][c][j] + w.v[2] % most;
            }
        }
        for (size_t n = 0; n < 2; n++) {
            const metric *m = metric_find(names[n]);
            double got[SCORE_LANES];
            const size_t classes = CLASSES + k % 3;
            score_lanes_of(m)(got, **sums, CLASSES, classes);
            for (size_t j = 0; j < SCORE_LANES; j++) {
                uint64_t block[3 * (CLASSES + 2)] = {0};
                for (size_t i = 0; i < 3 * (size_t)CLASSES; i++)
                    block[i / CLASSES * classes + i % CLASSES] = sums[i / CLASSES][i % CLASSES][j];
                confusion c = confusion_at(block, classes);
                double want = m->fn(&c);
                cr_assert(!memcmp(&got[j], &want, sizeof want), "%s: %.17g, want %.17g", names[n],
                          got[j], want);
            }
        }
    }
    cr_assert_null(score_lanes_of(metric_find("mcc")));
}

/* A run's scores are those that it has in the whole table, alone, in a group, and in a part. */
Test(pairs, a_part_of_a_table_has_the_scores_of_the_whole) {
    enum { ROWS = 60, MANY = 6, CLASSES = 3 };
    static uint32_t gold[ROWS], first[ROWS], predicted[MANY][ROWS];
    static double all[MANY * DRAWS], group[DRAWS], part[DRAWS], known[DRAWS];
    const uint32_t *runs[MANY];
    unit_draws of_units;
    answers answered[CLASS_TABLE_RUNS];
    bootstrap b;
    bool single;
    for (uint32_t i = 0; i < ROWS; i++) {
        first[i] = i % 10 == 9 ? i - 4 : i;
        gold[i] = i * 7 % 5 % CLASSES;
        for (uint32_t r = 0; r < MANY; r++)
            predicted[r][i] = number(i * MANY + r, 9) < 0.1 ? gold[i] : (i + r) % CLASSES;
    }
    for (uint32_t r = 0; r < MANY; r++) runs[r] = predicted[r];
    test_table t = class_table(answered, ROWS, CLASSES, gold, first, runs, MANY);
    MUST(bootstrap_is_single(&single, &t));
    cr_assert(single);
    const metric *m = metric_find("macro_f1");
    MUST(bootstrap_init(&b, &t));
    cr_assert(b.single);
    MUST(bootstrap_scores(all, &b, m, DRAWS, 0));
    MUST(bootstrap_means(group, &b, m, (const size_t[]){2, 5}, 1, DRAWS, 0));
    bootstrap_free(&b);
    t = class_table(answered, ROWS, CLASSES, gold, first, runs + 4, 1);
    MUST(bootstrap_init_single(&b, &t));
    MUST(bootstrap_scores(part, &b, m, DRAWS, 0));
    MUST(unit_draws_init(&of_units, b.units));
    cr_assert(of_units.counts);
    b.known = &of_units;
    MUST(bootstrap_scores(known, &b, m, DRAWS, BOOTSTRAP_SEED));
    unit_draws_free(&of_units);
    bootstrap_free(&b);
    cr_assert(!memcmp(known, part, sizeof known));
    for (size_t d = 0; d < DRAWS; d++) {
        double mean = 0;
        for (size_t r = 2; r < 5; r++) mean += all[r * DRAWS + d] / 3;
        cr_assert(!memcmp(&mean, &group[d], sizeof mean), "draw %zu", d);
        cr_assert(!memcmp(&all[4 * DRAWS + d], &part[d], sizeof *part), "draw %zu", d);
    }
    // one model on few kinds of rows: types
    for (uint32_t i = 0; i < ROWS; i++) gold[i] = predicted[0][i] = 0;
    t = class_table(answered, ROWS, CLASSES, gold, NULL, runs, 1);
    MUST(bootstrap_is_single(&single, &t));
    cr_assert_not(single);
}
