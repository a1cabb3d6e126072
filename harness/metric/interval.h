/* How sure a score is: bootstrap over test rows.
 *
 * A test set is resampled in units, a unit being all rows of one text, so that rows of equal text stay
 * together; units are drawn with replacement within strata of equal gold label (that of the unit's
 * first row), each stratum keeping its number of units. Units that look alike (same stratum, same
 * gold labels, same predictions by every run of the table) form one type, and a resample is drawn as
 * the number of units of each type (a multinomial draw by conditional binomials), not row by row. The
 * draws are a function of the table and BOOTSTRAP_SEED alone: Philox key (seed, RNG_SITE_BOOTSTRAP),
 * counter (resample, type).
 *
 * Source: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6, 8 and 13. */
#ifndef HARNESS_METRIC_INTERVAL_H
#define HARNESS_METRIC_INTERVAL_H

#include "base/err.h"
#include "metric/score.h"

#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_DRAWS = 10000, BOOTSTRAP_SEED = 0 };

typedef struct interval { double low, high; } interval;

/* A test set and the predictions of R runs on it. Arrays are borrowed. */
typedef struct test_table {
    size_t rows, classes;
    const uint32_t *gold;      /* (rows) */
    const uint32_t *first_row; /* (rows) index of the first row of equal text; NULL: all differ */
    const uint32_t **predicted; /* (runs) pointers to (rows) ids */
    size_t runs;
} test_table;

/* Scores of every run under every resample.
 *   scores  (runs, draws), scores[r * draws + d]; owned by the caller
 * Errors: ERR_ARG for an empty table or no draws, ERR_DATA for an id that is no class; ERR_MEMORY. */
err bootstrap_scores(double *scores, const test_table *t, const metric *m, size_t draws,
                     uint32_t seed) MUST_CHECK;

/* 95 % percentile interval of one run's score: the 2.5 % and 97.5 % quantiles (linear between order
 * statistics, as numpy's default) of BOOTSTRAP_DRAWS resamples. Rows alone: it says nothing of seeds.
 * Errors: those of bootstrap_scores. */
err interval_of_run(interval *out, const metric *m, const uint32_t *gold, const uint32_t *predicted,
                    const uint32_t *first_row, size_t rows, size_t classes) MUST_CHECK;

/* Quantile q in [0, 1] of values (count > 0), which it reorders. */
double quantile_of(double *values, size_t count, double q);

#endif
