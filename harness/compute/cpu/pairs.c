/* Scores of a parser. An item is a node: it owns its row of scores, and of a gradient the row that
 * its sentence's nodes add to. */
#include "compute/cpu/cpu_internal.h"

#include <string.h>

typedef struct arcs {
    const cpu_kernels *kernels;
    float *scores, *ddependent, *dhead;
    const float *dependent, *head, *dscores;
    const uint32_t *nodes;
    size_t width, size;
} arcs;

static void arc_item(void *context, size_t r, float *workspace) {
    (void)workspace;
    const arcs *a = context;
    size_t first = a->nodes[2 * r], count = a->nodes[2 * r + 1];
    float *scores = a->scores + r * a->width;
    for (size_t j = 0; j < a->width; j++)
        scores[j] = j < count ? a->kernels->dot(a->dependent + r * a->size,
                                                a->head + (first + j) * a->size, a->size)
                              : ARC_NONE;
}

err cpu__arc_scores(const op_call *call, const op *o) {
    const struct arc_scores *a = &o->as.arc_scores;
    arcs k = {.kernels = cpu__kernels(call),
              .scores = cpu__reals(a->scores),
              .dependent = cpu__reals(a->dependent),
              .head = cpu__reals(a->head),
              .nodes = cpu__words(a->nodes),
              .width = a->width,
              .size = a->size};
    cpu__for(call->device, cpu__size(call, a->rows), arc_item, &k);
    return ERR_OK;
}

static void arc_gradient_item(void *context, size_t r, float *workspace) {
    (void)workspace;
    const arcs *a = context;
    size_t first = a->nodes[2 * r], size = a->size;
    float *ddependent = a->ddependent + r * size, *dhead = a->dhead + r * size;
    memset(ddependent, 0, size * sizeof *ddependent);
    memset(dhead, 0, size * sizeof *dhead);
    for (size_t other = first; other < first + a->nodes[2 * r + 1]; other++) {
        const float *of = a->dscores + r * a->width, *from = a->dscores + other * a->width;
        a->kernels->add_scaled(ddependent, a->head + other * size, of[other - first], size);
        a->kernels->add_scaled(dhead, a->dependent + other * size, from[r - first], size);
    }
}

err cpu__arc_scores_bwd(const op_call *call, const op *o) {
    const struct arc_scores_bwd *a = &o->as.arc_scores_bwd;
    arcs k = {.kernels = cpu__kernels(call),
              .ddependent = cpu__reals(a->ddependent),
              .dhead = cpu__reals(a->dhead),
              .dependent = cpu__reals(a->dependent),
              .head = cpu__reals(a->head),
              .dscores = cpu__reals(a->dscores),
              .nodes = cpu__words(a->nodes),
              .width = a->width,
              .size = a->size};
    cpu__for(call->device, cpu__size(call, a->rows), arc_gradient_item, &k);
    return ERR_OK;
}

typedef struct relations {
    const cpu_kernels *kernels;
    float *scores, *best, *dbilinear, *dhead;
    const float *bilinear, *linear, *head, *dscores;
    const uint32_t *heads, *nodes;
    size_t classes, size, width;
} relations;

static float relation_score(const relations *a, size_t place, const float *head) {
    return a->kernels->dot(a->bilinear + place * a->size, head, a->size) + a->linear[place];
}

static void relation_item(void *context, size_t r, float *workspace) {
    (void)workspace;
    const relations *a = context;
    for (size_t c = r * a->classes; c < (r + 1) * a->classes; c++)
        a->scores[c] = relation_score(a, c, a->head + a->heads[r] * a->size);
}

err cpu__relation_scores(const op_call *call, const op *o) {
    const struct relation_scores *a = &o->as.relation_scores;
    relations k = {.kernels = cpu__kernels(call),
                   .scores = cpu__reals(a->scores),
                   .bilinear = cpu__reals(a->bilinear),
                   .linear = cpu__reals(a->linear),
                   .head = cpu__reals(a->head),
                   .heads = cpu__words(a->heads),
                   .classes = a->classes,
                   .size = a->size};
    cpu__for(call->device, cpu__size(call, a->rows), relation_item, &k);
    return ERR_OK;
}

static void relation_gradient_item(void *context, size_t r, float *workspace) {
    (void)workspace;
    const relations *a = context;
    size_t first = a->nodes[2 * r], size = a->size, classes = a->classes;
    float *dhead = a->dhead + r * size;
    memset(a->dbilinear + r * classes * size, 0, classes * size * sizeof *a->dbilinear);
    for (size_t c = r * classes; c < (r + 1) * classes; c++)
        a->kernels->add_scaled(a->dbilinear + c * size, a->head + a->heads[r] * size, a->dscores[c],
                               size);
    memset(dhead, 0, size * sizeof *dhead);
    for (size_t i = first; i < first + a->nodes[2 * r + 1]; i++)
        for (size_t c = i * classes; a->heads[i] == r && c < (i + 1) * classes; c++)
            a->kernels->add_scaled(dhead, a->bilinear + c * size, a->dscores[c], size);
}

err cpu__relation_scores_bwd(const op_call *call, const op *o) {
    const struct relation_scores_bwd *a = &o->as.relation_scores_bwd;
    relations k = {.kernels = cpu__kernels(call),
                   .dbilinear = cpu__reals(a->dbilinear),
                   .dhead = cpu__reals(a->dhead),
                   .dscores = cpu__reals(a->dscores),
                   .bilinear = cpu__reals(a->bilinear),
                   .head = cpu__reals(a->head),
                   .heads = cpu__words(a->heads),
                   .nodes = cpu__words(a->nodes),
                   .classes = a->classes,
                   .size = a->size};
    cpu__for(call->device, cpu__size(call, a->rows), relation_gradient_item, &k);
    return ERR_OK;
}

static void best_item(void *context, size_t r, float *workspace) {
    (void)workspace;
    const relations *a = context;
    size_t first = a->nodes[2 * r], count = a->nodes[2 * r + 1];
    for (size_t j = 0; j < a->width; j++) {
        size_t best = 0;
        float top = 0;
        for (size_t c = 0; j < count && c < a->classes; c++) {
            float score = relation_score(a, r * a->classes + c, a->head + (first + j) * a->size);
            if (c && score <= top) continue;
            best = c;
            top = score;
        }
        a->best[r * a->width + j] = (float)best;
    }
}

err cpu__relation_best(const op_call *call, const op *o) {
    const struct relation_best *a = &o->as.relation_best;
    relations k = {.kernels = cpu__kernels(call),
                   .best = cpu__reals(a->best),
                   .bilinear = cpu__reals(a->bilinear),
                   .linear = cpu__reals(a->linear),
                   .head = cpu__reals(a->head),
                   .nodes = cpu__words(a->nodes),
                   .classes = a->classes,
                   .size = a->size,
                   .width = a->width};
    cpu__for(call->device, cpu__size(call, a->rows), best_item, &k);
    return ERR_OK;
}
