/* Recording of cross-entropy. Few classes, as a classifier has: one invocation a row. Many, as a
 * vocabulary is: each row's classes in lanes, their parts put together, then the gradient element
 * by element; rows in windows that one descriptor holds. */
#include "compute/vulkan/vulkan_internal.h"

enum { PART_REALS = 3, STAT_REALS = 2 };

/* Places in scratch of `rows` rows: the parts, then the rows' own numbers. */
static size_t parts_of(size_t rows) {
    size_t count = rows * LOSS_LANES * PART_REALS;
    return (count + WINDOW_STEP - 1) / WINDOW_STEP * WINDOW_STEP;
}

size_t vulkan__scratch_cross_entropy(const device *d, const struct cross_entropy *a) {
    (void)d;
    if (a->classes <= CLASSES_FEW) return 0;
    return parts_of(a->rows.max) + (size_t)a->rows.max * STAT_REALS;
}

static void few(recorder *r, const struct cross_entropy *a, const struct push_loss *push) {
    size_t count = (size_t)push->rows * a->classes;
    vulkan__write(r, a->loss, 0, push->rows);
    vulkan__write(r, a->dlogits, 0, count);
    vulkan__read(r, a->logits, 0, count);
    vulkan__read(r, a->targets, 0, push->rows);
    vulkan__read(r, a->class_weights, 0, a->classes);
    vulkan__write(r, a->predicted, 0, push->rows);
    vulkan__dispatch_elements(r, KERNEL_cross_entropy, push->rows, (uint64_t)a->classes * 4, push);
}

/* Rows `first` and on, push->rows of them; scratch is the window's own. */
static void many(recorder *r, const struct cross_entropy *a, const struct push_loss *push,
                 size_t first) {
    size_t rows = push->rows, from = first * a->classes, count = rows * a->classes;
    size_t lanes = rows * LOSS_LANES, stats = parts_of(rows);
    uint64_t turns = a->classes / LOSS_LANES + 1;
    vulkan__write(r, r->scratch, 0, lanes * PART_REALS);
    vulkan__read(r, a->logits, from, count);
    vulkan__dispatch_elements(r, KERNEL_cross_entropy_parts, lanes, 2 * turns, push);
    vulkan__write(r, a->loss, first, rows);
    vulkan__write(r, r->scratch, stats, rows * STAT_REALS);
    vulkan__read(r, r->scratch, 0, lanes * PART_REALS);
    vulkan__read(r, a->logits, from, count);
    vulkan__read(r, a->targets, first, rows);
    vulkan__write(r, a->predicted, first, rows);
    vulkan__dispatch_elements(r, KERNEL_cross_entropy_rows, rows, (uint64_t)LOSS_LANES * 2, push);
    if (!push->has_dlogits) return;
    vulkan__write(r, a->dlogits, from, count);
    vulkan__read(r, a->logits, from, count);
    vulkan__read(r, r->scratch, stats, rows * STAT_REALS);
    vulkan__read(r, a->targets, first, rows);
    vulkan__dispatch_elements(r, KERNEL_cross_entropy_gradient, count, 0, push);
}

void vulkan__record_cross_entropy(recorder *r, const struct cross_entropy *a) {
    uint32_t rows = vulkan__size(r, a->rows);
    struct push_loss push = {.rows = rows,
                             .classes = a->classes,
                             .has_dlogits = span_given(a->dlogits),
                             .has_weights = span_given(a->class_weights),
                             .has_predicted = span_given(a->predicted),
                             .adds = a->adds,
                             .smoothing = a->smoothing,
                             .loss_scale = r->step->loss_scale};
    if (a->classes <= CLASSES_FEW) {
        few(r, a, &push);
        return;
    }
    uint32_t step = vulkan__window_rows(r, a->classes);
    for (uint32_t first = 0; first < rows && !r->e; first += step) {
        push.rows = rows - first < step ? rows - first : step;
        many(r, a, &push, first);
    }
}
