/* Gradients at the beginning of a step: what they held before does not count, whether it is zeroed
 * or overwritten, and a rank that has no sentence adds nothing. */
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"
#include "support/ranks.h"
#include "support/toy.h"

#include <math.h>
#include <string.h>

static void each_device(void (*check)(const char *selector)) {
    check("reference");
#if HARNESS_CPU
    check("cpu");
#endif
    if (need_vulkan(test_device())) check(test_device());
}

static void fill_gradients(trainer *tr, float value) {
    const params *ps = &tr->model.params;
    for (size_t i = 0; i < ps->count; i++) {
        const span g = ps->list[i].g;
        float *values = NULL;
        MUST(mem_new(&values, g.count));
        for (size_t k = 0; k < g.count; k++) values[k] = value;
        MUST(device_write_f32(g, values, g.count));
        mem_free(values);
    }
}

static void train_from(toy *t, float value, char digest[65]) {
    trainer tr;
    toy_trainer(&tr, t, &(trainer_options){.seed = 1});
    fill_gradients(&tr, value);
    MUST(trainer_run(&tr));
    MUST(params_digest(&tr.model.params, digest));
    trainer_free(&tr);
}

/* One micro-batch a step, and several of which the later ones add. */
static void check_old_values(const char *selector) {
    toy t;
    toy_open(&t, selector, TOY_ROWS);
    t.recipe.max_steps = 2;
    for (uint32_t micros = 1; micros <= 2; micros++) {
        char zeros[65], numbers[65];
        t.recipe.per_device_train_batch_size = 6 / micros;
        t.recipe.gradient_accumulation_steps = micros;
        train_from(&t, 0, zeros);
        train_from(&t, NAN, numbers);
        cr_expect_str_eq(zeros, numbers, "%s, %u micro-batches", selector, micros);
    }
    toy_close(&t);
}

Test(first_gradients, what_they_held_does_not_count) {
    each_device(check_old_values);
}

/* Of a step that has no micro-batch. */
static void check_idle(const char *selector) {
    toy t;
    trainer tr;
    toy_open(&t, selector, TOY_ROWS);
    t.recipe.max_steps = 1;
    toy_trainer(&tr, &t, &(trainer_options){.seed = 1, .shards = 2}); // a plan of gradients alone
    fill_gradients(&tr, NAN);
    MUST(plan_submit(&tr.plan, &(step_info){.step = 1, .seed = 1, .loss_scale = 1}));
    MUST(plan_wait(&tr.plan, 0));
    for (size_t i = 0; i < tr.model.params.count; i++) {
        const param *p = &tr.model.params.list[i];
        float *values = NULL;
        if (p->is_sparse) continue; // its rows are the step's, which has none
        MUST(mem_new(&values, p->count));
        MUST(device_read_f32(values, p->g, p->count));
        for (size_t k = 0; k < p->count; k++)
            cr_assert(values[k] == 0, "%s: parameter %zu: %g", selector, i, (double)values[k]);
        mem_free(values);
    }
    trainer_free(&tr);
    toy_close(&t);
}

Test(first_gradients, are_zero_in_a_step_without_sentences) {
    each_device(check_idle);
}

/* dweight (2, 3) behind micro-batches of that many rows of ones. */
static void check_rows(const char *selector, uint32_t first, uint32_t second) {
    enum { N = 2, K = 3, MOST = 4 };
    device d;
    arena a;
    plan p;
    struct linear_dw dw = {.rows = {DIM_CHOSEN, MOST}, .n = N, .k = K, .overwrites = true};
    const float ones[MOST * K] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    float sums[N * K];
    MUST(device_open_named(&d, selector, NULL));
    arena_init(&a, &d, 1, false);
    MUST(arena_take(&a, &dw.dweight, N * K, d.real));
    MUST(arena_take(&a, &dw.dy, MOST * N, d.real));
    MUST(arena_take(&a, &dw.x, MOST * K, d.real));
    MUST(device_write_f32(dw.dweight, (const float[N * K]){7, 7, 7, 7, 7, 7}, N * K));
    MUST(device_write_f32(dw.dy, ones, MOST * N));
    MUST(device_write_f32(dw.x, ones, MOST * K));
    plan_init(&p, &d);
    plan_part_begin(&p, PART_MICRO);
    cr_expect(!plan_is_written(&p, dw.dweight));
    MUST(op_linear_dw(&p, &dw));
    cr_expect(plan_is_written(&p, dw.dweight) && !plan_is_written(&p, dw.x));
    cr_expect_eq(plan_overwritten(&p, dw.dweight), N * K);
    cr_expect_eq(plan_overwritten(&p, dw.x), 0);
    MUST(plan_ready(&p));
    const micro_sizes micros[2] = {{.chosen = first}, {.chosen = second}};
    MUST(plan_submit(&p, &(step_info){.step = 1, .micro_count = 2, .micros = micros}));
    MUST(plan_wait(&p, 0));
    MUST(device_read_f32(sums, dw.dweight, N * K));
    for (size_t i = 0; i < N * K; i++)
        cr_expect_eq(sums[i], (float)(first + second), "%s, %u and %u rows: %g", selector, first,
                     second, (double)sums[i]);
    plan_free(&p);
    arena_free(&a);
    cr_assert_eq(d.validation_errors, 0);
    device_close(&d);
}

static void check_all_rows(const char *selector) {
    check_rows(selector, 0, 0);
    check_rows(selector, 0, 3);
    check_rows(selector, 2, 3);
    check_rows(selector, 4, 0);
}

Test(first_gradients, of_micro_batches_without_rows) {
    each_device(check_all_rows);
}

#if HARNESS_CPU
enum { STEPS = 3 };

static err train(struct group *g, void *context) {
    toy t;
    trainer tr;
    toy_open(&t, "cpu", TOY_ROWS);
    t.recipe.max_steps = STEPS;
    t.recipe.per_device_train_batch_size = 2;
    toy_trainer(&tr, &t, &(trainer_options){.seed = 1, .group = g});
    err e = trainer_run(&tr);
    memcpy(context, tr.losses, STEPS * sizeof(float));
    trainer_free(&tr);
    toy_close(&t);
    return e;
}

Test(first_gradients, of_ranks_without_sentences) {
    float alone[STEPS] = {0}, together[RANKS_MAX][STEPS] = {{0}};
    rank ranks[RANKS_MAX];
    MUST(train(NULL, alone));
    run_ranks(ranks, 3, &ranks_patience, train, together, sizeof *together);
    for (uint32_t r = 0; r < 3; r++) {
        cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
        for (size_t s = 0; s < STEPS; s++)
            cr_expect_float_eq(together[r][s], alone[s], 1e-5 * (double)alone[s],
                               "step %zu: %g, %g", s + 1, (double)together[r][s], (double)alone[s]);
    }
}
#endif
