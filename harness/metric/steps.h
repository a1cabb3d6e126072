/* Steps in a sequence of measurements: where its level changed, told from noise.
 *
 * Binary segmentation (Scott and Knott 1974; Vostrikova 1981): the place that parts a stretch best is
 * that of the largest CUSUM of ranks (Pettitt 1979), |mean left - mean right| sqrt(k (n - k) / n), so
 * that a measurement far off counts no more than any other. It is a step when few orders of the same
 * values have one as large: a permutation test of the maximum (Antoch and Huskova 2001; so in
 * E-divisive of Matteson and James 2014), which assumes no distribution, but that without a step
 * every order is as likely. Then both sides are looked at alike. Five values on each side, all of
 * one above all of the other, are just enough. Orders are a function of the stretch's length alone,
 * so the same values have the same steps. */
#ifndef HARNESS_METRIC_STEPS_H
#define HARNESS_METRIC_STEPS_H

#include "base/err.h"

#include <stddef.h>

enum { STEPS_SIDE = 3 /* values on each side, at least */, STEPS_ORDERS = 9999 };
#define STEPS_LEVEL 0.01 /* of each test */

/* A stretch without a step. Of the step that it begins with, which the first has not: p; and how far
 * the values went up, by Hodges and Lehmann 1963 (the median of all differences), with their 95 %
 * interval, both of at most STEPS_NEAR values on each side. */
enum { STEPS_NEAR = 500 };
typedef struct level {
    size_t begin, end;   /* values begin to end - 1 */
    double value, noise; /* median; median absolute deviation times 1.4826, a normal's standard
                            deviation */
    double p, change, low, high;
} level;

/* *levels (owned) has at least one, in order. values (count > 0), finite, in the order of time.
 * Errors: ERR_MEMORY. */
err levels_find(level **levels, size_t *level_count, const double *values, size_t count) MUST_CHECK;

#endif
