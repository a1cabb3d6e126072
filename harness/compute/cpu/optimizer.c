/* Gradient norm and AdamW, dense and by rows. */
#include "compute/cpu/cpu_internal.h"

#include <math.h>

/* Elements of an item, beside NORM_BLOCK, whose sums of squares are added up in their order. */
enum { DENSE_BLOCK = 8192, ROWS = 4 };

static size_t items_of(size_t count, size_t each) {
    return (count + each - 1) / each;
}

typedef struct norm_job {
    const cpu_kernels *kernels;
    const float *x;
    size_t count;
    float *sums; /* (items, 2): high and low part of a double */
} norm_job;

static void norm_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const norm_job *n = context;
    size_t first = item * NORM_BLOCK;
    size_t count = n->count - first < NORM_BLOCK ? n->count - first : NORM_BLOCK;
    double sum = n->kernels->square_sum(n->x + first, count);
    n->sums[2 * item] = (float)sum;
    n->sums[2 * item + 1] = isfinite(sum) ? (float)(sum - (double)(float)sum) : 0;
}

void cpu__square_sums(const device *d, float *sums, const float *x, size_t count) {
    norm_job n = {((const cpu_device *)d->impl)->kernels, x, count, sums};
    cpu__alone(items_of(count, NORM_BLOCK), norm_item, &n);
}

err cpu__grad_norm(const op_call *call, const op *o) {
    const struct grad_norm *a = &o->as.grad_norm;
    double square = 0;
    for (uint32_t p = 0; p < a->part_count; p++) {
        norm_job n = {.kernels = cpu__kernels(call),
                      .x = cpu__reals(a->parts[p].x),
                      .count = (size_t)cpu__size(call, a->parts[p].rows) * a->parts[p].cols};
        size_t items = items_of(n.count, NORM_BLOCK);
        err e = cpu__shared(&n.sums, call->device, 2 * items);
        if (e) return e;
        cpu__for(call->device, items, norm_item, &n);
        for (size_t i = 0; i < items; i++)
            square += (double)n.sums[2 * i] + (double)n.sums[2 * i + 1];
    }
    grad_norm_of(cpu__reals(a->result), square, a->max_norm, step_unscale(call->step));
    return ERR_OK;
}

static cpu_adam constants(double beta1, double beta2, float eps) {
    return (cpu_adam){.decay = 1,
                      .clip = 1,
                      .beta2 = (float)beta2,
                      .rest1 = (float)(1 - beta1),
                      .rest2 = (float)(1 - beta2),
                      .eps = eps};
}

static void use_step(cpu_adam *k, const float *table, uint32_t step, bool decay,
                     const float *norm) {
    const float *row = table + (size_t)step * 4;
    k->decay = decay ? row[0] : 1;
    k->step_size = row[1];
    k->bias2 = row[2];
    k->clip = norm[1];
}

typedef struct dense_job {
    const cpu_kernels *kernels;
    float *p, *m, *v;
    const float *g;
    size_t count;
    cpu_adam k;
} dense_job;

static void dense_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const dense_job *d = context;
    size_t first = item * DENSE_BLOCK;
    size_t count = d->count - first < DENSE_BLOCK ? d->count - first : DENSE_BLOCK;
    d->kernels->adam(d->p + first, d->m + first, d->v + first, d->g + first, count, &d->k);
}

err cpu__adamw(const op_call *call, const op *o) {
    const struct adamw *a = &o->as.adamw;
    const float *table = cpu__reals(a->table), *norm = cpu__reals(a->norm);
    dense_job d = {.kernels = cpu__kernels(call),
                   .p = cpu__reals(a->p),
                   .m = cpu__reals(a->m),
                   .v = cpu__reals(a->v),
                   .g = cpu__reals(a->g),
                   .count = a->count,
                   .k = constants(a->beta1, a->beta2, a->eps)};
    uint32_t step = call->step->step;
    if (norm[2] <= 0 || table[(size_t)step * 4 + 3] > 0) return ERR_OK;
    use_step(&d.k, table, step, a->decay, norm);
    call->device->generation++;
    cpu__for(call->device, items_of(d.count, DENSE_BLOCK), dense_item, &d);
    return ERR_OK;
}

typedef struct rows_job {
    const cpu_kernels *kernels;
    float *p, *m, *v;
    const float *g, *table;
    const uint32_t *list;
    uint32_t *last_step;
    size_t rows, hidden;
    uint32_t until;
    bool decay, is_skipped;
    cpu_adam k;
} rows_job;

static void rows_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const rows_job *r = context;
    size_t h = r->hidden, end = (item + 1) * ROWS < r->rows ? (item + 1) * ROWS : r->rows;
    for (size_t i = item * ROWS; i < end; i++) {
        size_t row = r->list ? r->list[i] : i;
        float *p = r->p + row * h, *m = r->m + row * h, *v = r->v + row * h;
        if (r->g) {
            if (!r->is_skipped) r->kernels->adam(p, m, v, r->g + i * h, h, &r->k);
        } else if (r->last_step[row] < r->until) {
            r->kernels->adam_replay(p, m, v, h, r->table, r->last_step[row] + 1, r->until, r->decay,
                                    &r->k);
        }
        if (r->last_step[row] < r->until) r->last_step[row] = r->until;
    }
}

err cpu__adamw_rows(const op_call *call, const op *o) {
    const struct adamw_rows *a = &o->as.adamw_rows;
    const float *norm = cpu__reals(a->norm);
    uint32_t step = call->step->step;
    rows_job r = {.kernels = cpu__kernels(call),
                  .p = cpu__reals(a->p),
                  .m = cpu__reals(a->m),
                  .v = cpu__reals(a->v),
                  .g = cpu__reals(a->g),
                  .table = cpu__given_reals(a->table),
                  .list = cpu__words(a->list),
                  .last_step = cpu__words(a->last_step),
                  .rows = cpu__size(call, a->rows),
                  .hidden = a->hidden,
                  .until = step - (a->before ? 1 : 0),
                  .decay = a->decay,
                  .k = constants(a->beta1, a->beta2, a->eps)};
    if (r.g) {
        if (norm[2] <= 0) return ERR_OK;
        use_step(&r.k, r.table, step, a->decay, norm);
        r.is_skipped = r.table[(size_t)step * 4 + 3] > 0;
    }
    call->device->generation++;
    cpu__for(call->device, items_of(r.rows, ROWS), rows_item, &r);
    return ERR_OK;
}
