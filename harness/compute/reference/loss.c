/* Reference losses: cross-entropy with class weights and smoothing; numbers. */
#include "compute/reference/reference_internal.h"

#include <math.h>

err reference__cross_entropy(const op_call *call, const op *o) {
    const struct cross_entropy *a = &o->as.cross_entropy;
    size_t classes = a->classes;
    double *loss = reference__reals(a->loss), *dlogits = reference__reals(a->dlogits);
    const double *logits = reference__reals(a->logits);
    const double *weights = reference__reals(a->class_weights);
    const uint32_t *targets = reference__words(a->targets);
    uint32_t *predicted = reference__words(a->predicted);
    double smoothing = (double)a->smoothing, scale = (double)call->step->loss_scale;
    for (size_t b = 0; b < reference__size(call, a->rows); b++) {
        const double *z = logits + b * classes;
        bool has_loss = targets[b] != CLASS_NONE;
        double sum = 0, weighted = 0; // weighted: sum_c w[c] target[c]
        size_t best = 0;
        for (size_t c = 1; c < classes; c++) best = z[c] > z[best] ? c : best;
        double max = z[best];
        if (predicted) predicted[b] = (uint32_t)best;
        for (size_t c = 0; c < classes; c++) sum += exp(z[c] - max);
        // cppcheck-suppress invalidFunctionArg; one of the terms is exp(0)
        double lse = max + log(sum);
        if (!a->adds) loss[b] = 0;
        for (size_t c = 0; c < classes && has_loss; c++) {
            double target = smoothing / (double)classes + (c == targets[b] ? 1 - smoothing : 0);
            double w = (weights ? weights[c] : 1) * target;
            loss[b] += w * (lse - z[c]);
            weighted += w;
        }
        if (!dlogits) continue;
        for (size_t c = 0; c < classes; c++) {
            double target = smoothing / (double)classes + (c == targets[b] ? 1 - smoothing : 0);
            double w = (weights ? weights[c] : 1) * target;
            dlogits[b * classes + c] = has_loss ? (weighted * exp(z[c] - lse) - w) * scale : 0;
        }
    }
    return ERR_OK;
}

err reference__number_loss(const op_call *call, const op *o) {
    const struct number_loss *a = &o->as.number_loss;
    double *loss = reference__reals(a->loss), *doutputs = reference__reals(a->doutputs);
    const double *outputs = reference__reals(a->outputs), *targets = reference__reals(a->targets);
    double share = 1.0 / a->cols, scale = (double)call->step->loss_scale;
    for (size_t b = 0; b < reference__size(call, a->rows); b++) {
        loss[b] = 0;
        for (size_t i = b * a->cols; i < (b + 1) * a->cols; i++) {
            double z = outputs[i], t = targets[i], slope = 2 * (z - t);
            if (a->binary) {
                loss[b] += share * (fmax(z, 0) - z * t + log1p(exp(-fabs(z))));
                slope = 1 / (1 + exp(-z)) - t;
            } else {
                loss[b] += share * (z - t) * (z - t);
            }
            if (doutputs) doutputs[i] = slope * share * scale;
        }
    }
    return ERR_OK;
}
