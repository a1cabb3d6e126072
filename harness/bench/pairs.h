/* Two programs measured in turns: in each round both did the same work, one right after the other,
 * so what the machine did meanwhile is in both. Of every figure the ratio of the two times is taken
 * round by round; its logarithms are a paired sample, whose mean and t interval (Student 1908) are
 * told, from a thousandth to a thousandfold: with few rounds the t interval may be of any width. */
#ifndef HARNESS_BENCH_PAIRS_H
#define HARNESS_BENCH_PAIRS_H

#include "bench/bench_file.h"
#include "metric/interval.h"

enum { PAIR_ROUNDS_LEAST = 2, PAIR_ROUNDS_MOST = 100 };

typedef struct bench_pair {
    const bench_figure *figure;          /* borrowed from the first round's own record */
    double log_ratios[PAIR_ROUNDS_MOST]; /* (rounds) of the other's time to our own */
    double own_ms, other_ms;             /* geometric means */
    double ratio;                        /* of means: above 1 our own is faster */
    interval range;                      /* of 95 %, of the ratio */
} bench_pair;

/* *pairs (owned) has every figure that all records have, in the order of the first.
 * own, other  (rounds) of the same work (bench_same_work), at least PAIR_ROUNDS_LEAST and at most
 *             PAIR_ROUNDS_MOST
 * Errors: ERR_ARG; ERR_MEMORY. */
err bench_pair_up(bench_pair **pairs, size_t *count, const bench_file *own, const bench_file *other,
                  size_t rounds) MUST_CHECK;

#endif
