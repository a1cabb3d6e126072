#include "metric/pairs.h"

#include "base/memory.h"
#include "base/vectors.h"
#include "metric/statistics.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

static const double LEVEL = 0.05;

void pairs_center(float *out, const double *draws, size_t count) {
    double mean = mean_of(draws, count);
    for (size_t d = 0; d < count; d++) out[d] = (float)(draws[d] - mean);
}

// sums that fit the processor's registers: of wider vectors a compiler keeps them in memory
enum { TILE = 32, CHUNK = 2000, VECTOR = 8, SUMS = 10 };
_Static_assert(CHUNK % PAIR_LANES == 0 && PAIR_LANES == SUMS * VECTOR, "whole lanes");

/* Each lane adds 25 products and then four others' sums: together with the rounding of the draws that
 * is off by less than 50 * 2^-24 of the sides' lengths. */
static const double SLACK = 50 * 0x1p-24;

typedef float lanes __attribute__((vector_size(VECTOR * sizeof(float)), aligned(4)));

VECTOR_CLONES static double product(const float *a, const float *b, size_t count) {
    lanes s[SUMS] = {{0}};
    double sum[4] = {0};
    for (const float *end = a + count; a < end; a += PAIR_LANES, b += PAIR_LANES) {
        const lanes *x = (const lanes *)a, *y = (const lanes *)b;
        // so many sums on their way: each waits for the one before it
#pragma GCC unroll 10
        for (size_t k = 0; k < SUMS; k++) s[k] += x[k] * y[k];
    }
    for (size_t k = 0; k < 2; k++) {
        s[k] = ((s[k] + s[k + 2]) + (s[k + 4] + s[k + 6])) + s[k + 8];
        for (size_t j = 0; j < VECTOR; j++) sum[j % 4] += (double)s[k][j];
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// a pair of which it is not known yet whether it differs
typedef struct doubt {
    side_pair of;
    double low, high; // between which its p-value lies
} doubt;

typedef struct test_state {
    const pair_table *t;
    size_t pairs, sure; // those that differ surely
    doubt *doubts;
    size_t count, capacity;
    size_t *better;
    err e;
} test_state;

static void count_better(test_state *s, side_pair x) {
    const pair_side *a = &s->t->sides[x.a], *b = &s->t->sides[x.b];
    bool a_higher = mean_of(a->scores, a->runs) > mean_of(b->scores, b->runs);
    s->better[a_higher == s->t->higher_is_better ? x.b : x.a]++;
}

/* Finds the p-value of a pair whose rows' variance is off `middle` by at most `slack`, as far as it
 * is needed: it rises with the variance and falls with the degrees of freedom, which between two
 * variances are never below those of both. 1e-5: what the computing of a p-value may be off by. */
static void bound_p(doubt *d, const test_state *s, double middle, double slack) {
    const pair_side *a = &s->t->sides[d->of.a], *b = &s->t->sides[d->of.b];
    estimate least = estimate_of_variance(a->scores, a->runs, b->scores, b->runs,
                                          fmax(0, middle - slack), s->t->units);
    estimate most =
        estimate_of_variance(a->scores, a->runs, b->scores, b->runs, middle + slack, s->t->units);
    double ratio = most.variance / least.variance, df = least.df;
    d->low = d->high = 1;
    // no t is smaller than the normal of its tail: 1.9599 leaves more than the level
    if (fabs(least.value) <= 1.9599 * sqrt(least.variance)) return;
    least.df *= ratio * ratio;
    most.df = fmin(df, most.df);
    d->high = estimate_p(&most) * (1 + 1e-5);
    // the level of the first pair is the smallest; bounds that lie far apart tell no more
    bool tells = d->high * (double)s->pairs < LEVEL || ratio > 2;
    d->low = tells ? 0 : estimate_p(&least) * (1 - 1e-5);
}

/* Whether the bounds tell if the pair differs: surely, or in no case. */
static bool is_judged(test_state *s, const doubt *d) {
    bool sure = d->high * (double)s->pairs < LEVEL;
    if (sure) count_better(s, d->of);
    s->sure += sure;
    return sure || d->low >= LEVEL;
}

/* The product of two sides' draws is no larger than that of their lengths (Cauchy, Schwarz), which
 * judges pairs that lie far apart or close together. */
static bool is_judged_apart(test_state *s, doubt *d) {
    double a = s->t->sides[d->of.a].variance, b = s->t->sides[d->of.b].variance;
    bound_p(d, s, a + b, 2 * sqrt(a * b) + 1e-9 * (a + b));
    return is_judged(s, d);
}

static void add_doubt(test_state *s, const doubt *d) {
    if (!s->e) s->e = mem_grow((void **)&s->doubts, &s->capacity, s->count + 1, sizeof *s->doubts);
    if (!s->e) s->doubts[s->count++] = *d;
}

static void judge(test_state *s, doubt *d, double product_of) {
    double a = s->t->sides[d->of.a].variance, b = s->t->sides[d->of.b].variance;
    double middle = a + b - 2 * product_of / (double)(s->t->draws - 1);
    bound_p(d, s, middle, 2 * SLACK * sqrt(a * b) + 1e-9 * (a + b));
    if (!is_judged(s, d)) add_doubt(s, d);
}

/* Takes the bounds of a pair of other ranks, if they tell enough. */
static bool is_known(test_state *s, side_pair x) {
    const pair_bounds *known = &s->t->bounds[pair_place(x.a, x.b)];
    doubt d = {x, known->low, known->high};
    if (!(d.high > 0)) return false;
    if (is_judged(s, &d)) return true;
    if (d.low < 0.9 * d.high) return false; // a product makes them closer
    add_doubt(s, &d);
    return true;
}

/* As floats, apart by more than their rounding. */
static void keep_bounds(const test_state *s, const doubt *d) {
    s->t->bounds[pair_place(d->of.a, d->of.b)] = (pair_bounds){
        (float)(d->low * (1 - 0x1p-22)), (float)fmax(d->high * (1 + 0x1p-22), FLT_MIN)};
}

// sides from i and from k on, whose draws stay in a core's caches
static void judge_tile(test_state *s, size_t i, size_t k) {
    doubt open[TILE * TILE];
    double products[TILE * TILE] = {0};
    size_t n = s->t->count, count = 0;
    for (size_t a = i; a < i + TILE && a < n; a++) {
        for (size_t b = k > a ? k : a + 1; b < k + TILE && b < n; b++) {
            open[count] = (doubt){.of = {a, b}};
            if (is_known(s, open[count].of)) continue;
            if (is_judged_apart(s, &open[count]))
                keep_bounds(s, &open[count]);
            else
                count++;
        }
    }
    for (size_t d = 0; d < s->t->draws; d += CHUNK) {
        size_t some = s->t->draws - d < CHUNK ? s->t->draws - d : CHUNK;
        for (size_t p = 0; p < count; p++)
            products[p] += product(s->t->sides[open[p].of.a].draws + d,
                                   s->t->sides[open[p].of.b].draws + d, some);
    }
    for (size_t p = 0; p < count; p++) {
        judge(s, &open[p], products[p]);
        keep_bounds(s, &open[p]);
    }
}

static void judge_all(test_state *s) {
    for (size_t i = 0; i < s->t->count; i += TILE)
        for (size_t k = i; k < s->t->count && !s->e; k += TILE) judge_tile(s, i, k);
}

static int by_low(const void *a, const void *b) {
    double x = ((const doubt *)a)->low, y = ((const doubt *)b)->low;
    return (x > y) - (x < y);
}

static int by_high(const void *a, const void *b) {
    double x = ((const doubt *)a)->high, y = ((const doubt *)b)->high;
    return (x > y) - (x < y);
}

/* How many of the doubts, in order of one bound, differ if that is their p-value: as Holm's adjustment,
 * behind those that are sure. */
static size_t rejected(const test_state *s, bool low) {
    size_t i = 0;
    if (s->count) qsort(s->doubts, s->count, sizeof *s->doubts, low ? by_low : by_high);
    while (i < s->count &&
           (low ? s->doubts[i].low : s->doubts[i].high) * (double)(s->pairs - s->sure - i) < LEVEL)
        i++;
    return i;
}

/* Counts the doubts that differ whatever the others' p-values are, and drops those that do not:
 * lower p-values of others never make a pair that differs one that does not. */
static void settle(test_state *s) {
    size_t possible = rejected(s, true), kept = 0, sure = 0;
    if (!s->doubts) return;
    s->count = possible; // in order of `low`
    sure = rejected(s, false);
    for (size_t i = 0; i < s->count; i++) {
        if (i < sure)
            count_better(s, s->doubts[i].of);
        else
            s->doubts[kept++] = s->doubts[i];
    }
    s->sure += sure;
    s->count = kept;
}

/* Exact p-values of what is left. Of these, taken behind the sure ones in their order, exactly those
 * differ that do in the order of all: where one stands before a sure one, it differs as that does. */
static err ask(test_state *s) {
    side_pair *pairs = NULL;
    double *p = NULL;
    err e = mem_new(&pairs, s->count);
    if (!e) e = mem_new(&p, s->count);
    for (size_t i = 0; i < s->count && !e; i++) pairs[i] = s->doubts[i].of;
    if (!e) e = s->t->exact(s->t->of, p, pairs, s->count);
    for (size_t i = 0; i < s->count && !e; i++) {
        s->doubts[i].low = s->doubts[i].high = p[i];
        keep_bounds(s, &s->doubts[i]);
    }
    mem_free(pairs);
    mem_free(p);
    if (!e) settle(s);
    return e;
}

err pairs_rank(size_t *better, const pair_table *t) {
    test_state s = {
        .t = t, .pairs = t->count ? t->count * (t->count - 1) / 2 : 0, .better = better};
    assert(t->draws % PAIR_LANES == 0);
    for (size_t i = 0; i < t->count; i++) better[i] = 0;
    judge_all(&s);
    if (!s.e) settle(&s);
    if (!s.e && s.count) s.e = ask(&s);
    mem_free(s.doubts);
    return s.e;
}
