/* The overall table: a row a model on a device in a precision, over all tasks. */
#include "base/order.h"
#include "report/report_internal.h"

#include <stdlib.h>
#include <string.h>

/* A row of one of the tables. */
typedef struct model_row {
    const board_row *row;
    size_t table, place; /* among the tables, and the rows of all */
} model_row;

static int model_order(const record *a, const record *b) {
    int c;
    if ((c = strcmp(a->model.name, b->model.name)) ||
        (c = order_optional(a->model.weights_sha256, b->model.weights_sha256)) ||
        (c = strcmp(a->device.precision, b->device.precision)) ||
        (c = strcmp(a->device.kind, b->device.kind)) ||
        (c = strcmp(a->device.name, b->device.name)))
        return c;
    return record_group_order(a, b);
}

// A model may have rows of several recipes: the one with most seeds stands for it, then the lowest
// hash; never the best score, which would be a choice made on the test set.
static int standing_order(const void *a, const void *b) {
    const model_row *x = a, *y = b;
    int c = model_order(x->row->runs[0], y->row->runs[0]);
    if (c || (c = ORDER(x->table, y->table)) || (c = ORDER(y->row->run_count, x->row->run_count)) ||
        (c = strcmp(x->row->runs[0]->recipe_sha256, y->row->runs[0]->recipe_sha256)))
        return c;
    return ORDER(x->place, y->place);
}

static int place_order(const void *a, const void *b) {
    return ORDER(((const board_overall *)a)->place, ((const board_overall *)b)->place);
}

/* One of the rows [0, count), which are of one model, the best of each table first. */
static err add_model(board_models *out, const model_row *rows, size_t count, size_t tables) {
    board_overall *o = &out->models[out->count];
    *o = (board_overall){.place = SIZE_MAX};
    err e = mem_new(&o->rows, tables);
    if (e) return e;
    out->count++;
    for (size_t i = 0; i < count; i++) {
        if (!o->rows[rows[i].table]) o->rows[rows[i].table] = rows[i].row;
        if (rows[i].place < o->place) o->place = rows[i].place, o->any = rows[i].row->runs[0];
    }
    return ERR_OK;
}

err report__models(board_models *out, const board_table *const *tables, size_t table_count) {
    model_row *rows = NULL;
    size_t count = 0, n = 0;
    *out = (board_models){0};
    for (size_t t = 0; t < table_count; t++) count += tables[t] ? tables[t]->row_count : 0;
    err e = mem_new(&rows, count);
    if (!e) e = mem_new(&out->models, count);
    if (e || !count) goto done;
    for (size_t t = 0; t < table_count; t++)
        for (size_t i = 0; tables[t] && i < tables[t]->row_count; i++, n++)
            rows[n] = (model_row){&tables[t]->rows[i], t, n};
    qsort(rows, count, sizeof *rows, standing_order);
    for (size_t i = 0, end; i < count && !e; i = end) {
        for (end = i + 1; end < count; end++)
            if (model_order(rows[i].row->runs[0], rows[end].row->runs[0])) break;
        e = add_model(out, rows + i, end - i, table_count);
    }
    if (!e) qsort(out->models, out->count, sizeof *out->models, place_order);
done:
    mem_free(rows);
    if (e) report__free_models(out);
    return e;
}

void report__free_models(board_models *m) {
    for (size_t i = 0; i < m->count; i++) mem_free(m->models[i].rows);
    mem_free(m->models);
    *m = (board_models){0};
}

static err find_overall_tables(board *b) {
    err e = mem_new(&b->overall_tables, b->table_count);
    if (e) return e;
    for (size_t i = 0; i < b->table_count; i++) {
        const record *r = b->tables[i].rows[0].runs[0];
        if (strcmp(r->protocol, "last") || b->tables[i].apart & APART_VERSION) continue;
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
        (c = strcmp(x->any->device.name, y->any->device.name)) ||
        (c = record_group_order(x->any, y->any)) ||
        (c = strcmp(x->any->device.precision, y->any->device.precision)))
        return c;
    return ORDER(x->place, y->place);
}

static void describe(board_overall *o, const board *b) {
    o->complete = true;
    for (size_t k = 0; k < b->task_count; k++) {
        if (o->rows[k])
            o->mean += o->rows[k]->mean / (double)b->task_count;
        else
            o->complete = false;
    }
    if (!o->complete) o->mean = 0;
}

err report__overall(board *b) {
    const board_table **tables = NULL;
    board_models all;
    err e = find_overall_tables(b);
    if (e || b->task_count < 2) return e;
    if ((e = mem_new(&tables, b->task_count))) return e;
    for (size_t k = 0; k < b->task_count; k++) {
        tables[k] = &b->tables[b->overall_tables[k]];
        b->overall_baseline += tables[k]->baseline / (double)b->task_count;
    }
    e = report__models(&all, tables, b->task_count);
    mem_free(tables);
    if (e) return e;
    b->overall = all.models;
    b->overall_count = all.count;
    for (size_t i = 0; i < all.count; i++) describe(&b->overall[i], b);
    qsort(b->overall, b->overall_count, sizeof *b->overall, overall_order);
    return ERR_OK;
}
