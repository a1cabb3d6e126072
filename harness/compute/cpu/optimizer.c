/* Gradient norm and AdamW, dense and by rows. */
#include "compute/cpu/cpu_internal.h"

#include <math.h>

/* Elements of an item, beside NORM_BLOCK, whose sums of squares are added up in their order. */
enum { DENSE_BLOCK = 8192, ROWS = 4 };

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
    cpu__alone(cpu__parts(count, NORM_BLOCK), norm_item, &n);
}

err cpu__grad_norm(const op_call *call, const op *o) {
    const struct grad_norm *a = &o->as.grad_norm;
    double square = 0;
    for (uint32_t p = 0; p < a->part_count; p++) {
        norm_job n = {.kernels = cpu__kernels(call),
                      .x = cpu__reals(a->parts[p].x),
                      .count = (size_t)cpu__size(call, a->parts[p].rows) * a->parts[p].cols};
        size_t items = cpu__parts(n.count, NORM_BLOCK);
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

static void dense_item(const cpu_job *j, size_t item) {
    const struct adamw *a = &j->o->as.adamw;
    size_t first = item * DENSE_BLOCK;
    size_t count = a->count - first < DENSE_BLOCK ? a->count - first : DENSE_BLOCK;
    cpu_adam k = constants(a->beta1, a->beta2, a->eps);
    use_step(&k, cpu__given_reals(a->table), j->call->step->step, a->decay,
             cpu__given_reals(a->norm));
    j->kernels->adam(cpu__given_reals(a->p) + first, cpu__given_reals(a->m) + first,
                     cpu__given_reals(a->v) + first, cpu__given_reals(a->g) + first, count, &k);
}

static bool is_skipped(span table, uint32_t step) {
    return cpu__row(table, step, 4)[3] > 0;
}

err cpu__adamw(const op_call *call, const op *o) {
    const struct adamw *a = &o->as.adamw;
    if (cpu__given_reals(a->norm)[2] <= 0 || is_skipped(a->table, call->step->step)) return ERR_OK;
    call->device->generation++;
    return cpu__items(call, o, cpu__parts(a->count, DENSE_BLOCK), dense_item);
}

static uint32_t until_of(const op_call *call, const struct adamw_rows *a) {
    return call->step->step - (a->before ? 1 : 0);
}

static void rows_item(const cpu_job *j, size_t item) {
    const struct adamw_rows *a = &j->o->as.adamw_rows;
    const uint32_t *list = cpu__words(a->list);
    uint32_t *last_step = cpu__given_words(a->last_step), until = until_of(j->call, a);
    uint32_t step = j->call->step->step;
    const float *table = cpu__given_reals(a->table);
    size_t h = a->hidden, rows = cpu__size(j->call, a->rows);
    cpu_adam k = constants(a->beta1, a->beta2, a->eps);
    if (span_given(a->g)) use_step(&k, table, step, a->decay, cpu__given_reals(a->norm));
    for (size_t i = item * ROWS; i < (item + 1) * ROWS && i < rows; i++) {
        size_t row = list ? list[i] : i;
        float *p = cpu__row(a->p, row, h), *m = cpu__row(a->m, row, h), *v = cpu__row(a->v, row, h);
        if (!span_given(a->g) && last_step[row] < until)
            j->kernels->adam_replay(p, m, v, h, table, last_step[row] + 1, until, a->decay, &k);
        else if (span_given(a->g) && !is_skipped(a->table, step))
            j->kernels->adam(p, m, v, cpu__row(a->g, i, h), h, &k);
        if (last_step[row] < until) last_step[row] = until;
    }
}

err cpu__adamw_rows(const op_call *call, const op *o) {
    const struct adamw_rows *a = &o->as.adamw_rows;
    if (span_given(a->g) && cpu__given_reals(a->norm)[2] <= 0) return ERR_OK;
    call->device->generation++;
    return cpu__items(call, o, cpu__parts(cpu__size(call, a->rows), ROWS), rows_item);
}
