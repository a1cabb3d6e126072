#include "metric/row_lanes_internal.h"

#include "base/memory.h"
#include "base/sort.h"
#include "base/vectors.h"
#include "metric/tags.h"

#include <stddef.h>
#include <string.h>

bool row_lanes_serve(unsigned parts, uint64_t total) {
    enum { EXACT_CUBE = 1 << 17 }; // 2^51, whose quarters a double holds
    return !(parts & PART_RANKS) || total <= EXACT_CUBE;
}

enum { OF_LABELS = PART_LABELS | PART_TOGETHER, MOMENTS = PART_RANKS | PART_VALUES };

/* Labels whose gold, predicted and hit a sum begins with. */
static size_t labels_of(const row_statistics *s) {
    return s->kind == ANSWER_TAGS ? tag_types(s->classes) : s->classes;
}

static unsigned part_of_tags(size_t tags, size_t place) {
    size_t types = tag_types(tags);
    if (place < 3 * types) return OF_LABELS;
    return place < 3 * types + 3 * tags ? PART_UNITS : PART_STRICT;
}

static unsigned part_of_arcs(size_t relations, size_t place) {
    if (place < 3 * relations) return OF_LABELS;
    if (place == 3 * relations + ARC_WORDS) return PART_WORDS | PART_TOGETHER;
    if (place < arc_near(relations)) return PART_WORDS;
    if (place < arc_places(relations)) return 0; // baselines' alone
    return place < arc_klue(relations) ? PART_PLACES : PART_KLUE;
}

static bool is_read(const row_lanes *l, size_t place) {
    const row_statistics *s = l->statistics;
    unsigned part = s->kind == ANSWER_TAGS   ? part_of_tags(s->classes, place)
                    : s->kind == ANSWER_ARCS ? part_of_arcs(s->classes, place)
                                             : OF_LABELS;
    return (l->parts & part) != 0;
}

/* What rows add, as numbers (place, which bit of the amount, row) that are sorted: 26, 7 and 31 bits.
 * Of bits 0 says that gold has the place, as its row-th. */
typedef struct additions {
    uint64_t *list;
    size_t count, capacity;
    // of one row: amounts, by places that were touched, of which each may be so by gold and the run
    int64_t *here;
    uint32_t *touched;
    size_t touched_count, together; // labels; 0: each by itself
} additions;

enum { PLACE_AT = 38, BIT_AT = 31 };

static err list_bit(additions *a, uint64_t place, uint64_t bit, uint64_t row) {
    err e = mem_grow((void **)&a->list, &a->capacity, a->count + 1, sizeof *a->list);
    if (!e) a->list[a->count++] = place << PLACE_AT | bit << BIT_AT | row;
    return e;
}

/* Labels that are read together stand in the places of the first. */
static void touch(additions *a, size_t place, int64_t amount) {
    if (a->together && place < 3 * a->together) place -= place % a->together;
    a->here[place] += amount;
    a->touched[a->touched_count++] = (uint32_t)place;
}

static void touch_class(additions *a, size_t classes, size_t gold, size_t predicted, int64_t sign) {
    touch(a, gold, sign);
    touch(a, classes + predicted, sign);
    if (gold == predicted) touch(a, 2 * classes + gold, sign);
}

/* The place of rows whose set is right, behind those of the sum; no other kind has it. */
static size_t exact_place(const row_statistics *s) {
    return row_sum_size(s->kind, s->kind == ANSWER_NUMBER ? 2 : s->classes);
}

static void touch_row(additions *a, const row_lanes *l, size_t row, int64_t sign) {
    const row_statistics *s = l->statistics;
    bool labels = l->parts & OF_LABELS;
    if (labels && s->kind == ANSWER_NUMBER)
        touch_class(a, 2, (double)s->gold[row] >= SCORE_YES, (double)s->predicted[row] >= SCORE_YES,
                    sign);
    if (labels && s->kind == ANSWER_RELATION)
        touch_class(a, s->classes, s->gold_class[row], s->class[row], sign);
    if (s->kind == ANSWER_SET && l->parts & PART_EXACT && s->exact[row])
        touch(a, exact_place(s), sign);
    for (size_t k = s->begin ? s->begin[row] : 0; s->begin && k < s->begin[row + 1]; k++)
        if (is_read(l, s->places[k]))
            touch(a, s->places[k], sign * (s->amounts ? s->amounts[k] : 1));
}

static err list_row(additions *a, size_t row) {
    err e = ERR_OK;
    for (size_t i = 0; i < a->touched_count && !e; i++) {
        int64_t amount = a->here[a->touched[i]];
        uint64_t less = amount < 0, left = (uint64_t)(less ? -amount : amount);
        for (uint64_t bit = 1; left && !e; bit += 2, left >>= 1)
            if (left & 1) e = list_bit(a, a->touched[i], bit + less, row);
        a->here[a->touched[i]] = 0;
    }
    a->touched_count = 0;
    return e;
}

static err add_place(row_lanes *l, size_t room[2], uint64_t number) {
    uint32_t row = (uint32_t)number & INT32_MAX;
    err e = mem_grow((void **)&l->places, &room[0], l->place_count + 1, sizeof *l->places);
    if (!e) e = mem_grow((void **)&l->of_gold, &room[1], l->place_count + 1, sizeof *l->of_gold);
    if (e) return e;
    l->places[l->place_count] = (uint32_t)(number >> PLACE_AT);
    l->of_gold[l->place_count++] = number >> BIT_AT & 127 ? 0 : row + 1;
    return ERR_OK;
}

static err cut_cells(row_lanes *l, const additions *a) {
    size_t capacity = 0, room[2] = {0}, used = 0;
    err e = mem_new(&l->rows, a->count);
    for (size_t i = 0; i < a->count && !e; i++) {
        uint64_t number = a->list[i], before = i ? a->list[i - 1] : ~number, bit;
        if (number >> PLACE_AT != before >> PLACE_AT && (e = add_place(l, room, number))) break;
        if (!(bit = number >> BIT_AT & 127)) continue;
        if (number >> BIT_AT != before >> BIT_AT) {
            e = mem_grow((void **)&l->cells, &capacity, l->cell_count + 1, sizeof *l->cells);
            if (e) break;
            l->cells[l->cell_count++] = (row_cell){(uint32_t)l->place_count - 1,
                                                   (uint16_t)((bit - 1) / 2), bit % 2 == 0, 0};
        }
        l->rows[used++] = (uint32_t)number & INT32_MAX;
        l->cells[l->cell_count - 1].end = used;
    }
    return e;
}

/* What the rows add less what they would with gold's answers; where there is no gold, all. */
static err make_cells(row_lanes *l, const row_lanes *gold) {
    size_t size = exact_place(l->statistics) + 1;
    additions a = {.together = l->parts & PART_LABELS ? 0 : labels_of(l->statistics)};
    err e = mem_new(&a.here, size);
    if (!e) e = mem_new(&a.touched, 2 * size);
    for (size_t i = 0; i < l->statistics->rows && !e; i++) {
        touch_row(&a, l, i, 1);
        if (gold) touch_row(&a, gold, i, -1);
        e = list_row(&a, i);
    }
    for (size_t p = 0; gold && p < gold->place_count && !e; p++)
        e = list_bit(&a, gold->places[p], 0, p);
    if (!e) e = sort_u64(a.list, a.count);
    if (!e) e = cut_cells(l, &a);
    mem_free(a.list);
    mem_free(a.here);
    mem_free(a.touched);
    return e;
}

enum { OF_WEIGHT, OF_X, OF_Y, OF_XX, OF_YY, OF_XY };
_Static_assert(MOMENT_COUNT == OF_XY + 1 && offsetof(product_sums, xy) == OF_XY * sizeof(double),
               "the order of product_sums");

static size_t end_of_equals(const uint32_t *order, const float *numbers, size_t begin,
                            size_t rows) {
    size_t end = begin + 1;
    while (end < rows && !(numbers[order[end]] > numbers[order[begin]])) end++;
    return end;
}

/* Rows of equal numbers that are predicted, in their order. */
static err make_equals(row_lanes *l) {
    const row_statistics *s = l->statistics;
    size_t count = 0;
    err e = mem_new(&l->rises, s->rows);
    if (!e) e = mem_new(&l->rise_end, 1);
    for (size_t begin = 0, end; begin < s->rows && !e; begin = end) {
        end = end_of_equals(s->order[0], s->predicted, begin, s->rows);
        l->rises[count++] = (row_rise){(uint32_t)begin, (uint32_t)begin, (uint32_t)end};
        *l->rise_end = count;
    }
    return e;
}

/* Of all ranks less their mean the squares, by the cubes of how many share each. */
INLINE void square_ranks(row_lane_reals *moments, size_t to, const double *cubes) {
    for (size_t j = 0; j < ROW_LANES; j++) {
        double all = moments[OF_WEIGHT][j];
        moments[to][j] = (all * all * all - cubes[j]) / 12;
    }
}

/* Ranks are whole and half numbers: where the weights are narrow twice their products are whole ones of
 * 16 bits, and any sum of them is of 32. */
INLINE int16_t *twice_ranks_at(const row_weights *w, size_t row, size_t j) {
    return w->twice_ranks + row * ROW_LANES + j;
}

INLINE void rank_gold_of(row_weights *w, const row_statistics *s, bool narrow) {
    const uint32_t *order = s->order[1];
    all_reals before = {{0}}, cubes = {{0}}, alone = {{0}};
    for (size_t begin = 0, end; begin < s->rows; begin = end) {
        end = end_of_equals(order, s->gold, begin, s->rows);
        for (size_t p = 0; p < LANE_PARTS; p++) {
            some_reals all = *reals_at(w->gold_moments, OF_WEIGHT, p * SOME_LANES), here = {0};
            for (size_t i = begin; i < end; i++)
                here += AS_REALS(*lanes_at(w->weights, order[i], p * SOME_LANES));
            for (size_t i = begin; i < end; i++) {
                some_reals weight = AS_REALS(*lanes_at(w->weights, order[i], p * SOME_LANES));
                some_reals rank = (before[p] + 0.5 * (here - all)) * weight;
                if (narrow)
                    for (size_t j = 0; j < SOME_LANES; j++)
                        *twice_ranks_at(w, order[i], p * SOME_LANES + j) = (int16_t)(2 * rank[j]);
                else
                    *reals_at(w->gold_ranks, order[i], p * SOME_LANES) = rank;
                alone[p] += weight * weight * weight;
            }
            cubes[p] += here * here * here;
            before[p] += here;
        }
    }
    memcpy(w->cubes, alone, sizeof alone);
    square_ranks(w->gold_moments, OF_YY, (const double *)cubes);
}

VECTOR_CLONES static void rank_gold(row_weights *w, const row_statistics *s) {
    if (w->narrow_ranks)
        rank_gold_of(w, s, true);
    else
        rank_gold_of(w, s, false);
}

/* Numbers' cubes: of those that are equal to no other they are those of all rows, less those of the
 * others; of few numbers the cubes of each. */
INLINE void add_cubes(all_reals cubes, const half_lanes here[2], bool less) {
    for (size_t p = 0; p < LANE_PARTS; p++) {
        some_reals all = HALF_REALS(here[p / 2], p % 2), cube = all * all * all;
        cubes[p] += less ? -cube : cube;
    }
}

/* A row's weights; narrow: its even and its odd ones. */
INLINE void take_weights(half_lanes out[2], const row_weights *w, uint32_t row, bool narrow) {
    for (size_t p = 0; p < 2; p++)
        if (narrow)
            take_half(&out[p], (const halves *)w->halves + row, p);
        else
            out[p] = *(const half_lanes *)(w->weights + row * ROW_LANES + p * HALF_LANES);
}

/* Gold's ranks add up to 0: what is added to all ranks of the other side changes no product. Of narrow
 * weights four times the products are summed, whose sum 32 bits hold, whatever it is on its way. */
INLINE void rank_predicted_of(row_lane_reals *moments, const row_lanes *l, const row_weights *w,
                              bool narrow) {
    const uint32_t *order = l->statistics->order[0];
    bool few = 2 * *l->rise_end < l->statistics->rows;
    all_reals cubes = {{0}}, products = {{0}};
    half_lanes before[2] = {{0}}, sum[2] = {{0}};
    for (const row_rise *x = l->rises; x < l->rises + *l->rise_end; x++) {
        half_lanes here[2] = {{0}}, twice[2] = {{0}}, weights[2];
        all_reals of_gold = {{0}};
        for (const uint32_t *row = order + x->begin; row < order + x->end; row++) {
            take_weights(weights, w, *row, narrow);
            for (size_t p = 0; p < 2; p++) {
                half_signs gold = {0};
                if (narrow) take_signed_half(&gold, (const halves *)w->twice_ranks + *row, p);
                twice[p] += (half_lanes)gold;
                here[p] += weights[p];
            }
            for (size_t p = 0; p < LANE_PARTS && !narrow; p++)
                of_gold[p] += *reals_at(w->gold_ranks, *row, p * SOME_LANES);
            if (x->end > x->begin + 1 && !few) add_cubes(cubes, weights, true);
        }
        if (few || x->end > x->begin + 1) add_cubes(cubes, here, false);
        for (size_t p = 0; p < LANE_PARTS && !narrow; p++)
            products[p] +=
                0.5 * HALF_REALS(before[p / 2] + before[p / 2] + here[p / 2], p % 2) * of_gold[p];
        for (size_t p = 0; p < 2; p++) {
            sum[p] += (before[p] + before[p] + here[p]) * twice[p];
            before[p] += here[p];
        }
    }
    row_lane_reals of_equals;
    for (size_t i = 0; i < ROW_LANES; i++) {
        size_t j = narrow ? lane_of_half(i) : i, p = i / SOME_LANES, k = i % SOME_LANES;
        of_equals[j] = cubes[p][k] + (few ? 0 : w->cubes[j]);
        moments[OF_XY][j] =
            narrow ? 0.25 * (int32_t)sum[i / HALF_LANES][i % HALF_LANES] : products[p][k];
    }
    square_ranks(moments, OF_XX, of_equals);
}

VECTOR_CLONES static void rank_predicted(row_lane_reals *moments, const row_lanes *l,
                                         const row_weights *w) {
    if (w->narrow_ranks)
        rank_predicted_of(moments, l, w, true);
    else
        rank_predicted_of(moments, l, w, false);
}

// values are no whole numbers: their products are added in the order of the rows
VECTOR_CLONES static void sum_gold(row_weights *w, const row_statistics *s) {
    for (size_t j = 0; j < ROW_LANES; j += SOME_LANES) {
        some_reals all = {0}, squares = {0};
        for (size_t i = 0; i < s->rows; i++) {
            double y = (double)s->gold[i] - s->shift[1];
            some_reals part = AS_REALS(*lanes_at(w->weights, i, j)) * y;
            all += part;
            squares += part * y;
        }
        *reals_at(w->gold_moments, OF_Y, j) = all;
        *reals_at(w->gold_moments, OF_YY, j) = squares;
    }
}

VECTOR_CLONES static void sum_predicted(row_lane_reals *moments, const row_statistics *s,
                                        const row_weights *w) {
    for (size_t j = 0; j < ROW_LANES; j += SOME_LANES) {
        some_reals all = {0}, squares = {0}, products = {0};
        for (size_t i = 0; i < s->rows; i++) {
            double x = (double)s->predicted[i] - s->shift[0];
            double y = (double)s->gold[i] - s->shift[1];
            some_reals part = AS_REALS(*lanes_at(w->weights, i, j)) * x;
            all += part;
            squares += part * x;
            products += part * y;
        }
        *reals_at(moments, OF_X, j) = all;
        *reals_at(moments, OF_XX, j) = squares;
        *reals_at(moments, OF_XY, j) = products;
    }
}

err row_lanes_init(row_lanes *l, const row_statistics *s, const row_lanes *gold, unsigned parts) {
    *l = (row_lanes){.statistics = s, .parts = parts};
    err e = make_cells(l, gold);
    if (!e && gold && parts & PART_CURVES) e = row_lanes__rises(l);
    return e || !gold || !(parts & PART_RANKS) ? e : make_equals(l);
}

void row_lanes_free(row_lanes *l) {
    mem_free(l->cells);
    mem_free(l->rows);
    mem_free(l->places);
    mem_free(l->of_gold);
    mem_free(l->rises);
    mem_free(l->rise_end);
    *l = (row_lanes){0};
}

/* *list (rows, ROW_LANES), where no row lies in two lines of a cache. */
static err new_lanes(void *list, size_t rows, size_t number_bytes) {
    void *out = NULL;
    err e = mem_aligned(&out, rows * ROW_LANES * number_bytes, 64);
    memcpy(list, &out, sizeof out);
    return e;
}

err row_weights_init(row_weights *w, const row_lanes *gold) {
    const row_statistics *s = gold->statistics;
    *w = (row_weights){.gold = gold};
    err e = new_lanes(&w->bytes, s->rows, sizeof *w->weights); // most stay as they come: untouched
    if (!e) e = mem_new(&w->right, gold->place_count);
    if (!e && gold->parts & (PART_CURVES | PART_RANKS))
        e = new_lanes(&w->halves, s->rows, sizeof *w->halves);
    if (!e && gold->parts & PART_RANKS) e = mem_new(&w->gold_ranks, s->rows);
    if (!e && gold->parts & PART_RANKS)
        e = new_lanes(&w->twice_ranks, s->rows, sizeof *w->twice_ranks);
    if (!e && gold->parts & PART_CURVES) e = mem_new(&w->of_labels, s->classes * ROW_LANES);
    return e;
}

void row_weights_free(row_weights *w) {
    mem_free(w->bytes);
    mem_free(w->halves);
    mem_free(w->right);
    mem_free(w->gold_ranks);
    mem_free(w->twice_ranks);
    mem_free(w->of_labels);
    *w = (row_weights){0};
}

err row_lane_sum_init(row_lane_sum *sum, size_t places, size_t rows) {
    *sum = (row_lane_sum){.room = places};
    err e = mem_new(&sum->counts, places);
    return e ? e : new_lanes(&sum->before, rows + 1, sizeof *sum->before);
}

void row_lane_sum_free(row_lane_sum *sum) {
    mem_free(sum->counts);
    mem_free(sum->before);
    *sum = (row_lane_sum){0};
}

VECTOR_CLONES static void add_weights(row_weights *w, size_t rows) {
    const lanes *weights = (const lanes *)w->weights;
    wide total = {0};
    lanes any = {0};
    for (size_t i = 0; i < rows; i++) {
        total += __builtin_convertvector(weights[i], wide);
        any |= weights[i];
    }
    memcpy(w->total, &total, sizeof w->total);
    w->most = 1;
    for (size_t j = 0; j < ROW_LANES; j++) w->most |= any[j];
    uint64_t heaviest = 0;
    for (size_t j = 0; j < ROW_LANES; j++)
        if (w->total[j] > heaviest) heaviest = w->total[j];
    w->narrow = heaviest <= UINT16_MAX && 2 * heaviest * heaviest * w->most <= INT32_MAX;
    w->narrow_ranks = heaviest * w->most <= INT16_MAX && heaviest <= UINT16_MAX &&
                      heaviest * heaviest * heaviest / 3 < INT32_MAX;
}

VECTOR_CLONES static void take_halves(uint16_t *out, const uint32_t *weights, size_t rows) {
    for (size_t i = 0; i < rows * ROW_LANES; i++) out[i] = (uint16_t)weights[i];
}

/* Eight bits of each weight, from `shift` on. */
VECTOR_CLONES static void take_bytes(uint8_t *out, const uint32_t *weights, size_t rows,
                                     unsigned shift) {
    for (size_t i = 0; i < rows * ROW_LANES; i++) out[i] = (uint8_t)(weights[i] >> shift);
}

INLINE void widen_halves(half_lanes out[2], const halves *x) {
    out[0] = __builtin_convertvector(EIGHT_OF(*x, 0), half_lanes);
    out[1] = __builtin_convertvector(EIGHT_OF(*x, 1), half_lanes);
}

INLINE void add_part(uint64_t *counts, const halves *part, unsigned shift, bool less) {
    half_lanes x[2];
    widen_halves(x, part);
    for (size_t p = 0; p < 2; p++) {
        some_wide *to = (some_wide *)(counts + p * HALF_LANES);
        some_wide first = __builtin_convertvector(FOUR_OF(x[p], 0), some_wide) << shift;
        some_wide second = __builtin_convertvector(FOUR_OF(x[p], 1), some_wide) << shift;
        to[0] += less ? -first : first;
        to[1] += less ? -second : second;
    }
}

// 8 and 16 bits hold `most8` and `most16` rows' bytes
VECTOR_CLONES static void sum_bytes(row_lane_counts *counts, const row_lanes *l,
                                    const uint8_t *of_rows, size_t most8, size_t most16,
                                    unsigned shift) {
    const bytes *weights = (const bytes *)of_rows;
    for (size_t c = 0, at = 0; c < l->cell_count; c++) {
        const row_cell *cell = &l->cells[c];
        while (at < cell->end) {
            size_t end16 = cell->end - at < most16 ? cell->end : at + most16;
            halves part = {0};
            while (at < end16) {
                size_t end = end16 - at < most8 ? end16 : at + most8;
                bytes some = {0};
                for (; at < end; at++) some += weights[l->rows[at]];
                part += __builtin_convertvector(some, halves);
            }
            add_part(counts[cell->place], &part, cell->shift + shift, cell->less);
        }
    }
}

/* Adds what the cells' rows do, byte after byte of their weights, of which most have one alone. */
static void sum_cells(row_lane_counts *counts, const row_lanes *l, const row_weights *w) {
    size_t list = l->statistics->rows * ROW_LANES;
    for (unsigned k = 0; k < sizeof w->most && w->most >> 8 * k; k++) {
        uint32_t most = w->most > UINT8_MAX ? UINT8_MAX : w->most;
        sum_bytes(counts, l, w->bytes + k * list, UINT8_MAX / most, UINT16_MAX / most, 8 * k);
    }
}

void row_weights_take(row_weights *w, const uint32_t *weights) {
    const row_lanes *gold = w->gold;
    size_t rows = gold->statistics->rows;
    w->weights = weights;
    add_weights(w, rows);
    if (w->halves) take_halves(w->halves, weights, rows);
    for (unsigned k = 0; k < sizeof w->most && w->most >> 8 * k; k++)
        take_bytes(w->bytes + k * rows * ROW_LANES, weights, rows, 8 * k);
    memset(w->gold_moments, 0, sizeof w->gold_moments);
    for (size_t j = 0; j < ROW_LANES; j++) w->gold_moments[OF_WEIGHT][j] = (double)w->total[j];
    if (gold->place_count) memset(w->right, 0, gold->place_count * sizeof *w->right);
    sum_cells(w->right, gold, w);
    if (gold->parts & PART_RANKS) rank_gold(w, gold->statistics);
    if (gold->parts & PART_VALUES) sum_gold(w, gold->statistics);
    if (gold->parts & PART_CURVES) row_lanes__labels(w->of_labels, gold->statistics, weights);
}

void row_lanes_sum(row_lane_sum *sum, const row_lanes *l, const row_weights *w) {
    const row_statistics *s = l->statistics;
    for (size_t p = 0; p < l->place_count; p++)
        if (l->of_gold[p])
            memcpy(sum->counts[p], w->right[l->of_gold[p] - 1], sizeof *sum->counts);
        else
            memset(sum->counts[p], 0, sizeof *sum->counts);
    memset(sum->ranking, 0, sizeof sum->ranking);
    memset(sum->curves, 0, sizeof sum->curves);
    if (l->parts & MOMENTS) memcpy(sum->moments, w->gold_moments, sizeof sum->moments);
    sum_cells(sum->counts, l, w);
    if (l->parts & PART_RANKS) rank_predicted(sum->moments, l, w);
    if (l->parts & PART_VALUES) sum_predicted(sum->moments, s, w);
    for (size_t i = 0; l->parts & PART_RANKING && i < s->rows; i++)
        for (size_t j = 0; j < ROW_LANES; j++)
            sum->ranking[j] += w->weights[i * ROW_LANES + j] * s->ranking[i];
    if (l->parts & PART_CURVES) row_lanes__areas(&sum->curves, sum->before, l, w);
}

void row_lane_clear(confusion *c, const row_lanes *l) {
    for (size_t p = 0; p < l->place_count; p++)
        if (l->places[p] < exact_place(l->statistics)) c->gold[l->places[p]] = 0;
    c->exact = 0;
    c->values = c->ranks = (product_sums){0};
}

void row_lane_take(confusion *c, const row_lanes *l, const row_weights *w, const row_lane_sum *sum,
                   size_t j) {
    size_t exact = l->statistics->kind == ANSWER_SET ? exact_place(l->statistics) : SIZE_MAX;
    for (size_t p = 0; p < l->place_count; p++)
        *(l->places[p] == exact ? &c->exact : &c->gold[l->places[p]]) = sum->counts[p][j];
    c->total = w->total[j];
    c->ranking = sum->ranking[j];
    c->curves = sum->curves[j];
    if (!(l->parts & MOMENTS)) return;
    *(l->parts & PART_RANKS ? &c->ranks : &c->values) =
        (product_sums){sum->moments[OF_WEIGHT][j], sum->moments[OF_X][j],  sum->moments[OF_Y][j],
                       sum->moments[OF_XX][j],     sum->moments[OF_YY][j], sum->moments[OF_XY][j]};
}
