/* What the best of n trials is to be expected to score: Dodge, Gururangan, Card, Schwartz, Smith,
 * "Show Your Work: Improved Reporting of Experimental Results", EMNLP 2019, section 3. */
#ifndef HARNESS_METRIC_EXPECTED_BEST_H
#define HARNESS_METRIC_EXPECTED_BEST_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Expected best of n trials, n = 1 to count, each drawn from the empirical distribution of the
 * scores found (with replacement): with these ascending, v(1) to v(N),
 *     E[best of n] = sum over i of v(i) * ((i / N)^n - ((i - 1) / N)^n)
 * and the standard deviation of the same distribution.
 *   mean, deviation   (count) the caller's
 *   scores            (count), in any order; NaN, a trial that gave none, counts as the worst found
 *   higher_is_better  of false the same with every sign turned
 * All are NaN when no score is a number. Errors: ERR_MEMORY. */
err expected_best(double *mean, double *deviation, const double *scores, size_t count,
                  bool higher_is_better) MUST_CHECK;

#endif
