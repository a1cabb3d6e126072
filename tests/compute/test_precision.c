/* Precisions fp16 and bf16: who is refused, what the prebuilt shader was made from, what bf16 rounds
 * to, and the products. */
#include "base/hash.h"
#include "compute/bf16.h"
#include "compute/verify/verify.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#if HARNESS_VULKAN
#include <vulkan/vulkan_core.h>
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(precision, names) {
    device_precision p;
    MUST(device_precision_find(&p, NULL));
    cr_assert_eq(p, PRECISION_FP32);
    MUST(device_precision_find(&p, "auto"));
    cr_assert_eq(p, PRECISION_FP32);
    MUST(device_precision_find(&p, "fp16"));
    cr_assert_eq(p, PRECISION_FP16);
    MUST(device_precision_find(&p, "bf16"));
    cr_assert_eq(p, PRECISION_BF16);
    MUST_FAIL(device_precision_find(&p, "fp8"), ERR_USAGE,
              "no precision 'fp8' (known: fp32, fp16, bf16, auto)");
}

Test(precision, bf16_rounds_to_the_nearest) {
    static const struct {
        uint32_t from;
        uint16_t to;
    } cases[] = {
        {0x3f800000, 0x3f80}, {0x3f807fff, 0x3f80},
        {0x3f808000, 0x3f80},                       // halfway: to the even one below
        {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82}, // halfway: to the even one above
        {0xbf818000, 0xbf82}, {0x80000000, 0x8000},
        {0x00008001, 0x0001},                       // subnormal
        {0x7f7f7fff, 0x7f7f}, {0x7f7f8000, 0x7f80}, // beyond the largest
        {0xff800000, 0xff80}, {0x7f800001, 0x7fc0}, // a NaN that its upper half alone is not
        {0xffffffff, 0xffff},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float x;
        memcpy(&x, &cases[i].from, sizeof x);
        cr_expect_eq(bf16_bits(x), cases[i].to, "%08x became %04x", cases[i].from, bf16_bits(x));
    }
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float x = bf16_value((uint16_t)bits);
        cr_assert(x != x || bf16_bits(x) == bits, "%04x is not itself", bits);
    }
}

Test(precision, host_devices_refuse_fp16) {
    device d;
    device_options options = {.precision = PRECISION_FP16};
    MUST_FAIL(device_open_named(&d, "reference", &options), ERR_UNSUPPORTED,
              "precision fp16 needs cooperative matrices; missing: a Vulkan device");
}

/* The reference with bf16 says what a product is, and fp32 is not that. */
static void check_bf16(device *d, const char *how, size_t count) {
    static const op_kind products[] = {OP_linear_fwd, OP_linear_dx, OP_linear_dw};
    for (size_t i = 0; i < count; i++) {
        verify_result r;
        MUST(verify_op(&r, d, products[i], VERIFY_QUICK));
        cr_expect_eq(r.failed, 0, "%s: %s: %s", how, op_name(products[i]), r.failure);
        cr_expect_leq(r.element_bound, VERIFY_ELEMENT_BOUND);
    }
}

#if HARNESS_CPU
static void check_products(const char *isa) {
    device d;
    device_options options = {.precision = PRECISION_BF16};
    if (isa) setenv("HARNESS_ISA", isa, 1);
    MUST(device_open_named(&d, "cpu", &options));
    check_bf16(&d, isa ? isa : "best", 3);
    device_close(&d);
    unsetenv("HARNESS_ISA");
}

CleanTest(precision, bf16_products_keep_the_bounds_of_fp32) {
    device_info info;
    check_products(NULL);
    check_products("baseline");
    cpu_info(&info, 0);
    if (!strcmp(info.isa, "avx512")) check_products("avx2");
}

// oneDNN's own products, also where they are the slower ones
CleanTest(precision, products_of_avx512_bf16_keep_the_bounds_of_fp32) {
    device_info info;
    setenv("HARNESS_ISA", "avx512_bf16", 1); // before the processor is asked
    cpu_info(&info, 0);
    if (!info.has_bf16) cr_skip_test("this processor has no AVX512-BF16");
    check_products("avx512_bf16");
}

/* y = x weight^T of one row: x holds 1 + 2^-9, which is 1 in bf16. */
typedef struct one_product {
    device d;
    arena memory;
    plan p;
    span x, y, weight, moment[2], gradient, table, norm;
} one_product;

enum { WIDTH = 32 };
static const step_info one_step = {
    .step = 1, .micro_count = 1, .micros = &(micro_sizes){.tokens = 1}};

static void product_open(one_product *o, bool updates) {
    float ones[WIDTH * WIDTH];
    MUST(device_open_named(&o->d, "cpu", &(device_options){.precision = PRECISION_BF16}));
    arena_init(&o->memory, &o->d, 0, true);
    span *all[] = {&o->x,         &o->y,        &o->weight, &o->moment[0],
                   &o->moment[1], &o->gradient, &o->table,  &o->norm};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        MUST(arena_take(&o->memory, all[i], WIDTH * WIDTH, ELEM_F32));
    for (size_t i = 0; i < WIDTH * WIDTH; i++) ones[i] = 1 + 0x1p-9f;
    MUST(device_write_f32(o->x, ones, WIDTH));
    MUST(device_write_f32(o->weight, ones, WIDTH * WIDTH));
    MUST(device_write_f32(o->gradient, ones, WIDTH * WIDTH));
    MUST(device_write_f32(o->norm, (float[]){1, 1, 1, 0}, 4));
    // step 1 adds -1000 times the moments' quotient
    MUST(device_write_f32(o->table, (float[]){0, 0, 0, 0, 1, 1000, 1, 0}, 8));
    plan_init(&o->p, &o->d);
    plan_part_begin(&o->p, PART_MICRO);
    const struct linear_fwd product = {
        .y = o->y, .x = o->x, .weight = o->weight, .rows = dim_fixed(1), .n = WIDTH, .k = WIDTH};
    MUST(op_linear_fwd(&o->p, &product));
    plan_part_begin(&o->p, PART_END);
    const struct adamw update = {.p = o->weight,
                                 .m = o->moment[0],
                                 .v = o->moment[1],
                                 .g = o->gradient,
                                 .table = o->table,
                                 .norm = o->norm,
                                 .count = WIDTH * WIDTH,
                                 .beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .eps = 1e-8f};
    if (updates) MUST(op_adamw(&o->p, &update));
    MUST(plan_ready(&o->p));
}

static float product_run(one_product *o) {
    MUST(plan_submit(&o->p, &one_step));
    MUST(plan_wait(&o->p, 0));
    return (float)span_real(o->y, WIDTH - 1);
}

static void product_close(one_product *o) {
    plan_free(&o->p);
    arena_free(&o->memory);
    device_close(&o->d);
}

CleanTest(precision, bf16_weights_are_rounded_again_when_they_change) {
    float twos[WIDTH * WIDTH];
    one_product o = {0};
    product_open(&o, false);
    cr_expect_eq(product_run(&o), WIDTH, "not rounded: %g", (double)product_run(&o));
    for (size_t i = 0; i < WIDTH * WIDTH; i++) twos[i] = 2;
    MUST(device_write_f32(o.weight, twos, WIDTH * WIDTH));
    cr_expect_eq(product_run(&o), 2 * WIDTH, "the host's weights were not seen");
    product_close(&o);
    product_open(&o, true);
    float before = product_run(&o);
    cr_expect_lt(product_run(&o), before - 100, "the optimizer's weights were not seen");
    product_close(&o);
}
#endif

#if HARNESS_VULKAN
/* By matrices where the device has them, else rounded in the f32 kernels: within the bounds of fp32
 * either way, and info tells which. */
static void check_vulkan_bf16(const char *selector, const char *family, size_t products) {
    device d;
    device_options options = {.precision = PRECISION_BF16, .validation = true};
    setenv("HARNESS_VULKAN_KERNELS", family, 1);
    MUST(device_open_named(&d, selector, &options));
    bool is_rounded = strstr(d.info.kernels, ", bf16 rounded in f32") != NULL;
    cr_expect(is_rounded || strstr(d.info.kernels, ", matrices bf16 "), "kernels %s",
              d.info.kernels);
    cr_expect_eq(is_rounded, *d.info.bf16_lacks != '\0', "lacks '%s'", d.info.bf16_lacks);
    check_bf16(&d, family, products);
    cr_expect_eq(d.validation_errors, 0);
    device_close(&d);
    unsetenv("HARNESS_VULKAN_KERNELS");
}

CleanTest(precision, bf16_on_vulkan_keeps_the_bounds_of_fp32) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    check_vulkan_bf16(test_device(), "", 3);
    check_vulkan_bf16(test_device(), "register", 3);
    check_vulkan_bf16(test_device(), "tile", 3);
}

Test(precision, bf16_on_swiftshader_keeps_the_bounds_of_fp32) {
    if (!need_vulkan("swiftshader")) cr_skip_test("no SwiftShader");
    // how it rounds; that each product does is the same shaders' on the other driver
    check_vulkan_bf16("swiftshader", "", 1);
}

/* Where the device has none it says so; where it has them the products keep the f16 bounds. */
Test(precision, vulkan_refuses_fp16_or_keeps_its_bounds) {
    static const op_kind products[] = {OP_linear_fwd, OP_linear_dx, OP_linear_dw};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    device d;
    device_info info;
    // a layer as old as headers without the extension takes its shaders for faulty ones
#ifdef VK_KHR_cooperative_matrix
    device_options options = {.precision = PRECISION_FP16, .validation = true};
#else
    device_options options = {.precision = PRECISION_FP16};
#endif
    MUST(device_find(&info, test_device()));
    if (!info.has_matrix) {
        MUST_FAIL(device_open(&d, &info, &options), ERR_UNSUPPORTED,
                  "precision fp16 needs cooperative matrices; missing: VK_KHR_cooperative_matrix");
        return;
    }
    MUST(device_open(&d, &info, &options));
    for (size_t i = 0; i < 3; i++) {
        verify_result r;
        MUST(verify_op(&r, &d, products[i], VERIFY_QUICK));
        cr_expect_eq(r.failed, 0, "%s: %s", op_name(products[i]), r.failure);
        cr_expect_gt(r.worst_nmse, 1e-10, "%s: not in f16", op_name(products[i]));
        cr_expect_geq(r.element_bound, VERIFY_F16_ELEMENT_BOUND);
    }
    cr_expect_eq(d.validation_errors, 0, "%llu validation messages",
                 (unsigned long long)d.validation_errors);
    device_close(&d);
}
#endif

/* shaders/spirv/SHA256SUMS: "<hex>  <path>" a line. */
Test(precision, prebuilt_shaders_are_of_their_sources) {
    static const char folder[] = HARNESS_SOURCE_DIR "/shaders/spirv/";
    char expected[128], name[128], path[512], found[HASH_HEX_BYTES];
    int count = 0;
    FILE *list = fopen(HARNESS_SOURCE_DIR "/shaders/spirv/SHA256SUMS", "r");
    cr_assert_not_null(list);
    while (fscanf(list, "%127s %127s", expected, name) == 2) {
        snprintf(path, sizeof path, "%s%s", folder, name);
        MUST(hash_file_hex(path, found));
        cr_expect_str_eq(found, expected, "%s changed: run shaders/spirv/build", name);
        count++;
    }
    fclose(list);
    cr_assert_geq(count, 16);
}
