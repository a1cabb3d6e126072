/* Reference scores of a parser: arcs, and relations of nodes and their heads. */
#include "compute/reference/reference_internal.h"

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += a[k] * b[k];
    return sum;
}

err reference__arc_scores(const op_call *call, const op *o) {
    const struct arc_scores *a = &o->as.arc_scores;
    double *scores = reference__reals(a->scores);
    const double *dependent = reference__reals(a->dependent), *head = reference__reals(a->head);
    const uint32_t *nodes = reference__words(a->nodes);
    for (size_t r = 0; r < reference__size(call, a->rows); r++) {
        const double *heads = head + (size_t)nodes[2 * r] * a->size;
        for (size_t j = 0; j < a->width; j++)
            scores[r * a->width + j] =
                j < nodes[2 * r + 1] ? dot(dependent + r * a->size, heads + j * a->size, a->size)
                                     : (double)ARC_NONE;
    }
    return ERR_OK;
}

err reference__arc_scores_bwd(const op_call *call, const op *o) {
    const struct arc_scores_bwd *a = &o->as.arc_scores_bwd;
    double *ddependent = reference__reals(a->ddependent), *dhead = reference__reals(a->dhead);
    const double *dscores = reference__reals(a->dscores);
    const double *dependent = reference__reals(a->dependent), *head = reference__reals(a->head);
    const uint32_t *nodes = reference__words(a->nodes);
    size_t rows = reference__size(call, a->rows), size = a->size;
    for (size_t i = 0; i < rows * size; i++) ddependent[i] = dhead[i] = 0;
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < nodes[2 * r + 1]; j++) {
            size_t other = nodes[2 * r] + j;
            double d = dscores[r * a->width + j];
            for (size_t k = 0; k < size; k++) {
                ddependent[r * size + k] += d * head[other * size + k];
                dhead[other * size + k] += d * dependent[r * size + k];
            }
        }
    }
    return ERR_OK;
}

err reference__relation_scores(const op_call *call, const op *o) {
    const struct relation_scores *a = &o->as.relation_scores;
    double *scores = reference__reals(a->scores);
    const double *bilinear = reference__reals(a->bilinear), *linear = reference__reals(a->linear);
    const double *head = reference__reals(a->head);
    const uint32_t *heads = reference__words(a->heads);
    size_t count = (size_t)reference__size(call, a->rows) * a->classes;
    for (size_t i = 0; i < count; i++)
        scores[i] =
            dot(bilinear + i * a->size, head + (size_t)heads[i / a->classes] * a->size, a->size) +
            linear[i];
    return ERR_OK;
}

err reference__relation_scores_bwd(const op_call *call, const op *o) {
    const struct relation_scores_bwd *a = &o->as.relation_scores_bwd;
    double *dbilinear = reference__reals(a->dbilinear), *dhead = reference__reals(a->dhead);
    const double *dscores = reference__reals(a->dscores);
    const double *bilinear = reference__reals(a->bilinear), *head = reference__reals(a->head);
    const uint32_t *heads = reference__words(a->heads);
    size_t rows = reference__size(call, a->rows), size = a->size;
    for (size_t i = 0; i < rows * size; i++) dhead[i] = 0;
    for (size_t i = 0; i < rows * a->classes; i++) {
        size_t of = (size_t)heads[i / a->classes] * size;
        for (size_t k = 0; k < size; k++) {
            dbilinear[i * size + k] = dscores[i] * head[of + k];
            dhead[of + k] += dscores[i] * bilinear[i * size + k];
        }
    }
    return ERR_OK;
}

err reference__relation_best(const op_call *call, const op *o) {
    const struct relation_best *a = &o->as.relation_best;
    double *best = reference__reals(a->best);
    const double *bilinear = reference__reals(a->bilinear), *linear = reference__reals(a->linear);
    const double *head = reference__reals(a->head);
    const uint32_t *nodes = reference__words(a->nodes);
    for (size_t i = 0; i < (size_t)reference__size(call, a->rows) * a->width; i++) {
        size_t r = i / a->width, j = i % a->width;
        double top = 0;
        best[i] = 0;
        for (size_t c = 0; c < a->classes && j < nodes[2 * r + 1]; c++) {
            size_t at = r * a->classes + c;
            double score =
                dot(bilinear + at * a->size, head + (nodes[2 * r] + j) * a->size, a->size) +
                linear[at];
            if (c && score <= top) continue;
            best[i] = (double)c;
            top = score;
        }
    }
    return ERR_OK;
}
