#include "metric/steps.h"

#include "base/memory.h"
#include "base/order.h"
#include "base/rng.h"
#include "metric/statistics.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct search {
    const double *values;
    double *ranks;   /* (count) of a stretch, their mean taken off */
    double *scratch; /* (count) */
    size_t *begins;  /* (begin_count) of levels, in no order */
    double *p;       /* (begin_count) */
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

/* Of sorted values (n > 0). */
static double median(const double *sorted, size_t n) {
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* Twice the ranks of values (n), less their mean, so that all are whole numbers; equal values share
 * the mean of theirs. scratch (n) is overwritten. */
static void rank(double *ranks, double *scratch, const double *values, size_t n) {
    memcpy(scratch, values, n * sizeof *scratch);
    qsort(scratch, n, sizeof *scratch, order_double);
    for (size_t i = 0; i < n; i++) {
        size_t below = 0, upto = n; // values below it, and those not above it
        for (size_t low = 0, high = n; low < high;) {
            size_t middle = (low + high) / 2;
            if (scratch[middle] < values[i])
                below = low = middle + 1;
            else
                high = middle;
        }
        for (size_t low = below, high = n; low < high;) {
            size_t middle = (low + high) / 2;
            if (scratch[middle] > values[i])
                upto = high = middle;
            else
                low = middle + 1;
        }
        ranks[i] = (double)(below + upto) - (double)n;
    }
}

/* The step of a stretch, if it has one: p and the place within it. */
static double test(size_t *place, search *s, size_t begin, size_t n) {
    size_t as_large = 0, other;
    rank(s->ranks, s->scratch, s->values + begin, n);
    double found = largest(place, s->ranks, n);
    if (!(found > 0)) return 1; // all alike
    for (uint32_t draw = 0; draw < STEPS_ORDERS; draw++) {
        shuffle(s->ranks, n, draw);
        as_large += largest(&other, s->ranks, n) >= found;
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

/* Hodges and Lehmann's shift; its interval leaves out as many of the differences at each end as
 * the normal approximation of Mann and Whitney's statistic says. */
static err change_of(level *x, const level *before, const double *values) {
    size_t a = before->end - before->begin, b = x->end - x->begin, count = 0;
    if (a > STEPS_NEAR) a = STEPS_NEAR;
    if (b > STEPS_NEAR) b = STEPS_NEAR;
    double *differences = NULL;
    err e = mem_new(&differences, a * b);
    if (e) return e;
    for (size_t i = 0; i < a; i++)
        for (size_t k = 0; k < b; k++)
            differences[count++] = values[x->begin + k] - values[before->end - 1 - i];
    qsort(differences, count, sizeof *differences, order_double);
    double n = (double)count;
    double out =
        floor(n / 2 - student_t_quantile(0.975, INFINITY) * sqrt(n * (double)(a + b + 1) / 12));
    size_t left_out = out > 1 ? (size_t)out - 1 : 0;
    x->change = median(differences, count);
    x->low = differences[left_out];
    x->high = differences[count - 1 - left_out];
    mem_free(differences);
    return ERR_OK;
}

static int by_begin(const void *a, const void *b) {
    const level *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Median, and how far values lie from it. */
static void describe(level *x, const double *values, double *scratch) {
    size_t n = x->end - x->begin;
    memcpy(scratch, values + x->begin, n * sizeof *scratch);
    qsort(scratch, n, sizeof *scratch, order_double);
    x->value = median(scratch, n);
    for (size_t i = 0; i < n; i++) scratch[i] = fabs(values[x->begin + i] - x->value);
    qsort(scratch, n, sizeof *scratch, order_double);
    x->noise = 1.4826 * median(scratch, n);
}

static err make_levels(level **levels, const search *s, size_t count) {
    err e = mem_new(levels, s->begin_count + 1);
    if (e) return e;
    for (size_t i = 0; i < s->begin_count; i++)
        (*levels)[i + 1] = (level){.begin = s->begins[i], .p = s->p[i]};
    (*levels)[0].p = 1;
    qsort(*levels, s->begin_count + 1, sizeof **levels, by_begin);
    for (size_t i = 0; i <= s->begin_count && !e; i++) {
        level *x = &(*levels)[i];
        x->end = i < s->begin_count ? x[1].begin : count;
        describe(x, s->values, s->scratch);
        if (i) e = change_of(x, x - 1, s->values);
    }
    return e;
}

err levels_find(level **levels, size_t *level_count, const double *values, size_t count) {
    search s = {.values = values};
    *levels = NULL;
    *level_count = 0;
    err e = mem_new(&s.ranks, count);
    if (!e) e = mem_new(&s.scratch, count);
    if (!e) e = mem_new(&s.begins, count);
    if (!e) e = mem_new(&s.p, count);
    if (!e) part(&s, 0, count);
    if (!e) e = make_levels(levels, &s, count);
    if (!e) *level_count = s.begin_count + 1;
    mem_free(s.ranks);
    mem_free(s.scratch);
    mem_free(s.begins);
    mem_free(s.p);
    return e;
}
