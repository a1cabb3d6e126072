/* Tables of groups of tasks, as their manifests name them. */
#include "report/report_internal.h"
#include "task/task.h"

#include "base/json.h"
#include "base/log.h"
#include "metric/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_group_and_place(const void *a, const void *b) {
    const struct task *x = a, *y = b;
    int c = strcmp(x->group.name, y->group.name);
    if (c) return c;
    if (x->group.place != y->group.place) return x->group.place < y->group.place ? -1 : 1;
    return strcmp(x->name, y->name);
}

static err load_tasks(board *b, const char *task_dir) {
    task_catalog all = {0};
    err e = task_list(&all, task_dir);
    if (!e) e = mem_new(&b->grouped, all.count);
    for (size_t i = 0; i < all.count && !e; i++) {
        task *t = &b->grouped[b->grouped_count];
        if ((e = task_load(t, all.paths[i])) && e != ERR_MEMORY) {
            err_clear(); // what is wrong with it is `harness tasks check`'s to tell
            e = ERR_OK;
        } else if (!e && t->group.name) {
            b->grouped_count++;
        } else {
            task_free(t);
        }
    }
    task_catalog_free(&all);
    if (b->grouped_count)
        qsort(b->grouped, b->grouped_count, sizeof *b->grouped, by_group_and_place);
    return e;
}

/* The table that stands for a task, or NULL: no run of it. */
static const board_table *table_of(const board *b, const task *t) {
    for (size_t k = 0; k < b->task_count; k++) {
        const board_table *table = &b->tables[b->overall_tables[k]];
        if (!strcmp(table->rows[0].runs[0]->task.name, t->name)) return table;
    }
    return NULL;
}

static err add_row(board_group *g, const char *model, const record *run, size_t *index) {
    size_t n = g->row_count;
    err e = mem_grow((void **)&g->rows, &g->row_capacity, n + 1, sizeof *g->rows);
    if (e) return e;
    g->rows[n] = (board_group_row){.model = model, .run = run};
    *index = g->row_count++;
    if ((e = mem_new(&g->rows[n].scores, g->column_count))) return e;
    for (size_t c = 0; c < g->column_count; c++) g->rows[n].scores[c] = (double)NAN;
    return mem_new(&g->rows[n].rows, g->column_count);
}

static double mean_of_runs(const board_row *row, const metric *m) {
    double sum = 0;
    for (size_t i = 0; i < row->run_count; i++) sum += record_metric(row->runs[i], m->name);
    return sum / (double)row->run_count;
}

static err add_models(board_group *g, const board *b) {
    const board_table **tables = NULL;
    board_models all = {0};
    size_t index = 0;
    err e = mem_new(&tables, g->column_count);
    for (size_t c = 0; c < g->column_count && !e; c++) tables[c] = table_of(b, g->columns[c].task);
    if (!e) e = report__models(&all, tables, g->column_count);
    for (size_t i = 0; i < all.count && !e; i++) {
        const board_overall *o = &all.models[i];
        e = add_row(g, o->any->model.name, o->any, &index);
        for (size_t c = 0; c < g->column_count && !e; c++)
            if ((g->rows[index].rows[c] = o->rows[c]))
                g->rows[index].scores[c] = mean_of_runs(o->rows[c], g->columns[c].metric);
    }
    report__free_models(&all);
    mem_free(tables);
    return e;
}

static int by_model(const void *a, const void *b) {
    const board_group_row *x = a, *y = b;
    int c = strcmp(x->model, y->model);
    if (c || (c = strcmp(x->run->device.name, y->run->device.name)) ||
        (c = record_group_order(x->run, y->run)))
        return c;
    return strcmp(x->run->device.precision, y->run->device.precision);
}

/* Rows of what others published, in the order of the manifests, one a model. Each manifest has at most
 * as many models, and a hundred of them had made a page of 300 MB. */
static err add_published(board_group *g) {
    size_t first = g->row_count, k = 0, left_out = 0;
    err e = ERR_OK;
    for (size_t c = 0; c < g->column_count && !e; c++) {
        const task_group *t = &g->columns[c].task->group;
        k = c && g->columns[c].task == g->columns[c - 1].task ? k + 1 : 0; // of the task's metrics
        for (const cJSON *model = t->published ? t->published->child : NULL; model && !e;
             model = model->next) {
            size_t index = first;
            while (index < g->row_count && strcmp(g->rows[index].model, model->string) != 0)
                index++;
            if (index - first == TASK_PUBLISHED_MOST) {
                left_out += !k;
                continue;
            }
            if (index == g->row_count) e = add_row(g, model->string, NULL, &index);
            if (!e) g->rows[index].scores[c] = cJSON_GetArrayItem(model, (int)k)->valuedouble / 100;
        }
    }
    if (left_out)
        log_warn("group '%s': %zu published row%s left out, at most %d models are shown", g->name,
                 left_out, left_out == 1 ? " is" : "s are", TASK_PUBLISHED_MOST);
    return e;
}

static bool is_listed(const board_group *g, size_t column) {
    const char *source = g->columns[column].task->group.source;
    for (size_t i = 0; source && i < column; i++) {
        const char *before = g->columns[i].task->group.source;
        if (before && !strcmp(before, source)) return true;
    }
    return !source;
}

/* Each source once, behind the columns that it is of. */
static err list_sources(char **text, const board_group *g, page_language language) {
    strbuf out = {0};
    err e = strbuf_add(&out, "");
    for (size_t c = 0; c < g->column_count && !e; c++) {
        const char *source = g->columns[c].task->group.source;
        if (is_listed(g, c)) continue;
        for (size_t o = c; o < g->column_count && !e; o++) {
            const task_group *t = &g->columns[o].task->group;
            if (!t->source || strcmp(t->source, source) != 0) continue;
            if (o > c && g->columns[o].task == g->columns[o - 1].task) continue;
            e = strbuf_printf(&out, "%s%s",
                              o > c        ? ", "
                              : out.length ? "; "
                                           : "",
                              language_term(language, t->column));
        }
        if (!e) e = strbuf_printf(&out, ": %s", language_term(language, source));
    }
    *text = out.text;
    return e;
}

static err add_group(board *b, const task *members, size_t count) {
    board_group *g = &b->groups[b->group_count++];
    *g = (board_group){.name = members->group.name, .title = members->group.title};
    err e = mem_new(&g->columns, count * GROUP_METRICS_MAX);
    for (size_t i = 0; i < count && !e; i++)
        for (size_t m = 0; m < members[i].group.metric_count; m++)
            g->columns[g->column_count++] =
                (board_column){&members[i], members[i].group.metrics[m]};
    if (!e) e = add_models(g, b);
    g->model_count = g->row_count;
    if (e || !g->model_count) return e;
    qsort(g->rows, g->model_count, sizeof *g->rows, by_model);
    if ((e = add_published(g))) return e;
    e = list_sources(&g->sources, g, PAGE_EN);
    return e ? e : list_sources(&g->sources_ko, g, PAGE_KO);
}

err board_add_groups(board *b, const char *task_dir) {
    err e = load_tasks(b, task_dir);
    if (!e) e = mem_new(&b->groups, b->grouped_count);
    for (size_t i = 0, end; i < b->grouped_count && !e; i = end) {
        for (end = i; end < b->grouped_count; end++)
            if (strcmp(b->grouped[i].group.name, b->grouped[end].group.name) != 0) break;
        e = add_group(b, b->grouped + i, end - i);
    }
    return e;
}

void report__free_groups(board *b) {
    for (size_t i = 0; i < b->group_count; i++) {
        for (size_t r = 0; r < b->groups[i].row_count; r++) {
            mem_free(b->groups[i].rows[r].scores);
            mem_free(b->groups[i].rows[r].rows);
        }
        mem_free(b->groups[i].rows);
        mem_free(b->groups[i].columns);
        mem_free(b->groups[i].sources);
        mem_free(b->groups[i].sources_ko);
    }
    for (size_t i = 0; i < b->grouped_count; i++) task_free(&b->grouped[i]);
    mem_free(b->groups);
    mem_free(b->grouped);
}
