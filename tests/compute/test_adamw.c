/* Rows that are caught up late have the bits of rows updated at every step. */
#include "base/memory.h"
#include "base/rng.h"
#include "compute/plan.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { V = 97, H = 70, STEPS = 400, LIST = 9 };

typedef struct state {
    span p, m, v;
} state;

typedef struct world {
    device d;
    arena a;
    state dense, lazy;
    span g_dense, g_rows, list, last_step, table, norm;
    plan dense_plan, lazy_plan, catch_up;
    float *row_values; /* (LIST, H) */
    float *all_values; /* (V, H) */
} world;

static span take(world *w, size_t count, elem type) {
    span s;
    cr_assert_eq(arena_take(&w->a, &s, count, type), ERR_OK, "%s", err_message(ERR_DEVICE));
    return s;
}

static void make_plans(world *w, bool decay) {
    struct adamw dense = {.p = w->dense.p,
                          .m = w->dense.m,
                          .v = w->dense.v,
                          .g = w->g_dense,
                          .table = w->table,
                          .norm = w->norm,
                          .count = V * H,
                          .decay = decay,
                          .beta1 = 0.9,
                          .beta2 = 0.999,
                          .eps = 1e-8f};
    struct adamw_rows before = {.p = w->lazy.p,
                                .m = w->lazy.m,
                                .v = w->lazy.v,
                                .list = w->list,
                                .last_step = w->last_step,
                                .table = w->table,
                                .rows = {DIM_STEP_ROWS, LIST},
                                .hidden = H,
                                .table_rows = V,
                                .decay = decay,
                                .before = true,
                                .beta1 = 0.9,
                                .beta2 = 0.999,
                                .eps = 1e-8f};
    struct adamw_rows update = before, all = before;
    update.before = all.before = false;
    update.g = w->g_rows;
    update.norm = w->norm;
    all.list = (span){0};
    all.rows = dim_fixed(V);
    plan_init(&w->dense_plan, &w->d);
    plan_init(&w->lazy_plan, &w->d);
    plan_init(&w->catch_up, &w->d);
    plan_part_begin(&w->dense_plan, PART_END);
    cr_assert_eq(op_adamw(&w->dense_plan, &dense), ERR_OK, "%s", err_message(ERR_ARG));
    plan_part_begin(&w->lazy_plan, PART_BEGIN);
    cr_assert_eq(op_adamw_rows(&w->lazy_plan, &before), ERR_OK, "%s", err_message(ERR_ARG));
    plan_part_begin(&w->lazy_plan, PART_END);
    cr_assert_eq(op_adamw_rows(&w->lazy_plan, &update), ERR_OK, "%s", err_message(ERR_ARG));
    plan_part_begin(&w->catch_up, PART_BEGIN);
    cr_assert_eq(op_adamw_rows(&w->catch_up, &all), ERR_OK, "%s", err_message(ERR_ARG));
    cr_assert_eq(plan_ready(&w->dense_plan), ERR_OK);
    cr_assert_eq(plan_ready(&w->lazy_plan), ERR_OK);
    cr_assert_eq(plan_ready(&w->catch_up), ERR_OK);
}

static void world_open(world *w, const char *selector, bool decay) {
    memset(w, 0, sizeof *w);
    cr_assert_eq(device_open_named(&w->d, selector, NULL), ERR_OK, "%s", err_message(ERR_DEVICE));
    arena_init(&w->a, &w->d, 0, false);
    state *states[] = {&w->dense, &w->lazy};
    elem real = w->d.real;
    cr_assert_eq(mem_new(&w->row_values, LIST * H), ERR_OK);
    cr_assert_eq(mem_new(&w->all_values, V * H), ERR_OK);
    for (size_t i = 0; i < V * H; i++) w->all_values[i] = 0.02f * (float)rng_normal(1, 2, i);
    for (size_t i = 0; i < 2; i++) {
        states[i]->p = take(w, V * H, real);
        states[i]->m = take(w, V * H, real);
        states[i]->v = take(w, V * H, real);
        cr_assert_eq(device_write_f32(states[i]->p, w->all_values, V * H), ERR_OK);
    }
    w->g_dense = take(w, V * H, real);
    w->g_rows = take(w, LIST * H, real);
    w->list = take(w, LIST, ELEM_U32);
    w->last_step = take(w, V, ELEM_U32);
    w->table = take(w, (STEPS + 1) * 4, real);
    w->norm = take(w, 4, real);
    make_plans(w, decay);
}

static void world_close(world *w) {
    plan_free(&w->dense_plan);
    plan_free(&w->lazy_plan);
    plan_free(&w->catch_up);
    mem_free(w->row_values);
    mem_free(w->all_values);
    arena_free(&w->a);
    device_close(&w->d);
}

/* Warmup, then linear decay, as the schedule has it; every 60th step is skipped for an infinite
 * norm. */
static void write_table(world *w) {
    static float rows[STEPS + 1][4];
    for (int t = 1; t <= STEPS; t++) {
        double rate = 2e-3 * (t <= 50 ? (t - 1) / 50.0 : (double)(STEPS - t + 1) / (STEPS - 50));
        rows[t][0] = (float)(1 - rate * 0.01);
        rows[t][1] = (float)(rate / (1 - pow(0.9, t)));
        rows[t][2] = (float)sqrt(1 - pow(0.999, t));
        rows[t][3] = t % 60 == 0;
    }
    cr_assert_eq(device_write_f32(w->table, &rows[0][0], (STEPS + 1) * 4), ERR_OK);
}

/* The rows of a step: row 3 every time, rows from 60 on never, and none twice. */
static uint32_t draw_list(uint32_t list[LIST], uint32_t step) {
    uint32_t count = 0, drawn = 1 + step % LIST;
    for (uint32_t row = 0; row < 60 && count < drawn; row++) {
        uint32_t word = philox4x32((philox){{row, step, 0, 0}}, 7, 8).v[0];
        if (row == 3 || word % 12 == 0) list[count++] = row;
    }
    return count;
}

static void one_step(world *w, uint32_t step) {
    uint32_t list[LIST] = {0}, count = draw_list(list, step);
    memset(w->all_values, 0, (size_t)V * H * sizeof(float));
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t h = 0; h < H; h++) {
            // every seventh element has a gradient that is exactly 0
            float g = h % 7 ? (float)rng_normal(step, 3, list[i] * H + h) : 0;
            w->row_values[i * H + h] = w->all_values[list[i] * H + h] = g;
        }
    }
    bool is_finite = step % 60 != 0;
    const float norm[] = {3, step % 3 ? 0.37f : 1, is_finite, 0};
    micro_sizes none = {0};
    step_info info = {.step = step, .step_rows = count, .micro_count = 1, .micros = &none};
    cr_assert_eq(device_write_f32(w->g_dense, w->all_values, V * H), ERR_OK);
    cr_assert_eq(device_write_f32(w->g_rows, w->row_values, LIST * H), ERR_OK);
    cr_assert_eq(device_write_u32(w->list, list, LIST), ERR_OK);
    cr_assert_eq(device_write_f32(w->norm, norm, 4), ERR_OK);
    cr_assert_eq(plan_submit(&w->dense_plan, &info), ERR_OK);
    cr_assert_eq(plan_wait(&w->dense_plan, 0), ERR_OK);
    cr_assert_eq(plan_submit(&w->lazy_plan, &info), ERR_OK);
    cr_assert_eq(plan_wait(&w->lazy_plan, 0), ERR_OK);
}

static void check_equal(world *w, const char *what, span dense, span lazy) {
    static double a[V * H], b[V * H];
    cr_assert_eq(device_read_f64(a, dense, V * H), ERR_OK);
    cr_assert_eq(device_read_f64(b, lazy, V * H), ERR_OK);
    size_t moved = 0;
    for (size_t i = 0; i < V * H; i++) {
        cr_assert(!memcmp(&a[i], &b[i], sizeof a[i]), "%s: %s[%zu] is %.17g dense, %.17g by rows",
                  w->d.info.name, what, i, a[i], b[i]);
        moved += a[i] != 0;
    }
    cr_assert_gt(moved, 1000);
}

static void rows_equal_dense(const char *selector) {
    for (int decay = 0; decay < 2; decay++) {
        size_t live = mem_live_count();
        world w;
        world_open(&w, selector, decay);
        write_table(&w);
        for (uint32_t step = 1; step <= STEPS; step++) one_step(&w, step);
        micro_sizes none = {0};
        step_info info = {.step = STEPS, .micro_count = 1, .micros = &none};
        cr_assert_eq(plan_submit(&w.catch_up, &info), ERR_OK);
        cr_assert_eq(plan_wait(&w.catch_up, 0), ERR_OK);
        check_equal(&w, "p", w.dense.p, w.lazy.p);
        check_equal(&w, "m", w.dense.m, w.lazy.m);
        check_equal(&w, "v", w.dense.v, w.lazy.v);
        world_close(&w);
        cr_assert_eq(mem_live_count(), live);
    }
}

Test(adamw, rows_equal_dense_on_reference) {
    rows_equal_dense("reference");
}

#if HARNESS_CPU
Test(adamw, rows_equal_dense_on_cpu) {
    rows_equal_dense("cpu");
}
#endif

Test(adamw, rows_equal_dense_on_vulkan) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    rows_equal_dense(test_device());
}

Test(adamw, rows_equal_dense_on_swiftshader) {
    if (!need_vulkan("swiftshader")) cr_skip_test("no SwiftShader");
    rows_equal_dense("swiftshader");
}

/* After one step from nothing m = (1 - beta1) g and v = (1 - beta2) g^2, as PyTorch has them: what
 * 1 - beta2 loses as a difference of f32, 1.3e-5 of it, shows in every step's size, because the
 * table's bias correction is of the f64 beta2. */
static void first_step(const char *selector) {
    world w;
    world_open(&w, selector, false);
    write_table(&w);
    one_step(&w, 1);
    static double m[V * H], v[V * H];
    const state *states[] = {&w.dense, &w.lazy};
    const double clip = (double)0.37f;
    for (size_t s = 0; s < 2; s++) {
        size_t moved = 0;
        cr_assert_eq(device_read_f64(m, states[s]->m, V * H), ERR_OK);
        cr_assert_eq(device_read_f64(v, states[s]->v, V * H), ERR_OK);
        for (size_t i = 0; i < V * H; i++) {
            double g = (double)w.all_values[i] * clip, m1 = (1 - 0.9) * g, v1 = (1 - 0.999) * g * g;
            cr_assert_leq(fabs(m[i] - m1), 4e-7 * fabs(m1), "%s: m is %.9g, expected %.9g",
                          w.d.info.name, m[i], m1);
            cr_assert_leq(fabs(v[i] - v1), 4e-7 * v1, "%s: v is %.9g, expected %.9g", w.d.info.name,
                          v[i], v1);
            moved += g != 0;
        }
        cr_assert_gt(moved, 50);
    }
    world_close(&w);
}

Test(adamw, first_step_on_reference) {
    first_step("reference");
}

#if HARNESS_CPU
Test(adamw, first_step_on_cpu) {
    first_step("cpu");
}
#endif

Test(adamw, first_step_on_vulkan) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    first_step(test_device());
}
