/* Scores of a parser. An item is a node: it owns its row of scores, and of a gradient the row that
 * its sentence's nodes add to. */
#include "compute/cpu/cpu_internal.h"

#include <string.h>

/* The nodes of node r's sentence: the first, and how many. */
static const uint32_t *nodes_of(span nodes, size_t r) {
    return cpu__given_words(nodes) + 2 * r;
}

static void arc_item(const cpu_job *j, size_t r) {
    const struct arc_scores *a = &j->o->as.arc_scores;
    const uint32_t *nodes = nodes_of(a->nodes, r);
    float *scores = cpu__row(a->scores, r, a->width);
    for (size_t k = 0; k < a->width; k++)
        scores[k] = k < nodes[1]
                        ? j->kernels->dot(cpu__row(a->dependent, r, a->size),
                                          cpu__row(a->head, nodes[0] + k, a->size), a->size)
                        : ARC_NONE;
}

err cpu__arc_scores(const op_call *call, const op *o) {
    return cpu__items(call, o, cpu__size(call, o->as.arc_scores.rows), arc_item);
}

static void arc_gradient_item(const cpu_job *j, size_t r) {
    const struct arc_scores_bwd *a = &j->o->as.arc_scores_bwd;
    const uint32_t *nodes = nodes_of(a->nodes, r);
    size_t first = nodes[0], size = a->size;
    float *ddependent = cpu__row(a->ddependent, r, size), *dhead = cpu__row(a->dhead, r, size);
    memset(ddependent, 0, size * sizeof *ddependent);
    memset(dhead, 0, size * sizeof *dhead);
    for (size_t other = first; other < first + nodes[1]; other++) {
        const float *of = cpu__row(a->dscores, r, a->width),
                    *from = cpu__row(a->dscores, other, a->width);
        j->kernels->add_scaled(ddependent, cpu__row(a->head, other, size), of[other - first], size);
        j->kernels->add_scaled(dhead, cpu__row(a->dependent, other, size), from[r - first], size);
    }
}

err cpu__arc_scores_bwd(const op_call *call, const op *o) {
    return cpu__items(call, o, cpu__size(call, o->as.arc_scores_bwd.rows), arc_gradient_item);
}

static void relation_item(const cpu_job *j, size_t r) {
    const struct relation_scores *a = &j->o->as.relation_scores;
    const float *linear = cpu__given_reals(a->linear);
    const float *head = cpu__row(a->head, cpu__given_words(a->heads)[r], a->size);
    float *scores = cpu__given_reals(a->scores);
    for (size_t c = r * a->classes; c < (r + 1) * a->classes; c++)
        scores[c] = j->kernels->dot(cpu__row(a->bilinear, c, a->size), head, a->size) + linear[c];
}

err cpu__relation_scores(const op_call *call, const op *o) {
    return cpu__items(call, o, cpu__size(call, o->as.relation_scores.rows), relation_item);
}

static void relation_gradient_item(const cpu_job *j, size_t r) {
    const struct relation_scores_bwd *a = &j->o->as.relation_scores_bwd;
    const uint32_t *nodes = nodes_of(a->nodes, r), *heads = cpu__given_words(a->heads);
    const float *dscores = cpu__given_reals(a->dscores);
    size_t first = nodes[0], size = a->size, classes = a->classes;
    float *dbilinear = cpu__row(a->dbilinear, r, classes * size),
          *dhead = cpu__row(a->dhead, r, size);
    memset(dbilinear, 0, classes * size * sizeof *dbilinear);
    for (size_t c = 0; c < classes; c++)
        j->kernels->add_scaled(dbilinear + c * size, cpu__row(a->head, heads[r], size),
                               dscores[r * classes + c], size);
    memset(dhead, 0, size * sizeof *dhead);
    for (size_t i = first; i < first + nodes[1]; i++)
        for (size_t c = i * classes; heads[i] == r && c < (i + 1) * classes; c++)
            j->kernels->add_scaled(dhead, cpu__row(a->bilinear, c, size), dscores[c], size);
}

err cpu__relation_scores_bwd(const op_call *call, const op *o) {
    return cpu__items(call, o, cpu__size(call, o->as.relation_scores_bwd.rows),
                      relation_gradient_item);
}

static void best_item(const cpu_job *j, size_t r) {
    const struct relation_best *a = &j->o->as.relation_best;
    const uint32_t *nodes = nodes_of(a->nodes, r);
    const float *linear = cpu__row(a->linear, r, a->classes);
    for (size_t k = 0; k < a->width; k++) {
        size_t best = 0;
        float top = 0;
        for (size_t c = 0; k < nodes[1] && c < a->classes; c++) {
            const float *bilinear = cpu__row(a->bilinear, r * a->classes + c, a->size);
            const float *head = cpu__row(a->head, nodes[0] + k, a->size);
            float score = j->kernels->dot(bilinear, head, a->size) + linear[c];
            if (c && score <= top) continue;
            best = c;
            top = score;
        }
        cpu__row(a->best, r, a->width)[k] = (float)best;
    }
}

err cpu__relation_best(const op_call *call, const op *o) {
    return cpu__items(call, o, cpu__size(call, o->as.relation_best.rows), best_item);
}
