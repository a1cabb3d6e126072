#include "base/memory.h"
#include "compute/plan.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static device_info make(device_class class, device_kind kind, const char *name, uint32_t index) {
    device_info d = {.class = class, .kind = kind, .index = index};
    snprintf(d.name, sizeof d.name, "%s", name);
    return d;
}

Test(device, default_prefers_hardware_and_never_software) {
    device_info list[] = {
        make(CLASS_NATIVE_CPU, DEVICE_CPU, "AMD EPYC", 0),
        make(CLASS_SOFTWARE, DEVICE_VULKAN, "llvmpipe", 1),
        make(CLASS_INTEGRATED, DEVICE_VULKAN, "Intel Iris", 2),
        make(CLASS_DISCRETE, DEVICE_VULKAN, "GeForce A", 3),
        make(CLASS_DISCRETE, DEVICE_VULKAN, "GeForce B", 4),
    };
    const device_info *d;
    cr_assert_eq(device_select(&d, list, 5, NULL), ERR_OK);
    cr_assert_eq(d->index, 3);
    cr_assert_eq(device_select(&d, list, 3, NULL), ERR_OK);
    cr_assert_eq(d->index, 2);
    cr_assert_eq(device_select(&d, list, 2, NULL), ERR_OK);
    cr_assert_eq(d->index, 0);
    cr_assert_eq(device_select(&d, list + 1, 1, NULL), ERR_DEVICE);
    cr_assert_not_null(strstr(err_message(ERR_DEVICE), "software Vulkan driver"));
    cr_assert_eq(device_select(&d, list, 5, "LLVM"), ERR_OK);
    cr_assert_eq(d->index, 1);
    cr_assert_eq(device_select(&d, list, 5, "4"), ERR_OK);
    cr_assert_eq(d->index, 4);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(device_select(&d, list, 5, i ? "Cpu" : "cpu"), ERR_OK);
        cr_assert_eq(d->index, 0);
    }
    cr_assert_eq(device_select(&d, list, 5, "geforce"), ERR_USAGE);
    cr_assert_not_null(strstr(err_message(ERR_USAGE), "more than one"));
    cr_assert_eq(device_select(&d, list, 5, "radeon"), ERR_USAGE);
    cr_assert_not_null(strstr(err_message(ERR_USAGE), "1: llvmpipe"));
}

/* Mesa's layer has put them in order for every Vulkan program: classes of GPUs count for nothing
 * then, what is no GPU still does. */
Test(device, default_follows_the_order_of_the_environment) {
    device_info list[] = {
        make(CLASS_NATIVE_CPU, DEVICE_CPU, "AMD EPYC", 0),
        make(CLASS_SOFTWARE, DEVICE_VULKAN, "llvmpipe", 1),
        make(CLASS_INTEGRATED, DEVICE_VULKAN, "Intel Iris", 2),
        make(CLASS_DISCRETE, DEVICE_VULKAN, "GeForce A", 3),
    };
    static const char *const variables[] = {"DRI_PRIME", "MESA_VK_DEVICE_SELECT"};
    const device_info *d;
    for (size_t i = 0; i < 2; i++) {
        setenv(variables[i], "8086:56a0", 1);
        cr_expect_str_eq(device_order(), variables[i]);
        cr_assert_eq(device_select(&d, list, 4, NULL), ERR_OK);
        cr_expect_eq(d->index, 2);
        cr_assert_eq(device_select(&d, list, 2, NULL), ERR_OK);
        cr_expect_eq(d->index, 0);
        setenv(variables[i], "", 1);
        cr_assert_eq(device_select(&d, list, 4, NULL), ERR_OK);
        cr_expect_eq(d->index, 3);
        unsetenv(variables[i]);
    }
}

Test(device, names_that_several_have) {
    device_info list[] = {
        make(CLASS_DISCRETE, DEVICE_VULKAN, "GeForce 4070", 0),
        make(CLASS_DISCRETE, DEVICE_VULKAN, "GeForce 4070 Ti", 1),
        make(CLASS_DISCRETE, DEVICE_VULKAN, "Radeon", 2),
        make(CLASS_DISCRETE, DEVICE_VULKAN, "Radeon", 3),
    };
    const device_info *d;
    snprintf(list[2].uuid, sizeof list[2].uuid, "aaaa");
    snprintf(list[3].uuid, sizeof list[3].uuid, "bbbb");
    cr_assert_eq(device_select(&d, list, 4, "geforce 4070"), ERR_OK);
    cr_expect_eq(d->index, 0);
    cr_assert_eq(device_select(&d, list, 4, "4070 ti"), ERR_OK);
    cr_expect_eq(d->index, 1);
    cr_assert_eq(device_select(&d, list, 4, "radeon"), ERR_USAGE);
    cr_expect(strstr(err_message(ERR_USAGE), "1: GeForce 4070 Ti, 2: Radeon aaaa, 3: Radeon bbbb"),
              "%s", err_message(ERR_USAGE));
    cr_assert_eq(device_select(&d, list, 4, "bbbb"), ERR_OK);
    cr_expect_eq(d->index, 3);
    // few digits are a number, many a part of a name
    snprintf(list[2].uuid, sizeof list[2].uuid, "000000003");
    cr_assert_eq(device_select(&d, list, 4, "00000003"), ERR_OK);
    cr_expect_eq(d->index, 3);
    cr_assert_eq(device_select(&d, list, 4, "000000003"), ERR_OK);
    cr_expect_eq(d->index, 2);
}

/* As many blocks as the memory has; spans of the first stay where they are. */
CleanTest(arena, grows_by_hundreds_of_blocks) {
    device d;
    arena a;
    span first, s;
    MUST(device_open_named(&d, "reference", NULL));
    arena_init(&a, &d, 1024, true);
    MUST(arena_take(&a, &first, 256, ELEM_F32));
    *(float *)span_host(first) = 7;
    for (int i = 0; i < 300; i++) {
        MUST(arena_take(&a, &s, 200 + (size_t)i % 100, ELEM_F32));
        cr_assert_neq(s.buffer, first.buffer);
    }
    cr_assert_geq(a.count, 300);
    cr_assert_eq(*(float *)span_host(first), 7);
    size_t most = (size_t)d.allocated_bytes;
    cr_assert_geq(most, 300 * 200 * sizeof(float));
    arena_free(&a);
    cr_assert_eq(d.allocated_bytes, 0);
    cr_assert_eq(d.peak_bytes, most, "what records tell of a device's memory");
    // no block is larger than a buffer may be, nor is what does not fit one taken
    d.info.max_buffer_bytes = 4096;
    arena_init(&a, &d, 1 << 20, true);
    MUST(arena_take(&a, &first, 1024, ELEM_F32));
    cr_assert_eq(first.buffer->bytes, 4096);
    cr_assert_eq(arena_take(&a, &s, 1025, ELEM_F32), ERR_DEVICE);
    arena_free(&a);
    device_close(&d);
}

/* What is small touches little memory, and what is large takes few blocks. */
CleanTest(arena, blocks_double_to_64_mib) {
    device d;
    arena a;
    span s;
    MUST(device_open_named(&d, "reference", NULL));
    device_measure_begin(&d);
    arena_init(&a, &d, 0, false);
    for (size_t i = 0; i < 9; i++) {
        size_t expected = (size_t)1 << (20 + (i < 6 ? i : 6));
        MUST(arena_take(&a, &s, expected, ELEM_F32)); // which needs four times as much
        cr_expect_eq(a.blocks[i].buffer->bytes, 4 * expected);
        cr_expect_eq(a.block_bytes, (size_t)1 << (20 + (i < 6 ? i + 1 : 6)), "block %zu", i);
    }
    MUST(arena_take(&a, &s, 1, ELEM_F32));
    cr_expect_eq(a.blocks[9].buffer->bytes, (size_t)64 << 20);
    arena_free(&a);
    arena_init(&a, &d, 0, false);
    MUST(arena_take(&a, &s, 1, ELEM_F32));
    cr_expect_eq(a.blocks[0].buffer->bytes, (size_t)1 << 20);
    arena_free(&a);
    MUST(device_measure_end(&d, NULL));
    device_close(&d);
}

CleanTest(plan, operands_are_checked_when_added) {
    device d;
    cr_assert_eq(device_open_named(&d, "reference", NULL), ERR_OK, "%s", err_message(ERR_DEVICE));
    arena a;
    arena_init(&a, &d, 0, false);
    span x, ids;
    cr_assert_eq(arena_take(&a, &x, 10, d.real), ERR_OK);
    cr_assert_eq(arena_take(&a, &ids, 10, ELEM_U32), ERR_OK);
    plan p;
    plan_init(&p, &d);
    plan_part_begin(&p, PART_MICRO);
    cr_assert_eq(op_fill(&p, &(struct fill){.rows = dim_fixed(2), .cols = 5}), ERR_ARG);
    cr_assert_not_null(strstr(err_message(ERR_ARG), "operand x is absent"));
    cr_assert_eq(op_fill(&p, &(struct fill){.x = x, .rows = dim_fixed(3), .cols = 5}), ERR_ARG);
    cr_assert_not_null(strstr(err_message(ERR_ARG), "holds 10 elements, 15 are needed"));
    cr_assert_eq(op_fill(&p, &(struct fill){.x = ids, .rows = dim_fixed(2), .cols = 5}), ERR_ARG);
    cr_assert_not_null(strstr(err_message(ERR_ARG), "wrong type"));
    for (int i = 0; i < 3; i++) {
        span odd = x;
        *(i == 0 ? &odd.offset : i == 1 ? &odd.slot_stride : &odd.micro_stride) = 100;
        cr_assert_eq(op_fill(&p, &(struct fill){.x = odd, .rows = dim_fixed(2), .cols = 5}),
                     ERR_ARG, "%d", i);
        cr_assert_not_null(strstr(err_message(ERR_ARG), "operand x is not aligned"));
    }
    device other = d; // alike, and another all the same
    arena far;
    span elsewhere;
    arena_init(&far, &other, 0, false);
    cr_assert_eq(arena_take(&far, &elsewhere, 10, d.real), ERR_OK);
    cr_assert_eq(op_fill(&p, &(struct fill){.x = elsewhere, .rows = dim_fixed(2), .cols = 5}),
                 ERR_ARG);
    cr_assert_not_null(strstr(err_message(ERR_ARG), "operand x is of another device"));
    arena_free(&far);
    cr_assert_eq(op_fill(&p, &(struct fill){.x = x, .rows = dim_fixed(2), .cols = 5, .value = 3}),
                 ERR_OK);
    cr_assert_eq(plan_submit(&p, &(step_info){.step = 1}), ERR_ARG);
    cr_assert_str_eq(err_message(ERR_ARG), "plan_submit before plan_ready");
    cr_assert_eq(plan_ready(&p), ERR_OK);
    cr_assert_eq(op_fill(&p, &(struct fill){.x = x, .rows = dim_fixed(2), .cols = 5}), ERR_ARG);
    cr_assert_str_eq(err_message(ERR_ARG), "fill: the plan is closed");
    cr_assert_eq(plan_submit(&p, &(step_info){.slot = SLOT_COUNT, .step = 1}), ERR_ARG);
    micro_sizes sizes = {.tokens = 1, .sentences = 1};
    step_info step = {.step = 1, .micro_count = 1, .micros = &sizes};
    cr_assert_eq(plan_submit(&p, &step), ERR_OK);
    cr_assert_eq(plan_wait(&p, 0), ERR_OK);
    float got[10];
    cr_assert_eq(device_read_f32(got, x, 10), ERR_OK);
    for (int i = 0; i < 10; i++) cr_assert_eq(got[i], 3.0f);
    plan_free(&p);
    arena_free(&a);
    device_close(&d);
}

/* No copy goes beyond its span, nor into numbers of another kind. */
Test(device, copies_fit_their_spans) {
    device d;
    arena a;
    span x, ids;
    float f[5] = {1, 2, 3, 4, 5};
    double g[5] = {0};
    uint32_t u[5] = {0};
    cr_assert_eq(device_open_named(&d, "reference", NULL), ERR_OK);
    arena_init(&a, &d, 0, false);
    cr_assert_eq(arena_take(&a, &x, 4, d.real), ERR_OK);
    cr_assert_eq(arena_take(&a, &ids, 4, ELEM_U32), ERR_OK);
    const err far[] = {device_write_f32(x, f, 5),   device_read_f32(f, x, 5),
                       device_write_f64(x, g, 5),   device_read_f64(g, x, 5),
                       device_write_u32(ids, u, 5), device_read_u32(u, ids, 5)};
    for (size_t i = 0; i < 6; i++) cr_expect_eq(far[i], ERR_ARG, "%zu", i);
    cr_expect_str_eq(err_message(ERR_ARG), "copy of 5 elements does not fit a span of 4");
    const err unlike[] = {device_write_f32(ids, f, 4), device_read_f64(g, ids, 4),
                          device_write_u32(x, u, 4), device_read_u32(u, x, 4)};
    for (size_t i = 0; i < 4; i++) cr_expect_eq(unlike[i], ERR_ARG, "%zu", i);
    cr_expect_eq(device_write_f32(x, f, 4), ERR_OK);
    cr_expect_eq(device_read_f64(g, x, 4), ERR_OK);
    cr_expect(g[0] == 1 && g[3] == 4 && g[4] == 0);
    arena_free(&a);
    device_close(&d);
}

static void check_profile(const char *selector) {
    size_t live = mem_live_count();
    device d;
    cr_assert_eq(device_open_named(&d, selector, NULL), ERR_OK);
    arena a;
    arena_init(&a, &d, 0, false);
    span x;
    cr_assert_eq(arena_take(&a, &x, 10, d.real), ERR_OK);
    plan p;
    plan_init(&p, &d);
    static const plan_part parts[] = {PART_BEGIN, PART_MICRO, PART_MICRO, PART_END};
    for (size_t i = 0; i < 4; i++) {
        plan_part_begin(&p, parts[i]);
        cr_assert_eq(op_fill(&p, &(struct fill){.x = x, .rows = dim_fixed(1), .cols = 10}), ERR_OK);
    }
    cr_assert_eq(plan_ready(&p), ERR_OK);
    cr_assert_eq(plan_first_op(&p, PART_MICRO), 1);
    cr_assert_eq(plan_first_op(&p, PART_END), 3);
    cr_assert_eq(plan_first_op(&p, PART_COUNT), 4);
    micro_sizes sizes[3] = {{.tokens = 1}, {.tokens = 1}, {.tokens = 1}};
    step_info step = {.step = 1, .micro_count = 3, .micros = sizes};
    op_profile profile[4] = {{0}};
    p.profile = profile;
    cr_assert_eq(plan_submit(&p, &step), ERR_OK);
    cr_assert_eq(plan_wait(&p, 0), ERR_OK);
    static const uint32_t expected[] = {1, 3, 3, 1};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(profile[i].dispatches, expected[i], "op %zu: %u", i, profile[i].dispatches);
        cr_assert_gt(profile[i].seconds, 0);
    }
    plan_free(&p);
    arena_free(&a);
    device_close(&d);
    cr_assert_eq(mem_live_count(), live);
}

Test(plan, profile_counts_each_op_by_its_place) {
    check_profile("reference");
}

Test(plan, profile_counts_what_a_gpu_is_told) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    check_profile(test_device());
}

/* Ops that a watch was told of. */
typedef struct told {
    size_t ops[8], count;
    size_t begun, fails_at; /* ops that began, and the one that must not */
} told;

static void hear(void *context, size_t place) {
    told *t = context;
    cr_assert_lt(t->count, 8);
    t->ops[t->count++] = place;
}

static err hear_begin(void *context, size_t place) {
    told *t = context;
    if (place == t->fails_at) return err_set(ERR_DATA, "op %zu", place);
    // place 4 is the end's, behind three micro-batches of four
    cr_expect_eq(place, t->begun < 12 ? t->begun % 4 : 4);
    t->begun++;
    return ERR_OK;
}

static void watch(const char *selector) {
    device d;
    arena a;
    span x, y, z;
    plan p;
    told heard = {.fails_at = SIZE_MAX};
    cr_assert_eq(device_open_named(&d, selector, NULL), ERR_OK);
    arena_init(&a, &d, 0, false);
    cr_assert_eq(arena_take(&a, &x, 256, d.real), ERR_OK);
    cr_assert_eq(arena_take(&a, &y, 64, d.real), ERR_OK);
    cr_assert_eq(arena_take(&a, &z, 64, d.real), ERR_OK);
    plan_init(&p, &d);
    // the last two write to the first and the last quarter of x
    const span written[] = {x, y, span_part(x, 0, 64), span_part(x, 192, 64)};
    for (size_t i = 0; i < 4; i++) {
        plan_part_begin(&p, PART_MICRO);
        cr_assert_eq(op_fill(&p, &(struct fill){.x = written[i], .rows = dim_fixed(1), .cols = 64}),
                     ERR_OK);
    }
    plan_part_begin(&p, PART_END);
    cr_assert_eq(op_fill(&p, &(struct fill){.x = y, .rows = dim_fixed(1), .cols = 64}), ERR_OK);
    cr_assert_eq(plan_ready(&p), ERR_OK);
    cr_expect_eq(plan_last_writer(&p, x), 3);
    cr_expect_eq(plan_last_writer(&p, span_part(x, 0, 64)), 2);
    cr_expect_eq(plan_last_writer(&p, span_part(x, 64, 128)), 0);
    cr_expect_eq(plan_last_writer(&p, span_part(x, 128, 65)), 3);
    cr_expect_eq(plan_last_writer(&p, y), 1);
    cr_expect_eq(plan_last_writer(&p, z), 0);
    cr_expect_eq(plan_first_user(&p, x), 0);
    cr_expect_eq(plan_first_user(&p, span_part(x, 192, 64)), 0);
    cr_expect_eq(plan_first_user(&p, y), 1);
    cr_expect_eq(plan_first_user(&p, z), 5);
    micro_sizes sizes[3] = {{.tokens = 1}, {.tokens = 1}, {.tokens = 1}};
    step_info step = {.step = 1, .micro_count = 3, .micros = sizes};
    p.watch = (plan_watch){.passed = hear, .begins = hear_begin, .context = &heard};
    cr_assert_eq(plan_submit(&p, &step), ERR_OK);
    cr_assert_eq(plan_wait(&p, 0), ERR_OK);
    // 4 ops thrice, the end's, and the wait
    cr_assert_eq(d.work, 14, "%llu", (unsigned long long)d.work);
    // of the last micro-batch alone: before, sums are not final
    cr_assert_eq(heard.count, 4, "%zu", heard.count);
    for (size_t i = 0; i < 4; i++) cr_expect_eq(heard.ops[i], i);
    cr_expect_eq(heard.begun, 13);
    heard = (told){.fails_at = 2};
    MUST_FAIL(plan_submit(&p, &step), ERR_DATA, "op 2");
    cr_expect_eq(heard.begun, 2);
    plan_free(&p);
    arena_free(&a);
    device_close(&d);
}

CleanTest(plan, watches_what_is_final) {
    watch("reference");
#if HARNESS_CPU
    watch("cpu");
#endif
}

Test(plan, costs_of_ops_follow_the_step) {
    buffer some = {0};
    span there = {.buffer = &some};
    micro_sizes sizes = {.tokens = 10, .sentences = 3, .tiles = 3, .lists = {7}};
    step_info step = {.step = 1, .step_rows = 7, .micro_count = 1, .micros = &sizes};
    dim tokens = {DIM_TOKENS, 100}, rows = {DIM_STEP_ROWS, 100};
    op product = {.kind = OP_linear_fwd,
                  .as.linear_fwd = {.rows = tokens, .n = 6, .k = 4, .act = ACT_GELU}};
    // x (10, 4), weight (6, 4), y (10, 6), and once more for pre
    cr_assert_eq(op_cost_of(&product, &step, 0).reals, 40 + 24 + 60);
    product.as.linear_fwd.pre = there;
    cr_assert_eq(op_cost_of(&product, &step, 0).reals, 40 + 24 + 120);
    cr_assert_eq(op_cost_of(&product, &step, 0).flops, 2 * 10 * 6 * 4);
    // read and written: p, m, v; read: g, two rows of the table, the norm
    op update = {.kind = OP_adamw_rows,
                 .as.adamw_rows = {.rows = rows, .hidden = 5, .table_rows = 1000, .g = there}};
    cr_assert_eq(op_cost_of(&update, &step, 0).reals, 7 * 7 * 5 + 8 + 4);
    // of a table that is looked up, the rows that are used
    op lookup = {.kind = OP_embed_fwd,
                 .as.embed_fwd = {.rows = tokens, .hidden = 5, .table_rows = 1000}};
    cr_assert_eq(op_cost_of(&lookup, &step, 0).reals, 4 * 10 * 5);
}

/* Ranges of bytes in any order, some of which touch or hold others. */
CleanTest(plan, what_is_written_so_far_is_known_by_the_byte) {
    enum { COUNT = 4096, MOST = 256, OPS = 60 };
    static bool written[COUNT];
    device d;
    arena a;
    plan p;
    span all;
    uint32_t random = 1;
    MUST(device_open_named(&d, "reference", NULL));
    arena_init(&a, &d, 1, false);
    MUST(arena_take(&a, &all, COUNT, d.real));
    plan_init(&p, &d);
    plan_part_begin(&p, PART_MICRO);
    const size_t step = SPAN_ALIGN / elem_bytes(d.real);
    for (size_t k = 0; k < OPS; k++) {
        for (size_t i = 0; i < COUNT; i += 7) {
            size_t count = i % 5 * 40 + 1;
            bool wanted = false;
            if (i + count > COUNT) continue;
            for (size_t j = i; j < i + count; j++) wanted |= written[j];
            cr_assert_eq(plan_is_written(&p, span_part(all, i, count)), wanted, "%zu: %zu", k, i);
        }
        random = random * 1664525 + 1013904223;
        size_t count = (random >> 8 & (MOST - 1)) / step * step + step;
        size_t first = (random >> 16) % (COUNT - MOST - step) / step * step;
        MUST(op_fill(&p, &(struct fill){.x = span_part(all, first, count),
                                        .rows = {DIM_FIXED, 1},
                                        .cols = (uint32_t)count}));
        for (size_t j = first; j < first + count; j++) written[j] = true;
    }
    plan_free(&p);
    arena_free(&a);
    device_close(&d);
}

/* Copies of a span as it was behind two of its three writers, of the last of two micro-batches. */
CleanTest(plan, copies_are_of_the_moment) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    enum { COUNT = 1 << 20 }; // each worth a cut
    device d;
    arena a, seen;
    span x, to[2];
    plan p;
    bool ended;
    MUST(device_open_named(&d, test_device(), &(device_options){.validation = true}));
    arena_init(&a, &d, 0, false);
    arena_init(&seen, &d, 0, true);
    MUST(arena_take(&a, &x, COUNT, ELEM_F32));
    for (int i = 0; i < 2; i++) MUST(arena_take(&seen, &to[i], COUNT, ELEM_F32));
    plan_init(&p, &d);
    plan_part_begin(&p, PART_BEGIN);
    for (int i = 0; i < 4; i++) {
        MUST(op_fill(
            &p,
            &(struct fill){.x = x, .rows = dim_fixed(COUNT / 64), .cols = 64, .value = (float)i}));
        if (!i) plan_part_begin(&p, PART_MICRO);
    }
    MUST(plan_ready(&p));
    cr_assert(plan_copies(&p));
    const plan_copy copies[2] = {{0, x, to[0]}, {1, x, to[1]}};
    p.copies = copies;
    p.copy_count = 2;
    micro_sizes sizes[2] = {{.tokens = 1}, {.tokens = 1}};
    for (uint32_t step = 1; step <= 3; step++) { // slots and their fences are used again
        for (int i = 0; i < 2; i++) memset(span_host(to[i]), 0, span_bytes(to[i]));
        MUST(plan_submit(&p, &(step_info){.step = step, .micro_count = 2, .micros = sizes}));
        for (size_t i = 0; i < 2; i++) {
            MUST(plan_take(&p, 0, i + 1, &ended));
            const float *copy = span_host(to[i]);
            cr_assert_eq(copy[0], (float)(i + 1));
            cr_assert_eq(copy[COUNT - 1], (float)(i + 1));
        }
        MUST_FAIL(plan_take(&p, 0, 3, &ended), ERR_ARG, "3 copies were not asked for");
        MUST(plan_wait(&p, 0));
        MUST_FAIL(plan_take(&p, 0, 1, &ended), ERR_ARG, "1 copies were not asked for");
    }
    // a step of no micro-batch: as the begin has left it
    MUST(plan_submit(&p, &(step_info){.step = 4}));
    for (size_t i = 0; i < 2; i++) {
        MUST(plan_take(&p, 0, i + 1, &ended));
        cr_assert_eq(*(const float *)span_host(to[i]), 0);
    }
    MUST(plan_wait(&p, 0));
    cr_expect_eq(d.validation_errors, 0);
    plan_free(&p);
    arena_free(&seen);
    arena_free(&a);
    device_close(&d);
}
