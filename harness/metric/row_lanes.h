/* Sums of a run's rows (rows.h) under ROW_LANES lists of weights at once, which costs little more
 * than under one: of the parts that a metric reads, to the bit what row_statistics_sum gives for
 * each list.
 *
 * Counts are summed place by place: gold's own answers once for all runs, and of a run only the rows
 * that add something else; labels that a metric reads together have one place for all. Ranks are whole
 * and half numbers, whose sums are exact in any order while the cube of the rows' number is: of more rows
 * row_lanes_serve says no. */
#ifndef HARNESS_METRIC_ROW_LANES_H
#define HARNESS_METRIC_ROW_LANES_H

#include "metric/rows.h"

enum { ROW_LANES = 16, MOMENT_COUNT = sizeof(product_sums) / sizeof(double) };

typedef struct row_cell row_cell;
typedef struct row_rise row_rise;

/* What a run's rows add, ready to be summed. */
typedef struct row_lanes {
    const row_statistics *statistics; /* borrowed */
    unsigned parts;                   /* of metric_part */
    row_cell *cells;   /* (cell_count) rows that add 2^shift to a place, or take it */
    uint32_t *rows;    /* of the cells, one behind the other */
    uint32_t *places;  /* (place_count) of the sum, that gold or a cell adds to */
    uint32_t *of_gold; /* (place_count) from 1, which of gold's it is; 0: none */
    row_rise *rises;   /* curves: of all labels, one behind the other; ranks: equal numbers */
    size_t *rise_end;  /* (C) of the label's; ranks: of all */
    size_t cell_count, place_count;
} row_lanes;

/* One number a lane. */
typedef uint64_t row_lane_counts[ROW_LANES];
typedef double row_lane_reals[ROW_LANES];

/* Lists of weights, and what follows from them for all runs on a test set. */
typedef struct row_weights {
    const row_lanes *gold;   /* borrowed */
    const uint32_t *weights; /* (rows, ROW_LANES) borrowed */
    uint8_t
        *bytes; /* (4, rows, ROW_LANES) owned; of the weights, lowest first, as far as any has */
    uint16_t
        *halves; /* (rows, ROW_LANES) owned; curves or ranks are read: 16 bits of the weights */
    row_lane_counts total;
    uint32_t most; /* no weight is larger */
    bool narrow; /* 31 bits hold twice the square of a total times any weight, and 16 each total */
    bool
        narrow_ranks; /* so do they a third of the cube of each total, and 15 it times any weight */
    row_lane_counts *right;     /* (gold's places) owned; sums of gold's answers */
    row_lane_reals *gold_ranks; /* (rows) owned; ranks are read: their weight times each */
    int16_t *twice_ranks; /* (rows, ROW_LANES) owned; narrow_ranks: twice that in place of it */
    row_lane_reals cubes; /* the same: of all weights */
    uint32_t *of_labels;  /* (C, ROW_LANES) owned; curves are read: weight of a label's rows */
    row_lane_reals gold_moments[MOMENT_COUNT];
} row_weights;

/* A run's sum. */
typedef struct row_lane_sum {
    row_lane_counts *counts; /* (room) owned; of the run's places */
    uint32_t *before;        /* (rows + 1, ROW_LANES) owned scratch */
    size_t room;
    row_lane_reals ranking, curves, moments[MOMENT_COUNT];
} row_lane_sum;

/* Whether metrics of those parts have their bits in lanes, of lists whose weights add up to no more
 * than `total`. */
bool row_lanes_serve(unsigned parts, uint64_t total);

/* Of a run beside gold, which are the lanes of the same rows where gold's answers are predicted
 * (NULL: these are gold's own). pre: row_statistics_init took the curves that are read. Free with
 * row_lanes_free, also after an error. Errors: ERR_MEMORY. */
err row_lanes_init(row_lanes *l, const row_statistics *s, const row_lanes *gold,
                   unsigned parts) MUST_CHECK;
void row_lanes_free(row_lanes *l);

/* Free with row_weights_free and row_lane_sum_free. Errors: ERR_MEMORY. */
err row_weights_init(row_weights *w, const row_lanes *gold) MUST_CHECK;
err row_lane_sum_init(row_lane_sum *sum, size_t places, size_t rows) MUST_CHECK;
void row_weights_free(row_weights *w);
void row_lane_sum_free(row_lane_sum *sum);

/* Takes other weights (rows, ROW_LANES), which it borrows. */
void row_weights_take(row_weights *w, const uint32_t *weights);

/* pre: sum has room for the run's places, and the run's gold is that of the weights */
void row_lanes_sum(row_lane_sum *sum, const row_lanes *l, const row_weights *w);

/* Puts lane j in c. pre: c is of the run's kind, and all 0 but for other lanes of the run;
 * row_lane_clear makes it so again. */
void row_lane_take(confusion *c, const row_lanes *l, const row_weights *w, const row_lane_sum *sum,
                   size_t j);
void row_lane_clear(confusion *c, const row_lanes *l);

#endif
