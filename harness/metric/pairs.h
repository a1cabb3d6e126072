/* Which of many models are better than which: every pair is tested by the paired difference of its
 * means (statistics.h), with Holm's adjustment over all pairs, at the 5 % level.
 *
 * Of most pairs no p-value is needed, only on which side of the level it lies. So each is bounded
 * first: the resampled scores of every model are kept as floats, less their mean, and the variance
 * of a difference follows from their products but for what rounding may have taken. Pairs whose
 * bounds leave a doubt are asked for, and answered exactly. The outcome is that of Holm's adjustment over
 * the exact p-values of all pairs. */
#ifndef HARNESS_METRIC_PAIRS_H
#define HARNESS_METRIC_PAIRS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Draws are as many as a multiple of this. */
enum { PAIR_LANES = 80 };

/* One model, of at least two seeds. */
typedef struct pair_side {
    const double *scores; /* (runs) on the test set itself, borrowed */
    size_t runs;
    double variance;    /* variance_of its resampled means */
    const float *draws; /* (draws) these, less their mean; borrowed */
} pair_side;

typedef struct side_pair {
    size_t a, b;
} side_pair;

/* Between which a pair's p-value lies; zeros: not known. */
typedef struct pair_bounds {
    float low, high;
} pair_bounds;

typedef struct pair_table {
    const pair_side *sides; /* (count) */
    size_t count, draws, units;
    bool higher_is_better;
    /* estimate_p of estimate_difference of each pair: p (count) */
    err (*exact)(void *of, double *p, const side_pair *pairs, size_t count);
    void *of;
    pair_bounds
        *bounds; /* (pair_place(0, count)) of other ranks of the same sides; gets what was found */
} pair_table;

/* The place of the pair of sides a < b: pairs of the first sides come first. */
static inline size_t pair_place(size_t a, size_t b) {
    return b * (b - 1) / 2 + a;
}

/* better  (count) how many sides are significantly better than each
 * Errors: ERR_MEMORY; those of exact. */
err pairs_rank(size_t *better, const pair_table *t) MUST_CHECK;

/* draws  (count) less their mean, as floats. pre: count is a multiple of PAIR_LANES */
void pairs_center(float *out, const double *draws, size_t count);

#endif
