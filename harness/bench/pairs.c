#include "bench/pairs.h"

#include "metric/statistics.h"

#include <math.h>

/* A ratio further from 1 tells no more, and a record has to hold it. */
static const double RATIO_MOST = 1000;

/* False where a record lacks the figure. */
static bool take_rounds(bench_pair *p, const bench_file *own, const bench_file *other,
                        size_t rounds) {
    double own_sum = 0, other_sum = 0;
    for (size_t i = 0; i < rounds; i++) {
        const bench_figure *a = bench_figure_find(&own[i], p->figure);
        const bench_figure *b = bench_figure_find(&other[i], p->figure);
        if (!a || !b) return false;
        p->log_ratios[i] = log(b->ms) - log(a->ms);
        own_sum += log(a->ms);
        other_sum += log(b->ms);
    }
    p->own_ms = exp(own_sum / (double)rounds);
    p->other_ms = exp(other_sum / (double)rounds);
    return true;
}

static double ratio_of(double log_ratio) {
    return fmin(fmax(exp(log_ratio), 1 / RATIO_MOST), RATIO_MOST);
}

static void summarise(bench_pair *p, size_t rounds) {
    double mean = mean_of(p->log_ratios, rounds), n = (double)rounds;
    estimate x = {
        .value = mean, .variance = variance_of(p->log_ratios, NULL, rounds) / n, .df = n - 1};
    interval logs = estimate_interval(&x);
    p->ratio = ratio_of(mean);
    p->range = (interval){ratio_of(logs.low), ratio_of(logs.high)};
}

err bench_pair_up(bench_pair **pairs, size_t *count, const bench_file *own, const bench_file *other,
                  size_t rounds) {
    *count = 0;
    *pairs = NULL;
    if (rounds < PAIR_ROUNDS_LEAST || rounds > PAIR_ROUNDS_MOST)
        return err_set(ERR_ARG, "bench: %zu rounds", rounds);
    err e = mem_new(pairs, own[0].count);
    for (size_t i = 0; i < own[0].count && !e; i++) {
        bench_pair *p = &(*pairs)[*count];
        p->figure = &own[0].figures[i];
        if (!take_rounds(p, own, other, rounds)) continue;
        summarise(p, rounds);
        ++*count;
    }
    return e;
}
