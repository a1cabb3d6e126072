/* Tiles of products are pure functions of a device's limits and the shape, a row a vendor. */
#include <criterion/criterion.h>

#if HARNESS_VULKAN
#include "compute/vulkan/vulkan_internal.h"

enum { AMD = 0x1002, NVIDIA = 0x10de, INTEL = 0x8086, BROADCOM = 0x14e4, SHAPE = 0x101010 };

static device_info gpu(uint32_t vendor, device_class class, uint32_t shared) {
    return (device_info){.kind = DEVICE_VULKAN,
                         .class = class,
                         .vendor = vendor,
                         .subgroup_size = 32,
                         .max_workgroup = 1024,
                         .max_shared_bytes = shared};
}

Test(vulkan_tiles, large_tiles_where_they_fit_the_registers) {
    static const struct {
        uint32_t vendor;
        device_class class;
        uint32_t shared, m, n, splits, side, largest;
    } cases[] = {
        {AMD, CLASS_DISCRETE, 65536, 2048, 1024, 1, 128, 128}, // 16 x 8 tiles
        {AMD, CLASS_DISCRETE, 65536, 2048, 1023, 1, 128, 128},
        {AMD, CLASS_DISCRETE, 65536, 2048, 896, 1, 64, 128}, // 112
        {AMD, CLASS_DISCRETE, 65536, 2048, 256, 4, 128, 128},
        {AMD, CLASS_DISCRETE, 65536, 2048, 128, 9, 64, 128}, // of splits no more than 4 count
        {NVIDIA, CLASS_DISCRETE, 49152, 2048, 1024, 1, 128, 128},
        {NVIDIA, CLASS_INTEGRATED, 49152, 1024, 512, 1, 128, 128},
        {INTEL, CLASS_DISCRETE, 65536, 4096, 4096, 4, 64, 64},
        {INTEL, CLASS_INTEGRATED, 65536, 4096, 4096, 4, 64, 64},
        {BROADCOM, CLASS_INTEGRATED, 16384, 4096, 4096, 4, 0, 0},
        {AMD, CLASS_DISCRETE, 32767, 4096, 4096, 4, 0, 0},
        {0x5143, CLASS_INTEGRATED, 32768, 4096, 4096, 4, 64, 64}, // Qualcomm: nothing is known
        {0x10005, CLASS_SOFTWARE, 32768, 257, 387, 1, 128, 128},  // Mesa's
        {0x1ae0, CLASS_SOFTWARE, 32768, 257, 387, 1, 128, 128},   // SwiftShader's, Google
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        device_info d = gpu(cases[i].vendor, cases[i].class, cases[i].shared);
        cr_expect_eq(vulkan__tile_side(&d, cases[i].m, cases[i].n, cases[i].splits), cases[i].side,
                     "case %zu", i);
        cr_expect_eq(vulkan__largest_side(&d), cases[i].largest, "case %zu", i);
    }
}

Test(vulkan_tiles, large_matrices_where_they_fit) {
    device_info d = gpu(AMD, CLASS_DISCRETE, 65536);
    cr_expect(vulkan__matrix_is_large(&d, SHAPE, 1280, 1024, 1)); // 80 tiles
    cr_expect_not(vulkan__matrix_is_large(&d, SHAPE, 1280, 896, 1));
    cr_expect(vulkan__matrix_is_large(&d, SHAPE, 1280, 512, 2));
    d.max_shared_bytes = 20480 + 32 * 256 - 1;
    cr_expect_not(vulkan__matrix_is_large(&d, SHAPE, 1280, 1024, 1));
    d = gpu(INTEL, CLASS_DISCRETE, 65536);
    cr_expect_not(vulkan__matrix_is_large(&d, SHAPE, 1280, 1024, 1));
    d = gpu(AMD, CLASS_DISCRETE, 65536);
    d.max_workgroup = 255;
    cr_expect_not(vulkan__matrix_is_large(&d, SHAPE, 1280, 1024, 1));
}
#endif
