#include "metric/pairs.h"
#include "metric/statistics.h"
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows whose resamples are in memory at a time. */
enum { ROWS_AT_ONCE = 256 };

// scores of all runs of a table, row after row
typedef struct table_scores {
    const board_table *table;
    answers *predicted; // (runs)
    bootstrap b;
    size_t *first; // (rows + 1) of the row's runs
    double *plain; // (runs)
    double *means; // (ROWS_AT_ONCE, BOOTSTRAP_DRAWS) over a row's runs
    /* of rows of several seeds, which take part in tests */
    pair_side *sides;
    size_t *row_of; // (sides)
    float *draws;   // (sides, BOOTSTRAP_DRAWS)
    size_t side_count;
} table_scores;

static void scores_free(table_scores *s) {
    bootstrap_free(&s->b);
    mem_free(s->predicted);
    mem_free(s->first);
    mem_free(s->plain);
    mem_free(s->means);
    mem_free(s->sides);
    mem_free(s->row_of);
    mem_free(s->draws);
    *s = (table_scores){0};
}

static err scores_init(table_scores *s, const board_table *t) {
    const record *any = t->rows[0].runs[0];
    size_t rows = t->row_count, runs = 0, tested = 0, n = 0;
    err e;
    *s = (table_scores){.table = t};
    for (size_t i = 0; i < rows; i++) {
        runs += t->rows[i].run_count;
        tested += t->rows[i].run_count > 1;
    }
    if ((e = mem_new(&s->first, rows + 1)) || (e = mem_new(&s->plain, runs)) ||
        (e = mem_new(&s->predicted, runs)) || (e = mem_new(&s->sides, tested)) ||
        (e = mem_new(&s->row_of, tested)) ||
        (e = mem_new(&s->draws, tested * (size_t)BOOTSTRAP_DRAWS)) ||
        (e = mem_new(&s->means,
                     (rows < ROWS_AT_ONCE ? rows : ROWS_AT_ONCE) * (size_t)BOOTSTRAP_DRAWS)))
        return e;
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < t->rows[i].run_count; k++, n++) {
            s->predicted[n] = record_answers(t->rows[i].runs[k]);
            s->plain[n] = metric_ranked(t->headline, &t->rows[i].runs[k]->confusion);
        }
        s->first[i + 1] = n;
    }
    test_table table = {any->task.kind,
                        (size_t)any->task.test_rows,
                        any->task.label_count,
                        record_gold(any),
                        any->first_row,
                        s->predicted,
                        runs};
    return bootstrap_init(&s->b, &table);
}

/* What the answers say where the score is not defined for one of the runs: nothing. */
static interval range_of(const board_row *row, const board_table *t, interval x) {
    for (size_t k = 0; k < row->run_count; k++)
        if (isnan(record_metric(row->runs[k], t->headline->name)))
            x = (interval){-INFINITY, INFINITY};
    return interval_within(x, t->headline);
}

/* Not defined where every row is left out. */
static double dedup_score(const board_table *t, const confusion *c) {
    return c->total ? metric_ranked(t->headline, c) : (double)NAN;
}

/* The row of its runs' mean under each resample, which it reorders. */
static void describe_row(board_row *row, table_scores *s, size_t index, double *means) {
    const board_table *t = s->table;
    const double *plain = s->plain + s->first[index];
    row->mean = mean_of(plain, row->run_count);
    row->std = std_of(plain, row->run_count);
    row->rows_only = row->run_count < 2;
    for (size_t k = 0; k < row->run_count; k++) {
        row->dedup_mean += dedup_score(t, &row->runs[k]->confusion_dedup) / (double)row->run_count;
        row->train_s += row->runs[k]->timing.train_s / (double)row->run_count;
        row->cautions[score_judge(&row->runs[k]->confusion, t->headline, t->baseline)]++;
    }
    if (row->rows_only) {
        interval x = interval_of_draws(row->mean, means, BOOTSTRAP_DRAWS, s->b.units);
        row->range = range_of(row, t, x);
        return;
    }
    estimate x = estimate_mean(plain, row->run_count, means, BOOTSTRAP_DRAWS, s->b.units);
    row->range = range_of(row, t, estimate_interval(&x));
    float *draws = s->draws + s->side_count * (size_t)BOOTSTRAP_DRAWS;
    pairs_center(draws, means, BOOTSTRAP_DRAWS);
    s->row_of[s->side_count] = index;
    s->sides[s->side_count++] =
        (pair_side){plain, row->run_count, variance_of(means, NULL, BOOTSTRAP_DRAWS), draws};
}

static err describe_rows(board_table *t, table_scores *s) {
    err e = ERR_OK;
    for (size_t i = 0; i < t->row_count && !e; i += ROWS_AT_ONCE) {
        size_t count = t->row_count - i < ROWS_AT_ONCE ? t->row_count - i : ROWS_AT_ONCE;
        e = bootstrap_means(s->means, &s->b, t->headline, s->first + i, count, BOOTSTRAP_DRAWS,
                            BOOTSTRAP_SEED);
        for (size_t k = 0; k < count && !e; k++)
            describe_row(&t->rows[i + k], s, i + k, s->means + k * (size_t)BOOTSTRAP_DRAWS);
    }
    return e;
}

/* p-values of pairs from the resamples of both rows, made again. */
static err exact_p(void *of, double *p, const side_pair *pairs, size_t count) {
    table_scores *s = of;
    double *means = s->means, *other = NULL;
    size_t made = SIZE_MAX;
    err e = mem_new(&other, (size_t)BOOTSTRAP_DRAWS);
    for (size_t i = 0; i < count && !e; i++) {
        const pair_side *a = &s->sides[pairs[i].a], *b = &s->sides[pairs[i].b];
        if (made != pairs[i].a)
            e = bootstrap_means(means, &s->b, s->table->headline, s->first + s->row_of[pairs[i].a],
                                1, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED);
        made = pairs[i].a;
        if (!e)
            e = bootstrap_means(other, &s->b, s->table->headline, s->first + s->row_of[pairs[i].b],
                                1, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED);
        estimate x = estimate_difference(a->scores, a->runs, means, b->scores, b->runs, other,
                                         BOOTSTRAP_DRAWS, s->b.units);
        p[i] = estimate_p(&x);
    }
    mem_free(other);
    return e;
}

static err rank_rows(board_table *t, table_scores *s) {
    pair_table pairs = {.sides = s->sides,
                        .count = s->side_count,
                        .draws = BOOTSTRAP_DRAWS,
                        .units = s->b.units,
                        .higher_is_better = t->headline->higher_is_better,
                        .exact = exact_p,
                        .of = s};
    size_t *better = NULL;
    err e = mem_new(&better, s->side_count);
    if (!e) e = pairs_rank(better, &pairs);
    for (size_t i = 0; i < s->side_count && !e; i++) t->rows[s->row_of[i]].rank = 1 + better[i];
    mem_free(better);
    return e;
}

static err baseline_of(double *out, const board_table *t, const confusion *c) {
    confusion majority;
    err e = majority_baseline(&majority, c, (size_t)t->rows[0].runs[0]->task.majority_class);
    if (e) return e;
    *out = c->total ? metric_baseline(t->headline, &majority) : (double)NAN;
    confusion_free(&majority);
    return ERR_OK;
}

static int better_first(const void *a, const void *b) {
    const board_row *x = a, *y = b;
    if (x->mean != y->mean) {
        bool higher = metric_find(x->runs[0]->headline)->higher_is_better;
        return (x->mean > y->mean) == higher ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

err report__table_statistics(board_table *t) {
    table_scores s = {0};
    const record *any = t->rows[0].runs[0];
    err e;
    if ((e = baseline_of(&t->baseline, t, &any->confusion)) ||
        (e = baseline_of(&t->baseline_dedup, t, &any->confusion_dedup)) ||
        (e = scores_init(&s, t)) || (e = describe_rows(t, &s)) || (e = rank_rows(t, &s)))
        goto done;
    qsort(t->rows, t->row_count, sizeof *t->rows, better_first);
done:
    scores_free(&s);
    return e;
}

/* the overall table */

bool report__same_model(const record *a, const record *b) {
    const char *x = a->model.weights_sha256, *y = b->model.weights_sha256;
    return !strcmp(a->model.name, b->model.name) && (x && y ? !strcmp(x, y) : x == y) &&
           !strcmp(a->device.precision, b->device.precision) &&
           !strcmp(a->device.kind, b->device.kind) && !strcmp(a->device.name, b->device.name);
}

// A model may have rows of several recipes: the one with most seeds stands for it, then the lowest
// hash; never the best score, which would be a choice made on the test set.
const board_row *report__row_of_model(const board_table *t, const record *model) {
    const board_row *best = NULL;
    for (size_t i = 0; i < t->row_count; i++) {
        const board_row *row = &t->rows[i];
        if (!report__same_model(row->runs[0], model)) continue;
        if (!best || row->run_count > best->run_count ||
            (row->run_count == best->run_count &&
             strcmp(row->runs[0]->recipe_sha256, best->runs[0]->recipe_sha256) < 0)) {
            best = row;
        }
    }
    return best;
}

static err find_overall_tables(board *b) {
    err e = mem_new(&b->overall_tables, b->table_count);
    if (e) return e;
    for (size_t i = 0; i < b->table_count; i++) {
        const record *r = b->tables[i].rows[0].runs[0];
        if (strcmp(r->protocol, "last") || b->tables[i].superseded) continue;
        // of two data hashes of one version the first stands for the task
        if (b->task_count) {
            const board_table *before = &b->tables[b->overall_tables[b->task_count - 1]];
            if (!strcmp(before->rows[0].runs[0]->task.name, r->task.name)) continue;
        }
        b->overall_tables[b->task_count++] = i;
    }
    return ERR_OK;
}

static int overall_order(const void *a, const void *b) {
    const board_overall *x = a, *y = b;
    int c;
    if (x->complete != y->complete) return x->complete ? -1 : 1;
    if (x->mean != y->mean) return x->mean > y->mean ? -1 : 1;
    if ((c = strcmp(x->any->model.name, y->any->model.name)) ||
        (c = strcmp(x->any->device.name, y->any->device.name))) {
        return c;
    }
    return strcmp(x->any->device.precision, y->any->device.precision);
}

static err add_overall(board *b, const record *model) {
    board_overall *o = &b->overall[b->overall_count];
    *o = (board_overall){.any = model, .complete = true};
    err e = mem_new(&o->rows, b->task_count);
    if (e) return e;
    b->overall_count++;
    for (size_t k = 0; k < b->task_count; k++) {
        o->rows[k] = report__row_of_model(&b->tables[b->overall_tables[k]], model);
        if (o->rows[k])
            o->mean += o->rows[k]->mean / (double)b->task_count;
        else
            o->complete = false;
    }
    if (!o->complete) o->mean = 0;
    return ERR_OK;
}

static bool is_listed(const board *b, const record *model) {
    for (size_t i = 0; i < b->overall_count; i++)
        if (report__same_model(b->overall[i].any, model)) return true;
    return false;
}

err report__overall(board *b) {
    err e = find_overall_tables(b);
    size_t most = 0;
    if (e || b->task_count < 2) return e;
    for (size_t k = 0; k < b->task_count; k++) {
        const board_table *t = &b->tables[b->overall_tables[k]];
        most += t->row_count;
        b->overall_baseline += t->baseline / (double)b->task_count;
    }
    if ((e = mem_new(&b->overall, most))) return e;
    for (size_t k = 0; k < b->task_count; k++) {
        const board_table *t = &b->tables[b->overall_tables[k]];
        for (size_t i = 0; i < t->row_count; i++) {
            if (is_listed(b, t->rows[i].runs[0])) continue;
            if ((e = add_overall(b, t->rows[i].runs[0]))) return e;
        }
    }
    if (b->overall_count) qsort(b->overall, b->overall_count, sizeof *b->overall, overall_order);
    return ERR_OK;
}
