#include "base/log.h"
#include "base/rng.h"
#include "metric/interval.h"
#include "support/class_table.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static uint32_t word(uint32_t i, uint32_t stream) {
    return philox4x32((philox){{i, stream, 0, 0}}, 9, 9).v[0];
}

// rows whose gold is random and whose prediction is right with that chance in 256
static void fill(uint32_t *gold, uint32_t *predicted, size_t rows, size_t classes, uint32_t right,
                 uint32_t stream) {
    for (size_t i = 0; i < rows; i++) {
        gold[i] = word((uint32_t)i, 0) % (uint32_t)classes;
        uint32_t w = word((uint32_t)i, stream);
        predicted[i] = (w & 255) < right ? gold[i] : (w >> 8) % (uint32_t)classes;
    }
}

// 5 units, as two rows share a text; how many are of one label varies from resample to resample
CleanTest(interval, units_and_types_by_hand) {
    const uint32_t gold[] = {0, 0, 1, 0, 1, 0}, predicted[] = {0, 1, 1, 0, 0, 0};
    const uint32_t first[] = {0, 1, 2, 3, 4, 0}; // row 5 repeats row 0
    const uint32_t *runs[] = {predicted};
    bootstrap b;
    cr_assert_not(class_bootstrap(&b, 6, 2, gold, first, runs, 1));
    cr_assert_eq(b.units, 5);
    cr_assert_eq(b.types, 5); // (00), (00 00), (01), (10), (11)
    uint32_t counts[5], seen[5] = {0}, ones = 0, ones_square = 0;
    for (uint32_t d = 0; d < 2000; d++) {
        bootstrap_draw(counts, &b, 1, d);
        uint32_t sum = 0, pairs = 0;
        for (size_t k = 0; k < 5; k++) {
            sum += counts[k];
            if (b.row_begin[k + 1] - b.row_begin[k] == 2) pairs += counts[k];
            seen[k] += counts[k];
        }
        cr_assert_eq(sum, 5, "draw %u: %u units", d, sum);
        uint32_t lanes[5 * BOOTSTRAP_LANES], sums[6 * BOOTSTRAP_LANES], s[6];
        for (size_t k = 0; k < 5 * BOOTSTRAP_LANES; k++) lanes[k] = counts[k / BOOTSTRAP_LANES];
        bootstrap_sums(sums, &b, lanes);
        for (size_t k = 0; k < 6; k++) s[k] = sums[k * BOOTSTRAP_LANES + d % BOOTSTRAP_LANES];
        // gold, predicted, hit
        cr_assert_eq(s[0] + s[1], 5 + pairs);
        cr_assert_eq(s[2] + s[3], 5 + pairs);
        cr_assert(s[4] <= s[0] && s[4] <= s[2] && s[5] <= s[1] && s[5] <= s[3]);
        cr_assert_eq(s[0] - s[4], s[3] - s[5]); // of two classes, what one misses the other gets
        ones += s[1];
        ones_square += s[1] * s[1];
    }
    // each unit is drawn once per resample on average: 2000 +- 5 standard deviations of sqrt(2000)
    for (size_t k = 0; k < 5; k++)
        cr_assert(seen[k] > 1776 && seen[k] < 2224, "type %zu: %u", k, seen[k]);
    // units of label 1 are binomial (5, 0.4): mean 2, variance 1.2 with a standard error of 0.04
    double mean = ones / 2000.0, variance = ones_square / 2000.0 - mean * mean;
    cr_assert_float_eq(variance, 1.2, 0.2, "labels held fixed? variance %g", variance);
    bootstrap_free(&b);
}

/* Units that are drawn singly, seldom more than a few times, and types that are drawn hundreds of times:
 * both have the scores of their sums, to the bit, though each run names other labels. */
Test(interval, scores_are_of_the_sums) {
    enum { N = 12000, RUNS = 8, CLASSES = 20, DRAWS = 2 * BOOTSTRAP_LANES };
    static uint32_t gold[N], predicted[RUNS][N];
    static double scores[RUNS * DRAWS], mcc[RUNS * DRAWS];
    const uint32_t *runs[RUNS];
    for (uint32_t r = 0; r < RUNS; r++) {
        fill(gold, predicted[r], N, 4, 100, r + 1);
        for (size_t i = 0; i < N; i++) predicted[r][i] *= 3;
        for (size_t i = 0; i < 40; i++) predicted[r][i] = 7 + r;
    }
    for (size_t i = 0; i < N; i++) gold[i] *= 3;
    for (size_t r = 0; r < RUNS; r++) runs[r] = predicted[r];
    const size_t counts_of[] = {1, RUNS};
    for (size_t c = 0; c < 2; c++) {
        size_t count = counts_of[c], heavy = 0;
        uint32_t *drawn, *lanes, *sums;
        bootstrap b;
        cr_assert_not(class_bootstrap(&b, N, CLASSES, gold, NULL, runs, count));
        cr_assert_eq(b.single, count > 1);
        cr_assert_not(mem_new(&drawn, b.types));
        cr_assert_not(mem_new(&lanes, b.types * BOOTSTRAP_LANES));
        cr_assert_not(mem_new(&sums, count * 3 * CLASSES * BOOTSTRAP_LANES));
        cr_assert_not(bootstrap_scores(scores, &b, metric_find("macro_f1"), DRAWS, 1));
        cr_assert_not(bootstrap_scores(mcc, &b, metric_find("mcc"), DRAWS, 1));
        for (uint32_t d = 0; d < DRAWS; d++) {
            bootstrap_draw(drawn, &b, 1, d);
            for (size_t k = 0; k < b.types * BOOTSTRAP_LANES; k++)
                lanes[k] = drawn[k / BOOTSTRAP_LANES];
            for (size_t k = 0; k < b.types; k++) heavy += drawn[k] > UINT8_MAX;
            bootstrap_sums(sums, &b, lanes);
            for (size_t r = 0; r < count; r++) {
                uint64_t block[3 * CLASSES];
                for (size_t i = 0; i < 3 * CLASSES; i++)
                    block[i] = sums[(r * 3 * CLASSES + i) * BOOTSTRAP_LANES];
                confusion sum = confusion_at(block, CLASSES);
                cr_assert_eq(scores[r * DRAWS + d], metric_value("macro_f1", &sum),
                             "draw %u, run %zu of %zu", d, r, count);
                cr_assert_eq(mcc[r * DRAWS + d], metric_value("mcc", &sum));
            }
        }
        cr_assert_eq(heavy > 0, count == 1);
        mem_free(drawn);
        mem_free(lanes);
        mem_free(sums);
        bootstrap_free(&b);
    }
}

// mean and variance of the drawn counts against those of a binomial, for small and large means
Test(interval, draws_have_binomial_moments) {
    enum { N = 1000, DRAWS = 20000 };
    static uint32_t gold[N], predicted[N];
    const uint32_t *runs[] = {predicted};
    const size_t ones[] = {1, 5, 11, 13, 120, 500, 730, 996};
    for (size_t c = 0; c < sizeof ones / sizeof *ones; c++) {
        for (size_t i = 0; i < N; i++) predicted[i] = i < ones[c];
        bootstrap b;
        cr_assert_not(class_bootstrap(&b, N, 2, gold, NULL, runs, 1));
        cr_assert_eq(b.types, 2);
        double p = (double)ones[c] / N, sum = 0, square = 0;
        for (uint32_t d = 0; d < DRAWS; d++) {
            uint32_t counts[2];
            bootstrap_draw(counts, &b, 3, d);
            cr_assert_eq(counts[0] + counts[1], N);
            double x = counts[1] - N * p;
            sum += x;
            square += x * x;
        }
        double variance = N * p * (1 - p);
        cr_assert_lt(fabs(sum / DRAWS), 4.5 * sqrt(variance / DRAWS), "%zu ones: mean off by %g",
                     ones[c], sum / DRAWS);
        // the fourth moment of a binomial, for the standard error of its variance
        double fourth = 3 * variance * variance + variance * (1 - 6 * p * (1 - p));
        double error = sqrt((fourth - variance * variance) / DRAWS);
        cr_assert_lt(fabs(square / DRAWS - variance), 4.5 * error, "%zu ones: variance %g, want %g",
                     ones[c], square / DRAWS, variance);
        bootstrap_free(&b);
    }
}

Test(interval, no_number_of_threads_changes_a_bit) {
    enum { N = 400, DRAWS = 300 };
    static uint32_t gold[N], a[N], b[N];
    static double one[2 * DRAWS], three[2 * DRAWS];
    fill(gold, a, N, 3, 150, 1);
    fill(gold, b, N, 3, 190, 2);
    const uint32_t *runs[] = {a, b};
    bootstrap boot;
    cr_assert_not(class_bootstrap(&boot, N, 3, gold, NULL, runs, 2));
    const metric *m = metric_find("macro_f1");
    omp_set_num_threads(1);
    cr_assert_not(bootstrap_scores(one, &boot, m, DRAWS, 0));
    omp_set_num_threads(3);
    cr_assert_not(bootstrap_scores(three, &boot, m, DRAWS, 0));
    cr_assert_eq(memcmp(one, three, sizeof one), 0);
    cr_assert_not(bootstrap_scores(three, &boot, m, DRAWS, 1));
    cr_assert_neq(memcmp(one, three, sizeof one), 0, "another seed gave the same draws");
    bootstrap_free(&boot);
}

// 471 rows at 60 %: the half-width of accuracy is about 1.96 sqrt(p (1 - p) / n) = 4.4 points
Test(interval, of_a_run_has_the_known_width) {
    enum { N = 471 };
    static uint32_t gold[N], predicted[N];
    fill(gold, predicted, N, 3, 110, 1);
    confusion c;
    cr_assert_not(confusion_init(&c, 3));
    cr_assert_not(confusion_add(&c, gold, predicted, NULL, N));
    double p = metric_value("accuracy", &c);
    interval x;
    cr_assert_not(class_interval(&x, metric_find("accuracy"), gold, predicted, NULL, N, 3));
    double want = 1.96 * sqrt(p * (1 - p) / N);
    cr_assert(x.low < p && p < x.high);
    cr_assert_float_eq((x.high - x.low) / 2, want, 0.06 * want, "half-width %g, want about %g",
                       (x.high - x.low) / 2, want);
    confusion_free(&c);
}

// doubling every row by equal texts doubles the rows and leaves the interval as wide as before
Test(interval, equal_texts_stay_together) {
    enum { N = 500 };
    static uint32_t gold[2 * N], predicted[2 * N], first[2 * N];
    fill(gold, predicted, N, 2, 150, 1);
    for (uint32_t i = 0; i < N; i++) {
        gold[N + i] = gold[i];
        predicted[N + i] = predicted[i];
        first[i] = first[N + i] = i;
    }
    const metric *m = metric_find("accuracy");
    interval single, paired, loose;
    cr_assert_not(class_interval(&single, m, gold, predicted, NULL, N, 2));
    cr_assert_not(class_interval(&paired, m, gold, predicted, first, 2 * N, 2));
    cr_assert_not(class_interval(&loose, m, gold, predicted, NULL, 2 * N, 2));
    double width = single.high - single.low;
    cr_assert_float_eq(paired.high - paired.low, width, 1e-12);
    cr_assert_lt(loose.high - loose.low, 0.8 * width);
}

Test(interval, fifty_thousand_rows_are_quick) {
    enum { N = 50000 };
    static uint32_t gold[N], predicted[N], first[N];
    fill(gold, predicted, N, 2, 220, 1);
    for (uint32_t i = 0; i < N; i++) first[i] = i % 50 == 49 ? i - 7 : i;
    double start = clock_seconds();
    interval x;
    cr_assert_not(class_interval(&x, metric_find("accuracy"), gold, predicted, first, N, 2));
    double took = clock_seconds() - start;
    cr_log_info("interval of 50,000 rows: %.3f s", took);
    cr_assert_lt(took, 5.0, "took %.2f s", took); // far above what it takes: machines differ
}

static interval of_first_right(size_t right, size_t rows, const char *name, uint32_t answer) {
    static uint32_t gold[1000], predicted[1000];
    interval x;
    for (uint32_t i = 0; i < rows; i++) {
        gold[i] = i < right ? answer : 1 - answer;
        predicted[i] = answer;
    }
    cr_assert_not(class_interval(&x, metric_find(name), gold, predicted, NULL, rows, 2));
    return x;
}

/* A model that answers one label has the interval of a binomial. The exact (Clopper-Pearson) one of
 * 12 of 20 is 0.3605 to 0.8088, of which the middle 90 % is 0.3830 to 0.7864; of 283 of 471 it is
 * 0.5550 to 0.6454. */
Test(interval, a_constant_model_is_as_uncertain_as_a_binomial) {
    for (uint32_t answer = 0; answer < 2; answer++) {
        interval x = of_first_right(12, 20, "accuracy", answer);
        cr_assert(x.low <= 0.3830 && x.high >= 0.7864, "%g to %g", x.low, x.high);
        cr_assert(x.low >= 0.25 && x.high <= 0.95, "%g to %g", x.low, x.high);
        x = of_first_right(283, 471, "accuracy", answer);
        cr_assert(x.low <= 0.5595 && x.high >= 0.6409, "%g to %g", x.low, x.high);
        cr_assert(x.low >= 0.550 && x.high <= 0.652, "%g to %g", x.low, x.high);
    }
}

// without an error, without a hit, of one row: no interval has width 0 or leaves the metric's
// values
Test(interval, no_interval_has_width_zero) {
    const size_t rows[] = {1, 2, 20, 471};
    for (size_t i = 0; i < 4; i++) {
        double n = (double)rows[i];
        interval all = of_first_right(rows[i], rows[i], "accuracy", 1);
        interval none = of_first_right(0, rows[i], "accuracy", 1);
        cr_assert(all.high == 1 && all.low <= fmax(0, 1 - 1.9 / n), "%zu: %g", rows[i], all.low);
        cr_assert(none.low == 0 && none.high >= fmin(1, 1.9 / n), "%zu: %g", rows[i], none.high);
        interval mcc = of_first_right(rows[i], rows[i], "mcc", 1);
        cr_assert(mcc.low >= -1 && mcc.high <= 1 && mcc.high > mcc.low);
    }
}

CleanTest(interval, bad_tables_are_named) {
    const uint32_t gold[] = {0, 1, 2}, fine[] = {0, 1, 1}, later[] = {0, 2, 2}, chain[] = {0, 0, 1};
    const uint32_t *runs[] = {fine};
    bootstrap b;
    cr_assert_eq(class_bootstrap(&b, 3, 2, gold, NULL, runs, 1), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA), "row 2: id 2, expected ids below 2");
    cr_assert_eq(class_bootstrap(&b, 3, 3, gold, later, runs, 1), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA), "row 1: its text is said to occur first in row 2");
    cr_assert_eq(class_bootstrap(&b, 3, 3, gold, chain, runs, 1), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA), "row 2: its text is said to occur first in row 1");
    cr_assert_eq(class_bootstrap(&b, 0, 3, gold, NULL, runs, 1), ERR_ARG);
}

Test(interval, quantiles_interpolate) {
    double v[] = {4, 1, 3, 2};
    cr_assert_float_eq(quantile_of(v, 4, 0.5), 2.5, 1e-15);
    cr_assert_float_eq(quantile_of(v, 4, 0.25), 1.75, 1e-15);
    cr_assert_eq(quantile_of(v, 4, 1), 4.0);
    cr_assert_eq(quantile_of(v, 4, 0), 1.0);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Against the definition, on sorted numbers: many, few and equal ones, in every order. */
Test(interval, quantiles_need_no_order) {
    enum { MOST = 300 };
    static double sorted[MOST], v[MOST];
    for (uint32_t round = 0; round < 2000; round++) {
        philox w = philox4x32((philox){{round, 1, 0, 0}}, 7, 11);
        size_t count = 1 + w.v[0] % MOST;
        double q = round % 10 ? w.v[1] * 0x1p-32 : round % 20 ? 1 : 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t x = philox4x32((philox){{round, 2, i, 0}}, 7, 11).v[0];
            v[i] = round % 3 ? x : x % (1 + round % 7);
            sorted[i] = v[i];
        }
        qsort(sorted, count, sizeof *sorted, by_size);
        double place = q * (double)(count - 1);
        size_t low = (size_t)place, high = low + 1 < count ? low + 1 : low;
        double wanted = sorted[low] + (place - (double)low) * (sorted[high] - sorted[low]);
        cr_assert_float_eq(quantile_of(v, count, q), wanted, 1e-5, "%zu numbers, %g", count, q);
    }
}
