/* Operations that move, add or scale rows. */
#include "compute/cpu/cpu_internal.h"

#include <string.h>

/* Elements of an item of a flat loop, rows of an item of a loop over rows. */
enum { FLAT = 16384, ROWS = 16, LISTS = 16, LIST_COLUMNS = 64, LANES = 128 };

static void fill_item(const cpu_job *j, size_t item) {
    const struct fill *a = &j->o->as.fill;
    size_t count = (size_t)cpu__size(j->call, a->rows) * a->cols, end = cpu__end(item, FLAT, count);
    float *x = cpu__given_reals(a->x), value = a->value;
    for (size_t i = item * FLAT; i < end; i++) x[i] = value;
}

err cpu__fill(const op_call *call, const op *o) {
    const struct fill *a = &o->as.fill;
    size_t count = (size_t)cpu__size(call, a->rows) * a->cols;
    return cpu__items(call, o, cpu__parts(count, FLAT), fill_item);
}

static void embed_item(const cpu_job *j, size_t item) {
    const struct embed_fwd *a = &j->o->as.embed_fwd;
    const uint32_t *ids = cpu__given_words(a->ids), *types = cpu__given_words(a->type_ids);
    const uint32_t *positions = cpu__given_words(a->positions);
    size_t h = a->hidden, end = cpu__end(item, ROWS, cpu__size(j->call, a->rows));
    for (size_t t = item * ROWS; t < end; t++)
        j->kernels->add_three(cpu__row(a->y, t, h), cpu__row(a->token, ids[t], h),
                              cpu__row(a->position, positions[t], h),
                              cpu__row(a->type, types[t], h), h);
}

err cpu__embed_fwd(const op_call *call, const op *o) {
    size_t rows = cpu__size(call, o->as.embed_fwd.rows);
    return cpu__items(call, o, cpu__parts(rows, ROWS), embed_item);
}

// An item is some lists and some columns, so that one long list is shared by threads too.
static void list_item(const cpu_job *j, size_t item) {
    const struct rows_sum *a = &j->o->as.rows_sum;
    const uint32_t *starts = cpu__given_words(a->starts), *items = cpu__given_words(a->items);
    const uint32_t *rows = cpu__given_words(a->rows);
    size_t lists = cpu__size(j->call, a->lists), blocks = cpu__parts(lists, LISTS), h = a->hidden;
    size_t first = item / blocks * LIST_COLUMNS, block = item % blocks;
    size_t count = h - first < LIST_COLUMNS ? h - first : LIST_COLUMNS;
    for (size_t r = block * LISTS; r < cpu__end(block, LISTS, lists); r++)
        for (size_t i = starts[r]; i < starts[r + 1]; i++)
            j->kernels->add(cpu__row(a->out, rows[r], h) + first,
                            cpu__row(a->x, items[i], h) + first, count);
}

err cpu__rows_sum(const op_call *call, const op *o) {
    const struct rows_sum *a = &o->as.rows_sum;
    size_t blocks = cpu__parts(cpu__size(call, a->lists), LISTS);
    return cpu__items(call, o, blocks * cpu__parts(a->hidden, LIST_COLUMNS), list_item);
}

static void gather_item(const cpu_job *j, size_t item) {
    const struct gather_rows *a = &j->o->as.gather_rows;
    const uint32_t *starts = cpu__given_words(a->starts);
    size_t h = a->hidden, end = cpu__end(item, ROWS, cpu__size(j->call, a->rows));
    for (size_t b = item * ROWS; b < end; b++)
        memcpy(cpu__row(a->y, b, h), cpu__row(a->x, starts[b], h), h * sizeof(float));
}

err cpu__gather_rows(const op_call *call, const op *o) {
    size_t rows = cpu__size(call, o->as.gather_rows.rows);
    return cpu__items(call, o, cpu__parts(rows, ROWS), gather_item);
}

/* Rows ascend: an item is a row listed and what lies before the next; the first, what lies before
 * all, too. */
static void scatter_item(const cpu_job *j, size_t item) {
    const struct scatter_rows *a = &j->o->as.scatter_rows;
    const uint32_t *starts = cpu__given_words(a->starts);
    size_t rows = cpu__size(j->call, a->rows), tokens = cpu__size(j->call, a->tokens);
    size_t h = a->hidden, row = h * sizeof(float);
    if (!item) memset(cpu__given_reals(a->dx), 0, (rows ? starts[0] : tokens) * row);
    if (!rows) return;
    float *first = cpu__row(a->dx, starts[item], h);
    size_t end = item + 1 < rows ? starts[item + 1] : tokens;
    memcpy(first, cpu__row(a->dy, item, h), row);
    memset(first + h, 0, (end - starts[item] - 1) * row);
}

err cpu__scatter_rows(const op_call *call, const op *o) {
    size_t rows = cpu__size(call, o->as.scatter_rows.rows);
    return cpu__items(call, o, rows ? rows : 1, scatter_item);
}

static void dropout_item(const cpu_job *j, size_t item) {
    const struct dropout *a = &j->o->as.dropout;
    size_t h = a->hidden;
    float *y = cpu__row(a->y, item, h);
    const float *x = cpu__row(a->x, item, h);
    if (a->drop.p <= 0) {
        memmove(y, x, h * sizeof *y); // y may be x
        return;
    }
    cpu_dropout row = cpu__dropout_of(j->call, a->drop, 0, cpu__given_words(a->ordinals)[item]);
    j->kernels->keep_row(j->workspace, h, &row);
    j->kernels->multiply(y, x, j->workspace, h);
}

err cpu__dropout(const op_call *call, const op *o) {
    err e = cpu__workspace(call->device, o->as.dropout.hidden);
    return e ? e : cpu__items(call, o, cpu__size(call, o->as.dropout.rows), dropout_item);
}

static void slope_item(const cpu_job *j, size_t item) {
    const struct activation_bwd *a = &j->o->as.activation_bwd;
    size_t all = (size_t)cpu__size(j->call, a->rows) * a->cols, first = item * FLAT;
    j->kernels->finish_dx(cpu__given_reals(a->dx) + first, cpu__given_reals(a->dy) + first,
                          cpu__given_reals(a->pre) + first, a->act, NULL,
                          cpu__end(item, FLAT, all) - first);
}

err cpu__activation_bwd(const op_call *call, const op *o) {
    const struct activation_bwd *a = &o->as.activation_bwd;
    size_t count = (size_t)cpu__size(call, a->rows) * a->cols;
    return cpu__items(call, o, cpu__parts(count, FLAT), slope_item);
}

// LANES of the result: every CHECKSUM_LANES values, as many in a row
static void checksum_item(const cpu_job *j, size_t item) {
    const struct checksum *a = &j->o->as.checksum;
    const float *x = cpu__given_reals(a->x);
    size_t first = item * LANES;
    uint32_t *out = cpu__given_words(a->out) + first;
    memset(out, 0, LANES * sizeof *out);
    for (size_t from = first; from < a->count; from += CHECKSUM_LANES) {
        size_t n = a->count - from < LANES ? a->count - from : LANES;
        for (size_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, x + from + i, sizeof bits);
            out[i] += bits * (2 * (uint32_t)(from + i) + 1);
        }
    }
}

err cpu__checksum(const op_call *call, const op *o) {
    return cpu__items(call, o, CHECKSUM_LANES / LANES, checksum_item);
}
