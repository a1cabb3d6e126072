#include "metric/steps.h"

#include "base/memory.h"
#include "base/rng.h"
#include "metric/statistics.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of orders that part the values alike, whose sums round otherwise. */
static const double SAME = 1 - 1e-9;

typedef struct search {
    const double *values;
    double *shuffled; /* (count) of a stretch, its mean taken off */
    size_t *begins;   /* (begin_count) of levels, in no order */
    double *p;        /* (begin_count) */
    size_t begin_count;
} search;

/* The largest CUSUM of x (n), whose sum is 0, and its place. */
static double largest(size_t *place, const double *x, size_t n) {
    double sum = 0, most = -1;
    for (size_t k = 1; k + STEPS_SIDE <= n; k++) {
        sum += x[k - 1];
        if (k < STEPS_SIDE) continue;
        // the difference of means times k (n - k) / n is the sum
        double cusum = fabs(sum) / sqrt((double)k * (double)(n - k) / (double)n);
        if (cusum > most) {
            most = cusum;
            *place = k;
        }
    }
    return most;
}

/* Another order of x (n), each as likely (Fisher and Yates 1938; Durstenfeld 1964). */
static void shuffle(double *x, size_t n, uint32_t draw) {
    philox block = {0};
    for (size_t i = n - 1, used = 0; i; i--, used++) {
        if (used % 4 == 0)
            block = philox4x32((philox){{draw, (uint32_t)(used / 4), 0, 0}}, 0, RNG_SITE_STEPS);
        size_t other = (size_t)((uint64_t)block.v[used % 4] * (i + 1) >> 32);
        double kept = x[i];
        x[i] = x[other];
        x[other] = kept;
    }
}

/* The step of a stretch, if it has one: p and the place within it. */
static double test(size_t *place, search *s, size_t begin, size_t n) {
    const double *values = s->values + begin;
    double mean = mean_of(values, n);
    size_t as_large = 0, other;
    for (size_t i = 0; i < n; i++) s->shuffled[i] = values[i] - mean;
    double found = largest(place, s->shuffled, n);
    if (!(found > 0)) return 1; // all alike
    for (uint32_t draw = 0; draw < STEPS_ORDERS; draw++) {
        shuffle(s->shuffled, n, draw);
        as_large += largest(&other, s->shuffled, n) >= found * SAME;
    }
    return (double)(1 + as_large) / (STEPS_ORDERS + 1);
}

static void part(search *s, size_t begin, size_t end) {
    size_t place = 0;
    while (end - begin >= 2 * STEPS_SIDE) {
        double p = test(&place, s, begin, end - begin);
        if (p > STEPS_LEVEL) return;
        s->begins[s->begin_count] = begin + place;
        s->p[s->begin_count++] = p;
        part(s, begin, begin + place);
        begin += place;
    }
}

static void change_of(level *x, const level *before) {
    double a = before->std * before->std / (double)(before->end - before->begin);
    double b = x->std * x->std / (double)(x->end - x->begin);
    double freedom =
        a * a / (double)(before->end - before->begin - 1) + b * b / (double)(x->end - x->begin - 1);
    estimate e = {.value = x->mean - before->mean,
                  .variance = a + b,
                  .df = freedom > 0 ? (a + b) * (a + b) / freedom : INFINITY};
    interval range = estimate_interval(&e);
    x->change = e.value;
    x->low = range.low;
    x->high = range.high;
}

static int by_begin(const void *a, const void *b) {
    const level *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static err make_levels(level **levels, const search *s, size_t count) {
    err e = mem_new(levels, s->begin_count + 1);
    if (e) return e;
    for (size_t i = 0; i < s->begin_count; i++)
        (*levels)[i + 1] = (level){.begin = s->begins[i], .p = s->p[i]};
    (*levels)[0].p = 1;
    qsort(*levels, s->begin_count + 1, sizeof **levels, by_begin);
    for (size_t i = 0; i <= s->begin_count; i++) {
        level *x = &(*levels)[i];
        x->end = i < s->begin_count ? x[1].begin : count;
        x->mean = mean_of(s->values + x->begin, x->end - x->begin);
        x->std = std_of(s->values + x->begin, x->end - x->begin);
        if (i) change_of(x, x - 1);
    }
    return ERR_OK;
}

err levels_find(level **levels, size_t *level_count, const double *values, size_t count) {
    search s = {.values = values};
    *levels = NULL;
    *level_count = 0;
    err e = mem_new(&s.shuffled, count);
    if (!e) e = mem_new(&s.begins, count);
    if (!e) e = mem_new(&s.p, count);
    if (!e) part(&s, 0, count);
    if (!e) e = make_levels(levels, &s, count);
    if (!e) *level_count = s.begin_count + 1;
    mem_free(s.shuffled);
    mem_free(s.begins);
    mem_free(s.p);
    return e;
}
