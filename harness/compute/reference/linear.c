/* Reference matrix products with what is fused to them. */
#include "compute/reference/reference_internal.h"

#include "base/memory.h"
#include "compute/bf16.h"

/* The factors of a product as the precision has them: with bf16, rounded copies. */
typedef struct factors {
    const double *a, *b;
    double *rounded[2]; /* owned; NULL: the operands serve */
} factors;

static err round_operand(const double **x, double **copy, size_t count) {
    err e = mem_new(copy, count);
    for (size_t i = 0; !e && i < count; i++) (*copy)[i] = (double)bf16_nearest((float)(*x)[i]);
    *x = e ? *x : *copy;
    return e;
}

static void factors_free(factors *f) {
    mem_free(f->rounded[0]);
    mem_free(f->rounded[1]);
}

static err factors_init(factors *f, const op_call *call, span a, size_t a_count, span b,
                        size_t b_count) {
    *f = (factors){.a = reference__given_reals(a), .b = reference__given_reals(b)};
    if (call->device->options.precision != PRECISION_BF16) return ERR_OK;
    err e = round_operand(&f->a, &f->rounded[0], a_count);
    if (!e) e = round_operand(&f->b, &f->rounded[1], b_count);
    if (e) factors_free(f);
    return e;
}

enum { AT_ONCE = 4 };

/* Adds x to the sums of AT_ONCE rows of b, each sum in its own order: one alone would wait for every
 * addition. */
static void add_products(double z[AT_ONCE], const double *x, const double *b, size_t k) {
    for (size_t l = 0; l < k; l++)
        for (size_t c = 0; c < AT_ONCE; c++) z[c] += x[l] * b[c * k + l];
}

err reference__linear_fwd(const op_call *call, const op *o) {
    const struct linear_fwd *a = &o->as.linear_fwd;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *y = reference__reals(a->y), *pre = reference__reals(a->pre);
    const double *bias = reference__reals(a->bias);
    factors f;
    err e = factors_init(&f, call, a->x, rows * k, a->weight, n * k);
    if (e) return e;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j += AT_ONCE) {
            double z[AT_ONCE];
            size_t count = n - j < AT_ONCE ? n - j : AT_ONCE;
            for (size_t c = 0; c < count; c++) z[c] = bias ? bias[j + c] : 0;
            if (count == AT_ONCE) add_products(z, f.a + i * k, f.b + j * k, k);
            for (size_t c = 0; c < count && count < AT_ONCE; c++)
                for (size_t l = 0; l < k; l++) z[c] += f.a[i * k + l] * f.b[(j + c) * k + l];
            for (size_t c = 0; c < count; c++) {
                if (pre) pre[i * n + j + c] = z[c];
                y[i * n + j + c] = reference__activate(a->act, z[c]);
            }
        }
    }
    factors_free(&f);
    return ERR_OK;
}

err reference__linear_dx(const op_call *call, const op *o) {
    const struct linear_dx *a = &o->as.linear_dx;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *dx = reference__reals(a->dx);
    const double *pre = reference__reals(a->pre), *add = reference__reals(a->add);
    double *d = NULL; // (K) one row of dy weight: dx is written last, since add may be dx
    factors f;
    err e = factors_init(&f, call, a->dy, rows * n, a->weight, n * k);
    if (e) return e;
    e = mem_new(&d, k);
    for (size_t i = 0; !e && i < rows; i++) {
        for (size_t l = 0; l < k; l++) d[l] = 0;
        for (size_t j = 0; j < n; j++)
            for (size_t l = 0; l < k; l++) d[l] += f.a[i * n + j] * f.b[j * k + l];
        for (size_t l = 0; l < k; l++) {
            if (pre) d[l] *= reference__slope(a->act, pre[i * k + l]);
            dx[i * k + l] = add ? d[l] + add[i * k + l] : d[l];
        }
    }
    mem_free(d);
    factors_free(&f);
    return e;
}

err reference__linear_dw(const op_call *call, const op *o) {
    const struct linear_dw *a = &o->as.linear_dw;
    size_t rows = reference__size(call, a->rows), n = a->n, k = a->k;
    double *dweight = reference__reals(a->dweight), *dbias = reference__reals(a->dbias);
    const double *dy = reference__reals(a->dy);
    factors f;
    err e = factors_init(&f, call, a->dy, rows * n, a->x, rows * k);
    if (e) return e;
    for (size_t i = 0; i < n * k && a->overwrites && !call->micro; i++) dweight[i] = 0;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t l = 0; l < k; l++) dweight[j * k + l] += f.a[i * n + j] * f.b[i * k + l];
            if (dbias) dbias[j] += dy[i * n + j]; // no product: not rounded
        }
    }
    factors_free(&f);
    return ERR_OK;
}
