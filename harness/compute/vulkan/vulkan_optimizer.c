/* Recording of the gradient norm, of AdamW, dense and by rows, and of checksums. */
#include "compute/vulkan/vulkan_internal.h"

// Sums of squares: at most parts_most partial sums of each window of a part, then SUMS of those, then
// one. GPUs take as many as fill them.
enum { PARTS_CPU = 2048, PARTS_GPU = 1 << 15, PART_ELEMENTS = 256, SUMS = 128 };

static uint32_t parts_most(const device *d) {
    return vulkan__of(d)->family == FAMILY_TILE ? PARTS_GPU : PARTS_CPU;
}

static uint32_t parts_of(const device *d, size_t count) {
    size_t parts = (count + PART_ELEMENTS - 1) / PART_ELEMENTS, most = parts_most(d);
    return (uint32_t)(parts < most ? parts : most);
}

static size_t window_elements(const device *d) {
    size_t most = (size_t)(d->info.max_binding_bytes / sizeof(float));
    return most - most % WINDOW_STEP;
}

size_t vulkan__scratch_grad_norm(const device *d, const struct grad_norm *a) {
    size_t total = SUMS, window = window_elements(d);
    for (uint32_t i = 0; i < a->part_count; i++) {
        size_t count = (size_t)a->parts[i].rows.max * a->parts[i].cols;
        total += (count / window + 1) * parts_most(d);
    }
    return total;
}

void vulkan__record_grad_norm(recorder *r, const struct grad_norm *a) {
    size_t window = window_elements(r->v->device);
    uint32_t used = SUMS; // the first SUMS places hold the second level
    for (uint32_t i = 0; i < a->part_count; i++) {
        size_t count = (size_t)vulkan__size(r, a->parts[i].rows) * a->parts[i].cols;
        for (size_t first = 0; first < count; first += window) {
            size_t n = count - first < window ? count - first : window;
            struct push_square push = {.count = (uint32_t)n, .parts = parts_of(r->v->device, n)};
            push.out_first = used % WINDOW_STEP;
            vulkan__write(r, r->scratch, used - push.out_first, push.out_first + push.parts);
            vulkan__read(r, a->parts[i].x, first, n);
            vulkan__dispatch_elements(r, KERNEL_square_sums, push.parts, n / push.parts + 1, &push);
            used += push.parts;
        }
    }
    struct push_square sums = {.count = used - SUMS, .parts = SUMS};
    vulkan__write(r, r->scratch, 0, SUMS);
    vulkan__read(r, r->scratch, SUMS, sums.count);
    vulkan__dispatch_elements(r, KERNEL_partial_sums, SUMS, sums.count / SUMS + 1, &sums);
    struct push_norm push = {SUMS, a->max_norm, step_unscale(r->step)};
    vulkan__write(r, a->result, 0, 4);
    vulkan__read(r, r->scratch, 0, SUMS);
    vulkan__dispatch_elements(r, KERNEL_grad_norm, 1, SUMS, &push);
}

static struct push_adamw constants(const recorder *r, bool decay, double beta1, double beta2,
                                   float eps) {
    return (struct push_adamw){.step = r->step->step,
                               .decay = decay,
                               .beta2 = (float)beta2,
                               .rest1 = (float)(1 - beta1),
                               .rest2 = (float)(1 - beta2),
                               .eps = eps};
}

NO_SCRATCH(adamw)
void vulkan__record_adamw(recorder *r, const struct adamw *a) {
    size_t window = window_elements(r->v->device);
    struct push_adamw push = constants(r, a->decay, a->beta1, a->beta2, a->eps);
    for (size_t first = 0; first < a->count; first += window) {
        size_t n = a->count - first < window ? a->count - first : window;
        push.rows = (uint32_t)n;
        vulkan__write(r, a->p, first, n);
        vulkan__write(r, a->m, first, n);
        vulkan__write(r, a->v, first, n);
        vulkan__read(r, a->g, first, n);
        vulkan__read(r, a->table, 0, a->table.count);
        vulkan__read(r, a->norm, 0, 4);
        vulkan__dispatch_elements(r, KERNEL_adamw, n, 0, &push);
    }
}

// Rows are brought up by at most this many steps in one dispatch.
enum { STEPS_PER_DISPATCH = 50000 };

// One window of the table: the update up to step `until`, then the note that rows are current.
static void adamw_window(recorder *r, const struct adamw_rows *a, struct push_adamw push) {
    size_t h = a->hidden, first = push.first_row, rows = push.window_rows;
    size_t listed = push.rows;
    uint64_t iterations = push.has_g ? 1 : push.until;
    if (iterations > STEPS_PER_DISPATCH) iterations = STEPS_PER_DISPATCH;
    vulkan__write(r, a->p, first * h, rows * h);
    vulkan__write(r, a->m, first * h, rows * h);
    vulkan__write(r, a->v, first * h, rows * h);
    vulkan__read(r, a->g, 0, listed * h);
    vulkan__read(r, a->table, 0, a->table.count);
    vulkan__read(r, a->norm, 0, 4);
    vulkan__read(r, a->last_step, first, rows);
    vulkan__read(r, a->list, 0, listed);
    vulkan__dispatch_elements(r, KERNEL_adamw_rows, listed * h, iterations, &push);
    vulkan__write(r, a->last_step, first, rows);
    vulkan__read(r, a->norm, 0, 4);
    vulkan__read(r, a->list, 0, listed);
    vulkan__dispatch_elements(r, KERNEL_rows_current, listed, 0, &push);
}

NO_SCRATCH(adamw_rows)
void vulkan__record_adamw_rows(recorder *r, const struct adamw_rows *a) {
    uint32_t rows = vulkan__size(r, a->rows), window = vulkan__window_rows(r, a->hidden);
    uint32_t until = r->step->step - (a->before ? 1 : 0);
    struct push_adamw push = constants(r, a->decay, a->beta1, a->beta2, a->eps);
    push.hidden = a->hidden;
    push.has_g = span_given(a->g);
    push.has_list = span_given(a->list);
    for (uint32_t first = 0; first < a->table_rows; first += window) {
        uint32_t count = a->table_rows - first < window ? a->table_rows - first : window;
        push.first_row = first;
        push.window_rows = count;
        if (push.has_list) {
            push.rows = rows;
        } else {
            // all rows: this window's own
            push.rows = rows > first ? (rows - first < count ? rows - first : count) : 0;
        }
        uint32_t from = push.has_g ? until : 0;
        do {
            push.until = until - from > STEPS_PER_DISPATCH ? from + STEPS_PER_DISPATCH : until;
            adamw_window(r, a, push);
            from = push.until;
        } while (from < until);
    }
}

// Values of one dispatch: an invocation's loop ends below LOOP_LIMIT.
enum { CHECKSUM_GROUP = 64, CHECKSUM_MOST = CHECKSUM_LANES * (LOOP_LIMIT / 2) };

NO_SCRATCH(checksum)
void vulkan__record_checksum(recorder *r, const struct checksum *a) {
    size_t window = window_elements(r->v->device);
    if (window > CHECKSUM_MOST) window = CHECKSUM_MOST;
    window -= window % CHECKSUM_LANES; // each window's first value belongs to lane 0
    for (size_t first = 0; first < a->count; first += window) {
        size_t n = a->count - first < window ? a->count - first : window;
        struct push_checksum push = {(uint32_t)n, (uint32_t)first};
        vulkan__write(r, a->out, 0, CHECKSUM_LANES);
        vulkan__read(r, a->x, first, n);
        launch l = {.kernel = KERNEL_checksum,
                    .special = {CHECKSUM_GROUP, CHECKSUM_LANES},
                    .x = CHECKSUM_LANES / CHECKSUM_GROUP,
                    .y = 1,
                    .z = 1,
                    .iterations = n / CHECKSUM_LANES + 1};
        vulkan__dispatch(r, &l, &push);
    }
}
