/* Of equal numbers every device answers the first: answers must not depend on who computed them. */
#include "base/memory.h"
#include "compute/ops.h"
#include "compute/plan.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdbool.h>

enum { CLASSES_MOST = 2 * CLASSES_FEW };

/* A device, and spans of it that the host sees. */
typedef struct bench {
    device d;
    arena memory;
    plan p;
} bench;

static void bench_open(bench *b, const char *selector) {
    *b = (bench){0};
    MUST(device_open_named(&b->d, selector, NULL));
    arena_init(&b->memory, &b->d, 0, true);
    plan_init(&b->p, &b->d);
    plan_part_begin(&b->p, PART_MICRO);
}

static void bench_run(bench *b) {
    const micro_sizes sizes = {.tokens = 1, .sentences = 1};
    const step_info step = {.step = 1, .loss_scale = 1, .micro_count = 1, .micros = &sizes};
    MUST(plan_ready(&b->p));
    MUST(plan_submit(&b->p, &step));
    MUST(plan_wait(&b->p, 0));
}

static void bench_close(bench *b) {
    plan_free(&b->p);
    arena_free(&b->memory);
    device_close(&b->d);
}

static span take_reals(bench *b, const double *values, size_t count) {
    span s;
    MUST(arena_take(&b->memory, &s, count, b->d.real));
    if (values) MUST(device_write_f64(s, values, count));
    return s;
}

static span take_words(bench *b, const uint32_t *values, size_t count) {
    span s;
    MUST(arena_take(&b->memory, &s, count, ELEM_U32));
    if (values) MUST(device_write_u32(s, values, count));
    return s;
}

/* The class that a row of logits is answered with, which are 1 in two places and less elsewhere; the
 * row behind it begins with a larger one. */
static uint32_t predicted_of(const char *selector, uint32_t classes, uint32_t first,
                             uint32_t second) {
    static double logits[2 * CLASSES_MOST];
    bench b;
    const uint32_t targets[2] = {0};
    for (uint32_t c = 0; c < classes; c++) logits[c] = c == first || c == second ? 1 : -1.0 - c % 7;
    for (uint32_t c = 0; c < classes; c++) logits[classes + c] = c ? 0 : 9;
    bench_open(&b, selector);
    span predicted = take_words(&b, NULL, 2);
    const struct cross_entropy loss = {.loss = take_reals(&b, NULL, 2),
                                       .predicted = predicted,
                                       .logits = take_reals(&b, logits, 2 * classes),
                                       .targets = take_words(&b, targets, 2),
                                       .rows = dim_fixed(2),
                                       .classes = classes};
    MUST(op_cross_entropy(&b.p, &loss));
    bench_run(&b);
    uint32_t found = *(const uint32_t *)span_host(predicted);
    bench_close(&b);
    return found;
}

static void check_classes(const char *selector) {
    // within a lane, across lanes, and where losses of vocabularies have kernels of their own
    static const uint32_t rows[][3] = {{2, 0, 1},
                                       {40, 7, 39},
                                       {40, 38, 39},
                                       {CLASSES_FEW, 1, CLASSES_FEW - 1},
                                       {CLASSES_MOST, 5, 6},
                                       {CLASSES_MOST, 0, CLASSES_MOST - 1},
                                       {CLASSES_MOST, 70, 4100},
                                       {CLASSES_MOST, 4165, 4100}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t a = rows[i][1], b = rows[i][2], found = predicted_of(selector, rows[i][0], a, b);
        cr_expect_eq(found, a < b ? a : b, "%s: of %u classes, %u and %u the largest: %u", selector,
                     rows[i][0], a, b, found);
    }
}

/* Two nodes, each other's heads or the root; relation 1 and 3 of node 0 are equal, all of node 1. */
static void check_relations(const char *selector) {
    static const double linear[] = {-1, 2, 0, 2, 4, 4, 4, 4};
    static const uint32_t nodes[] = {0, 2, 0, 2};
    bench b;
    bench_open(&b, selector);
    span best = take_reals(&b, NULL, 6);
    const struct relation_best args = {.best = best,
                                       .bilinear = take_reals(&b, (double[24]){0}, 24),
                                       .linear = take_reals(&b, linear, 8),
                                       .head = take_reals(&b, (double[6]){1, 1, 1, 1, 1, 1}, 6),
                                       .nodes = take_words(&b, nodes, 4),
                                       .rows = dim_fixed(2),
                                       .classes = 4,
                                       .size = 3,
                                       .width = 3};
    MUST(op_relation_best(&b.p, &args));
    bench_run(&b);
    for (size_t i = 0; i < 6; i++) // behind the sentence's end: 0
        cr_expect_float_eq(span_real(best, i), i < 2, 0, "%s: place %zu: %g", selector, i,
                           span_real(best, i));
    bench_close(&b);
}

/* A row of one number is its own mean, however far from 0: the bias is left, to the bit. */
static void check_norm(const char *selector) {
    enum { HIDDEN = 756 };
    double row[HIDDEN], bias[HIDDEN];
    bench b;
    bench_open(&b, selector);
    for (size_t i = 0; i < HIDDEN; i++) row[i] = 100.1f, bias[i] = (double)(i % 8) / 8;
    span y = take_reals(&b, NULL, HIDDEN);
    const struct layernorm_fwd norm = {.y = y,
                                       .mean = take_reals(&b, NULL, 1),
                                       .rstd = take_reals(&b, NULL, 1),
                                       .x = take_reals(&b, row, HIDDEN),
                                       .weight = take_reals(&b, row, HIDDEN),
                                       .bias = take_reals(&b, bias, HIDDEN),
                                       .rows = dim_fixed(1),
                                       .hidden = HIDDEN,
                                       .eps = 1e-12f};
    MUST(op_layernorm_fwd(&b.p, &norm));
    bench_run(&b);
    for (size_t i = 0; i < HIDDEN; i++)
        cr_assert_float_eq(span_real(y, i), bias[i], 0, "%s: place %zu: %g", selector, i,
                           span_real(y, i));
    bench_close(&b);
}

static void check(const char *selector) {
    size_t live = mem_live_count();
    check_classes(selector);
    check_relations(selector);
    check_norm(selector);
    cr_assert_eq(mem_live_count(), live);
}

Test(ties, the_first_is_answered_on_the_host) {
    check("reference");
#if HARNESS_CPU
    check("cpu");
#endif
}

#if HARNESS_VULKAN
Test(ties, the_first_is_answered_on_vulkan) {
    if (!need_vulkan(test_device())) cr_skip_test("no device");
    check(test_device());
}
#endif
