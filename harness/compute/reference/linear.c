/* Reference matrix products with what is fused to them. */
#include "compute/reference/reference_internal.h"

#include "base/memory.h"
#include "compute/bf16.h"

/* A factor of a product as the precision has it: fp32 stands for the numbers as they are. */
static double factor(const op_call *call, double x) {
    bool is_bf16 = call->device->options.precision == PRECISION_BF16;
    return is_bf16 ? (double)bf16_nearest((float)x) : x;
}

err reference__linear_fwd(const op_call *call, const op *o) {
    const struct linear_fwd *a = &o->as.linear_fwd;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *y = reference__reals(a->y), *pre = reference__reals(a->pre);
    const double *x = reference__reals(a->x), *weight = reference__reals(a->weight);
    const double *bias = reference__reals(a->bias);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            double z = bias ? bias[j] : 0;
            for (size_t l = 0; l < k; l++)
                z += factor(call, x[i * k + l]) * factor(call, weight[j * k + l]);
            if (pre) pre[i * n + j] = z;
            y[i * n + j] = reference__activate(a->act, z);
        }
    }
    return ERR_OK;
}

err reference__linear_dx(const op_call *call, const op *o) {
    const struct linear_dx *a = &o->as.linear_dx;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *dx = reference__reals(a->dx);
    const double *dy = reference__reals(a->dy), *weight = reference__reals(a->weight);
    const double *pre = reference__reals(a->pre), *add = reference__reals(a->add);
    double *d = NULL; // (K) one row of dy weight: dx is written last, since add may be dx
    err e = mem_new(&d, k);
    if (e) return e;
    for (size_t i = 0; i < rows; i++) {
        for (size_t l = 0; l < k; l++) d[l] = 0;
        for (size_t j = 0; j < n; j++)
            for (size_t l = 0; l < k; l++)
                d[l] += factor(call, dy[i * n + j]) * factor(call, weight[j * k + l]);
        for (size_t l = 0; l < k; l++) {
            if (pre) d[l] *= reference__slope(a->act, pre[i * k + l]);
            dx[i * k + l] = add ? d[l] + add[i * k + l] : d[l];
        }
    }
    mem_free(d);
    return ERR_OK;
}

err reference__linear_dw(const op_call *call, const op *o) {
    const struct linear_dw *a = &o->as.linear_dw;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *dweight = reference__reals(a->dweight), *dbias = reference__reals(a->dbias);
    const double *dy = reference__reals(a->dy), *x = reference__reals(a->x);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t l = 0; l < k; l++)
                dweight[j * k + l] += factor(call, dy[i * n + j]) * factor(call, x[i * k + l]);
            if (dbias) dbias[j] += dy[i * n + j];
        }
    }
    return ERR_OK;
}
