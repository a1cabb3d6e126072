/* Reference matrix products with what is fused to them. */
#include "compute/reference/reference_internal.h"

#include <math.h>

static double activate(activation act, double z) {
    switch (act) {
    case ACT_GELU: return reference__gelu(z);
    case ACT_TANH: return tanh(z);
    case ACT_NONE: break;
    }
    return z;
}

err reference__linear_fwd(const op_call *call, const op *o) {
    const struct linear_fwd *a = &o->as.linear_fwd;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *y = reference__reals(call, a->y), *pre = reference__reals(call, a->pre);
    const double *x = reference__reals(call, a->x), *weight = reference__reals(call, a->weight);
    const double *bias = reference__reals(call, a->bias);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            double z = bias ? bias[j] : 0;
            for (size_t l = 0; l < k; l++) z += x[i * k + l] * weight[j * k + l];
            if (pre) pre[i * n + j] = z;
            y[i * n + j] = activate(a->act, z);
        }
    }
    return ERR_OK;
}

err reference__linear_dx(const op_call *call, const op *o) {
    const struct linear_dx *a = &o->as.linear_dx;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *dx = reference__reals(call, a->dx);
    const double *dy = reference__reals(call, a->dy), *weight = reference__reals(call, a->weight);
    const double *pre = reference__reals(call, a->pre), *add = reference__reals(call, a->add);
    for (size_t i = 0; i < rows; i++) {
        for (size_t l = 0; l < k; l++) {
            double d = 0;
            for (size_t j = 0; j < n; j++) d += dy[i * n + j] * weight[j * k + l];
            if (pre) d *= reference__gelu_slope(pre[i * k + l]);
            // add may be dx: its element is read before it is written
            dx[i * k + l] = add ? d + add[i * k + l] : d;
        }
    }
    return ERR_OK;
}

err reference__linear_dw(const op_call *call, const op *o) {
    const struct linear_dw *a = &o->as.linear_dw;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *dweight = reference__reals(call, a->dweight), *dbias = reference__reals(call, a->dbias);
    const double *dy = reference__reals(call, a->dy), *x = reference__reals(call, a->x);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t l = 0; l < k; l++) dweight[j * k + l] += dy[i * n + j] * x[i * k + l];
            if (dbias) dbias[j] += dy[i * n + j];
        }
    }
    return ERR_OK;
}
