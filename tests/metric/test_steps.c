/* Steps in a sequence: by hand, how often noise has one, and how often a step is found. */
#include "base/memory.h"
#include "base/rng.h"
#include "metric/steps.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SITE = 0x7F000000 };

CleanTest(steps, a_step_is_where_it_was_put) {
    size_t count;
    static const double values[] = {1, 3, 2, 1, 3, 11, 13, 12, 11, 13};
    level *levels;
    MUST(levels_find(&levels, &count, values, 10));
    cr_assert_eq(count, 2);
    cr_assert_eq(levels[0].begin, 0);
    cr_assert_eq(levels[0].end, 5);
    cr_assert_eq(levels[1].begin, 5);
    cr_assert_eq(levels[1].end, 10);
    cr_assert_float_eq(levels[0].value, 2, 1e-12);
    cr_assert_float_eq(levels[1].noise, 1.4826, 1e-12);
    cr_assert_float_eq(levels[1].change, 10, 1e-12);
    // of 25 differences two are left out at each end (Mann and Whitney's 2 of 5 and 5); four are 8
    cr_assert_float_eq(levels[1].low, 8, 1e-12);
    cr_assert_float_eq(levels[1].high, 12, 1e-12);
    // of the orders of ten, 2 in 252 part the values so
    cr_assert_float_eq(levels[1].p, 2.0 / 252, 0.003, "%g", levels[1].p);
    mem_free(levels);
    // one more on one side than on the other would be too few
    MUST(levels_find(&levels, &count, values + 1, 8));
    cr_assert_eq(count, 1);
    cr_assert_eq(levels[0].end, 8);
    mem_free(levels);
}

/* Up, down a little less, and up again; and the same upside down. */
Test(steps, several_are_found) {
    double values[60], turned[60];
    static const double at[] = {10, 14, 12, 18};
    level *levels, *same;
    size_t count, again;
    for (uint32_t i = 0; i < 60; i++) {
        values[i] = at[i / 15] + 0.5 * rng_normal(1, SITE, i);
        turned[i] = -values[i];
    }
    MUST(levels_find(&levels, &count, values, 60));
    MUST(levels_find(&same, &again, turned, 60));
    cr_assert_eq(count, 4, "%zu levels", count);
    cr_assert_eq(again, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(levels[i].begin, 15 * i);
        cr_assert_eq(same[i].begin, 15 * i);
        cr_assert_float_eq(levels[i].value, at[i], 0.5);
        if (i) cr_assert_float_eq(same[i].change, -levels[i].change, 1e-9);
        if (i) cr_assert_float_eq(levels[i].p, 1.0 / (STEPS_ORDERS + 1), 1e-12);
    }
    mem_free(levels);
    mem_free(same);
}

Test(steps, short_and_constant_sequences_have_none) {
    static const double alike[12] = {0}, one[] = {5}, five[] = {0, 0, 0, 9, 9};
    level *levels;
    size_t count;
    MUST(levels_find(&levels, &count, alike, 12));
    cr_assert_eq(count, 1);
    cr_assert_eq(levels[0].noise, 0);
    mem_free(levels);
    MUST(levels_find(&levels, &count, one, 1));
    cr_assert_eq(count, 1);
    cr_assert_eq(levels[0].value, 5);
    mem_free(levels);
    MUST(levels_find(&levels, &count, five, 5));
    cr_assert_eq(count, 1);
    mem_free(levels);
}

CleanTest(steps, each_request_for_memory_may_fail) {
    static const double values[] = {1, 3, 2, 1, 3, 11, 13, 12, 11, 13};
    level none, *levels = &none; // *levels is what it gives, whole or not
    size_t count = 7;
    MUST_FAIL_WITHOUT_MEMORY(UINT64_MAX, levels_find(&levels, &count, values, 10),
                             (mem_free(levels), levels = &none));
}

/* A single value far off is noise, wherever it lies. */
Test(steps, an_outlier_is_no_step) {
    for (size_t at = 0; at < 20; at++) {
        double values[20];
        level *levels;
        size_t count;
        for (uint32_t i = 0; i < 20; i++) values[i] = rng_normal(2, SITE, i);
        values[at] += 100;
        MUST(levels_find(&levels, &count, values, 20));
        cr_assert_eq(count, 1, "%zu", at);
        mem_free(levels);
    }
}

static int ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The change of long levels is told by the values next to the step: of older ones the median, and
 * with it the change, is another. */
Test(steps, a_change_is_that_of_the_nearest_values) {
    enum { BEFORE = STEPS_NEAR + 200, AFTER = STEPS_NEAR + 150, ALL = BEFORE + AFTER };
    static double values[ALL], differences[STEPS_NEAR * STEPS_NEAR];
    level *levels;
    size_t count, used = 0;
    for (uint32_t i = 0; i < ALL; i++) values[i] = (i < BEFORE ? 0 : 5) + rng_normal(5, SITE, i);
    MUST(levels_find(&levels, &count, values, ALL));
    cr_assert(count == 2 && levels[1].begin == BEFORE, "%zu levels", count);
    for (size_t i = BEFORE - STEPS_NEAR; i < BEFORE; i++)
        for (size_t k = BEFORE; k < BEFORE + STEPS_NEAR; k++)
            differences[used++] = values[k] - values[i];
    qsort(differences, used, sizeof *differences, ascending);
    double median = (differences[used / 2 - 1] + differences[used / 2]) / 2;
    cr_expect_float_eq(levels[1].change, median, 1e-12, "%.9f, expected %.9f", levels[1].change,
                       median);
    cr_expect(levels[1].low < median && median < levels[1].high);
    mem_free(levels);
}

/* Nor does one hide a step. */
Test(steps, an_outlier_hides_no_step) {
    double values[40];
    level *levels;
    size_t count;
    for (uint32_t i = 0; i < 40; i++) values[i] = (i < 20 ? 0 : 3) + 0.5 * rng_normal(4, SITE, i);
    values[6] = 1000;
    values[30] = -1000;
    MUST(levels_find(&levels, &count, values, 40));
    cr_assert_eq(count, 2, "%zu", count);
    cr_assert_eq(levels[1].begin, 20);
    cr_assert_float_eq(levels[1].change, 3, 0.7, "%g", levels[1].change);
    mem_free(levels);
}

/* Of 100 sequences without a step about 1 % has one, whatever the noise: 1, and no more than 5
 * (P = 0.0005). A step of three standard deviations among 12 + 12 values is missed hardly ever. */
Test(steps, noise_is_told_from_steps) {
    enum { SEQUENCES = 100, LONG = 24 };
    size_t normal = 0, heavy = 0, found = 0, right = 0;
    for (uint32_t s = 0; s < SEQUENCES; s++) {
        double values[LONG], cubed[LONG], with[LONG];
        level *levels;
        size_t count;
        for (uint32_t i = 0; i < LONG; i++) {
            values[i] = rng_normal(3, SITE, (uint64_t)s * LONG + i);
            cubed[i] = pow(values[i], 3); // far tails, as times of a busy machine have
            with[i] = values[i] + (i < LONG / 2 ? 0 : 3);
        }
        MUST(levels_find(&levels, &count, values, LONG));
        normal += count > 1;
        mem_free(levels);
        MUST(levels_find(&levels, &count, cubed, LONG));
        heavy += count > 1;
        mem_free(levels);
        MUST(levels_find(&levels, &count, with, LONG));
        found += count > 1;
        right += count > 1 && levels[1].begin >= LONG / 2 - 1 && levels[1].begin <= LONG / 2 + 1;
        mem_free(levels);
    }
    fprintf(stderr, "steps: %zu and %zu of %d in noise; %zu found, %zu within one place\n", normal,
            heavy, SEQUENCES, found, right);
    cr_assert_leq(normal, 5);
    cr_assert_leq(heavy, 5);
    cr_assert_geq(found, 98);
    cr_assert_geq(right, 93);
}
