/* Shared by the files of the bootstrap. */
#ifndef HARNESS_METRIC_INTERVAL_INTERNAL_H
#define HARNESS_METRIC_INTERVAL_INTERNAL_H

#include "metric/interval.h"

/* The share that a type takes of the units not yet drawn, with what inversion needs of it. */
struct bootstrap_step {
    bool last;    /* the type takes all that is left */
    bool flipped; /* share was above one half: draw the others */
    double share, odds, log_share, log_rest;
};

/* The wrong predictions of one run that took one label for one other. */
struct bootstrap_cell {
    uint32_t gold, predicted; /* places among the run's labels */
    size_t end; /* of its entries in bootstrap.wrong, which begin where the cell before ends */
};

/* Runs whose means are wanted, and where they go. */
typedef struct bootstrap_groups {
    const size_t *begin; /* (count + 1) */
    size_t count, draws;
    double *means; /* (count, draws) */
} bootstrap_groups;

/* bootstrap_means of all kinds but classes. */
err bootstrap__row_means(const bootstrap_groups *g, const bootstrap *b, const metric *m,
                         uint32_t seed) MUST_CHECK;

#endif
