/* Reference LayerNorm with the residual and the dropouts around it, forward and backward. */
#include "compute/reference/reference_internal.h"

#include <math.h>

err reference__layernorm_fwd(const op_call *call, const op *o) {
    const struct layernorm_fwd *a = &o->as.layernorm_fwd;
    size_t hidden = a->hidden;
    double *y = reference__reals(a->y), *sum = reference__reals(a->sum);
    double *mean = reference__reals(a->mean), *rstd = reference__reals(a->rstd);
    const double *x = reference__reals(a->x);
    const double *residual = reference__reals(a->residual);
    const double *weight = reference__reals(a->weight);
    const double *bias = reference__reals(a->bias);
    const uint32_t *positions = reference__words(a->positions);
    const uint32_t *sentence = reference__words(a->token_sentence);
    for (size_t t = 0; t < reference__size(call, a->rows); t++) {
        uint32_t position = positions ? positions[t] : 0, ordinal = sentence ? sentence[t] : 0;
        const double *row = x + t * hidden; // (H) what is normalised
        if (sum) {
            for (uint32_t h = 0; h < hidden; h++) {
                double keep = reference__keep(call, a->before, h, position, 0, ordinal);
                sum[t * hidden + h] = (residual ? residual[t * hidden + h] : 0) + row[h] * keep;
            }
            row = sum + t * hidden;
        }
        double total = 0, square = 0;
        for (size_t h = 0; h < hidden; h++) total += row[h];
        mean[t] = total / (double)hidden;
        for (size_t h = 0; h < hidden; h++) square += (row[h] - mean[t]) * (row[h] - mean[t]);
        rstd[t] = 1 / sqrt(square / (double)hidden + (double)a->eps);
        for (uint32_t h = 0; h < hidden; h++) {
            double keep = reference__keep(call, a->after, h, position, 0, ordinal);
            y[t * hidden + h] = ((row[h] - mean[t]) * rstd[t] * weight[h] + bias[h]) * keep;
        }
    }
    return ERR_OK;
}

err reference__layernorm_bwd(const op_call *call, const op *o) {
    const struct layernorm_bwd *a = &o->as.layernorm_bwd;
    size_t hidden = a->hidden;
    double *dsum = reference__reals(a->dsum), *dx = reference__reals(a->dx);
    double *dweight = reference__reals(a->dweight), *dbias = reference__reals(a->dbias);
    const double *dy = reference__reals(a->dy), *sum = reference__reals(a->sum);
    const double *mean = reference__reals(a->mean), *rstd = reference__reals(a->rstd);
    const double *weight = reference__reals(a->weight);
    const uint32_t *positions = reference__words(a->positions);
    const uint32_t *sentence = reference__words(a->token_sentence);
    for (size_t t = 0; t < reference__size(call, a->rows); t++) {
        uint32_t position = positions ? positions[t] : 0, ordinal = sentence ? sentence[t] : 0;
        double mean_g = 0, mean_gx = 0; // of g = dy' weight, and of g times the normalised row
        for (uint32_t h = 0; h < hidden; h++) {
            size_t i = t * hidden + h;
            double d = dy[i] * reference__keep(call, a->after, h, position, 0, ordinal);
            double normal = (sum[i] - mean[t]) * rstd[t];
            dweight[h] += d * normal;
            dbias[h] += d;
            mean_g += d * weight[h] / (double)hidden;
            mean_gx += d * weight[h] * normal / (double)hidden;
        }
        for (uint32_t h = 0; h < hidden; h++) {
            size_t i = t * hidden + h;
            double d = dy[i] * reference__keep(call, a->after, h, position, 0, ordinal);
            double normal = (sum[i] - mean[t]) * rstd[t];
            dsum[i] = rstd[t] * (d * weight[h] - mean_g - normal * mean_gx);
            if (dx) dx[i] = dsum[i] * reference__keep(call, a->before, h, position, 0, ordinal);
        }
    }
    return ERR_OK;
}
