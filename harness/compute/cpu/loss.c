/* Losses: a batch has few rows and few classes, so one thread does them in f64. */
#include "compute/cpu/cpu_internal.h"

#include <math.h>

err cpu__cross_entropy(const op_call *call, const op *o) {
    const struct cross_entropy *a = &o->as.cross_entropy;
    size_t classes = a->classes;
    float *loss = cpu__reals(a->loss), *dlogits = cpu__reals(a->dlogits);
    const float *logits = cpu__reals(a->logits), *weights = cpu__reals(a->class_weights);
    const uint32_t *targets = cpu__words(a->targets);
    double each = (double)a->smoothing / (double)classes, scale = (double)call->step->loss_scale;
    for (size_t b = 0; b < cpu__size(call, a->rows); b++) {
        const float *z = logits + b * classes;
        double max = (double)z[0], sum = 0, total = 0, weighted = 0;
        for (size_t c = 1; c < classes; c++) max = fmax(max, (double)z[c]);
        for (size_t c = 0; c < classes; c++) sum += exp((double)z[c] - max);
        // cppcheck-suppress invalidFunctionArg; one of the terms is exp(0)
        double lse = max + log(sum);
        for (size_t c = 0; c < classes; c++) {
            double target = each + (c == targets[b] ? 1 - (double)a->smoothing : 0);
            double w = (weights ? (double)weights[c] : 1) * target;
            total += w * (lse - (double)z[c]);
            weighted += w;
        }
        loss[b] = (float)total;
        for (size_t c = 0; dlogits && c < classes; c++) {
            double target = each + (c == targets[b] ? 1 - (double)a->smoothing : 0);
            double w = (weights ? (double)weights[c] : 1) * target;
            dlogits[b * classes + c] = (float)((weighted * exp((double)z[c] - lse) - w) * scale);
        }
    }
    return ERR_OK;
}

err cpu__number_loss(const op_call *call, const op *o) {
    const struct number_loss *a = &o->as.number_loss;
    float *loss = cpu__reals(a->loss), *doutputs = cpu__reals(a->doutputs);
    const float *outputs = cpu__reals(a->outputs), *targets = cpu__reals(a->targets);
    double share = 1.0 / a->cols, scale = (double)call->step->loss_scale;
    for (size_t b = 0; b < cpu__size(call, a->rows); b++) {
        double total = 0;
        for (size_t i = b * a->cols; i < (b + 1) * a->cols; i++) {
            double z = (double)outputs[i], t = (double)targets[i], slope = 2 * (z - t);
            if (a->binary) {
                total += fmax(z, 0) - z * t + log1p(exp(-fabs(z)));
                slope = 1 / (1 + exp(-z)) - t;
            } else {
                total += (z - t) * (z - t);
            }
            if (doutputs) doutputs[i] = (float)(slope * share * scale);
        }
        loss[b] = (float)(total * share);
    }
    return ERR_OK;
}
