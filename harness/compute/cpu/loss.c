/* Losses. Cross-entropy of few classes, as a classifier has, is in f64, of a vocabulary in
 * vectorised f32; those of numbers, of which a batch has few, one thread does in f64. */
#include "compute/cpu/cpu_internal.h"

#include <math.h>

static uint32_t place_of_largest(const float *z, size_t classes) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++) best = z[c] > z[best] ? c : best;
    return (uint32_t)best;
}

typedef struct losses {
    const cpu_kernels *kernels;
    const struct cross_entropy *a;
    float *loss, *dlogits;
    uint32_t *predicted;
    const float *logits, *weights;
    const uint32_t *targets;
    float scale;
} losses;

/* One row in f64, whose loss is of weighted and smoothed targets. */
static void few_item(void *context, size_t b, float *workspace) {
    (void)workspace;
    const losses *l = context;
    size_t classes = l->a->classes;
    double smoothing = (double)l->a->smoothing, each = smoothing / (double)classes;
    const float *z = l->logits + b * classes;
    double max = (double)z[0], sum = 0, total = 0, weighted = 0;
    for (size_t c = 1; c < classes; c++) max = fmax(max, (double)z[c]);
    for (size_t c = 0; c < classes; c++) sum += exp((double)z[c] - max);
    // cppcheck-suppress invalidFunctionArg; one of the terms is exp(0)
    double lse = max + log(sum);
    if (l->predicted) l->predicted[b] = place_of_largest(z, classes);
    bool has_loss = l->targets[b] != CLASS_NONE;
    for (size_t c = 0; c < classes && has_loss; c++) {
        double target = each + (c == l->targets[b] ? 1 - smoothing : 0);
        double w = (l->weights ? (double)l->weights[c] : 1) * target;
        total += w * (lse - (double)z[c]);
        weighted += w;
    }
    l->loss[b] = (l->a->adds ? l->loss[b] : 0) + (float)total;
    for (size_t c = 0; l->dlogits && c < classes; c++) {
        double target = each + (c == l->targets[b] ? 1 - smoothing : 0);
        double w = (l->weights ? (double)l->weights[c] : 1) * target;
        double slope = has_loss ? (weighted * exp((double)z[c] - lse) - w) * (double)l->scale : 0;
        l->dlogits[b * classes + c] = (float)slope;
    }
}

/* One row of many classes: the target is one of them, and whole. */
static void many_item(void *context, size_t b, float *workspace) {
    (void)workspace;
    const losses *l = context;
    size_t classes = l->a->classes;
    const float *z = l->logits + b * classes;
    uint32_t best = place_of_largest(z, classes), target = l->targets[b];
    bool has_loss = target != CLASS_NONE;
    float max = z[best], own = has_loss ? z[target] : 0;
    double sum = l->kernels->exponential_sum(z, max, classes);
    if (l->predicted) l->predicted[b] = best;
    // cppcheck-suppress invalidFunctionArg; one of the terms is exp(0)
    float loss = has_loss ? (float)(log(sum) - ((double)own - (double)max)) : 0;
    l->loss[b] = (l->a->adds ? l->loss[b] : 0) + loss;
    if (!l->dlogits) return;
    float *d = l->dlogits + b * classes;
    l->kernels->exponential_scaled(d, z, max, has_loss ? (float)((double)l->scale / sum) : 0,
                                   classes);
    if (has_loss) d[target] -= l->scale;
}

err cpu__cross_entropy(const op_call *call, const op *o) {
    const struct cross_entropy *a = &o->as.cross_entropy;
    losses l = {.kernels = cpu__kernels(call),
                .a = a,
                .loss = cpu__reals(a->loss),
                .dlogits = cpu__reals(a->dlogits),
                .predicted = cpu__words(a->predicted),
                .logits = cpu__reals(a->logits),
                .weights = cpu__reals(a->class_weights),
                .targets = cpu__words(a->targets),
                .scale = call->step->loss_scale};
    bool is_few = a->classes <= CLASSES_FEW;
    cpu__for(call->device, cpu__size(call, a->rows), is_few ? few_item : many_item, &l);
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
