/* Operations that move, add or scale rows. */
#include "compute/cpu/cpu_internal.h"

#include <string.h>

/* Elements of an item of a flat loop, rows of an item of a loop over rows. */
enum { FLAT = 16384, ROWS = 16, LISTS = 16, LIST_COLUMNS = 64, LANES = 128 };

static size_t items_of(size_t count, size_t each) {
    return (count + each - 1) / each;
}

static size_t end_of(size_t item, size_t each, size_t count) {
    return (item + 1) * each < count ? (item + 1) * each : count;
}

typedef struct filling {
    float *x, value;
    size_t count;
} filling;

static void fill_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const filling *f = context;
    size_t end = end_of(item, FLAT, f->count);
    for (size_t i = item * FLAT; i < end; i++) f->x[i] = f->value;
}

err cpu__fill(const op_call *call, const op *o) {
    const struct fill *a = &o->as.fill;
    filling f = {cpu__reals(a->x), a->value, (size_t)cpu__size(call, a->rows) * a->cols};
    cpu__for(call->device, items_of(f.count, FLAT), fill_item, &f);
    return ERR_OK;
}

typedef struct embedding {
    const cpu_kernels *kernels;
    float *y;
    const float *token, *position, *type;
    const uint32_t *ids, *positions, *type_ids;
    size_t rows, hidden;
} embedding;

static void embed_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const embedding *e = context;
    size_t h = e->hidden, end = end_of(item, ROWS, e->rows);
    for (size_t t = item * ROWS; t < end; t++) {
        e->kernels->add_three(e->y + t * h, e->token + e->ids[t] * h,
                              e->position + e->positions[t] * h, e->type + e->type_ids[t] * h, h);
    }
}

err cpu__embed_fwd(const op_call *call, const op *o) {
    const struct embed_fwd *a = &o->as.embed_fwd;
    embedding e = {.kernels = cpu__kernels(call),
                   .y = cpu__reals(a->y),
                   .token = cpu__reals(a->token),
                   .position = cpu__reals(a->position),
                   .type = cpu__reals(a->type),
                   .ids = cpu__words(a->ids),
                   .positions = cpu__words(a->positions),
                   .type_ids = cpu__words(a->type_ids),
                   .rows = cpu__size(call, a->rows),
                   .hidden = a->hidden};
    cpu__for(call->device, items_of(e.rows, ROWS), embed_item, &e);
    return ERR_OK;
}

typedef struct list_sum {
    const cpu_kernels *kernels;
    float *out;
    const float *x;
    const uint32_t *starts, *items, *rows;
    size_t lists, hidden, list_items;
} list_sum;

// An item is some lists and some columns, so that one long list is shared by threads too.
static void list_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const list_sum *s = context;
    size_t first = item / s->list_items * LIST_COLUMNS, block = item % s->list_items;
    size_t h = s->hidden, count = h - first < LIST_COLUMNS ? h - first : LIST_COLUMNS;
    for (size_t r = block * LISTS; r < end_of(block, LISTS, s->lists); r++) {
        for (size_t j = s->starts[r]; j < s->starts[r + 1]; j++) {
            s->kernels->add(s->out + s->rows[r] * h + first, s->x + s->items[j] * h + first, count);
        }
    }
}

err cpu__rows_sum(const op_call *call, const op *o) {
    const struct rows_sum *a = &o->as.rows_sum;
    list_sum s = {.kernels = cpu__kernels(call),
                  .out = cpu__reals(a->out),
                  .x = cpu__reals(a->x),
                  .starts = cpu__words(a->starts),
                  .items = cpu__words(a->items),
                  .rows = cpu__words(a->rows),
                  .lists = cpu__size(call, a->lists),
                  .hidden = a->hidden};
    s.list_items = items_of(s.lists, LISTS);
    cpu__for(call->device, s.list_items * items_of(a->hidden, LIST_COLUMNS), list_item, &s);
    return ERR_OK;
}

typedef struct gathering {
    float *y;
    const float *x;
    const uint32_t *starts;
    size_t rows, hidden;
} gathering;

static void gather_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const gathering *g = context;
    size_t h = g->hidden, end = end_of(item, ROWS, g->rows);
    for (size_t b = item * ROWS; b < end; b++)
        memcpy(g->y + b * h, g->x + g->starts[b] * h, h * sizeof *g->y);
}

err cpu__gather_rows(const op_call *call, const op *o) {
    const struct gather_rows *a = &o->as.gather_rows;
    gathering g = {cpu__reals(a->y), cpu__reals(a->x), cpu__words(a->starts),
                   cpu__size(call, a->rows), a->hidden};
    cpu__for(call->device, items_of(g.rows, ROWS), gather_item, &g);
    return ERR_OK;
}

/* Rows ascend: an item is a row listed and what lies before the next; the first, what lies before
 * all, too. */
typedef struct scattering {
    float *dx;
    const float *dy;
    const uint32_t *starts;
    size_t rows, tokens, hidden;
} scattering;

static void scatter_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const scattering *s = context;
    size_t h = s->hidden;
    if (!item) memset(s->dx, 0, (s->rows ? s->starts[0] : s->tokens) * h * sizeof *s->dx);
    if (!s->rows) return;
    float *first = s->dx + s->starts[item] * h;
    size_t end = item + 1 < s->rows ? s->starts[item + 1] : s->tokens;
    memcpy(first, s->dy + item * h, h * sizeof *first);
    memset(first + h, 0, (end - s->starts[item] - 1) * h * sizeof *first);
}

err cpu__scatter_rows(const op_call *call, const op *o) {
    const struct scatter_rows *a = &o->as.scatter_rows;
    scattering s = {.dx = cpu__reals(a->dx),
                    .dy = cpu__reals(a->dy),
                    .starts = cpu__words(a->starts),
                    .rows = cpu__size(call, a->rows),
                    .tokens = cpu__size(call, a->tokens),
                    .hidden = a->hidden};
    cpu__for(call->device, s.rows ? s.rows : 1, scatter_item, &s);
    return ERR_OK;
}

typedef struct dropping {
    const op_call *call;
    const struct dropout *a;
} dropping;

static void dropout_item(void *context, size_t item, float *workspace) {
    const dropping *d = context;
    size_t h = d->a->hidden;
    float *y = cpu__reals(d->a->y) + item * h;
    const float *x = cpu__reals(d->a->x) + item * h;
    if (d->a->drop.p <= 0) {
        memmove(y, x, h * sizeof *y); // y may be x
        return;
    }
    cpu_dropout row = cpu__dropout_of(d->call, d->a->drop, 0, cpu__words(d->a->ordinals)[item]);
    cpu__kernels(d->call)->keep_row(workspace, h, &row);
    cpu__kernels(d->call)->multiply(y, x, workspace, h);
}

err cpu__dropout(const op_call *call, const op *o) {
    dropping d = {call, &o->as.dropout};
    err e = cpu__workspace(call->device, d.a->hidden);
    if (!e) cpu__for(call->device, cpu__size(call, d.a->rows), dropout_item, &d);
    return e;
}

typedef struct tanh_job {
    const cpu_kernels *kernels;
    float *dx;
    const float *dy, *y;
    size_t count;
} tanh_job;

static void tanh_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const tanh_job *t = context;
    size_t first = item * FLAT, count = end_of(item, FLAT, t->count) - first;
    t->kernels->tanh_bwd(t->dx + first, t->dy + first, t->y + first, count);
}

err cpu__tanh_bwd(const op_call *call, const op *o) {
    const struct tanh_bwd *a = &o->as.tanh_bwd;
    tanh_job t = {cpu__kernels(call), cpu__reals(a->dx), cpu__reals(a->dy), cpu__reals(a->y),
                  (size_t)cpu__size(call, a->rows) * a->cols};
    cpu__for(call->device, items_of(t.count, FLAT), tanh_item, &t);
    return ERR_OK;
}

typedef struct slope_job {
    const cpu_kernels *kernels;
    float *dx;
    const float *dy, *pre;
    activation act;
    size_t count;
} slope_job;

static void slope_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const slope_job *s = context;
    size_t first = item * FLAT, count = end_of(item, FLAT, s->count) - first;
    s->kernels->finish_dx(s->dx + first, s->dy + first, s->pre + first, s->act, NULL, count);
}

err cpu__activation_bwd(const op_call *call, const op *o) {
    const struct activation_bwd *a = &o->as.activation_bwd;
    slope_job s = {cpu__kernels(call),
                   cpu__reals(a->dx),
                   cpu__reals(a->dy),
                   cpu__reals(a->pre),
                   a->act,
                   (size_t)cpu__size(call, a->rows) * a->cols};
    cpu__for(call->device, items_of(s.count, FLAT), slope_item, &s);
    return ERR_OK;
}

typedef struct summing {
    uint32_t *out;
    const float *x;
    size_t count;
} summing;

// LANES of the result: every CHECKSUM_LANES values, as many in a row
static void checksum_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const summing *s = context;
    size_t first = item * LANES;
    memset(s->out + first, 0, LANES * sizeof *s->out);
    for (size_t from = first; from < s->count; from += CHECKSUM_LANES) {
        size_t n = s->count - from < LANES ? s->count - from : LANES;
        for (size_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, s->x + from + i, sizeof bits);
            s->out[first + i] += bits * (2 * (uint32_t)(from + i) + 1);
        }
    }
}

err cpu__checksum(const op_call *call, const op *o) {
    const struct checksum *a = &o->as.checksum;
    summing s = {cpu__words(a->out), cpu__reals(a->x), a->count};
    cpu__for(call->device, CHECKSUM_LANES / LANES, checksum_item, &s);
    return ERR_OK;
}
