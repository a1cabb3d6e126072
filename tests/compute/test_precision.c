/* Precision fp16: who is refused, what the prebuilt shader was made from, and the products. */
#include "base/hash.h"
#include "compute/verify/verify.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#if HARNESS_VULKAN
#include <vulkan/vulkan_core.h>
#endif

#include <stdio.h>
#include <string.h>

Test(precision, names) {
    device_precision p;
    MUST(device_precision_find(&p, NULL));
    cr_assert_eq(p, PRECISION_FP32);
    MUST(device_precision_find(&p, "auto"));
    cr_assert_eq(p, PRECISION_FP32);
    MUST(device_precision_find(&p, "fp16"));
    cr_assert_eq(p, PRECISION_FP16);
    MUST_FAIL(device_precision_find(&p, "bf16"), ERR_USAGE,
              "precision 'bf16' is not built yet (known: fp32, fp16, auto)");
}

Test(precision, host_devices_refuse_fp16) {
    device d;
    device_options options = {.precision = PRECISION_FP16};
    MUST_FAIL(device_open_named(&d, "reference", &options), ERR_UNSUPPORTED,
              "precision fp16 needs cooperative matrices; missing: a Vulkan device");
}

#if HARNESS_VULKAN
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
    cr_assert_geq(count, 6);
}
