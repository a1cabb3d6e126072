#include "metric/row_lanes.h"

#include "base/memory.h"
#include "base/vectors.h"
#include "metric/tags.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t lanes __attribute__((vector_size(ROW_LANES * sizeof(uint32_t)), aligned(4)));
typedef int32_t signs __attribute__((vector_size(ROW_LANES * sizeof(int32_t)), aligned(4)));
typedef uint64_t wide __attribute__((vector_size(ROW_LANES * sizeof(uint64_t)), aligned(8)));
typedef double reals __attribute__((vector_size(ROW_LANES * sizeof(double)), aligned(8)));

// counts below 2^31; a processor turns signed numbers into reals at once
#define AS_REALS(x) __builtin_convertvector((signs)(x), reals)

/* Rows that add 2^shift to a place. */
struct row_cell {
    uint32_t place; // among row_lanes.places
    uint32_t shift;
    size_t end; // of its rows, which begin where the cell before ends
};

// of a label's rows in the order of their scores
enum { MARK_HAS_LABEL = 1, MARK_ENDS_EQUALS = 2 };

bool row_lanes_serve(unsigned parts, uint64_t total) {
    enum { EXACT_CUBE = 1 << 17 }; // 2^51, whose quarters a double holds
    return !(parts & PART_RANKS) || total <= EXACT_CUBE;
}

/* --- cells --- */

static unsigned part_of_tags(size_t tags, size_t place) {
    size_t types = tag_types(tags);
    if (place < 3 * types) return PART_LABELS;
    return place < 3 * types + 3 * tags ? PART_UNITS : PART_STRICT;
}

static unsigned part_of_arcs(size_t relations, size_t place) {
    if (place < 3 * relations) return PART_LABELS;
    if (place < arc_near(relations)) return PART_WORDS;
    if (place < arc_places(relations)) return 0; // baselines' alone
    return place < arc_klue(relations) ? PART_PLACES : PART_KLUE;
}

static bool is_read(const row_lanes *l, size_t place) {
    const row_statistics *s = l->statistics;
    unsigned part = s->kind == ANSWER_TAGS   ? part_of_tags(s->classes, place)
                    : s->kind == ANSWER_ARCS ? part_of_arcs(s->classes, place)
                                             : PART_LABELS;
    return (l->parts & part) != 0;
}

/* What rows add, as numbers (place, bit of the amount, row) that are sorted: 27, 5 and 32 bits. */
typedef struct additions {
    uint64_t *list;
    size_t count, capacity;
} additions;

static err add(additions *a, size_t place, uint32_t amount, size_t row) {
    err e = ERR_OK;
    for (uint64_t bit = 0; amount && !e; bit++, amount >>= 1) {
        if (!(amount & 1)) continue;
        e = mem_grow((void **)&a->list, &a->capacity, a->count + 1, sizeof *a->list);
        if (!e) a->list[a->count++] = (uint64_t)place << 37 | bit << 32 | row;
    }
    return e;
}

static err add_class(additions *a, size_t classes, size_t gold, size_t predicted, size_t row) {
    err e = add(a, gold, 1, row);
    if (!e) e = add(a, classes + predicted, 1, row);
    return e || gold != predicted ? e : add(a, 2 * classes + gold, 1, row);
}

/* The place of rows whose set is right, behind those of the sum. */
static size_t exact_place(const row_statistics *s) {
    return 3 * s->classes;
}

static err list_row(additions *a, const row_lanes *l, size_t row) {
    const row_statistics *s = l->statistics;
    bool labels = l->parts & PART_LABELS;
    if (s->kind == ANSWER_NUMBER)
        return labels ? add_class(a, 2, (double)s->gold[row] >= SCORE_YES,
                                  (double)s->predicted[row] >= SCORE_YES, row)
                      : ERR_OK;
    if (s->kind == ANSWER_RELATION)
        return labels ? add_class(a, s->classes, s->gold_class[row], s->class[row], row) : ERR_OK;
    err e = s->kind == ANSWER_SET && l->parts & PART_EXACT && s->exact[row]
                ? add(a, exact_place(s), 1, row)
                : ERR_OK;
    for (size_t k = s->begin[row]; k < s->begin[row + 1] && !e; k++)
        if (is_read(l, s->places[k])) e = add(a, s->places[k], s->amounts ? s->amounts[k] : 1, row);
    return e;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static err cut_cells(row_lanes *l, const additions *a) {
    size_t capacity = 0, room = 0;
    err e = mem_new(&l->rows, a->count);
    for (size_t i = 0; i < a->count && !e; i++) {
        uint64_t of = a->list[i] >> 32, place = of >> 5;
        bool is_new = !i || of != a->list[i - 1] >> 32;
        if (is_new && (!i || place != a->list[i - 1] >> 37)) {
            e = mem_grow((void **)&l->places, &room, l->place_count + 1, sizeof *l->places);
            if (!e) l->places[l->place_count++] = (uint32_t)place;
        }
        if (is_new && !e) {
            e = mem_grow((void **)&l->cells, &capacity, l->cell_count + 1, sizeof *l->cells);
            if (!e)
                l->cells[l->cell_count++] =
                    (row_cell){(uint32_t)l->place_count - 1, (uint32_t)(of & 31), 0};
        }
        if (e) break;
        l->rows[i] = (uint32_t)a->list[i];
        l->cells[l->cell_count - 1].end = i + 1;
    }
    return e;
}

static err make_cells(row_lanes *l) {
    additions a = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < l->statistics->rows && !e; i++) e = list_row(&a, l, i);
    if (a.count) qsort(a.list, a.count, sizeof *a.list, by_number);
    if (!e) e = cut_cells(l, &a);
    mem_free(a.list);
    return e;
}

/* --- curves --- */

static err make_marks(row_lanes *l) {
    const row_statistics *s = l->statistics;
    err e = mem_new(&l->marks, s->classes * s->rows);
    for (size_t k = 0; k < s->classes && !e; k++) {
        const uint32_t *order = s->descending + k * s->rows;
        const double *scores = s->scores + k * s->rows;
        uint8_t *marks = l->marks + k * s->rows;
        for (size_t i = 0; i < s->rows; i++) {
            bool last = i + 1 == s->rows || scores[order[i + 1]] < scores[order[i]];
            marks[i] =
                (s->gold_class[order[i]] == k ? MARK_HAS_LABEL : 0) | (last ? MARK_ENDS_EQUALS : 0);
        }
    }
    return e;
}

/* The area under a label's curve, to which only rows that have the label add: between two of them
 * recall stays. */
VECTOR_CLONES static void add_area(double *area, const row_statistics *s, const uint8_t *marks,
                                   size_t k, const uint32_t *weights) {
    const uint32_t *order = s->descending + k * s->rows;
    const lanes *of_rows = (const lanes *)weights;
    lanes right = {0}, hit = {0}, said = {0}, none;
    lanes hit_before = {0}, said_before = {0};
    reals sum = {0}, recall = {0};
    bool rises = false;
    for (size_t i = 0; i < s->rows; i++)
        if (marks[i] & MARK_HAS_LABEL) right += of_rows[order[i]];
    none = (lanes)(right == 0) & 1;
    reals all = AS_REALS(right + none);
    for (size_t i = 0; i < s->rows; i++) {
        const lanes weight = of_rows[order[i]];
        said += weight;
        if (marks[i] & MARK_HAS_LABEL) {
            hit += weight;
            rises = true;
        }
        if (!(marks[i] & MARK_ENDS_EQUALS)) continue;
        if (rises) {
            // before the first row that takes part precision is 1
            lanes first = (lanes)(said_before == 0) & 1, empty = (lanes)(said == 0) & 1;
            reals before = AS_REALS(hit_before + first) / AS_REALS(said_before + first);
            reals here = AS_REALS(hit) / all;
            sum += (here - recall) * (AS_REALS(hit) / AS_REALS(said + empty) + before) / 2;
            recall = here;
        }
        rises = false;
        hit_before = hit;
        said_before = said;
    }
    // a label that no row has: from recall 0 to 1 at the first row, precision 0
    lanes there = (lanes)(said != 0) & none;
    sum += AS_REALS(there) * 0.5;
    *(reals *)area += sum / (double)s->classes;
}

/* --- numbers --- */

enum { OF_WEIGHT, OF_X, OF_Y, OF_XX, OF_YY, OF_XY };
_Static_assert(MOMENT_COUNT == OF_XY + 1 && offsetof(product_sums, xy) == OF_XY * sizeof(double),
               "the order of product_sums");

/* Ranks from 1, less the mean of all, of rows from begin on that have one number; *before: weight of
 * those that have less. Returns where they end. */
static inline __attribute__((always_inline)) size_t
rank_equals(reals *rank, reals *here, reals *before, const uint32_t *order, const float *numbers,
            size_t begin, size_t rows, const lanes *weights, const reals *middle) {
    lanes equal = {0};
    size_t end = begin;
    for (; end < rows && !(numbers[order[end]] > numbers[order[begin]]); end++)
        equal += weights[order[end]];
    *here = AS_REALS(equal);
    *rank = *before + 0.5 * (*here + 1) - *middle;
    *before += *here;
    return end;
}

VECTOR_CLONES static void rank_gold(row_weights *w, const row_statistics *s) {
    const uint32_t *order = s->order[1];
    const lanes *weights = (const lanes *)w->weights;
    reals *ranks = (reals *)w->gold_ranks, *sums = (reals *)w->gold;
    reals total = __builtin_convertvector(*(const wide *)w->total, reals);
    reals before = {0}, middle = 0.5 * (total + 1), rank, here;
    sums[OF_WEIGHT] = total;
    for (size_t begin = 0, end; begin < s->rows; begin = end) {
        end = rank_equals(&rank, &here, &before, order, s->gold, begin, s->rows, weights, &middle);
        for (size_t i = begin; i < end; i++) ranks[order[i]] = rank;
        sums[OF_Y] += here * rank;
        sums[OF_YY] += here * rank * rank;
    }
}

VECTOR_CLONES static void rank_predicted(double *moments, const row_statistics *s,
                                         const row_weights *w) {
    const uint32_t *order = s->order[0];
    const lanes *weights = (const lanes *)w->weights;
    const reals *gold = (const reals *)w->gold_ranks;
    reals *sums = (reals *)moments, before = {0}, rank, here;
    reals middle = 0.5 * (((const reals *)w->gold)[OF_WEIGHT] + 1);
    for (size_t begin = 0, end; begin < s->rows; begin = end) {
        reals of_gold = {0};
        end = rank_equals(&rank, &here, &before, order, s->predicted, begin, s->rows, weights,
                          &middle);
        for (size_t i = begin; i < end; i++)
            of_gold += AS_REALS(weights[order[i]]) * gold[order[i]];
        sums[OF_X] += here * rank;
        sums[OF_XX] += here * rank * rank;
        sums[OF_XY] += rank * of_gold;
    }
}

// values are no whole numbers: their products are added in the order of the rows
VECTOR_CLONES static void sum_gold(row_weights *w, const row_statistics *s) {
    const lanes *weights = (const lanes *)w->weights;
    reals *sums = (reals *)w->gold;
    sums[OF_WEIGHT] = __builtin_convertvector(*(const wide *)w->total, reals);
    for (size_t i = 0; i < s->rows; i++) {
        double y = (double)s->gold[i] - s->shift[1];
        reals part = AS_REALS(weights[i]) * y;
        sums[OF_Y] += part;
        sums[OF_YY] += part * y;
    }
}

VECTOR_CLONES static void sum_predicted(double *moments, const row_statistics *s,
                                        const row_weights *w) {
    const lanes *weights = (const lanes *)w->weights;
    reals *sums = (reals *)moments;
    reals all = {0}, squares = {0}, products = {0};
    for (size_t i = 0; i < s->rows; i++) {
        double x = (double)s->predicted[i] - s->shift[0], y = (double)s->gold[i] - s->shift[1];
        reals part = AS_REALS(weights[i]) * x;
        all += part;
        squares += part * x;
        products += part * y;
    }
    sums[OF_X] = all;
    sums[OF_XX] = squares;
    sums[OF_XY] = products;
}

/* --- all --- */

err row_lanes_init(row_lanes *l, const row_statistics *s, unsigned parts) {
    *l = (row_lanes){.statistics = s, .parts = parts};
    err e = make_cells(l);
    return e || !(parts & PART_CURVES) ? e : make_marks(l);
}

void row_lanes_free(row_lanes *l) {
    mem_free(l->cells);
    mem_free(l->rows);
    mem_free(l->places);
    mem_free(l->marks);
    *l = (row_lanes){0};
}

err row_weights_init(row_weights *w, size_t rows) {
    *w = (row_weights){.rows = rows};
    return mem_new(&w->gold_ranks, rows);
}

void row_weights_free(row_weights *w) {
    mem_free(w->gold_ranks);
    *w = (row_weights){0};
}

err row_lane_sum_init(row_lane_sum *sum, size_t places) {
    *sum = (row_lane_sum){.room = places};
    return mem_new(&sum->counts, places);
}

void row_lane_sum_free(row_lane_sum *sum) {
    mem_free(sum->counts);
    *sum = (row_lane_sum){0};
}

VECTOR_CLONES static void add_weights(row_weights *w) {
    const lanes *weights = (const lanes *)w->weights;
    wide total = {0};
    lanes any = {0};
    for (size_t i = 0; i < w->rows; i++) {
        total += __builtin_convertvector(weights[i], wide);
        any |= weights[i];
    }
    memcpy(w->total, &total, sizeof w->total);
    w->most = 1;
    for (size_t j = 0; j < ROW_LANES; j++) w->most |= any[j];
}

void row_weights_take(row_weights *w, const uint32_t *weights, const row_lanes *any) {
    w->weights = weights;
    add_weights(w);
    memset(w->gold, 0, sizeof w->gold);
    if (any->parts & PART_RANKS) rank_gold(w, any->statistics);
    if (any->parts & PART_VALUES) sum_gold(w, any->statistics);
}

// 32 bits hold `most` rows' weights
VECTOR_CLONES static void sum_cells(uint64_t *counts, const row_lanes *l, const row_weights *w,
                                    size_t most) {
    const lanes *weights = (const lanes *)w->weights;
    wide *sums = (wide *)counts;
    for (size_t c = 0, at = 0; c < l->cell_count; c++) {
        const row_cell *cell = &l->cells[c];
        wide sum = {0};
        while (at < cell->end) {
            size_t end = cell->end - at < most ? cell->end : at + most;
            lanes some = {0};
            for (; at < end; at++) some += weights[l->rows[at]];
            sum += __builtin_convertvector(some, wide);
        }
        sums[cell->place] += sum << cell->shift;
    }
}

void row_lanes_sum(row_lane_sum *sum, const row_lanes *l, const row_weights *w) {
    const row_statistics *s = l->statistics;
    if (l->place_count) memset(sum->counts, 0, l->place_count * sizeof *sum->counts);
    memset(sum->ranking, 0, sizeof sum->ranking);
    memset(sum->curves, 0, sizeof sum->curves);
    memcpy(sum->moments, w->gold, sizeof sum->moments);
    if (l->cell_count) sum_cells(*sum->counts, l, w, UINT32_MAX / w->most);
    if (l->parts & PART_RANKS) rank_predicted(*sum->moments, s, w);
    if (l->parts & PART_VALUES) sum_predicted(*sum->moments, s, w);
    for (size_t i = 0; l->parts & PART_RANKING && i < s->rows; i++)
        for (size_t j = 0; j < ROW_LANES; j++)
            sum->ranking[j] += w->weights[i * ROW_LANES + j] * s->ranking[i];
    for (size_t k = 0; l->parts & PART_CURVES && k < s->classes; k++)
        add_area(sum->curves, s, l->marks + k * s->rows, k, w->weights);
}

void row_lane_begin(confusion *c, const row_lanes *l) {
    const row_statistics *s = l->statistics;
    memset(c->gold, 0,
           row_sum_size(s->kind, s->kind == ANSWER_NUMBER ? c->classes : s->classes) *
               sizeof *c->gold);
    c->exact = 0;
    c->values = c->ranks = (product_sums){0};
}

void row_lane_take(confusion *c, const row_lanes *l, const row_weights *w, const row_lane_sum *sum,
                   size_t j) {
    bool is_set = l->statistics->kind == ANSWER_SET;
    product_sums *moments = l->parts & PART_RANKS ? &c->ranks : &c->values;
    for (size_t p = 0; p < l->place_count; p++) {
        uint64_t count = sum->counts[p][j];
        if (is_set && l->places[p] == exact_place(l->statistics))
            c->exact = count;
        else
            c->gold[l->places[p]] = count;
    }
    c->total = w->total[j];
    c->ranking = sum->ranking[j];
    c->curves = sum->curves[j];
    *moments =
        (product_sums){sum->moments[OF_WEIGHT][j], sum->moments[OF_X][j],  sum->moments[OF_Y][j],
                       sum->moments[OF_XX][j],     sum->moments[OF_YY][j], sum->moments[OF_XY][j]};
}
