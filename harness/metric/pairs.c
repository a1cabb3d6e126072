#include "metric/pairs.h"

#include "base/memory.h"
#include "base/vectors.h"
#include "metric/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const double LEVEL = 0.05;

void pairs_center(float *out, const double *draws, size_t count) {
    double mean = mean_of(draws, count);
    for (size_t d = 0; d < count; d++) out[d] = (float)(draws[d] - mean);
}

enum { TILE = 32, CHUNK = 2000, VECTOR = 16 };
_Static_assert(CHUNK % PAIR_LANES == 0 && PAIR_LANES == 5 * VECTOR, "whole lanes");

/* Each lane adds 25 products and then four others' sums: together with the rounding of the draws that
 * is off by less than 50 * 2^-24 of the sides' lengths. */
static const double SLACK = 50 * 0x1p-24;

typedef float lanes __attribute__((vector_size(VECTOR * sizeof(float)), aligned(4)));

VECTOR_CLONES static double product(const float *a, const float *b, size_t count) {
    lanes s[5] = {0};
    double sum[4] = {0};
    for (const float *end = a + count; a < end; a += PAIR_LANES, b += PAIR_LANES) {
        const lanes *x = (const lanes *)a, *y = (const lanes *)b;
        // five sums on their way: each waits for the one before it
        s[0] += x[0] * y[0];
        s[1] += x[1] * y[1];
        s[2] += x[2] * y[2];
        s[3] += x[3] * y[3];
        s[4] += x[4] * y[4];
    }
    s[0] = ((s[0] + s[1]) + (s[2] + s[3])) + s[4];
    for (size_t j = 0; j < VECTOR; j++) sum[j % 4] += (double)s[0][j];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// products of the sides from i and from k on, of draws that stay in a core's caches
static void tile_products(double out[TILE][TILE], const pair_table *t, size_t i, size_t k) {
    size_t rows = t->count - i < TILE ? t->count - i : TILE;
    size_t columns = t->count - k < TILE ? t->count - k : TILE;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) out[r][c] = 0;
    for (size_t d = 0; d < t->draws; d += CHUNK) {
        size_t count = t->draws - d < CHUNK ? t->draws - d : CHUNK;
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++)
                out[r][c] += product(t->sides[i + r].draws + d, t->sides[k + c].draws + d, count);
    }
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

/* The p-values of an estimate whose variance and degrees of freedom are known between bounds. Both
 * fall with the variance; 1e-5: what the computing of a p-value may be off by. */
static void bound_p(doubt *d, const pair_table *t, double product_of) {
    const pair_side *a = &t->sides[d->of.a], *b = &t->sides[d->of.b];
    double both = a->variance + b->variance, spread = sqrt(a->variance * b->variance);
    double middle = both - 2 * product_of / (double)(t->draws - 1);
    double slack = 2 * SLACK * spread + 1e-9 * both;
    estimate least = estimate_of_variance(a->scores, a->runs, b->scores, b->runs,
                                          fmax(0, middle - slack), t->units);
    estimate most =
        estimate_of_variance(a->scores, a->runs, b->scores, b->runs, middle + slack, t->units);
    double ratio = most.variance / least.variance, df = most.df;
    most.df = df / (ratio * ratio);
    least.df *= ratio * ratio;
    // no t is smaller than the normal of its tail: 1.9599 leaves more than the level
    bool is_far = fabs(least.value) > 1.9599 * sqrt(least.variance);
    d->high = is_far ? estimate_p(&most) * (1 + 1e-5) : 1;
    d->low = is_far ? estimate_p(&least) * (1 - 1e-5) : 1;
}

// the level of the first pair is the smallest, that of the last the largest
static void judge(test_state *s, side_pair of, double product_of) {
    doubt d = {.of = of};
    if (s->e) return;
    bound_p(&d, s->t, product_of);
    if (d.high * (double)s->pairs < LEVEL) {
        s->sure++;
        count_better(s, of);
    } else if (d.low < LEVEL) {
        s->e = mem_grow((void **)&s->doubts, &s->capacity, s->count + 1, sizeof *s->doubts);
        if (!s->e) s->doubts[s->count++] = d;
    }
}

static void judge_all(test_state *s) {
    double products[TILE][TILE];
    size_t n = s->t->count;
    for (size_t i = 0; i < n; i += TILE) {
        for (size_t k = i; k < n && !s->e; k += TILE) {
            tile_products(products, s->t, i, k);
            for (size_t a = i; a < i + TILE && a < n; a++)
                for (size_t b = k > a ? k : a + 1; b < k + TILE && b < n; b++)
                    judge(s, (side_pair){a, b}, products[a - i][b - k]);
        }
    }
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
    for (size_t i = 0; i < s->count && !e; i++) s->doubts[i].low = s->doubts[i].high = p[i];
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
