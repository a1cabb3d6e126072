#include "metric/statistics.h"
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// scores of all runs of a table, row after row
typedef struct table_scores {
    size_t runs, units;
    size_t *first;     // (rows) of the row's runs
    double *plain;     // (runs)
    double *resampled; // (runs, BOOTSTRAP_DRAWS)
    double *means;     // (rows, BOOTSTRAP_DRAWS) over a row's runs
} table_scores;

static void scores_free(table_scores *s) {
    mem_free(s->first);
    mem_free(s->plain);
    mem_free(s->resampled);
    mem_free(s->means);
    *s = (table_scores){0};
}

static double *means_of(const table_scores *s, size_t row) {
    return s->means + row * (size_t)BOOTSTRAP_DRAWS;
}

static err scores_init(table_scores *s, const board_table *t) {
    const record *any = t->rows[0].runs[0];
    answers *predicted = NULL;
    bootstrap b = {0};
    err e;
    *s = (table_scores){0};
    for (size_t i = 0; i < t->row_count; i++) s->runs += t->rows[i].run_count;
    if ((e = mem_new(&s->first, t->row_count)) || (e = mem_new(&s->plain, s->runs)) ||
        (e = mem_new(&predicted, s->runs)) ||
        (e = mem_new(&s->resampled, s->runs * (size_t)BOOTSTRAP_DRAWS)) ||
        (e = mem_new(&s->means, t->row_count * (size_t)BOOTSTRAP_DRAWS))) {
        goto done;
    }
    size_t n = 0;
    for (size_t i = 0; i < t->row_count; i++) {
        s->first[i] = n;
        for (size_t k = 0; k < t->rows[i].run_count; k++, n++) {
            predicted[n] = record_answers(t->rows[i].runs[k]);
            s->plain[n] = metric_ranked(t->headline, &t->rows[i].runs[k]->confusion);
        }
    }
    test_table table = {any->task.kind,
                        (size_t)any->task.test_rows,
                        any->task.label_count,
                        record_gold(any),
                        any->first_row,
                        predicted,
                        s->runs};
    if ((e = bootstrap_init(&b, &table))) goto done;
    s->units = b.units;
    if ((e = bootstrap_scores(s->resampled, &b, t->headline, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED)))
        goto done;
    for (size_t i = 0; i < t->row_count; i++) {
        resampled_means(means_of(s, i), s->resampled + s->first[i] * (size_t)BOOTSTRAP_DRAWS,
                        t->rows[i].run_count, BOOTSTRAP_DRAWS);
    }
done:
    mem_free(predicted);
    bootstrap_free(&b);
    if (e) scores_free(s);
    return e;
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

static void describe_row(board_row *row, const board_table *t, const table_scores *s,
                         size_t index) {
    const double *plain = s->plain + s->first[index];
    row->mean = mean_of(plain, row->run_count);
    row->std = std_of(plain, row->run_count);
    row->rows_only = row->run_count < 2;
    for (size_t k = 0; k < row->run_count; k++) {
        row->dedup_mean += dedup_score(t, &row->runs[k]->confusion_dedup) / (double)row->run_count;
        row->train_s += row->runs[k]->timing.train_s / (double)row->run_count;
        row->cautions[score_judge(&row->runs[k]->confusion, t->headline, t->baseline)]++;
    }
    if (!row->rows_only) {
        estimate x =
            estimate_mean(plain, row->run_count, means_of(s, index), BOOTSTRAP_DRAWS, s->units);
        row->range = range_of(row, t, estimate_interval(&x));
    }
}

// a row of one seed. Reorders its draws, so it comes after the tests of pairs.
static void percentile_range(board_row *row, const board_table *t, const table_scores *s,
                             size_t index) {
    if (!row->rows_only) return;
    interval x = interval_of_draws(row->mean, means_of(s, index), BOOTSTRAP_DRAWS, s->units);
    row->range = range_of(row, t, x);
}

static err rank_rows(board_table *t, const table_scores *s) {
    size_t pairs = t->row_count * (t->row_count - 1) / 2, n = 0;
    double *p = NULL, *adjusted = NULL;
    err e;
    for (size_t i = 0; i < t->row_count; i++) t->rows[i].rank = t->rows[i].rows_only ? 0 : 1;
    if ((e = mem_new(&p, pairs)) || (e = mem_new(&adjusted, pairs))) goto done;
    for (int marking = 0; marking < 2; marking++) {
        if (marking && (e = holm_adjust(adjusted, p, n))) goto done;
        n = 0;
        for (size_t i = 0; i < t->row_count; i++) {
            for (size_t j = i + 1; j < t->row_count; j++) {
                board_row *a = &t->rows[i], *b = &t->rows[j];
                if (a->rows_only || b->rows_only) continue;
                if (!marking) {
                    estimate x =
                        estimate_difference(s->plain + s->first[i], a->run_count, means_of(s, i),
                                            s->plain + s->first[j], b->run_count, means_of(s, j),
                                            BOOTSTRAP_DRAWS, s->units);
                    p[n] = estimate_p(&x);
                } else if (adjusted[n] < 0.05 && a->mean != b->mean) {
                    bool a_better = (a->mean > b->mean) == t->headline->higher_is_better;
                    (a_better ? b : a)->rank++;
                }
                n++;
            }
        }
    }
done:
    mem_free(p);
    mem_free(adjusted);
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
    table_scores s;
    const record *any = t->rows[0].runs[0];
    err e;
    if ((e = baseline_of(&t->baseline, t, &any->confusion)) ||
        (e = baseline_of(&t->baseline_dedup, t, &any->confusion_dedup)) ||
        (e = scores_init(&s, t))) {
        return e;
    }
    for (size_t i = 0; i < t->row_count; i++) describe_row(&t->rows[i], t, &s, i);
    if (!(e = rank_rows(t, &s))) {
        for (size_t i = 0; i < t->row_count; i++) percentile_range(&t->rows[i], t, &s, i);
        qsort(t->rows, t->row_count, sizeof *t->rows, better_first);
    }
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
