/* Resamples of numbers, sets, units and relations: their rows' sums (rows.h). */
#include "metric/interval_internal.h"

#include "base/memory.h"
#include "metric/row_lanes.h"

#include <omp.h>
#include <string.h>

/* Statistics of the runs of all groups, whose places are those in the bootstrap. */
typedef struct row_runs {
    row_statistics *statistics; // (runs)
    row_lanes *lanes;           // (runs)
    row_statistics right;       // of gold's own answers
    row_lanes gold;
    size_t first, end, places;
} row_runs;

_Static_assert((int)ROW_LANES == (int)BOOTSTRAP_LANES, "drawn as they are summed");

typedef struct row_job {
    const bootstrap_groups *groups;
    const bootstrap *bootstrap;
    const metric *metric;
    uint32_t seed;
    bool in_lanes;
} row_job;

static void row_runs_free(row_runs *r) {
    for (size_t i = r->first; i < r->end; i++) {
        if (r->lanes) row_lanes_free(&r->lanes[i]);
        if (r->statistics) row_statistics_free(&r->statistics[i]);
    }
    row_lanes_free(&r->gold);
    row_statistics_free(&r->right);
    mem_free(r->lanes);
    mem_free(r->statistics);
    *r = (row_runs){0};
}

static err row_runs_init(row_runs *r, const row_job *job) {
    const bootstrap *b = job->bootstrap;
    const test_table *t = &b->table;
    unsigned reads = job->metric->reads;
    *r = (row_runs){.first = job->groups->begin[0], .end = job->groups->begin[job->groups->count]};
    err e = mem_new(&r->statistics, b->runs);
    if (!e) e = mem_new(&r->lanes, b->runs);
    if (!e && job->in_lanes)
        e = row_statistics_init(&r->right, b->kind, b->classes, t->gold, t->gold, t->rows, false);
    if (!e && job->in_lanes) e = row_lanes_init(&r->gold, &r->right, NULL, reads);
    for (size_t i = r->first; i < r->end && !e; i++) {
        e = row_statistics_init(&r->statistics[i], b->kind, b->classes, t->gold, t->predicted[i],
                                t->rows, reads & PART_CURVES);
        if (e || !job->in_lanes) continue;
        e = row_lanes_init(&r->lanes[i], &r->statistics[i], &r->gold, reads);
        row_statistics_drop_places(&r->statistics[i]);
        if (r->lanes[i].place_count > r->places) r->places = r->lanes[i].place_count;
    }
    return e;
}

// what a thread needs for its resamples
typedef struct workspace {
    uint32_t *counts;  // (units, ROW_LANES), or (units)
    uint32_t *weights; // (rows, ROW_LANES), or (rows)
    row_weights of_rows;
    row_lane_sum sums;
    confusion sum;
    row_runs own; // where one list of weights comes after the other: ranks are made in place
} workspace;

static void workspace_free(workspace *w) {
    mem_free(w->counts);
    mem_free(w->weights);
    row_weights_free(&w->of_rows);
    row_lane_sum_free(&w->sums);
    confusion_free(&w->sum);
    row_runs_free(&w->own);
}

static err workspace_init(workspace *w, const row_job *job, const row_runs *all) {
    const bootstrap *b = job->bootstrap;
    size_t rows = b->table.rows, lanes = job->in_lanes ? ROW_LANES : 1;
    err e = mem_new(&w->counts, b->units * lanes);
    if (!e) e = mem_new(&w->weights, rows * lanes);
    if (!e) e = confusion_init_kind(&w->sum, b->kind, b->classes);
    if (e || !job->in_lanes) return e ? e : row_runs_init(&w->own, job);
    e = row_weights_init(&w->of_rows, &all->gold);
    return e ? e : row_lane_sum_init(&w->sums, all->places, rows);
}

static void score_draw(const row_job *job, workspace *w, size_t d) {
    const bootstrap_groups *g = job->groups;
    const bootstrap *b = job->bootstrap;
    bootstrap_draw(w->counts, b, job->seed, (uint32_t)d);
    for (size_t i = 0; i < b->table.rows; i++) w->weights[i] = w->counts[b->unit_of[i]];
    for (size_t i = 0; i < g->count; i++) {
        double sum = 0, runs = (double)(g->begin[i + 1] - g->begin[i]);
        for (size_t r = g->begin[i]; r < g->begin[i + 1]; r++) {
            row_statistics_sum(&w->sum, &w->own.statistics[r], w->weights);
            sum += metric_ranked(job->metric, &w->sum) / runs;
        }
        g->means[i * g->draws + d] = sum;
    }
}

/* Resamples first to first + ROW_LANES - 1; the last ones may lie beyond draws. */
static void score_row_lanes(const row_job *job, workspace *w, const row_runs *all, size_t first) {
    const bootstrap_groups *g = job->groups;
    const bootstrap *b = job->bootstrap;
    size_t lanes = g->draws - first < ROW_LANES ? g->draws - first : ROW_LANES;
    bootstrap_draw_lanes(w->counts, b, job->seed, (uint32_t)first);
    for (size_t i = 0; i < b->table.rows; i++)
        memcpy(w->weights + i * ROW_LANES, w->counts + b->unit_of[i] * ROW_LANES,
               ROW_LANES * sizeof *w->weights);
    row_weights_take(&w->of_rows, w->weights);
    for (size_t i = 0; i < g->count; i++) {
        double sum[ROW_LANES] = {0}, runs = (double)(g->begin[i + 1] - g->begin[i]);
        for (size_t r = g->begin[i]; r < g->begin[i + 1]; r++) {
            const row_lanes *of = &all->lanes[r];
            row_lanes_sum(&w->sums, of, &w->of_rows);
            for (size_t j = 0; j < lanes; j++) {
                row_lane_take(&w->sum, of, &w->of_rows, &w->sums, j);
                sum[j] += metric_ranked(job->metric, &w->sum) / runs;
            }
            row_lane_clear(&w->sum, of);
        }
        memcpy(g->means + i * g->draws + first, sum, lanes * sizeof *sum);
    }
}

/* The most that the weights of all rows add up to: each draw is of the unit with most rows. */
static err heaviest_total(uint64_t *total, const bootstrap *b) {
    uint32_t *rows = NULL, most = 0;
    err e = mem_new(&rows, b->units);
    for (size_t i = 0; i < b->table.rows && !e; i++) {
        uint32_t here = ++rows[b->unit_of[i]];
        if (here > most) most = here;
    }
    *total = (uint64_t)most * b->units;
    mem_free(rows);
    return e;
}

err bootstrap__row_means(const bootstrap_groups *g, const bootstrap *b, const metric *m,
                         uint32_t seed) {
    size_t threads = (size_t)omp_get_max_threads();
    row_job job = {.groups = g, .bootstrap = b, .metric = m, .seed = seed};
    workspace *spaces = NULL;
    row_runs all = {0};
    uint64_t total = 0;
    err e = heaviest_total(&total, b);
    if (e || g->begin[0] == g->begin[g->count]) return e;
    job.in_lanes = row_lanes_serve(m->reads, total);
    e = mem_new(&spaces, threads);
    if (!e && job.in_lanes) e = row_runs_init(&all, &job);
    for (size_t i = 0; i < threads && !e; i++) e = workspace_init(&spaces[i], &job, &all);
    if (e) goto done;
    size_t step = job.in_lanes ? ROW_LANES : 1;
#pragma omp parallel for schedule(static) num_threads((int)threads)
    for (size_t d = 0; d < g->draws; d += step) {
        workspace *w = &spaces[omp_get_thread_num()];
        if (job.in_lanes)
            score_row_lanes(&job, w, &all, d);
        else
            score_draw(&job, w, d);
    }
done:
    for (size_t i = 0; i < threads && spaces; i++) workspace_free(&spaces[i]);
    mem_free(spaces);
    row_runs_free(&all);
    return e;
}
