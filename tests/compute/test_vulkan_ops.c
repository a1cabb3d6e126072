/* Operations on Vulkan beyond what verify tries: the kernel family that the device would not
 * choose, tables bound in windows, equal bits, long sentences, and the refusals. */
#include "base/memory.h"
#include "base/rng.h"
#include "compute/verify/verify_internal.h"
#include "compute/vulkan/vulkan_internal.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void open_validated(device *d, const char *selector) {
    MUST(device_open_named(d, selector, &(device_options){.validation = true}));
}

static void close_clean(device *d) {
    cr_expect_eq(d->validation_errors, 0, "%s: %llu validation messages", d->info.name,
                 (unsigned long long)d->validation_errors);
    device_close(d);
}

static void verify_ops(device *d, const op_kind *kinds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        verify_result r;
        MUST(verify_op(&r, d, kinds[i], VERIFY_QUICK));
        cr_assert_gt(r.cases, 0);
        cr_expect_eq(r.failed, 0, "%s: %u of %u cases: %s", d->info.name, r.failed, r.cases,
                     r.failure);
    }
}

static void tile_family(const char *selector, const op_kind *kinds, size_t count) {
    if (!need_vulkan(selector)) cr_skip_test("no Vulkan device '%s'", selector);
    size_t live = mem_live_count();
    setenv("HARNESS_VULKAN_KERNELS", "tile", 1);
    device d;
    open_validated(&d, selector);
    cr_assert_str_eq(d.info.kernels, "tile, products by 128");
    verify_ops(&d, kinds, count);
    close_clean(&d);
    cr_assert_eq(mem_live_count(), live);
}

/* Products first, which tiles_of_products_on_swiftshader tries there. */
static const op_kind tiled[] = {OP_linear_fwd,    OP_linear_dx,     OP_linear_dw,
                                OP_layernorm_fwd, OP_layernorm_bwd, OP_attention_fwd,
                                OP_attention_bwd, OP_rows_sum,      OP_grad_norm};
enum { TILED = sizeof tiled / sizeof *tiled, TILED_PRODUCTS = 3 };

Test(vulkan_ops, tile_family_on_the_device) {
    tile_family(test_device(), tiled, TILED);
}

Test(vulkan_ops, tile_family_on_swiftshader) {
    tile_family("swiftshader", tiled + TILED_PRODUCTS, TILED - TILED_PRODUCTS);
}

/* The same cases when a descriptor holds only a part of a table, of a gradient, of an
 * activation. */
CleanTest(vulkan_ops, small_bindings_split_what_is_walked_by_rows) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    static const op_kind kinds[] = {OP_embed_fwd, OP_rows_sum, OP_layernorm_fwd, OP_activation_bwd,
                                    OP_grad_norm, OP_adamw,    OP_adamw_rows,    OP_fill};
    device d;
    open_validated(&d, test_device());
    d.info.max_binding_bytes = 3 << 20; // the widest activation tried is 831 x 768
    verify_ops(&d, kinds, sizeof kinds / sizeof *kinds);
    close_clean(&d);
}

static trial make(op_kind kind, uint32_t tokens, const char *name) {
    trial t = {.o.kind = kind, .part = PART_MICRO, .micro_count = 1, .slot_count = 1, .step = 7};
    t.tokens[0][0] = tokens;
    snprintf(t.name, sizeof t.name, "%s", name);
    return t;
}

static void run_trial(device *d, trial *t) {
    verify_result result = {.kind = t->o.kind};
    verify_run run = {.device = d, .out = &result, .extent = VERIFY_QUICK};
    MUST(device_open_named(&run.reference, "reference", NULL));
    MUST(verify__trial(&run, t));
    cr_expect_eq(result.failed, 0, "%s: %s", d->info.name, result.failure);
    device_close(&run.reference);
}

/* Products and column sums over more rows than a descriptor holds. */
CleanTest(vulkan_ops, products_split_long_batches) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    static const char *const families[] = {"register", "tile", "panel"};
    enum { T = 9001, N = 40, K = 32 };
    dim rows = {DIM_TOKENS, T};
    for (size_t f = 0; f < 3; f++) {
        setenv("HARNESS_VULKAN_KERNELS", families[f], 1);
        device d;
        err e = device_open_named(&d, test_device(), &(device_options){.validation = true});
        if (e == ERR_UNSUPPORTED && f == 2) continue; // texel buffers that are too small
        cr_assert_eq(e, ERR_OK, "%s: %s", families[f], err_message(e));
        d.info.max_binding_bytes = 4096 * N * 4;
        trial t = make(OP_linear_fwd, T, "linear_fwd in windows");
        t.o.as.linear_fwd = (struct linear_fwd){.rows = rows, .n = N, .k = K, .act = ACT_GELU};
        run_trial(&d, &t);
        t = make(OP_linear_dx, T, "linear_dx in windows");
        t.o.as.linear_dx = (struct linear_dx){.rows = rows, .n = N, .k = K};
        run_trial(&d, &t);
        for (uint32_t first = 0; first < 2; first++) {
            t = make(OP_linear_dw, T,
                     first ? "linear_dw in windows, first" : "linear_dw in windows");
            t.o.as.linear_dw =
                (struct linear_dw){.rows = rows, .n = N, .k = K, .overwrites = first > 0};
            run_trial(&d, &t);
        }
        t = make(OP_layernorm_bwd, T, "layernorm_bwd in windows");
        t.o.as.layernorm_bwd = (struct layernorm_bwd){
            .rows = rows, .hidden = N, .before = {.p = 0.1f, .site = 3}, .after = {.site = 4}};
        run_trial(&d, &t);
        close_clean(&d);
    }
}

/* A vocabulary's loss over more rows than a descriptor holds: two windows, and a part of one. */
CleanTest(vulkan_ops, losses_split_long_batches) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    enum { ROWS = 150, CLASSES = CLASSES_FEW + 4 };
    device d;
    open_validated(&d, test_device());
    d.info.max_binding_bytes = 64 * CLASSES * 4;
    trial t = make(OP_cross_entropy, ROWS, "cross_entropy in windows");
    t.style = SENTENCES_ONES;
    t.absent = " class_weights ";
    verify__add_tweak(&t, "logits", 6, 0, 0);
    t.o.as.cross_entropy =
        (struct cross_entropy){.rows = verify__sentences_of(&t), .classes = CLASSES};
    run_trial(&d, &t);
    t.o.as.cross_entropy.adds = true; // and rows without a target
    run_trial(&d, &t);
    close_clean(&d);
}

static void product_trials(device *d, uint32_t m, uint32_t n, uint32_t k) {
    dim rows = {DIM_TOKENS, m};
    char name[64];
    snprintf(name, sizeof name, "linear_fwd %ux%ux%u", m, n, k);
    trial t = make(OP_linear_fwd, m, name);
    t.o.as.linear_fwd = (struct linear_fwd){.rows = rows, .n = n, .k = k, .act = ACT_GELU};
    run_trial(d, &t);
    snprintf(name, sizeof name, "linear_dx %ux%ux%u", m, n, k);
    t = make(OP_linear_dx, m, name);
    t.o.as.linear_dx = (struct linear_dx){.rows = rows, .n = n, .k = k};
    run_trial(d, &t);
    for (uint32_t first = 0; first < 2; first++) {
        snprintf(name, sizeof name, "linear_dw %ux%ux%u%s", m, n, k, first ? " first" : "");
        t = make(OP_linear_dw, m, name);
        t.o.as.linear_dw =
            (struct linear_dw){.rows = rows, .n = n, .k = k, .overwrites = first > 0};
        run_trial(d, &t);
    }
}

/* Tiles of every size, over edges that fill none and over rows that are and are not read 16 bytes
 * at a time. */
static void tiles_of_products(const char *selector) {
    if (!need_vulkan(selector)) cr_skip_test("no Vulkan device '%s'", selector);
    size_t live = mem_live_count();
    setenv("HARNESS_VULKAN_KERNELS", "tile", 1);
    static const struct {
        kernel_id kernel;
        uint32_t m, n, k, shared_bytes;
    } tries[] = {{KERNEL_linear_tile_128, 257, 387, 261, 32768},
                 {KERNEL_linear_tile_128, 260, 388, 264, 32768},
                 {KERNEL_linear_tile_64, 129, 63, 65, 32768},
                 {KERNEL_linear_tile_64, 100, 68, 72, 32768},
                 {KERNEL_linear_tile, 129, 131, 133, 16384}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        device d;
        open_validated(&d, selector);
        cr_assert_geq(d.info.max_shared_bytes, tries[i].shared_bytes);
        d.info.max_shared_bytes = tries[i].shared_bytes;
        product_trials(&d, tries[i].m, tries[i].n, tries[i].k);
        cr_expect_not_null(vulkan__of(&d)->pipelines[tries[i].kernel], "%s: trial %zu", d.info.name,
                           i);
        close_clean(&d);
    }
    cr_assert_eq(mem_live_count(), live);
}

Test(vulkan_ops, tiles_of_products_on_llvmpipe) {
    tiles_of_products("llvmpipe");
}

Test(vulkan_ops, tiles_of_products_on_swiftshader) {
    tiles_of_products("swiftshader");
}

/* The last row that lanes keep in registers, and longer ones, which they read again. */
CleanTest(vulkan_ops, layernorm_of_long_rows) {
    if (!need_vulkan("llvmpipe")) cr_skip_test("no llvmpipe");
    static const char *const families[] = {"register", "tile"};
    static const uint32_t widths[] = {1024, 1025, 1300};
    enum { T = 37 };
    dim rows = {DIM_TOKENS, T};
    dropout_spec before = {.p = 0.1f, .site = 3}, after = {.p = 0.2f, .site = 4};
    for (size_t i = 0; i < 6; i++) {
        uint32_t h = widths[i / 2];
        setenv("HARNESS_VULKAN_KERNELS", families[i % 2], 1);
        device d;
        open_validated(&d, "llvmpipe");
        trial t = make(OP_layernorm_fwd, T, "layernorm_fwd of long rows");
        verify__add_tweak(&t, "x", 1, 0.5f, 0);
        t.o.as.layernorm_fwd = (struct layernorm_fwd){
            .rows = rows, .hidden = h, .eps = 1e-12f, .before = before, .after = after};
        run_trial(&d, &t);
        t = make(OP_layernorm_bwd, T, "layernorm_bwd of long rows");
        t.o.as.layernorm_bwd =
            (struct layernorm_bwd){.rows = rows, .hidden = h, .before = before, .after = after};
        run_trial(&d, &t);
        close_clean(&d);
    }
}

static struct attention_fwd long_attention(uint32_t tokens) {
    return (struct attention_fwd){
        .tile_count = {DIM_TILES, tokens},
        .spec = {.tokens = {DIM_TOKENS, tokens}, .heads = 1, .head_size = 128, .scale = 0.088f}};
}

static err prepare_long(trial *t, device *reference) {
    op forward = {.kind = OP_attention_fwd};
    forward.as.attention_fwd = long_attention(t->tokens[0][0]);
    return verify__precompute(t, reference, &forward, 0, 0);
}

/* Mesa 22.3 ends loops silently after 65,535 iterations of one invocation. */
CleanTest(vulkan_ops, attention_over_long_sentences_is_whole) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    enum { T = 920 };
    device d;
    open_validated(&d, test_device());
    trial t = make(OP_attention_fwd, T, "attention_fwd of one long sentence");
    t.style = SENTENCES_SINGLE;
    t.o.as.attention_fwd = long_attention(T);
    run_trial(&d, &t);
    t = make(OP_attention_bwd, T, "attention_bwd of one long sentence");
    t.style = SENTENCES_SINGLE;
    t.prepare = prepare_long;
    struct attention_fwd f = long_attention(T);
    t.o.as.attention_bwd = (struct attention_bwd){.tile_count = f.tile_count, .spec = f.spec};
    run_trial(&d, &t);
    close_clean(&d);
}

// mBERT's table, 119,547 x 768: 367 MB, more than one descriptor holds on lavapipe

enum { BIG_V = 119547, BIG_H = 768, PICKED = 7, STEPS = 3 };

// first and last row, and both sides of each window's edge at 128 MiB
static const uint32_t picked[PICKED] = {0, 43647, 43648, 87295, 87296, 100000, BIG_V - 1};

typedef struct big {
    device d;
    arena tables, small;
    span p, m, v, last_step;
    span list, ids, zeros, starts, position, y, g, x, table, norm;
} big;

static span take(arena *a, size_t count, elem type) {
    span s;
    MUST(arena_take(a, &s, count, type));
    return s;
}

static float weight_of(uint32_t row, uint32_t h) {
    return 0.02f * (float)((int)(row % 13) - 6) + 0.001f * (float)(h % 29);
}

static void big_open(big *b) {
    memset(b, 0, sizeof *b);
    open_validated(&b->d, test_device());
    // the least that a device may offer
    if (b->d.info.max_binding_bytes > 128u << 20) b->d.info.max_binding_bytes = 128u << 20;
    arena_init(&b->tables, &b->d, 1, false);
    arena_init(&b->small, &b->d, 1 << 20, false);
    span *tables[] = {&b->p, &b->m, &b->v};
    for (size_t i = 0; i < 3; i++) {
        *tables[i] = take(&b->tables, (size_t)BIG_V * BIG_H, ELEM_F32);
        cr_assert_gt(span_bytes(*tables[i]), b->d.info.max_binding_bytes);
    }
    b->last_step = take(&b->small, BIG_V, ELEM_U32);
    b->list = take(&b->small, PICKED, ELEM_U32);
    b->ids = take(&b->small, PICKED, ELEM_U32);
    b->zeros = take(&b->small, PICKED, ELEM_U32);
    b->starts = take(&b->small, PICKED + 1, ELEM_U32);
    b->position = take(&b->small, 2 * BIG_H, ELEM_F32);
    b->y = take(&b->small, PICKED * BIG_H, ELEM_F32);
    b->g = take(&b->small, PICKED * BIG_H, ELEM_F32);
    b->x = take(&b->small, PICKED * BIG_H, ELEM_F32);
    b->table = take(&b->small, (STEPS + 1) * 4, ELEM_F32);
    b->norm = take(&b->small, 4, ELEM_F32);
    float row[BIG_H];
    uint32_t starts[PICKED + 1];
    for (uint32_t i = 0; i < PICKED; i++) {
        for (uint32_t h = 0; h < BIG_H; h++) row[h] = weight_of(picked[i], h);
        MUST(device_write_f32(span_part(b->p, (size_t)picked[i] * BIG_H, BIG_H), row, BIG_H));
        for (uint32_t h = 0; h < BIG_H; h++) row[h] = (float)(i + 1) + 0.01f * (float)h;
        MUST(device_write_f32(span_part(b->x, i * BIG_H, BIG_H), row, BIG_H));
    }
    for (uint32_t i = 0; i <= PICKED; i++) starts[i] = i;
    MUST(device_write_u32(b->list, picked, PICKED));
    MUST(device_write_u32(b->ids, starts, PICKED)); // 0, 1, 2 ...: items of the lists
    MUST(device_write_u32(b->starts, starts, PICKED + 1));
}

static void big_close(big *b) {
    arena_free(&b->small);
    arena_free(&b->tables);
    close_clean(&b->d);
}

static void run_plan(plan *p, uint32_t step) {
    micro_sizes none = {0};
    MUST(plan_ready(p));
    MUST(plan_submit(p, &(step_info){.step = step, .micro_count = 1, .micros = &none}));
    MUST(plan_wait(p, 0));
    plan_free(p);
}

static void read_row(float *out, span table, uint32_t row) {
    MUST(device_read_f32(out, span_part(table, (size_t)row * BIG_H, BIG_H), BIG_H));
}

// Each picked row is looked up, then added to.
static void check_lookup_and_sum(big *b) {
    plan p;
    plan_init(&p, &b->d);
    plan_part_begin(&p, PART_MICRO);
    MUST(op_embed_fwd(&p, &(struct embed_fwd){.y = b->y,
                                              .token = b->p,
                                              .position = b->position,
                                              .type = b->position,
                                              .ids = b->list,
                                              .positions = b->zeros,
                                              .type_ids = b->zeros,
                                              .rows = dim_fixed(PICKED),
                                              .hidden = BIG_H,
                                              .table_rows = BIG_V}));
    MUST(op_rows_sum(&p, &(struct rows_sum){.out = b->p,
                                            .x = b->x,
                                            .starts = b->starts,
                                            .items = b->ids,
                                            .rows = b->list,
                                            .lists = dim_fixed(PICKED),
                                            .items_max = dim_fixed(PICKED),
                                            .hidden = BIG_H}));
    run_plan(&p, 1);
    float y[BIG_H], sum[BIG_H];
    for (uint32_t i = 0; i < PICKED; i++) {
        read_row(y, b->y, i);
        read_row(sum, b->p, picked[i]);
        for (uint32_t h = 0; h < BIG_H; h++) {
            float w = weight_of(picked[i], h), x = (float)(i + 1) + 0.01f * (float)h;
            cr_assert_eq(y[h], w, "row %u element %u: %g, %g", picked[i], h, (double)y[h],
                         (double)w);
            cr_assert_eq(sum[h], w + x, "row %u element %u", picked[i], h);
        }
    }
}

static struct adamw_rows big_update(const big *b) {
    return (struct adamw_rows){.p = b->p,
                               .m = b->m,
                               .v = b->v,
                               .last_step = b->last_step,
                               .list = b->list,
                               .table = b->table,
                               .rows = dim_fixed(PICKED),
                               .hidden = BIG_H,
                               .table_rows = BIG_V,
                               .decay = true,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .eps = 1e-8f};
}

// Step 1 has a gradient for the picked rows; then all rows catch up to step 3.
static void check_update(big *b) {
    float before[BIG_H], p[BIG_H], m[BIG_H], rows[(STEPS + 1) * 4] = {0};
    for (int t = 1; t <= STEPS; t++) {
        rows[t * 4] = 0.99f;
        rows[t * 4 + 1] = 0.01f / (1 - powf(0.9f, (float)t));
        rows[t * 4 + 2] = sqrtf(1 - powf(0.999f, (float)t));
    }
    MUST(device_write_f32(b->table, rows, (STEPS + 1) * 4));
    MUST(device_write_f32(b->norm, (float[]){2, 0.5f, 1, 0}, 4));
    read_row(before, b->p, picked[PICKED - 1]);
    plan p1, p2;
    plan_init(&p1, &b->d);
    plan_part_begin(&p1, PART_END);
    struct adamw_rows update = big_update(b), all = update;
    update.g = b->x;
    update.norm = b->norm;
    MUST(op_adamw_rows(&p1, &update));
    run_plan(&p1, 1);
    plan_init(&p2, &b->d);
    plan_part_begin(&p2, PART_END);
    all.list = (span){0};
    all.rows = dim_fixed(BIG_V);
    MUST(op_adamw_rows(&p2, &all));
    run_plan(&p2, STEPS);
    read_row(p, b->p, picked[PICKED - 1]);
    read_row(m, b->m, picked[PICKED - 1]);
    for (uint32_t h = 0; h < BIG_H; h++) {
        double want = (double)before[h], wm = 0, wv = 0;
        for (int t = 1; t <= STEPS; t++) {
            double g = t == 1 ? 0.5 * ((double)PICKED + 0.01 * h) : 0;
            wm += 0.1 * (g - wm);
            wv = 0.999 * wv + 0.001 * g * g;
            want = want * (double)rows[t * 4] -
                   (double)rows[t * 4 + 1] * (wm / (sqrt(wv) / (double)rows[t * 4 + 2] + 1e-8));
        }
        cr_assert_float_eq((double)m[h], wm, 1e-6 * wm);
        cr_assert_float_eq((double)p[h], want, 1e-5 * fabs(want) + 1e-6, "element %u: %g, %g", h,
                           (double)p[h], want);
    }
    // rows that no batch named: only decay, and all are current
    uint32_t last[BIG_V / 1000 + 1];
    for (uint32_t row = 500; row < BIG_V; row += 1000) {
        read_row(p, b->p, row);
        for (uint32_t h = 0; h < BIG_H; h++) cr_assert_eq(p[h], 0);
        MUST(device_read_u32(&last[row / 1000], span_part(b->last_step, row, 1), 1));
        cr_assert_eq(last[row / 1000], STEPS, "row %u is current to step %u", row,
                     last[row / 1000]);
    }
}

CleanTest(vulkan_ops, table_of_mbert_is_bound_in_windows) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    big b;
    big_open(&b);
    check_lookup_and_sum(&b);
    check_update(&b);
    big_close(&b);
}

/* The dropout of ones shows which words of Philox are above the threshold. */
static void check_masks(const char *selector) {
    if (!need_vulkan(selector)) cr_skip_test("no Vulkan device '%s'", selector);
    size_t live = mem_live_count();
    enum { B = 33, H = 1030 };
    static float ones[B * H], got[B * H];
    device d;
    open_validated(&d, selector);
    arena a;
    arena_init(&a, &d, 0, false);
    span x = take(&a, B * H, ELEM_F32), y = take(&a, B * H, ELEM_F32);
    span ordinals = take(&a, B, ELEM_U32);
    uint32_t order[B];
    for (uint32_t b = 0; b < B; b++) order[b] = b * 7919u;
    for (size_t i = 0; i < B * H; i++) ones[i] = 1;
    MUST(device_write_f32(x, ones, B * H));
    MUST(device_write_u32(ordinals, order, B));
    static const float rates[] = {0.1f, 0.5f, 0.999f};
    static const uint32_t seeds[] = {42, 0xffffffffu, 0};
    for (size_t k = 0; k < 3; k++) {
        plan p;
        plan_init(&p, &d);
        plan_part_begin(&p, PART_MICRO);
        uint32_t site = 0x7ffffff0u + (uint32_t)k, step = 3000000000u;
        MUST(op_dropout(&p, &(struct dropout){.y = y,
                                              .x = x,
                                              .ordinals = ordinals,
                                              .rows = dim_fixed(B),
                                              .hidden = H,
                                              .drop = {.p = rates[k], .site = site}}));
        micro_sizes none = {0};
        MUST(plan_ready(&p));
        MUST(plan_submit(
            &p, &(step_info){.step = step, .seed = seeds[k], .micro_count = 1, .micros = &none}));
        MUST(plan_wait(&p, 0));
        plan_free(&p);
        MUST(device_read_f32(got, y, B * H));
        for (uint32_t i = 0; i < B * H; i++) {
            philox c = {{i % H / 4, 0, order[i / H], step}};
            uint32_t word = philox4x32(c, seeds[k], site).v[i % H % 4];
            bool kept = word >= dropout_threshold(rates[k]);
            cr_assert_eq(got[i] != 0, kept, "seed %u element %u", seeds[k], i);
        }
    }
    arena_free(&a);
    close_clean(&d);
    cr_assert_eq(mem_live_count(), live);
}

Test(vulkan_ops, dropout_keeps_what_philox_says_on_the_device) {
    check_masks(test_device());
}

Test(vulkan_ops, dropout_keeps_what_philox_says_on_swiftshader) {
    check_masks("swiftshader");
}

CleanTest(vulkan_ops, what_does_not_fit_is_refused_when_planned) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    enum { T = 70000 };
    device d;
    open_validated(&d, test_device());
    arena a;
    arena_init(&a, &d, 0, false);
    span x = take(&a, T * 6, ELEM_F32), words = take(&a, T * 4, ELEM_U32);
    span lse = take(&a, T, ELEM_F32), out = take(&a, T * 2, ELEM_F32);
    plan p;
    plan_init(&p, &d);
    plan_part_begin(&p, PART_MICRO);
    MUST(op_rows_sum(&p, &(struct rows_sum){.out = out,
                                            .x = x,
                                            .starts = words,
                                            .items = words,
                                            .rows = words,
                                            .lists = dim_fixed(T),
                                            .items_max = dim_fixed(T),
                                            .hidden = 2}));
    MUST_FAIL(plan_ready(&p), ERR_UNSUPPORTED,
              "rows_sum: kernel rows_sum would loop 70004 times in one invocation");
    plan_free(&p);
    struct attention_fwd f = {.out = out,
                              .lse = lse,
                              .qkv = x,
                              .tiles = words,
                              .tile_count = dim_fixed(9000),
                              .spec = {dim_fixed(T), .heads = 1, .head_size = 2, .scale = 1}};
    d.info.max_binding_bytes = 1 << 20;
    plan_init(&p, &d);
    plan_part_begin(&p, PART_MICRO);
    MUST(op_attention_fwd(&p, &f));
    MUST_FAIL(plan_ready(&p), ERR_DEVICE, "one operand takes 1680000 bytes, a kernel may bind");
    plan_free(&p);
    arena_free(&a);
    close_clean(&d);
}
