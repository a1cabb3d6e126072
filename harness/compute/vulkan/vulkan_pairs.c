/* Recording of a parser's scores: one invocation an element. */
#include "compute/vulkan/vulkan_internal.h"

NO_SCRATCH(arc_scores)
void vulkan__record_arc_scores(recorder *r, const struct arc_scores *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_pairs push = {.rows = rows, .width = a->width, .size = a->size};
    vulkan__bind_operands(r);
    vulkan__dispatch_elements(r, KERNEL_arc_scores, (size_t)rows * a->width, a->size, &push);
}

NO_SCRATCH(arc_scores_bwd)
void vulkan__record_arc_scores_bwd(recorder *r, const struct arc_scores_bwd *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_pairs push = {.rows = rows, .width = a->width, .size = a->size};
    vulkan__bind_operands(r);
    vulkan__dispatch_elements(r, KERNEL_arc_scores_bwd, (size_t)rows * a->size, a->width, &push);
}

NO_SCRATCH(relation_scores)
void vulkan__record_relation_scores(recorder *r, const struct relation_scores *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_pairs push = {.rows = rows, .classes = a->classes, .size = a->size};
    vulkan__bind_operands(r);
    vulkan__dispatch_elements(r, KERNEL_relation_scores, (size_t)rows * a->classes, a->size, &push);
}

NO_SCRATCH(relation_scores_bwd)
void vulkan__record_relation_scores_bwd(recorder *r, const struct relation_scores_bwd *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    size_t count = (size_t)rows * a->classes, n = (size_t)rows * a->size;
    struct push_pairs push = {
        .rows = rows, .width = a->width, .classes = a->classes, .size = a->size};
    vulkan__write(r, a->dbilinear, 0, count * a->size);
    vulkan__read(r, a->dscores, 0, count);
    vulkan__read(r, a->head, 0, n);
    vulkan__read(r, a->heads, 0, rows);
    vulkan__dispatch_elements(r, KERNEL_relation_scores_bwd, count * a->size, 0, &push);
    vulkan__write(r, a->dhead, 0, n);
    vulkan__read(r, a->dscores, 0, count);
    vulkan__read(r, a->bilinear, 0, count * a->size);
    vulkan__read(r, a->heads, 0, rows);
    vulkan__read(r, a->nodes, 0, (size_t)rows * 2);
    vulkan__dispatch_elements(r, KERNEL_relation_head_bwd, n, (uint64_t)a->width * (a->classes + 1),
                              &push);
}

NO_SCRATCH(relation_best)
void vulkan__record_relation_best(recorder *r, const struct relation_best *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_pairs push = {
        .rows = rows, .width = a->width, .classes = a->classes, .size = a->size};
    vulkan__bind_operands(r);
    vulkan__dispatch_elements(r, KERNEL_relation_best, (size_t)rows * a->width,
                              (uint64_t)a->classes * (a->size + 1), &push);
}
