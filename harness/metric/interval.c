#include "metric/interval.h"

#include "base/memory.h"
#include "base/rng.h"
#include "metric/rows.h"
#include "metric/statistics.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// the share that a type takes of the units not yet drawn, with what inversion needs of it
struct bootstrap_step {
    bool last;    // the type takes all that is left
    bool flipped; // share was above one half: draw the others
    double share, odds, log_share, log_rest;
};

/* units and types */

// A table in the layout that sorting wants: row i is (gold, predicted by run 0, 1, ...); the rows
// of unit u are members[begin[u]..begin[u + 1]).
typedef struct unit_list {
    size_t units, width;
    uint32_t *rows;    // (rows, width)
    uint32_t *unit_of; // (rows)
    uint32_t *members; // (rows)
    uint32_t *begin;   // (units + 1)
    uint32_t *order;   // (units) by signature
} unit_list;

static void unit_list_free(unit_list *l) {
    mem_free(l->rows);
    mem_free(l->unit_of);
    mem_free(l->members);
    mem_free(l->begin);
    mem_free(l->order);
    *l = (unit_list){0};
}

static err number_units(unit_list *l, const test_table *t) {
    for (size_t i = 0; i < t->rows; i++) {
        size_t first = t->first_row ? t->first_row[i] : i;
        if (first > i || (t->first_row && t->first_row[first] != first)) {
            return err_set(ERR_DATA, "row %zu: its text is said to occur first in row %zu", i,
                           first);
        }
        l->unit_of[i] = first == i ? (uint32_t)l->units++ : l->unit_of[first];
    }
    return ERR_OK;
}

static err copy_rows(unit_list *l, const test_table *t) {
    for (size_t i = 0; i < t->rows; i++) {
        uint32_t *row = l->rows + i * l->width;
        row[0] = t->gold.classes[i];
        for (size_t r = 0; r < t->runs; r++) row[r + 1] = t->predicted[r].classes[i];
        for (size_t j = 0; j < l->width; j++) {
            if (row[j] < t->classes) continue;
            return err_set(ERR_DATA, "row %zu: id %u, expected ids below %zu", i, row[j],
                           t->classes);
        }
    }
    return ERR_OK;
}

static const unit_list *sorted_list;

static int by_signature(const void *a, const void *b) {
    const unit_list *l = sorted_list;
    uint32_t u = *(const uint32_t *)a, v = *(const uint32_t *)b;
    size_t nu = l->begin[u + 1] - l->begin[u], nv = l->begin[v + 1] - l->begin[v];
    for (size_t k = 0; k < nu && k < nv; k++) {
        const uint32_t *x = l->rows + l->members[l->begin[u] + k] * l->width;
        const uint32_t *y = l->rows + l->members[l->begin[v] + k] * l->width;
        for (size_t j = 0; j < l->width; j++) {
            if (x[j] != y[j]) return x[j] < y[j] ? -1 : 1;
        }
    }
    return (nu > nv) - (nu < nv);
}

static err unit_list_init(unit_list *l, const test_table *t) {
    err e;
    *l = (unit_list){.width = t->runs + 1};
    if ((e = mem_new(&l->rows, t->rows * l->width)) || (e = mem_new(&l->unit_of, t->rows)) ||
        (e = mem_new(&l->members, t->rows)) || (e = number_units(l, t)) || (e = copy_rows(l, t)) ||
        (e = mem_new(&l->begin, l->units + 2)) || (e = mem_new(&l->order, l->units))) {
        unit_list_free(l);
        return e;
    }
    // counting sort: begin[u + 1] walks from the start of unit u to its end
    for (size_t i = 0; i < t->rows; i++) l->begin[l->unit_of[i] + 2]++;
    for (size_t u = 1; u <= l->units; u++) l->begin[u + 1] += l->begin[u];
    for (size_t i = 0; i < t->rows; i++) l->members[l->begin[l->unit_of[i] + 1]++] = (uint32_t)i;
    for (size_t u = 0; u < l->units; u++) l->order[u] = (uint32_t)u;
#pragma omp critical(bootstrap_sort)
    {
        sorted_list = l; // qsort has no argument for it
        qsort(l->order, l->units, sizeof *l->order, by_signature);
    }
    return ERR_OK;
}

static bool same_type(const unit_list *l, uint32_t u, uint32_t v) {
    size_t n = l->begin[u + 1] - l->begin[u];
    if (n != l->begin[v + 1] - l->begin[v]) return false;
    for (size_t k = 0; k < n; k++) {
        if (memcmp(l->rows + l->members[l->begin[u] + k] * l->width,
                   l->rows + l->members[l->begin[v] + k] * l->width, l->width * sizeof(uint32_t))) {
            return false;
        }
    }
    return true;
}

// gathers units of equal signature; `first` (types) is the first unit of each type in sorted order
static void number_types(bootstrap *b, const unit_list *l, uint32_t *first) {
    for (size_t i = 0; i < l->units; i++) {
        uint32_t u = l->order[i];
        if (!i || !same_type(l, l->order[i - 1], u)) first[b->types++] = u;
        b->type_of_unit[u] = (uint32_t)(b->types - 1);
        b->unit_count[b->types - 1]++;
    }
    // a conditional binomial costs about as much as a dozen single draws
    b->single = b->types * 12 > b->units;
}

// counts the rows and wrong predictions of each type; with `fill`, writes them too
static void walk_rows(bootstrap *b, const unit_list *l, const uint32_t *first, bool fill) {
    size_t rows = 0, wrong = 0;
    for (size_t k = 0; k < b->types; k++) {
        b->row_begin[k] = rows;
        b->wrong_begin[k] = wrong;
        for (size_t m = l->begin[first[k]]; m < l->begin[first[k] + 1]; m++) {
            const uint32_t *row = l->rows + l->members[m] * l->width;
            if (fill) b->row_gold[rows] = row[0];
            rows++;
            for (size_t r = 0; r < b->runs; r++) {
                if (row[r + 1] == row[0]) continue;
                // where bootstrap_sums counts them: missed in place of hit, given in predicted
                if (fill) {
                    b->wrong[wrong] = (uint32_t)((3 * r + 2) * b->classes + row[0]);
                    b->wrong[wrong + 1] = (uint32_t)((3 * r + 1) * b->classes + row[r + 1]);
                }
                wrong += 2;
            }
        }
    }
    b->row_begin[b->types] = rows;
    b->wrong_begin[b->types] = wrong;
}

static void fill_steps(bootstrap *b) {
    double left = (double)b->units;
    for (size_t k = 0; k < b->types; k++) {
        struct bootstrap_step *s = &b->steps[k];
        double share = b->unit_count[k] / left;
        s->last = k + 1 == b->types;
        s->flipped = share > 0.5;
        s->share = s->flipped ? (left - b->unit_count[k]) / left : share;
        s->odds = s->share / (1 - s->share);
        s->log_share = s->last ? 0 : log(s->share);
        s->log_rest = log1p(-s->share);
        left -= b->unit_count[k];
    }
    b->log_factorial[0] = 0;
    for (size_t n = 1; n <= b->units; n++)
        b->log_factorial[n] = b->log_factorial[n - 1] + log((double)n);
}

static err allocate_types(bootstrap *b) {
    size_t units = b->units;
    err e;
    if ((e = mem_new(&b->type_of_unit, units)) || (e = mem_new(&b->unit_count, units)) ||
        (e = mem_new(&b->row_begin, units + 1)) || (e = mem_new(&b->wrong_begin, units + 1)) ||
        (e = mem_new(&b->steps, units))) {
        return e;
    }
    return mem_new(&b->log_factorial, units + 1);
}

// units of numbers, sets or relations: seldom are two alike, so none are gathered
static err single_units(bootstrap *b, const test_table *t) {
    unit_list l = {0};
    b->table = *t;
    b->single = true;
    err e = mem_new(&b->unit_of, t->rows);
    l.unit_of = b->unit_of;
    if (!e) e = number_units(&l, t);
    b->units = b->types = l.units;
    if (!e) e = mem_new(&b->type_of_unit, b->units);
    for (size_t u = 0; !e && u < b->units; u++) b->type_of_unit[u] = (uint32_t)u;
    if (e) bootstrap_free(b);
    return e;
}

err bootstrap_init(bootstrap *b, const test_table *t) {
    err e;
    unit_list l = {0};
    uint32_t *first = NULL;
    *b = (bootstrap){.kind = t->kind, .classes = t->classes, .runs = t->runs};
    if (t->kind != ANSWER_CLASS && t->rows && t->runs && t->rows <= UINT32_MAX / 2)
        return single_units(b, t);
    if (!t->rows || !t->runs || !t->classes || t->rows > UINT32_MAX / 2 ||
        t->runs > UINT32_MAX / 3 / t->classes) {
        return err_set(ERR_ARG, "bootstrap of %zu rows, %zu runs, %zu classes", t->rows, t->runs,
                       t->classes);
    }
    if ((e = unit_list_init(&l, t))) return e;
    b->units = l.units;
    if ((e = mem_new(&first, l.units)) || (e = allocate_types(b))) goto done;
    number_types(b, &l, first);
    walk_rows(b, &l, first, false);
    if ((e = mem_new(&b->row_gold, b->row_begin[b->types])) ||
        (e = mem_new(&b->wrong, b->wrong_begin[b->types]))) {
        goto done;
    }
    walk_rows(b, &l, first, true);
    fill_steps(b);
done:
    mem_free(first);
    unit_list_free(&l);
    if (e) bootstrap_free(b);
    return e;
}

void bootstrap_free(bootstrap *b) {
    mem_free(b->type_of_unit);
    mem_free(b->unit_count);
    mem_free(b->row_begin);
    mem_free(b->row_gold);
    mem_free(b->wrong_begin);
    mem_free(b->wrong);
    mem_free(b->steps);
    mem_free(b->log_factorial);
    mem_free(b->unit_of);
    *b = (bootstrap){0};
}

/* drawing */

// inversion from 0 upwards: about `mean` steps
static uint32_t invert_from_zero(uint32_t n, const struct bootstrap_step *s, double u) {
    double mass = exp(n * s->log_rest), sum = mass, mean = n * s->share;
    uint32_t k = 0;
    while (u >= sum && k < n) {
        mass *= s->odds * (double)(n - k) / (double)(k + 1);
        // the sum may end below the u it should reach by rounding alone
        if (k > mean && sum + mass == sum) break;
        sum += mass;
        k++;
    }
    return k;
}

// inversion from the mode outwards: about one standard deviation of steps
static uint32_t invert_from_mode(uint32_t n, const struct bootstrap_step *s, double u,
                                 const double *log_factorial) {
    uint32_t mode = (uint32_t)((n + 1.0) * s->share), high = mode, low = mode;
    double mass = exp(log_factorial[n] - log_factorial[mode] - log_factorial[n - mode] +
                      mode * s->log_share + (n - mode) * s->log_rest);
    double up = mass, down = mass;
    u -= mass;
    while (u >= 0 && up + down > 1e-20) {
        if (high < n) {
            up *= s->odds * (double)(n - high) / (double)(high + 1);
            high++;
            u -= up;
            if (u < 0) return high;
        } else {
            up = 0;
        }
        if (low > 0) {
            down *= (double)low / ((double)(n - low + 1) * s->odds);
            low--;
            u -= down;
            if (u < 0) return low;
        } else {
            down = 0;
        }
    }
    return mode;
}

static uint32_t draw_binomial(uint32_t n, const struct bootstrap_step *s, double u,
                              const double *log_factorial) {
    if (s->last || !n) return n;
    uint32_t k =
        n * s->share < 12 ? invert_from_zero(n, s, u) : invert_from_mode(n, s, u, log_factorial);
    return s->flipped ? n - k : k;
}

static void draw_types(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t draw) {
    uint32_t left = (uint32_t)b->units;
    for (size_t k = 0; k < b->types; k++) {
        double u = 0;
        if (left && !b->steps[k].last) {
            philox r = philox4x32((philox){{draw, (uint32_t)k, 0, 0}}, seed, RNG_SITE_BOOTSTRAP);
            u = (double)(((uint64_t)r.v[0] << 21) | (r.v[1] >> 11)) * 0x1p-53;
        }
        counts[k] = draw_binomial(left, &b->steps[k], u, b->log_factorial);
        left -= counts[k];
    }
}

static void draw_units(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t draw) {
    uint32_t units = (uint32_t)b->units;
    philox r = {0};
    memset(counts, 0, b->types * sizeof *counts);
    for (uint32_t i = 0; i < units; i++) {
        if (i % 4 == 0) r = philox4x32((philox){{draw, i / 4, 0, 1}}, seed, RNG_SITE_BOOTSTRAP);
        // uneven by less than units / 2^32
        counts[b->type_of_unit[(uint64_t)r.v[i % 4] * units >> 32]]++;
    }
}

void bootstrap_draw(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t draw) {
    if (b->single) {
        draw_units(counts, b, seed, draw);
    } else {
        draw_types(counts, b, seed, draw);
    }
}

// restrict: the compiler takes vectors then
static void add_lanes(uint32_t *restrict to, const uint32_t *restrict from) {
    for (int j = 0; j < BOOTSTRAP_LANES; j++) to[j] += from[j];
}

void bootstrap_sums(uint32_t *sums, const bootstrap *b, const uint32_t *counts) {
    size_t size = b->classes * BOOTSTRAP_LANES;
    memset(sums, 0, b->runs * 3 * size * sizeof *sums);
    // Every run sees the same gold rows, and a right prediction is a row that is not wrong: only
    // wrong ones are walked.
    for (size_t k = 0; k < b->types; k++) {
        const uint32_t *n = counts + k * BOOTSTRAP_LANES;
        for (size_t i = b->row_begin[k]; i < b->row_begin[k + 1]; i++)
            add_lanes(sums + (size_t)b->row_gold[i] * BOOTSTRAP_LANES, n);
        for (size_t i = b->wrong_begin[k]; i < b->wrong_begin[k + 1]; i++)
            add_lanes(sums + (size_t)b->wrong[i] * BOOTSTRAP_LANES, n);
    }
    for (size_t r = 0; r < b->runs; r++) {
        uint32_t *gold = sums + r * 3 * size, *predicted = gold + size, *hit = predicted + size;
        for (size_t c = 0; c < size; c++) {
            gold[c] = sums[c];
            hit[c] = gold[c] - hit[c];
            predicted[c] += hit[c];
        }
    }
}

// what a thread needs for its resamples
typedef struct workspace {
    uint32_t *counts; // (types)
    uint32_t *lanes;  // (types, lanes)
    uint32_t *sums;   // (runs, 3, C, lanes)
    uint64_t *block;  // (3, C)
} workspace;

static void workspace_free(workspace *w) {
    mem_free(w->counts);
    mem_free(w->lanes);
    mem_free(w->sums);
    mem_free(w->block);
    *w = (workspace){0};
}

static err workspace_init(workspace *w, const bootstrap *b) {
    err e;
    if ((e = mem_new(&w->counts, b->types)) ||
        (e = mem_new(&w->lanes, b->types * BOOTSTRAP_LANES)) ||
        (e = mem_new(&w->sums, b->runs * 3 * b->classes * BOOTSTRAP_LANES))) {
        return e;
    }
    return mem_new(&w->block, 3 * b->classes);
}

// resamples first to first + lanes - 1; the last ones may lie beyond draws
static void score_lanes(double *scores, workspace *w, const bootstrap *b, const metric *m,
                        size_t first, size_t draws, uint32_t seed) {
    size_t size = 3 * b->classes;
    size_t lanes = draws - first < BOOTSTRAP_LANES ? draws - first : BOOTSTRAP_LANES;
    for (size_t j = 0; j < lanes; j++) {
        bootstrap_draw(w->counts, b, seed, (uint32_t)(first + j));
        for (size_t k = 0; k < b->types; k++) w->lanes[k * BOOTSTRAP_LANES + j] = w->counts[k];
    }
    bootstrap_sums(w->sums, b, w->lanes);
    for (size_t r = 0; r < b->runs; r++) {
        const uint32_t *own = w->sums + r * size * BOOTSTRAP_LANES;
        for (size_t j = 0; j < lanes; j++) {
            for (size_t i = 0; i < size; i++) w->block[i] = own[i * BOOTSTRAP_LANES + j];
            confusion c = confusion_at(w->block, b->classes);
            scores[r * draws + first + j] = m->fn(&c);
        }
    }
}

// what a thread needs for resamples of numbers or sets
typedef struct row_workspace {
    row_statistics *runs; // (runs)
    uint32_t *counts;     // (units)
    uint32_t *weights;    // (rows)
    confusion sum;
} row_workspace;

static void row_workspace_free(row_workspace *w, size_t runs) {
    for (size_t r = 0; w->runs && r < runs; r++) row_statistics_free(&w->runs[r]);
    mem_free(w->runs);
    mem_free(w->counts);
    mem_free(w->weights);
    confusion_free(&w->sum);
}

static err row_workspace_init(row_workspace *w, const bootstrap *b, bool curves) {
    const test_table *t = &b->table;
    err e;
    if ((e = mem_new(&w->runs, b->runs)) || (e = mem_new(&w->counts, b->units)) ||
        (e = mem_new(&w->weights, t->rows)) ||
        (e = confusion_init_kind(&w->sum, b->kind, b->classes)))
        return e;
    for (size_t r = 0; r < b->runs && !e; r++)
        e = row_statistics_init(&w->runs[r], b->kind, b->classes, t->gold, t->predicted[r], t->rows,
                                curves);
    return e;
}

static err score_rows(double *scores, const bootstrap *b, const metric *m, size_t draws,
                      uint32_t seed) {
    size_t threads = (size_t)omp_get_max_threads();
    row_workspace *spaces = NULL;
    err e = mem_new(&spaces, threads);
    for (size_t i = 0; i < threads && !e; i++)
        e = row_workspace_init(&spaces[i], b, m->kinds == METRIC_CURVES);
    if (e) goto done;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (size_t d = 0; d < draws; d++) {
        row_workspace *w = &spaces[omp_get_thread_num()];
        bootstrap_draw(w->counts, b, seed, (uint32_t)d);
        for (size_t i = 0; i < b->table.rows; i++) w->weights[i] = w->counts[b->unit_of[i]];
        for (size_t r = 0; r < b->runs; r++) {
            row_statistics_sum(&w->sum, &w->runs[r], w->weights);
            scores[r * draws + d] = metric_ranked(m, &w->sum);
        }
    }
done:
    for (size_t i = 0; i < threads && spaces; i++) row_workspace_free(&spaces[i], b->runs);
    mem_free(spaces);
    return e;
}

err bootstrap_scores(double *scores, const bootstrap *b, const metric *m, size_t draws,
                     uint32_t seed) {
    if (b->kind != ANSWER_CLASS) return score_rows(scores, b, m, draws, seed);
    size_t threads = (size_t)omp_get_max_threads();
    workspace *spaces = NULL;
    err e = mem_new(&spaces, threads);
    for (size_t i = 0; i < threads && !e; i++) e = workspace_init(&spaces[i], b);
    if (e) goto done;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (size_t d = 0; d < draws; d += BOOTSTRAP_LANES)
        score_lanes(scores, &spaces[omp_get_thread_num()], b, m, d, draws, seed);
done:
    for (size_t i = 0; i < threads && spaces; i++) workspace_free(&spaces[i]);
    mem_free(spaces);
    return e;
}

/* intervals */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile_of_sorted(const double *values, size_t count, double q) {
    double place = q * (double)(count - 1), floor_place = floor(place);
    size_t i = (size_t)floor_place;
    if (i + 1 >= count) return values[count - 1];
    return values[i] + (place - floor_place) * (values[i + 1] - values[i]);
}

double quantile_of(double *values, size_t count, double q) {
    qsort(values, count, sizeof *values, by_value);
    return quantile_of_sorted(values, count, q);
}

interval interval_of_draws(double value, double *scores, size_t draws, size_t units) {
    double n = units > 1 ? (double)units : 2, t = student_t_quantile(0.975, n - 1);
    double tail = 0.5 * erfc(t * sqrt(n / (n - 1)) / sqrt(2.0)), half = t * statistics_floor(units);
    qsort(scores, draws, sizeof *scores, by_value);
    return (interval){fmin(quantile_of_sorted(scores, draws, tail), value - half),
                      fmax(quantile_of_sorted(scores, draws, 1 - tail), value + half)};
}

interval interval_within(interval x, const metric *m) {
    return (interval){fmax(x.low, m->least), fmin(x.high, m->most)};
}

err interval_of_run(interval *out, const metric *m, const test_table *t) {
    bootstrap b = {0};
    confusion c = {0};
    double *scores = NULL;
    err e = bootstrap_init(&b, t);
    if (e) return e;
    if ((e = answers_sum(&c, t->kind, t->classes, t->gold, t->predicted[0], NULL, t->rows)) ||
        (e = mem_new(&scores, (size_t)BOOTSTRAP_DRAWS)))
        goto done;
    *out = (interval){m->least, m->most};
    if (isnan(m->fn(&c))) goto done;
    if ((e = bootstrap_scores(scores, &b, m, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED))) goto done;
    *out = interval_within(interval_of_draws(m->fn(&c), scores, BOOTSTRAP_DRAWS, b.units), m);
done:
    mem_free(scores);
    confusion_free(&c);
    bootstrap_free(&b);
    return e;
}
