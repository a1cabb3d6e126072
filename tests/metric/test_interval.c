#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "metric/interval.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
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

// strata of 3 and 2 units, as two rows share a text: each resample keeps the strata's unit counts
Test(interval, units_and_types_by_hand) {
    size_t live = mem_live_count();
    const uint32_t gold[] = {0, 0, 1, 0, 1, 0}, predicted[] = {0, 1, 1, 0, 0, 0};
    const uint32_t first[] = {0, 1, 2, 3, 4, 0}; // row 5 repeats row 0
    const uint32_t *runs[] = {predicted};
    bootstrap b;
    cr_assert_not(bootstrap_init(&b, &(test_table){6, 2, gold, first, runs, 1}));
    cr_assert_eq(b.units, 5);
    cr_assert_eq(b.types, 5); // (00), (00 00), (01), (10), (11)
    uint32_t counts[5], seen[5] = {0};
    for (uint32_t d = 0; d < 2000; d++) {
        bootstrap_draw(counts, &b, 1, d);
        uint32_t sum = 0, pairs = 0;
        for (size_t k = 0; k < 5; k++) {
            if (b.stratum_end[k] == 3) sum += counts[k];
            if (b.row_begin[k + 1] - b.row_begin[k] == 2) pairs += counts[k];
            seen[k] += counts[k];
        }
        cr_assert_eq(sum, 3, "draw %u: %u units of class 0", d, sum);
        uint64_t m[4];
        bootstrap_matrices(m, &b, counts);
        cr_assert_eq(m[0] + m[1], 3 + pairs);
        cr_assert_eq(m[2] + m[3], 2);
    }
    // each unit is drawn once per resample on average: 2000 +- 5 standard deviations of sqrt(2000)
    for (size_t k = 0; k < 5; k++)
        cr_assert(seen[k] > 1776 && seen[k] < 2224, "type %zu: %u", k, seen[k]);
    bootstrap_free(&b);
    cr_assert_eq(mem_live_count(), live);
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
        cr_assert_not(bootstrap_init(&b, &(test_table){N, 2, gold, NULL, runs, 1}));
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
    cr_assert_not(bootstrap_init(&boot, &(test_table){N, 3, gold, NULL, runs, 2}));
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
    cr_assert_not(interval_of_run(&x, metric_find("accuracy"), gold, predicted, NULL, N, 3));
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
    cr_assert_not(interval_of_run(&single, m, gold, predicted, NULL, N, 2));
    cr_assert_not(interval_of_run(&paired, m, gold, predicted, first, 2 * N, 2));
    cr_assert_not(interval_of_run(&loose, m, gold, predicted, NULL, 2 * N, 2));
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
    cr_assert_not(interval_of_run(&x, metric_find("accuracy"), gold, predicted, first, N, 2));
    double took = clock_seconds() - start;
    cr_log_info("interval of 50,000 rows: %.3f s", took);
    cr_assert_lt(took, 5.0, "took %.2f s", took); // far above what it takes: machines differ
}

Test(interval, bad_tables_are_named) {
    size_t live = mem_live_count();
    const uint32_t gold[] = {0, 1, 2}, fine[] = {0, 1, 1}, later[] = {0, 2, 2}, chain[] = {0, 0, 1};
    const uint32_t *runs[] = {fine};
    bootstrap b;
    cr_assert_eq(bootstrap_init(&b, &(test_table){3, 2, gold, NULL, runs, 1}), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA), "row 2: id 2, expected ids below 2");
    cr_assert_eq(bootstrap_init(&b, &(test_table){3, 3, gold, later, runs, 1}), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA), "row 1: its text is said to occur first in row 2");
    cr_assert_eq(bootstrap_init(&b, &(test_table){3, 3, gold, chain, runs, 1}), ERR_DATA);
    cr_assert_str_eq(err_message(ERR_DATA), "row 2: its text is said to occur first in row 1");
    cr_assert_eq(bootstrap_init(&b, &(test_table){0, 3, gold, NULL, runs, 1}), ERR_ARG);
    cr_assert_eq(mem_live_count(), live);
}

Test(interval, quantiles_interpolate) {
    double v[] = {4, 1, 3, 2};
    cr_assert_float_eq(quantile_of(v, 4, 0.5), 2.5, 1e-15);
    cr_assert_float_eq(quantile_of(v, 4, 0.25), 1.75, 1e-15);
    cr_assert_eq(quantile_of(v, 4, 1), 4.0);
    cr_assert_eq(quantile_of(v, 4, 0), 1.0);
}
