#include "metric/expected_best.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <math.h>

/* Three scores, by hand: of two draws the best is the highest in 5 of 9 pairs, the middle one in 3,
 * the lowest in 1. */
Test(expected_best, hand_worked) {
    const double scores[] = {0.5, 0.2, 0.8};
    double mean[3], deviation[3];
    MUST(expected_best(mean, deviation, scores, 3, true));
    cr_expect_float_eq(mean[0], 0.5, 1e-15);
    cr_expect_float_eq(mean[1], (0.2 + 3 * 0.5 + 5 * 0.8) / 9, 1e-15);
    cr_expect_float_eq(mean[2], (0.2 + 7 * 0.5 + 19 * 0.8) / 27, 1e-15);
    cr_expect_float_eq(deviation[0], sqrt(0.06), 1e-15);
    MUST(expected_best(mean, deviation, scores, 3, false));
    cr_expect_float_eq(mean[1], (0.8 + 3 * 0.5 + 5 * 0.2) / 9, 1e-15);
}

/* The definition itself: all N^n draws of a few scores, ties among them. */
Test(expected_best, equals_the_mean_over_all_draws) {
    const double scores[] = {0.31, 0.7, 0.7, -0.2};
    double mean[4], deviation[4];
    MUST(expected_best(mean, deviation, scores, 4, true));
    for (size_t n = 1, draws = 4; n <= 4; n++, draws *= 4) {
        double sum = 0, square = 0;
        for (size_t d = 0; d < draws; d++) {
            double best = -1;
            for (size_t k = 0, rest = d; k < n; k++, rest /= 4) best = fmax(best, scores[rest % 4]);
            sum += best;
            square += best * best;
        }
        sum /= (double)draws;
        cr_expect_float_eq(mean[n - 1], sum, 1e-12, "n %zu", n);
        cr_expect_float_eq(deviation[n - 1], sqrt(square / (double)draws - sum * sum), 1e-7);
    }
}

Test(expected_best, a_trial_without_a_score_counts_as_the_worst) {
    const double some[] = {0.4, NAN, 0.6}, none[] = {NAN, NAN};
    double mean[3], deviation[3];
    MUST(expected_best(mean, deviation, some, 3, true));
    cr_expect_float_eq(mean[0], (0.4 + 0.4 + 0.6) / 3, 1e-15);
    MUST(expected_best(mean, deviation, some, 3, false));
    cr_expect_float_eq(mean[0], (0.4 + 0.6 + 0.6) / 3, 1e-15);
    MUST(expected_best(mean, deviation, none, 2, true));
    cr_expect(isnan(mean[1]));
    MUST(expected_best(mean, deviation, none, 0, true));
}
