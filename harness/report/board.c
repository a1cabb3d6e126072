#include "report/report_internal.h"

#include <stdlib.h>
#include <string.h>

// a record with what sorting needs beside it
typedef struct entry {
    const record *r;
    const char *path;
    char *config; // compact print, owned
} entry;

static int text_order(const char *a, const char *b) {
    if (!a || !b) return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int number_order(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int table_order(const entry *a, const entry *b) {
    int c;
    if ((c = strcmp(a->r->task.name, b->r->task.name))) return c;
    if ((c = number_order(b->r->task.version, a->r->task.version))) return c; // newest first
    if ((c = strcmp(a->r->task.data_sha256, b->r->task.data_sha256))) return c;
    if ((c = strcmp(b->r->protocol, a->r->protocol))) return c; // last, then dev
    return strcmp(a->r->headline, b->r->headline);
}

static int row_order(const entry *a, const entry *b) {
    const record *x = a->r, *y = b->r;
    int c;
    if ((c = strcmp(x->model.name, y->model.name))) return c;
    if ((c = text_order(x->model.weights_sha256, y->model.weights_sha256))) return c;
    if ((c = strcmp(x->model.vocab_sha256, y->model.vocab_sha256))) return c;
    if ((c = strcmp(a->config, b->config))) return c;
    if ((c = strcmp(x->recipe_sha256, y->recipe_sha256))) return c;
    if ((c = strcmp(x->device.precision, y->device.precision))) return c;
    if ((c = strcmp(x->device.kind, y->device.kind))) return c;
    if ((c = strcmp(x->device.name, y->device.name))) return c;
    return number_order(x->numerics_version, y->numerics_version);
}

static int entry_order(const void *a, const void *b) {
    int c;
    const entry *x = a, *y = b;
    if ((c = table_order(x, y)) || (c = row_order(x, y))) return c;
    if ((c = number_order(x->r->seed, y->r->seed))) return c;
    return strcmp(x->path, y->path);
}

static err same_test_set(const entry *a, const entry *b) {
    size_t rows = (size_t)a->r->task.test_rows;
    if (strcmp(a->r->gold_sha256, b->r->gold_sha256) ||
        a->r->task.test_rows != b->r->task.test_rows ||
        a->r->task.label_count != b->r->task.label_count ||
        memcmp(a->r->first_row, b->r->first_row, rows * sizeof *a->r->first_row) ||
        memcmp(a->r->scored_dedup, b->r->scored_dedup, rows * sizeof *a->r->scored_dedup)) {
        return err_set(ERR_DATA,
                       "%s and %s name the same data of task '%s' but differ in test labels or "
                       "duplicates: one of them is wrong",
                       a->path, b->path, a->r->task.name);
    }
    return ERR_OK;
}

// appends a row of the entries [0, count), which share a row; of a seed met twice the first stays
static err add_row(board *b, board_table *t, const entry *entries, size_t count) {
    board_row *row = &t->rows[t->row_count];
    err e = mem_new(&row->runs, count);
    if (e) return e;
    t->row_count++;
    for (size_t i = 0; i < count; i++) {
        if (i && entries[i].r->seed == entries[i - 1].r->seed) {
            b->repeated++;
        } else {
            row->runs[row->run_count++] = entries[i].r;
        }
    }
    return ERR_OK;
}

static err add_table(board *b, const entry *entries, size_t count) {
    board_table *t = &b->tables[b->table_count];
    err e = mem_new(&t->rows, count);
    if (e) return e;
    b->table_count++;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && !row_order(&entries[i], &entries[end]); end++) {
            if ((e = same_test_set(&entries[0], &entries[end]))) return e;
        }
        if ((e = add_row(b, t, entries + i, end - i))) return e;
    }
    t->headline = metric_find(t->rows[0].runs[0]->headline);
    return report__table_statistics(t);
}

static void mark_superseded(board *b) {
    for (size_t i = 0; i < b->table_count; i++) {
        const record *r = b->tables[i].rows[0].runs[0];
        for (size_t j = 0; j < b->table_count; j++) {
            const record *o = b->tables[j].rows[0].runs[0];
            if (!strcmp(r->task.name, o->task.name) && !strcmp(r->protocol, o->protocol) &&
                o->task.version > r->task.version) {
                b->tables[i].superseded = true;
            }
        }
    }
}

err board_init(board *b, const store *s) {
    entry *entries = NULL;
    err e;
    *b = (board){0};
    if ((e = mem_new(&entries, s->count)) || (e = mem_new(&b->tables, s->count))) goto done;
    for (size_t i = 0; i < s->count; i++) {
        entries[i] = (entry){&s->records[i], s->paths[i], NULL};
        if ((e = json_print(&entries[i].config, s->records[i].model.config, false))) goto done;
    }
    if (s->count) qsort(entries, s->count, sizeof *entries, entry_order);
    for (size_t i = 0, end; i < s->count; i = end) {
        for (end = i; end < s->count && !table_order(&entries[i], &entries[end]);) end++;
        if ((e = add_table(b, entries + i, end - i))) goto done;
    }
    mark_superseded(b);
    e = report__overall(b);
done:
    for (size_t i = 0; entries && i < s->count; i++) mem_free(entries[i].config);
    mem_free(entries);
    if (e) board_free(b);
    return e;
}

void board_free(board *b) {
    for (size_t t = 0; t < b->table_count; t++) {
        for (size_t i = 0; i < b->tables[t].row_count; i++) mem_free(b->tables[t].rows[i].runs);
        mem_free(b->tables[t].rows);
    }
    for (size_t i = 0; i < b->overall_count; i++) mem_free(b->overall[i].rows);
    mem_free(b->tables);
    mem_free(b->overall_tables);
    mem_free(b->overall);
    *b = (board){0};
}
