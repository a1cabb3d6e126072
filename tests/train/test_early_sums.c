/* Gradients that a device which works by itself copies out while the rest is computed: the sums are
 * those of final gradients. */
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"
#include "support/ranks.h"
#include "support/toy.h"

#if HARNESS_VULKAN

enum { STEPS = 3 };

typedef struct outcome {
    const char *device;
    uint32_t shards;
    uint32_t sentences; /* of a micro-batch */
    uint32_t micros;    /* of a step */
    size_t copies, slices;
    char weights[65];
    float losses[STEPS];
    double waited;
} outcome;

static err train(struct group *g, void *context) {
    outcome *out = context;
    trainer tr;
    toy t;
    toy_open(&t, out->device, TOY_ROWS);
    t.config.hidden = 256; // 6 MB of gradients: several cuts of a submission
    t.config.intermediate = 1024;
    t.config.heads = 4;
    t.recipe.max_steps = STEPS;
    t.recipe.per_device_train_batch_size = out->sentences;
    t.recipe.gradient_accumulation_steps = out->micros;
    trainer_options options = {.seed = 5, .group = g, .shards = out->shards};
    toy_trainer(&tr, &t, &options);
    out->copies = tr.sum.copy_count;
    out->slices = tr.sum.slice_count;
    err e = trainer_run(&tr);
    if (!e) {
        MUST(params_digest(&tr.model.params, out->weights));
        memcpy(out->losses, tr.losses, sizeof out->losses);
        out->waited = tr.sum.waited;
    }
    trainer_free(&tr);
    toy_close(&t);
    return e;
}

/* Two ranks against one process with the same two parts of a step, which it keeps until the end. */
static void check(const char *selector, uint32_t sentences, uint32_t micros) {
    static outcome one[RANKS_MAX], group[RANKS_MAX];
    rank ranks[RANKS_MAX];
    size_t live = mem_live_count();
    one[0] = (outcome){.device = selector, .shards = 2, .sentences = sentences, .micros = micros};
    run_ranks(ranks, 1, &ranks_patience, train, one, sizeof *one);
    cr_assert_eq(ranks[0].e, ERR_OK, "%s", ranks[0].message);
    cr_assert_eq(one[0].copies, 0);
    for (int r = 0; r < 2; r++)
        group[r] = (outcome){.device = selector, .sentences = sentences, .micros = micros};
    run_ranks(ranks, 2, &ranks_patience, train, group, sizeof *group);
    for (int r = 0; r < 2; r++) {
        cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
        cr_assert_gt(group[r].copies, 4, "%zu of %zu", group[r].copies, group[r].slices);
        cr_expect_str_eq(group[r].weights, one[0].weights, "rank %d", r);
        cr_expect_arr_eq(group[r].losses, one[0].losses, sizeof one[0].losses);
        cr_expect_gt(group[r].waited, 0);
    }
    cr_assert_eq(mem_live_count(), live);
}

Test(early_sums, are_those_of_final_gradients) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    check(test_device(), 3, 4); // two micro-batches for a rank
    check(test_device(), 1, 1); // none for one of them
}

/* One rank's device copies, the other's does not: they exchange in one order. */
Test(early_sums, devices_of_two_kinds_exchange_in_one_order) {
    static outcome group[RANKS_MAX];
    rank ranks[RANKS_MAX];
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    for (int first = 0; first < 2; first++) {
        group[first] = (outcome){.device = "reference", .sentences = 3, .micros = 4};
        group[!first] = (outcome){.device = test_device(), .sentences = 3, .micros = 4};
        run_ranks(ranks, 2, &ranks_patience, train, group, sizeof *group);
        for (int r = 0; r < 2; r++) cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
        for (int s = 0; s < STEPS; s++) {
            double a = (double)group[0].losses[s], b = (double)group[1].losses[s];
            cr_expect_float_eq(a, b, 1e-5 * a, "step %d: %.9g %.9g", s + 1, a, b);
        }
    }
}
#endif
