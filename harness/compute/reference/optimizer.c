/* Reference gradient norm and AdamW, dense and by rows. */
#include "compute/reference/reference_internal.h"

#include <math.h>

err reference__grad_norm(const op_call *call, const op *o) {
    const struct grad_norm *a = &o->as.grad_norm;
    double *result = reference__reals(a->result), square = 0;
    for (uint32_t p = 0; p < a->part_count; p++) {
        const double *x = reference__reals(a->parts[p].x);
        size_t count = (size_t)reference__size(call, a->parts[p].rows) * a->parts[p].cols;
        for (size_t i = 0; i < count; i++) square += x[i] * x[i];
    }
    double unscale = (double)step_unscale(call->step);
    double norm = sqrt(square) * unscale, max_norm = (double)a->max_norm;
    double clip = max_norm / (norm + 1e-6);
    result[0] = norm;
    result[1] = (max_norm == 0 || !(clip < 1) ? 1 : clip) * unscale;
    result[2] = isfinite(norm) ? 1 : 0;
    result[3] = 0;
    return ERR_OK;
}

/* Constants of one update. */
typedef struct update {
    double decay, step_size, bias2; /* of the step */
    double beta2, rest1, rest2, eps;
} update;

static update update_of(const double *table, uint32_t step, bool decay, double beta1, double beta2,
                        float eps) {
    const double *row = table + (size_t)step * 4;
    return (update){.decay = decay ? row[0] : 1,
                    .step_size = row[1],
                    .bias2 = row[2],
                    .beta2 = (double)(float)beta2,
                    // the f32 constants of the contract
                    .rest1 = (double)(float)(1 - beta1),
                    .rest2 = (double)(float)(1 - beta2),
                    .eps = (double)eps};
}

static bool skipped(const double *table, uint32_t step) {
    return table[(size_t)step * 4 + 3] != 0;
}

static void apply(update u, double *p, double *m, double *v, double g) {
    double decayed = *p * u.decay;
    *m = *m + u.rest1 * (g - *m);
    *v = *v * u.beta2 + u.rest2 * g * g;
    *p = decayed - u.step_size * (*m / (sqrt(*v) / u.bias2 + u.eps));
}

err reference__adamw(const op_call *call, const op *o) {
    const struct adamw *a = &o->as.adamw;
    double *p = reference__reals(a->p);
    double *m = reference__reals(a->m), *v = reference__reals(a->v);
    const double *g = reference__reals(a->g), *norm = reference__reals(a->norm);
    const double *table = reference__reals(a->table);
    uint32_t step = call->step->step;
    if (norm[2] == 0 || skipped(table, step)) return ERR_OK;
    update u = update_of(table, step, a->decay, a->beta1, a->beta2, a->eps);
    for (size_t i = 0; i < a->count; i++) apply(u, &p[i], &m[i], &v[i], g[i] * norm[1]);
    return ERR_OK;
}

err reference__adamw_rows(const op_call *call, const op *o) {
    const struct adamw_rows *a = &o->as.adamw_rows;
    size_t hidden = a->hidden;
    double *p = reference__reals(a->p);
    double *m = reference__reals(a->m), *v = reference__reals(a->v);
    const double *g = reference__reals(a->g), *norm = reference__reals(a->norm);
    const double *table = reference__reals(a->table);
    uint32_t *last = reference__words(a->last_step);
    const uint32_t *list = reference__words(a->list);
    uint32_t until = call->step->step - (a->before ? 1 : 0);
    if (g && norm[2] == 0) return ERR_OK;
    for (size_t i = 0; i < reference__size(call, a->rows); i++) {
        uint32_t row = list ? list[i] : (uint32_t)i;
        for (uint32_t t = g ? call->step->step : last[row] + 1; t <= until; t++) {
            if (skipped(table, t)) continue;
            update u = update_of(table, t, a->decay, a->beta1, a->beta2, a->eps);
            for (size_t h = 0; h < hidden; h++) {
                size_t at = row * hidden + h;
                apply(u, &p[at], &m[at], &v[at], g ? g[i * hidden + h] * norm[1] : 0);
            }
        }
        if (last[row] < until) last[row] = until;
    }
    return ERR_OK;
}
