#include "cli/tune_view.h"

#include "base/json.h"
#include "base/shown.h"
#include "cli/terminal_text.h"
#include "metric/score.h"
#include "report/grid.h"
#include "result/version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tune_is_better(const tune_result *t, const tune_trial *a, const tune_trial *b) {
    if (isnan(a->score) || isnan(b->score)) return !isnan(a->score) && isnan(b->score);
    if (a->score == b->score) return a->loss < b->loss;
    return t->higher_is_better ? a->score > b->score : a->score < b->score;
}

/* Trained longer, then better, then earlier. */
static bool goes_before(const tune_result *t, const tune_row *a, const tune_row *b) {
    if (a->round != b->round) return a->round > b->round;
    if (tune_is_better(t, &a->trial, &b->trial)) return true;
    return !tune_is_better(t, &b->trial, &a->trial) && a < b;
}

const tune_row *tune_best(const tune_result *t) {
    const tune_row *best = t->rows;
    for (size_t i = 1; i < t->count; i++)
        if (goes_before(t, &t->rows[i], best)) best = &t->rows[i];
    return isnan(best->trial.score) ? NULL : best;
}

err tune_recipe_text(strbuf *out, const tune_result *t) {
    recipe chosen = tune_best(t)->recipe;
    cJSON *root = cJSON_CreateObject();
    chosen.tuning_trials += (uint32_t)t->count; // on those that its base took before
    err e = tune_recipe_json(root, &chosen, true);
    if (!e) e = json_text(out, root);
    cJSON_Delete(root);
    return e;
}

static err add_space(cJSON *root, const tune_space *s) {
    cJSON *list = NULL, *axis = NULL, *words = NULL;
    err e = json_add_array(&list, root, "space");
    for (size_t i = 0; !e && i < s->count; i++) {
        const tune_axis *a = &s->axes[i];
        if ((e = json_append_object(&axis, list))) break;
        e = json_add_string(axis, "name", a->row->key);
        if (!e && !a->count)
            e = json_put(axis, "low %f high %f logarithmic %d", a->low, a->high, a->is_logarithmic);
        if (!e && a->count) e = json_add_array(&words, axis, "values");
        for (size_t k = 0; !e && k < a->count; k++)
            e = json_append(words, cJSON_CreateString(a->words[k]));
    }
    return e;
}

/* The values of the space's axes, by name. */
static err add_values(cJSON *o, const tune_space *s, const recipe *r) {
    cJSON *values = NULL;
    char text[RECIPE_TEXT_BYTES];
    err e = json_add_object(&values, o, "recipe");
    for (size_t i = 0; !e && i < s->count; i++) {
        const hyperparameter *h = s->axes[i].row;
        if (h->kind < RECIPE_SWITCH)
            e = json_add_number(values, h->key, recipe_value(r, h));
        else if (h->kind == RECIPE_SWITCH)
            e = json_add_bool(values, h->key, recipe_value(r, h) > 0);
        else if (recipe_shown(text, r, h->key))
            e = json_add_string(values, h->key, text);
    }
    return e;
}

static err add_row(cJSON *list, const tune_result *t, size_t i) {
    const tune_row *row = &t->rows[i];
    cJSON *o = NULL;
    err e = json_append_object(&o, list);
    if (!e)
        e = json_put(o, "trial %zu score %f best_step %f steps %f train_s %f not_finite %d", i + 1,
                     row->trial.score, (double)row->trial.best_step, (double)row->trial.steps,
                     row->trial.train_s, row->trial.is_cut);
    if (!e)
        e = json_put(o, "round %u share %f run_sha256 %s created %s", row->round + 1, row->share,
                     row->trial.run_sha256, row->trial.created);
    return e ? e : add_values(o, t->space, &row->recipe);
}

err tune_json(cJSON **root, const tune_result *t, const char *recipe_path) {
    const tune_row *best = tune_best(t);
    cJSON *list = NULL;
    *root = cJSON_CreateObject();
    err e = json_put(*root, "task %s model %s protocol %s metric %s higher_is_better %d search %s",
                     t->task, t->model, "dev", t->metric, t->higher_is_better, t->search);
    if (!e)
        e = json_put(*root, "seed %u halving %u trials %zu version %s commit %s", t->seed,
                     t->halving, t->count, version_string(), version_commit());
    if (!e)
        e = json_put(*root, "best_trial %f best_score %f recipe_file %s",
                     best ? (double)(best - t->rows) + 1 : NAN, best ? best->trial.score : NAN,
                     recipe_path);
    if (!e) e = add_space(*root, t->space);
    if (!e) e = json_add_array(&list, *root, "results");
    for (size_t i = 0; !e && i < t->count; i++) e = add_row(list, t, i);
    if (e || !t->mean) return e;
    e = json_put_numbers(*root, "expected_best", t->mean, t->count);
    return e ? e : json_put_numbers(*root, "expected_best_std", t->deviation, t->count);
}

static void add_cells(grid *g, const tune_result *t, const tune_row *row) {
    char text[RECIPE_TEXT_BYTES];
    grid_cell(g, "%zu", (size_t)(row - t->rows) + 1);
    if (isnan(row->trial.score))
        grid_text(g, "not finite");
    else
        grid_cell(g, "%.4f", row->trial.score);
    grid_cell(g, "%lld of %lld", (long long)row->trial.best_step, (long long)row->trial.steps);
    if (t->halving) grid_cell(g, "%.3g", row->share);
    for (size_t i = 0; i < t->space->count; i++) {
        const tune_axis *a = &t->space->axes[i];
        if (tune_axis_varies(a))
            grid_text(g, recipe_shown(text, &row->recipe, a->row->key) ? text : "?");
    }
}

static err add_trials(strbuf *out, const tune_result *t) {
    char columns[TUNE_AXES_MOST + 8] = "rrr";
    size_t n = 3;
    const tune_row **order = NULL;
    err e = mem_new(&order, t->count);
    if (e) return e;
    if (t->halving) columns[n++] = 'r';
    for (size_t i = 0; i < t->space->count; i++)
        if (tune_axis_varies(&t->space->axes[i])) columns[n++] = 'r';
    grid g = grid_begin(columns);
    grid_text(&g, "trial");
    grid_cell(&g, "dev %s", metric_said(t->metric));
    grid_text(&g, "best step");
    if (t->halving) grid_text(&g, "share of epochs");
    for (size_t i = 0; i < t->space->count; i++)
        if (tune_axis_varies(&t->space->axes[i])) grid_text(&g, t->space->axes[i].row->key);
    for (size_t i = 0; i < t->count; i++) { // by insertion: best first
        size_t at = i;
        for (; at && goes_before(t, &t->rows[i], order[at - 1]); at--) order[at] = order[at - 1];
        order[at] = &t->rows[i];
    }
    for (size_t i = 0; i < t->count; i++) add_cells(&g, t, order[i]);
    mem_free(order);
    return grid_end(out, &g);
}

/* For each number up to 10, then 20, 30, 50, 100, ... trials, and for all. */
static bool is_told(size_t n, size_t count) {
    size_t unit = 1;
    if (n <= 10) return true;
    while (unit * 10 <= n) unit *= 10;
    return n == count || n == unit || n == 2 * unit || n == 3 * unit || n == 5 * unit;
}

static err add_expected(strbuf *out, const tune_result *t) {
    grid g = grid_begin("rrr");
    err e =
        strbuf_printf(out, "\nExpected best dev %s of n such trials (Dodge and others, 2019):\n\n",
                      metric_said(t->metric));
    grid_text(&g, "n");
    grid_text(&g, "expected");
    grid_text(&g, "std");
    for (size_t n = 1; n <= t->count; n++) {
        if (!is_told(n, t->count)) continue;
        grid_cell(&g, "%zu", n);
        grid_cell(&g, "%.4f", t->mean[n - 1]);
        grid_cell(&g, "%.4f", t->deviation[n - 1]);
    }
    err ended = grid_end(out, &g);
    return e ? e : ended;
}

err tune_print(const tune_result *t) {
    strbuf out = {0};
    err e = add_trials(&out, t);
    if (!e && t->mean) e = add_expected(&out, t);
    if (!e) e = terminal_text(out.text);
    strbuf_free(&out);
    return e;
}
