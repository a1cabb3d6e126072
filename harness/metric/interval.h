/* How sure a score is: bootstrap over test rows.
 *
 * A test set is resampled in units, a unit being all rows of one text, so that rows of equal text
 * stay together. Units are drawn with replacement from all, whatever their labels: how often a
 * label occurs varies between resamples as it would between test sets, so that a model that answers
 * one label has an interval as wide as its binomial one. Units that look alike (same gold labels,
 * same predictions by every run of the table) form one type. A resample is the number of units of
 * each type, drawn as such (a multinomial draw by conditional binomials) and not row by row; only
 * where nearly every unit is a type of its own, which the table's shape decides, units are drawn
 * singly, because that is then quicker; what is drawn then depends on the test set alone. The draws are a function of the table and the seed alone:
 * Philox key (seed, RNG_SITE_BOOTSTRAP), counter (resample, type) or (resample, four units, 0, 1).
 * Numbers, sets of labels and relations are drawn singly always, and a rows' sum (rows.h) is made of
 * each resample; one in which a metric is not defined counts as metric_ranked has it.
 *
 * Sources: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6, 8 and 13;
 * Hesterberg, "What Teachers Should Know About the Bootstrap", 2015, for small test sets. */
#ifndef HARNESS_METRIC_INTERVAL_H
#define HARNESS_METRIC_INTERVAL_H

#include "base/err.h"
#include "metric/score_lanes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_DRAWS = 10000, BOOTSTRAP_SEED = 0, BOOTSTRAP_LANES = SCORE_LANES };

typedef struct interval {
    double low, high;
} interval;

/* A test set and the predictions of R runs on it. Arrays are borrowed. */
typedef struct test_table {
    answer_kind kind;
    size_t rows, classes;
    answers gold;
    const uint32_t *first_row; /* (rows) index of the first row of equal text; NULL: all differ */
    const answers *predicted;  /* (runs) */
    size_t runs;
} test_table;

/* How often each unit is drawn in every resample of BOOTSTRAP_SEED where units are drawn singly, which is
 * the same in all tables of a test set. Free with unit_draws_free. */
typedef struct unit_draws {
    uint8_t *counts; /* (BOOTSTRAP_DRAWS / lanes, units, lanes); NULL: too many to be kept */
    size_t units;
} unit_draws;

/* The types of a table's units, ready to be drawn. */
typedef struct bootstrap {
    answer_kind kind;
    size_t classes, runs, units, types;
    bool single;             /* units are drawn singly */
    const unit_draws *known; /* set by who keeps them: of these units, which are single; borrowed */
    uint32_t *type_of_unit;  /* (units), units in the order of their first rows */
    uint32_t *unit_count;    /* (types) units of the type */
    size_t *row_begin;       /* (types + 1) of the type's rows in row_gold */
    uint32_t *row_gold;      /* gold label of every row of every type */
    size_t *cell_begin;      /* (runs + 1) of the run's cells */
    struct bootstrap_cell *cells; /* what was taken for what, in the order of (gold, predicted) */
    size_t *label_begin;          /* (runs + 1) of the run's labels */
    uint32_t *labels; /* of each run those that a row has or was predicted with, ascending: of
                         thousands most runs name few */
    uint32_t *wrong;  /* types of the cells' rows, cell after cell */
    struct bootstrap_step *steps; /* (types) the conditional binomial of each type */
    double *log_factorial;        /* (units + 1) */
    /* all but classes: each unit is a type of its own */
    test_table table;
    uint32_t *unit_of; /* (rows) */
} bootstrap;

/* Gathers the units of a table into types; of numbers and sets it borrows the arrays until
 * bootstrap_free, which frees it.
 * Errors: ERR_ARG for an empty table; ERR_DATA for an id that is no class or a first_row that is
 * not the first of its text; ERR_MEMORY. */
err bootstrap_init(bootstrap *b, const test_table *t) MUST_CHECK;
/* The same of a table of classes that is a part of one whose units are drawn singly: so are these,
 * and each run's scores are those that it has in the whole. */
err bootstrap_init_single(bootstrap *b, const test_table *t) MUST_CHECK;
/* Whether units are drawn singly; if so, they are with more runs too. Errors: those of
 * bootstrap_init. */
err bootstrap_is_single(bool *out, const test_table *t) MUST_CHECK;
void bootstrap_free(bootstrap *b);

/* Draws resample number `draw`: counts (types) units of each type, in all as many as there are. */
void bootstrap_draw(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t draw);

/* The same of BOOTSTRAP_LANES resamples from `first` on, a multiple of them: counts (types, lanes). */
void bootstrap_draw_lanes(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t first);

/* Errors: ERR_MEMORY. */
err unit_draws_init(unit_draws *d, size_t units) MUST_CHECK;
void unit_draws_free(unit_draws *d);

/* Of classes: each run's statistics under BOOTSTRAP_LANES resamples at once, which costs as much as
 * one. sums    (runs, 3, C, lanes) gold, predicted and hit as a confusion has them, overwritten
 *   counts  (types, lanes) units of each type */
void bootstrap_sums(uint32_t *sums, const bootstrap *b, const uint32_t *counts);

/* Mean score over the runs of each group under resamples 0..draws-1.
 *   means  (groups, draws), means[g * draws + d]; owned by the caller
 *   begin  (groups + 1) the runs of group g are begin[g]..begin[g + 1] - 1
 * The result does not depend on the number of threads, nor on the other groups. Errors:
 * ERR_MEMORY. */
err bootstrap_means(double *means, const bootstrap *b, const metric *m, const size_t *begin,
                    size_t groups, size_t draws, uint32_t seed) MUST_CHECK;

/* The same of every run by itself: scores (runs, draws). */
err bootstrap_scores(double *scores, const bootstrap *b, const metric *m, size_t draws,
                     uint32_t seed) MUST_CHECK;

/* 95 % interval of a score (or of a difference of scores) on a test set of that many units, from
 * its resamples: expanded percentiles, that is those beyond which a normal lies as often as
 * Student's t with units - 1 degrees of freedom (numpy's linear quantiles), because plain ones are
 * too narrow for few units; and never narrower than one more unit decided either way
 * (statistics.h), so that a model without an error has no interval of width 0. Rows alone: it says
 * nothing of seeds. scores  (BOOTSTRAP_DRAWS), which it reorders */
interval interval_of_draws(double value, double *scores, size_t units);

/* The part of x that the metric can take: x may not reach below m->least or above m->most. */
interval interval_within(interval x, const metric *m);

/* Of the score of a table's one run: interval_of_draws of its resamples, within the
 * metric's values. A score that is not defined has all that the metric can be. Errors: those of
 * bootstrap_init. */
err interval_of_run(interval *out, const metric *m, const test_table *t) MUST_CHECK;

/* Quantile q in [0, 1] of values (count > 0), which it reorders. */
double quantile_of(double *values, size_t count, double q);

#endif
