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
    uint32_t gold, predicted;
    size_t end; /* of its entries in bootstrap.wrong, which begin where the cell before ends */
};

#endif
