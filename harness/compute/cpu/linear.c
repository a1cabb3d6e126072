/* Linear layers on cpu__gemm, with what is fused to them done while a tile is in cache. */
#include "compute/cpu/cpu_internal.h"

#include <string.h>

typedef struct forward {
    const cpu_kernels *kernels;
    const struct linear_fwd *a;
    float *y, *pre;
    const float *bias;
} forward;

static void finish_forward(void *context, const cpu_tile *t) {
    const forward *f = context;
    for (size_t i = 0; i < t->rows; i++) {
        float *pre = f->pre ? f->pre + (t->row + i) * f->a->n + t->column : NULL;
        const float *bias = f->bias ? f->bias + t->column : NULL;
        f->kernels->finish_fwd(f->y + (t->row + i) * f->a->n + t->column, t->at + i * t->stride,
                               pre, bias, f->a->act, t->columns);
    }
}

err cpu__linear_fwd(const op_call *call, const op *o) {
    const struct linear_fwd *a = &o->as.linear_fwd;
    forward f = {cpu__kernels(call), a, cpu__reals(a->y), cpu__reals(a->pre), cpu__reals(a->bias)};
    bool is_plain = !f.pre && !f.bias && a->act == ACT_NONE;
    return cpu__product(call->device, &(cpu_product){.ta = 'N',
                                                     .tb = 'T',
                                                     .m = cpu__size(call, a->rows),
                                                     .n = a->n,
                                                     .k = a->k,
                                                     .a = cpu__reals(a->x),
                                                     .lda = a->k,
                                                     .b = cpu__reals(a->weight),
                                                     .ldb = a->k,
                                                     .is_weight = true,
                                                     .c = f.y,
                                                     .ldc = a->n,
                                                     .finish = is_plain ? NULL : finish_forward,
                                                     .context = &f});
}

typedef struct backward {
    const cpu_kernels *kernels;
    float *dx;
    const float *pre, *add;
    activation act;
    size_t k;
} backward;

static void finish_backward(void *context, const cpu_tile *t) {
    const backward *b = context;
    for (size_t i = 0; i < t->rows; i++) {
        size_t at = (t->row + i) * b->k + t->column;
        b->kernels->finish_dx(b->dx + at, t->at + i * t->stride, b->pre ? b->pre + at : NULL,
                              b->act, b->add ? b->add + at : NULL, t->columns);
    }
}

err cpu__linear_dx(const op_call *call, const op *o) {
    const struct linear_dx *a = &o->as.linear_dx;
    backward b = {cpu__kernels(call),
                  cpu__reals(a->dx),
                  cpu__reals(a->pre),
                  cpu__reals(a->add),
                  a->act,
                  a->k};
    bool is_plain = !b.pre && !b.add;
    return cpu__product(call->device,
                        &(cpu_product){.ta = 'N',
                                       .tb = 'N',
                                       .m = cpu__size(call, a->rows),
                                       .n = a->k,
                                       .k = a->n,
                                       .a = cpu__reals(a->dy),
                                       .lda = a->n,
                                       .b = cpu__reals(a->weight),
                                       .ldb = a->k,
                                       .is_weight = true,
                                       .c = b.dx,
                                       .ldc = a->k,
                                       .finish = is_plain ? NULL : finish_backward,
                                       // add may be dx: the product must not overwrite it
                                       .through_workspace = b.add == b.dx,
                                       .context = &b});
}

/* Columns that one item of the bias gradient sums, over all rows in their order. */
enum { BIAS_COLUMNS = 64 };

typedef struct bias_sum {
    const cpu_kernels *kernels;
    float *dbias;
    const float *dy;
    size_t rows, n;
} bias_sum;

static void bias_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const bias_sum *b = context;
    size_t first = item * BIAS_COLUMNS;
    size_t count = b->n - first < BIAS_COLUMNS ? b->n - first : BIAS_COLUMNS;
    b->kernels->column_sums(b->dbias + first, b->dy + first, b->rows, b->n, count);
}

err cpu__linear_dw(const op_call *call, const op *o) {
    const struct linear_dw *a = &o->as.linear_dw;
    size_t rows = cpu__size(call, a->rows);
    bool adds = !a->overwrites || call->micro;
    float *dweight = cpu__reals(a->dweight);
    bias_sum b = {cpu__kernels(call), cpu__reals(a->dbias), cpu__reals(a->dy), rows, a->n};
    if (!rows && !adds) memset(dweight, 0, (size_t)a->n * a->k * sizeof *dweight);
    if (!rows) return ERR_OK;
    return cpu__product(
        call->device,
        &(cpu_product){.ta = 'T',
                       .tb = 'N',
                       .m = a->n,
                       .n = a->k,
                       .k = rows,
                       .a = b.dy,
                       .lda = a->n,
                       .b = cpu__reals(a->x),
                       .ldb = a->k,
                       .beta = adds ? 1 : 0,
                       .c = dweight,
                       .ldc = a->k,
                       .extra = bias_item,
                       .extra_items = b.dbias ? (a->n + BIAS_COLUMNS - 1) / BIAS_COLUMNS : 0,
                       .context = &b});
}
