/* How sure a score is: bootstrap over test rows.
 *
 * A test set is resampled in units, a unit being all rows of one text, so that rows of equal text
 * stay together; units are drawn with replacement within strata of equal gold label (that of the
 * unit's first row), each stratum keeping its number of units. Units that look alike (same stratum,
 * same gold labels, same predictions by every run of the table) form one type. A resample is the
 * number of units of each type, drawn as such (a multinomial draw by conditional binomials) and not
 * row by row; only where nearly every unit is a type of its own, which the table's shape decides,
 * units are drawn singly, because that is then quicker. The draws are a function of the table and
 * the seed alone: Philox key (seed, RNG_SITE_BOOTSTRAP), counter (resample, type) or (resample,
 * four units, 0, 1).
 *
 * Source: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6, 8 and 13. */
#ifndef HARNESS_METRIC_INTERVAL_H
#define HARNESS_METRIC_INTERVAL_H

#include "base/err.h"
#include "metric/score.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_DRAWS = 10000, BOOTSTRAP_SEED = 0 };

typedef struct interval {
    double low, high;
} interval;

/* A test set and the predictions of R runs on it. Arrays are borrowed. */
typedef struct test_table {
    size_t rows, classes;
    const uint32_t *gold;       /* (rows) */
    const uint32_t *first_row;  /* (rows) index of the first row of equal text; NULL: all differ */
    const uint32_t **predicted; /* (runs) pointers to (rows) ids */
    size_t runs;
} test_table;

/* The types of a table's units, ready to be drawn. */
typedef struct bootstrap {
    size_t classes, runs, units, types;
    bool single;            /* units are drawn singly */
    uint32_t *type_of_unit; /* (units), units in the order of their first rows */
    uint32_t *sorted_type;  /* (units) type of each unit, ascending */
    uint32_t *unit_count;   /* (types) units of the type */
    uint32_t *unit_begin;   /* (types + 1) of the type's units in sorted_type */
    uint32_t *stratum_end;  /* (types) first type of the next stratum */
    size_t *row_begin;      /* (types + 1) of the type's rows in row_gold */
    uint32_t *row_gold;     /* gold label of every row of every type */
    size_t *wrong_begin;    /* (types + 1) of the type's entries in wrong */
    uint32_t *wrong;        /* index into (runs, C, C) of every wrong prediction of every type */
    struct bootstrap_step *steps; /* (types) the conditional binomial of each type */
    double *log_factorial;        /* (units + 1) */
} bootstrap;

/* Gathers the units of a table into types. Free with bootstrap_free.
 * Errors: ERR_ARG for an empty table; ERR_DATA for an id that is no class or a first_row that is
 * not the first of its text; ERR_MEMORY. */
err bootstrap_init(bootstrap *b, const test_table *t) MUST_CHECK;
void bootstrap_free(bootstrap *b);

/* Draws resample number `draw`: counts (types) units of each type, in each stratum as many as it
 * has. */
void bootstrap_draw(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t draw);

/* Each run's confusion matrix under a resample.
 *   matrices  (runs, C, C), overwritten
 *   counts    (types) units of each type */
void bootstrap_matrices(uint64_t *matrices, const bootstrap *b, const uint32_t *counts);

/* Scores of every run under resamples 0..draws-1.
 *   scores  (runs, draws), scores[r * draws + d]; owned by the caller
 * The result does not depend on the number of threads. Errors: ERR_MEMORY. */
err bootstrap_scores(double *scores, const bootstrap *b, const metric *m, size_t draws,
                     uint32_t seed) MUST_CHECK;

/* 95 % percentile interval of one run's score: the 2.5 % and 97.5 % quantiles (linear between order
 * statistics, as numpy's default) of BOOTSTRAP_DRAWS resamples. Rows alone: it says nothing of
 * seeds. Errors: those of bootstrap_init. */
err interval_of_run(interval *out, const metric *m, const uint32_t *gold, const uint32_t *predicted,
                    const uint32_t *first_row, size_t rows, size_t classes) MUST_CHECK;

/* Quantile q in [0, 1] of values (count > 0), which it reorders. */
double quantile_of(double *values, size_t count, double q);

#endif
