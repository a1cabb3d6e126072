/* Areas under curves of many lists of weights at once. */
#include "metric/row_lanes_internal.h"

#include "base/memory.h"
#include "base/vectors.h"

#include <string.h>

err row_lanes__rises(row_lanes *l) {
    const row_statistics *s = l->statistics;
    size_t count = 0; // no more than one of each row
    err e = mem_new(&l->rises, s->rows);
    if (!e) e = mem_new(&l->rise_end, s->classes);
    for (size_t k = 0; k < s->classes && !e; k++) {
        const uint32_t *order = s->descending + k * s->rows;
        const double *scores = s->scores + k * s->rows;
        for (size_t i = 0, end; i < s->rows; i = end) {
            size_t others = i;
            while (others < s->rows && s->gold_class[order[others]] == k &&
                   !(scores[order[others]] < scores[order[i]]))
                others++;
            for (end = others; end < s->rows && !(scores[order[end]] < scores[order[i]]);) end++;
            if (others > i)
                l->rises[count++] = (row_rise){(uint32_t)i, (uint32_t)others, (uint32_t)end};
        }
        l->rise_end[k] = count;
    }
    return e;
}

/* Weights of the rows before each place of an order, (rows + 1, ROW_LANES): of 16 bits where they are
 * narrow, so that a core's nearest cache holds all. */
typedef struct before_rows {
    uint32_t *of;
    bool narrow;
} before_rows;

/* Of the first or the second half of the lanes; narrow: of the even or the odd ones. */
INLINE void take_before(half_lanes *out, before_rows b, size_t place, size_t p) {
    if (b.narrow)
        take_half(out, (const halves *)b.of + place, p);
    else
        *out = *(const half_lanes *)(b.of + place * ROW_LANES + p * HALF_LANES);
}

INLINE void add_before(before_rows b, const row_weights *w, const uint32_t *order, size_t rows) {
    half_lanes sum[2] = {{0}};
    halves all = {0};
    const halves *weights = (const halves *)w->halves;
    halves *narrow = (halves *)b.of;
    for (size_t i = 0; i < rows && b.narrow; i++) {
        narrow[i] = all;
        all += weights[order[i]];
    }
    if (b.narrow) narrow[rows] = all;
    for (size_t i = 0; i <= rows && !b.narrow; i++)
        for (size_t p = 0; p < 2; p++) {
            *(half_lanes *)(b.of + i * ROW_LANES + p * HALF_LANES) = sum[p];
            if (i < rows)
                sum[p] += *(const half_lanes *)(w->weights + order[i] * ROW_LANES + p * HALF_LANES);
        }
}

INLINE bool lacks_rows(before_rows b, size_t place) {
    half_lanes first, second;
    uint32_t any = 0;
    take_before(&first, b, place, 0);
    take_before(&second, b, place, 1);
    for (size_t j = 0; j < HALF_LANES; j++) any |= IS_NONE(first[j]) | IS_NONE(second[j]);
    return any;
}

/* Adds what a rise does: the weight that it rises by, times the sum of precision there and before. All of
 * a fraction are whole numbers; of narrow weights 31 bits hold them.
 *   hit    weight of the rows before it that have the label; gets the rise's own
 *   begun  in each lane rows come before it */
INLINE void add_rise(all_reals sum, half_lanes hit[2], before_rows b, const row_rise *rise,
                     bool begun) {
    for (size_t p = 0; p < 2; p++) {
        half_lanes then, here, risen, hits_before = hit[p];
        take_before(&then, b, rise->begin, p);
        take_before(&here, b, rise->end, p);
        take_before(&risen, b, rise->others, p);
        risen -= then;
        hit[p] += risen;
        if (!begun) { // before the first row precision is 1: 1 of 1
            half_lanes first = IS_NONE(then);
            then += first;
            hits_before += first;
            here += IS_NONE(here);
        }
        half_lanes over = risen * (hit[p] * then + hits_before * here), under = here * then;
        for (size_t k = 0; k < 2; k++) {
            some_reals hits = HALF_REALS(hit[p], k), heres = HALF_REALS(here, k);
            some_reals thens = HALF_REALS(then, k), had = HALF_REALS(hits_before, k);
            sum[2 * p + k] +=
                b.narrow ? HALF_REALS(over, k) / HALF_REALS(under, k)
                         : HALF_REALS(risen, k) * (hits * thens + had * heres) / (heres * thens);
        }
    }
}

/* Twice the area under a label's curve times the weight of the rows that have it, to which only those
 * add: between two of them recall stays. */
INLINE void sum_area(all_reals sum, const row_rise *rise, const row_rise *end, before_rows b,
                     size_t rows) {
    half_lanes hit[2] = {{0}};
    size_t begun = 0; // place from which on each lane has rows before it
    while (begun < rows && lacks_rows(b, begun)) begun++;
    for (; rise < end && rise->begin < begun; rise++) add_rise(sum, hit, b, rise, false);
    for (; rise < end; rise++) add_rise(sum, hit, b, rise, true);
}

/* Adds the mean of all labels. */
INLINE void add_areas_of(row_lane_reals *area, before_rows b, const row_lanes *l,
                         const row_weights *w) {
    const row_statistics *s = l->statistics;
    for (size_t k = 0; k < s->classes; k++) {
        const uint32_t *right = w->of_labels + k * ROW_LANES;
        some_reals sum[LANE_PARTS] = {{0}};
        add_before(b, w, s->descending + k * s->rows, s->rows);
        sum_area(sum, l->rises + (k ? l->rise_end[k - 1] : 0), l->rises + l->rise_end[k], b,
                 s->rows);
        for (size_t i = 0; i < ROW_LANES; i++) {
            size_t j = b.narrow ? lane_of_half(i) : i;
            (*area)[j] +=
                curve_area(sum[i / SOME_LANES][i % SOME_LANES], right[j], (double)w->total[j]) /
                (double)s->classes;
        }
    }
}

VECTOR_CLONES static void add_areas(row_lane_reals *area, uint32_t *before, const row_lanes *l,
                                    const row_weights *w) {
    if (w->narrow)
        add_areas_of(area, (before_rows){before, true}, l, w);
    else
        add_areas_of(area, (before_rows){before, false}, l, w);
}

VECTOR_CLONES static void add_labels(uint32_t *of_labels, const row_statistics *s,
                                     const uint32_t *weights) {
    const lanes *of_rows = (const lanes *)weights;
    lanes *labels = (lanes *)of_labels;
    memset(of_labels, 0, s->classes * sizeof *labels);
    for (size_t i = 0; i < s->rows; i++) labels[s->gold_class[i]] += of_rows[i];
}

void row_lanes__areas(row_lane_reals *area, uint32_t *before, const row_lanes *l,
                      const row_weights *w) {
    add_areas(area, before, l, w);
}

void row_lanes__labels(uint32_t *of_labels, const row_statistics *s, const uint32_t *weights) {
    add_labels(of_labels, s, weights);
}
