#include "metric/interval_internal.h"

#include "base/memory.h"
#include "base/order.h"
#include "base/rng.h"
#include "base/vectors.h"
#include "metric/rows.h"
#include "metric/score_lanes.h"
#include "metric/statistics.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

// counts: a number in so many
static void draw_types(uint32_t *counts, size_t stride, const bootstrap *b, uint32_t seed,
                       uint32_t draw) {
    uint32_t left = (uint32_t)b->units;
    for (size_t k = 0; k < b->types; k++) {
        double u = 0;
        if (left && !b->steps[k].last) {
            philox r = philox4x32((philox){{draw, (uint32_t)k, 0, 0}}, seed, RNG_SITE_BOOTSTRAP);
            u = (double)(((uint64_t)r.v[0] << 21) | (r.v[1] >> 11)) * 0x1p-53;
        }
        counts[k * stride] = draw_binomial(left, &b->steps[k], u, b->log_factorial);
        left -= counts[k * stride];
    }
}

enum { BLOCKS_AT_ONCE = 16 }; // of four words each

/* Units drawn by the blocks from `first` on: of block first + j words[k][j] is the k-th. The loops are
 * philox4x32's, a lane each. */
VECTOR_CLONES static void draw_blocks(uint32_t units_drawn[4][BLOCKS_AT_ONCE], uint32_t draw,
                                      uint32_t first, uint32_t k0, uint32_t units) {
    uint32_t c[4][BLOCKS_AT_ONCE], k1 = RNG_SITE_BOOTSTRAP;
    for (uint32_t j = 0; j < BLOCKS_AT_ONCE; j++) {
        c[0][j] = draw;
        c[1][j] = first + j;
        c[2][j] = 0;
        c[3][j] = 1;
    }
    for (int round = 0; round < 10; round++) {
        for (size_t j = 0; j < BLOCKS_AT_ONCE; j++) {
            uint64_t a = (uint64_t)0xD2511F53u * c[0][j], b = (uint64_t)0xCD9E8D57u * c[2][j];
            c[0][j] = (uint32_t)(b >> 32) ^ c[1][j] ^ k0;
            c[1][j] = (uint32_t)b;
            c[2][j] = (uint32_t)(a >> 32) ^ c[3][j] ^ k1;
            c[3][j] = (uint32_t)a;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    // uneven by less than units / 2^32
    for (size_t k = 0; k < 4; k++)
        for (size_t j = 0; j < BLOCKS_AT_ONCE; j++)
            units_drawn[k][j] = (uint32_t)((uint64_t)c[k][j] * units >> 32);
}

/* Adds 1 for each unit drawn. types: of the units; NULL: each is one */
static void draw_units(uint32_t *counts, size_t stride, const uint32_t *types, size_t units_drawn,
                       uint32_t seed, uint32_t draw) {
    uint32_t units = (uint32_t)units_drawn, drawn[4][BLOCKS_AT_ONCE];
    for (uint32_t i = 0; i < units; i += 4 * BLOCKS_AT_ONCE) {
        draw_blocks(drawn, draw, i / 4, seed, units);
        uint32_t some = units - i < 4 * BLOCKS_AT_ONCE ? units - i : 4 * BLOCKS_AT_ONCE;
        for (uint32_t k = 0; k < some; k++) {
            uint32_t unit = drawn[k % 4][k / 4];
            counts[(types ? types[unit] : unit) * stride]++;
        }
    }
}

static void draw_into(uint32_t *counts, size_t stride, const bootstrap *b, uint32_t seed,
                      uint32_t draw) {
    if (b->single)
        draw_units(counts, stride, b->type_of_unit, b->units, seed, draw);
    else
        draw_types(counts, stride, b, seed, draw);
}

void bootstrap_draw(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t draw) {
    memset(counts, 0, b->types * sizeof *counts);
    draw_into(counts, 1, b, seed, draw);
}

err unit_draws_init(unit_draws *d, size_t units) {
    enum { MOST_BYTES = 16 << 20 };
    size_t block = units * BOOTSTRAP_LANES;
    uint32_t *counts = NULL, any = 0;
    *d = (unit_draws){.units = units};
    if (units > MOST_BYTES / BOOTSTRAP_DRAWS) return ERR_OK;
    err e = mem_new(&counts, block);
    if (!e) e = mem_new(&d->counts, units * BOOTSTRAP_DRAWS);
    for (uint32_t i = 0; i < BOOTSTRAP_DRAWS && !e; i += BOOTSTRAP_LANES) {
        memset(counts, 0, block * sizeof *counts);
        for (uint32_t j = 0; j < BOOTSTRAP_LANES; j++)
            draw_units(counts + j, BOOTSTRAP_LANES, NULL, units, BOOTSTRAP_SEED, i + j);
        for (size_t k = 0; k < block; k++) {
            d->counts[i * units + k] = (uint8_t)counts[k];
            any |= counts[k];
        }
    }
    mem_free(counts);
    if (e || any > UINT8_MAX) unit_draws_free(d);
    d->units = units;
    return e;
}

void unit_draws_free(unit_draws *d) {
    mem_free(d->counts);
    *d = (unit_draws){0};
}

VECTOR_CLONES static void add_known(uint32_t *counts, const bootstrap *b, const uint8_t *known) {
    for (size_t u = 0; u < b->units; u++)
        for (size_t j = 0; j < BOOTSTRAP_LANES; j++)
            counts[b->type_of_unit[u] * BOOTSTRAP_LANES + j] += known[u * BOOTSTRAP_LANES + j];
}

void bootstrap_draw_lanes(uint32_t *counts, const bootstrap *b, uint32_t seed, uint32_t first) {
    const unit_draws *known = b->known;
    memset(counts, 0, b->types * BOOTSTRAP_LANES * sizeof *counts);
    if (known && known->counts && seed == BOOTSTRAP_SEED && first < BOOTSTRAP_DRAWS)
        add_known(counts, b, known->counts + first * known->units);
    else
        for (uint32_t j = 0; j < BOOTSTRAP_LANES; j++)
            draw_into(counts + j, BOOTSTRAP_LANES, b, seed, first + j);
}

// a number a lane, so many at a time: a compiler takes wider vectors than the processor's apart
enum { PART_LANES = 8, LANE_PARTS = BOOTSTRAP_LANES / PART_LANES };
typedef uint32_t part_sums __attribute__((vector_size(PART_LANES * sizeof(uint32_t)), aligned(4)));
typedef uint8_t lane_bytes __attribute__((vector_size(BOOTSTRAP_LANES), aligned(1)));
typedef uint16_t lane_halves
    __attribute__((vector_size(BOOTSTRAP_LANES * sizeof(uint16_t)), aligned(2)));
#define INLINE static inline __attribute__((always_inline))

INLINE part_sums *lanes_at(uint32_t *numbers, size_t place, size_t p) {
    return (part_sums *)(numbers + place * BOOTSTRAP_LANES) + p;
}
INLINE const part_sums *const_lanes_at(const uint32_t *numbers, size_t place, size_t p) {
    return (const part_sums *)(numbers + place * BOOTSTRAP_LANES) + p;
}

// of the rows, which are the same for every run
VECTOR_CLONES static void gold_sums(uint32_t *gold, const bootstrap *b, const uint32_t *counts) {
    memset(gold, 0, b->classes * BOOTSTRAP_LANES * sizeof *gold);
    for (size_t k = 0; k < b->types; k++)
        for (size_t i = b->row_begin[k]; i < b->row_begin[k + 1]; i++)
            for (size_t p = 0; p < LANE_PARTS; p++)
                *lanes_at(gold, b->row_gold[i], p) += *const_lanes_at(counts, k, p);
}

/* A sum over types in the list: in bytes as far as they hold it, for which four times as few are read.
 *   bytes  (types, lanes) counts, of which none is above `most`; NULL: one is above 255 */
INLINE void sum_listed(part_sums sum[LANE_PARTS], const uint32_t *counts, const uint8_t *bytes,
                       uint32_t most, const uint32_t *list, size_t length) {
    for (size_t i = 0; !bytes && i < length; i++)
        for (size_t p = 0; p < LANE_PARTS; p++) sum[p] += *const_lanes_at(counts, list[i], p);
    for (size_t i = 0, end; bytes && i < length; i = end) {
        lane_bytes some = {0};
        end = length - i < UINT8_MAX / most ? length : i + UINT8_MAX / most;
        for (size_t k = i; k < end; k++)
            some += *(const lane_bytes *)(bytes + list[k] * BOOTSTRAP_LANES);
        // step by step, each of which is one of the processor's: at once a compiler goes byte by byte
        lane_halves wide = __builtin_convertvector(some, lane_halves);
        sum[0] += __builtin_convertvector(
            __builtin_shufflevector(wide, wide, 0, 1, 2, 3, 4, 5, 6, 7), part_sums);
        sum[1] += __builtin_convertvector(
            __builtin_shufflevector(wide, wide, 8, 9, 10, 11, 12, 13, 14, 15), part_sums);
    }
}

static size_t label_count(const bootstrap *b, size_t run) {
    return b->label_begin[run + 1] - b->label_begin[run];
}

/* A right prediction is a row that is not wrong: only wrong ones are walked.
 *   sums  (3, labels, lanes) of the run's labels: gold, predicted and hit
 *   gold  (C, lanes) */
VECTOR_CLONES static void run_sums(uint32_t *sums, const uint32_t *gold, const bootstrap *b,
                                   const uint32_t *counts, const uint8_t *bytes, uint32_t most,
                                   size_t run) {
    size_t labels = label_count(b, run), size = labels * BOOTSTRAP_LANES;
    uint32_t *predicted = sums + size, *hit = predicted + size;
    for (size_t i = 0; i < labels; i++)
        memcpy(sums + i * BOOTSTRAP_LANES,
               gold + b->labels[b->label_begin[run] + i] * BOOTSTRAP_LANES,
               BOOTSTRAP_LANES * sizeof *sums);
    memcpy(predicted, sums, size * sizeof *sums);
    memcpy(hit, sums, size * sizeof *sums);
    for (size_t c = b->cell_begin[run]; c < b->cell_begin[run + 1]; c++) {
        const struct bootstrap_cell *cell = &b->cells[c];
        size_t begin = c ? b->cells[c - 1].end : 0;
        part_sums sum[LANE_PARTS] = {{0}};
        bool few = cell->end - begin < 4; // as of many labels: counts are read as they are
        sum_listed(sum, counts, few ? NULL : bytes, most, b->wrong + begin, cell->end - begin);
        for (size_t p = 0; p < LANE_PARTS; p++) {
            *lanes_at(predicted, cell->predicted, p) += sum[p];
            *lanes_at(predicted, cell->gold, p) -= sum[p];
            *lanes_at(hit, cell->gold, p) -= sum[p];
        }
    }
}

void bootstrap_sums(uint32_t *sums, const bootstrap *b, const uint32_t *counts) {
    size_t size = b->classes * BOOTSTRAP_LANES;
    for (size_t r = 0; r < b->runs; r++) {
        uint32_t *gold = sums + r * 3 * size, *predicted = gold + size, *hit = predicted + size;
        const uint32_t *labels = b->labels + b->label_begin[r];
        gold_sums(gold, b, counts);
        memcpy(predicted, gold, size * sizeof *gold);
        memcpy(hit, gold, size * sizeof *gold);
        for (size_t c = b->cell_begin[r]; c < b->cell_begin[r + 1]; c++) {
            const struct bootstrap_cell *cell = &b->cells[c];
            for (size_t i = c ? b->cells[c - 1].end : 0; i < cell->end; i++)
                for (size_t p = 0; p < LANE_PARTS; p++) {
                    part_sums drawn = *const_lanes_at(counts, b->wrong[i], p);
                    *lanes_at(predicted, labels[cell->predicted], p) += drawn;
                    *lanes_at(predicted, labels[cell->gold], p) -= drawn;
                    *lanes_at(hit, labels[cell->gold], p) -= drawn;
                }
        }
    }
}

// what a thread needs for its resamples
typedef struct workspace {
    uint32_t *drawn; // (types, lanes)
    uint8_t *bytes;  // (types, lanes) the same where none is above 255
    uint32_t most;   // none is above it, and it is not 0
    uint32_t *gold;  // (C, lanes)
    uint32_t *sums;  // (3, C, lanes) of the labels of a run
    uint64_t *block; // (3, C) 0, but for those labels
} workspace;

static void workspace_free(workspace *w) {
    mem_free(w->drawn);
    mem_free(w->bytes);
    mem_free(w->gold);
    mem_free(w->sums);
    mem_free(w->block);
    *w = (workspace){0};
}

static err workspace_init(workspace *w, const bootstrap *b) {
    err e;
    if ((e = mem_new(&w->drawn, b->types * BOOTSTRAP_LANES)) ||
        (e = mem_new(&w->bytes, b->types * BOOTSTRAP_LANES)) ||
        (e = mem_new(&w->gold, b->classes * BOOTSTRAP_LANES)) ||
        (e = mem_new(&w->sums, 3 * b->classes * BOOTSTRAP_LANES))) {
        return e;
    }
    return mem_new(&w->block, 3 * b->classes);
}

// the run's scores under the resamples of the workspace, whose gold is summed
static void score_run(double scores[BOOTSTRAP_LANES], workspace *w, const bootstrap *b,
                      const metric *m, score_lanes *at_once, size_t run) {
    const uint32_t *labels = b->labels + b->label_begin[run];
    size_t count = label_count(b, run);
    run_sums(w->sums, w->gold, b, w->drawn, w->most > UINT8_MAX ? NULL : w->bytes, w->most, run);
    if (at_once) {
        at_once(scores, w->sums, count, b->classes);
        return;
    }
    for (size_t j = 0; j < BOOTSTRAP_LANES; j++) {
        for (size_t i = 0; i < 3 * count; i++)
            w->block[i / count * b->classes + labels[i % count]] = w->sums[i * BOOTSTRAP_LANES + j];
        confusion c = confusion_at(w->block, b->classes);
        scores[j] = m->fn(&c);
    }
    for (size_t i = 0; i < 3 * count; i++) w->block[i / count * b->classes + labels[i % count]] = 0;
}

// resamples first to first + lanes - 1; the last ones may lie beyond draws
VECTOR_CLONES static void score_block(const bootstrap_groups *g, workspace *w, const bootstrap *b,
                                      const metric *m, size_t first, uint32_t seed) {
    score_lanes *at_once = score_lanes_of(m);
    size_t lanes = g->draws - first < BOOTSTRAP_LANES ? g->draws - first : BOOTSTRAP_LANES;
    bootstrap_draw_lanes(w->drawn, b, seed, (uint32_t)first);
    gold_sums(w->gold, b, w->drawn);
    w->most = 1;
    for (size_t k = 0; k < b->types * BOOTSTRAP_LANES; k++) {
        w->bytes[k] = (uint8_t)(w->drawn[k] & UINT8_MAX);
        w->most |= w->drawn[k];
    }
    for (size_t i = 0; i < g->count; i++) {
        double sum[BOOTSTRAP_LANES] = {0}, scores[BOOTSTRAP_LANES];
        double runs = (double)(g->begin[i + 1] - g->begin[i]);
        for (size_t r = g->begin[i]; r < g->begin[i + 1]; r++) {
            score_run(scores, w, b, m, at_once, r);
            for (size_t j = 0; j < BOOTSTRAP_LANES; j++) sum[j] += scores[j] / runs;
        }
        memcpy(g->means + i * g->draws + first, sum, lanes * sizeof *sum);
    }
}

static err class_means(const bootstrap_groups *g, const bootstrap *b, const metric *m,
                       uint32_t seed) {
    size_t threads = (size_t)omp_get_max_threads();
    workspace *spaces = NULL;
    err e = mem_new(&spaces, threads);
    for (size_t i = 0; i < threads && !e; i++) e = workspace_init(&spaces[i], b);
    if (e) goto done;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (size_t d = 0; d < g->draws; d += BOOTSTRAP_LANES)
        score_block(g, &spaces[omp_get_thread_num()], b, m, d, seed);
done:
    for (size_t i = 0; i < threads && spaces; i++) workspace_free(&spaces[i]);
    mem_free(spaces);
    return e;
}

err bootstrap_means(double *means, const bootstrap *b, const metric *m, const size_t *begin,
                    size_t groups, size_t draws, uint32_t seed) {
    bootstrap_groups g = {begin, groups, draws, means};
    return b->kind == ANSWER_CLASS ? class_means(&g, b, m, seed)
                                   : bootstrap__row_means(&g, b, m, seed);
}

err bootstrap_scores(double *scores, const bootstrap *b, const metric *m, size_t draws,
                     uint32_t seed) {
    size_t *begin = NULL;
    err e = mem_new(&begin, b->runs + 1);
    for (size_t r = 0; r < b->runs && !e; r++) begin[r + 1] = r + 1;
    if (!e) e = bootstrap_means(scores, b, m, begin, b->runs, draws, seed);
    mem_free(begin);
    return e;
}

/* intervals */

/* Puts the value that sorting would put there at `place`, smaller ones before it and larger ones
 * behind it. Source: Hoare, "Algorithm 65: find", 1961; of the middle one of three. */
static void select_place(double *values, size_t count, size_t place) {
    size_t low = 0, high = count - 1;
    while (high > low + 16) {
        double three[3] = {values[low], values[low + (high - low) / 2], values[high]};
        qsort(three, 3, sizeof *three, order_double);
        size_t i = low, j = high;
        while (i <= j) {
            while (values[i] < three[1]) i++;
            while (values[j] > three[1]) j--;
            if (i > j) break;
            double held = values[i];
            values[i++] = values[j];
            values[j--] = held;
        }
        if (place > j && place < i) return; // all between them are equal
        if (place <= j)
            high = j;
        else
            low = i;
    }
    qsort(values + low, high - low + 1, sizeof *values, order_double);
}

double quantile_of(double *values, size_t count, double q) {
    double place = q * (double)(count - 1), floor_place = floor(place);
    size_t i = (size_t)floor_place;
    if (i + 1 >= count) i = count - 1;
    select_place(values, count, i);
    if (i + 1 >= count) return values[i];
    double next = values[i + 1];
    for (size_t k = i + 2; k < count; k++) next = fmin(next, values[k]);
    return values[i] + (place - floor_place) * (next - values[i]);
}

interval interval_of_draws(double value, double *scores, size_t units) {
    double n = units > 1 ? (double)units : 2, t = student_t_quantile(0.975, n - 1);
    double tail = 0.5 * erfc(t * sqrt(n / (n - 1)) / sqrt(2.0)), half = t * statistics_floor(units);
    return (interval){fmin(quantile_of(scores, BOOTSTRAP_DRAWS, tail), value - half),
                      fmax(quantile_of(scores, BOOTSTRAP_DRAWS, 1 - tail), value + half)};
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
    *out = interval_within(interval_of_draws(m->fn(&c), scores, b.units), m);
done:
    mem_free(scores);
    confusion_free(&c);
    bootstrap_free(&b);
    return e;
}
