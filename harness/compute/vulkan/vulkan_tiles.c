/* Sides of the tiles of products on GPUs: a pure function of what a device says of itself and of the
 * product's shape, so that a device always sums in one order. */
#include "compute/vulkan/vulkan_internal.h"

enum {
    LARGE_SIDE = 128,
    SMALL_SIDE = 64,
    TILE_SHARED_BYTES = 32768, /* of linear_tile_128 and linear_tile_64; linear_tile has 8320 */
    SPLITS_FEW = 4,            /* rather these of large tiles than small tiles */
    MATRIX_STEP = 32,          /* of linear_matrix_large, along the sum */
    MATRIX_TILES_MIN = 80,     /* fewer of linear_matrix_large leave most of a GPU idle */
    MATRIX_OPERANDS =
        20480 /* bytes of shared memory for operands, without the subgroups' results */
};

/* The largest tile whose kernels spill no register, as tests/gpu/compile shows; of whom nothing is
 * known, the small one, which spills nowhere. Software has no such registers. */
static const struct vendor {
    uint32_t id;
    uint32_t side;
} vendors[] = {
    {0x1002, LARGE_SIDE}, // AMD
    {0x10de, LARGE_SIDE}, // NVIDIA
    {0x8086, SMALL_SIDE}, // Intel: linear_tile_128 spills 209
};

uint32_t vulkan__largest_side(const device_info *info) {
    if (info->max_shared_bytes < TILE_SHARED_BYTES) return 0;
    if (info->class == CLASS_SOFTWARE) return LARGE_SIDE;
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++)
        if (vendors[i].id == info->vendor) return vendors[i].side;
    return SMALL_SIDE;
}

static uint32_t divide_up(uint32_t a, uint32_t b) {
    return (a + b - 1) / b;
}

uint32_t vulkan__tile_count(uint32_t m, uint32_t n, uint32_t side) {
    return divide_up(m, side) * divide_up(n, side);
}

uint32_t vulkan__groups_wanted(const device_info *info) {
    switch (info->class) {
    case CLASS_DISCRETE:
    case CLASS_VIRTUAL: return 128;
    case CLASS_INTEGRATED: return 32;
    default: return 4;
    }
}

uint32_t vulkan__tile_side(const device_info *info, uint32_t m, uint32_t n, uint32_t splits) {
    uint32_t largest = vulkan__largest_side(info);
    if (largest < LARGE_SIDE) return largest;
    if (splits > SPLITS_FEW) splits = SPLITS_FEW;
    uint64_t groups = (uint64_t)vulkan__tile_count(m, n, LARGE_SIDE) * splits;
    return groups >= vulkan__groups_wanted(info) ? LARGE_SIDE : SMALL_SIDE;
}

bool vulkan__matrix_is_large(const device_info *info, uint32_t shape, uint32_t m, uint32_t n,
                             uint32_t splits) {
    uint32_t rows = shape & 255, columns = shape >> 8 & 255, depth = shape >> 16;
    uint32_t lanes = 8 * info->subgroup_size, quads = LARGE_SIDE * MATRIX_STEP / 4;
    uint64_t tiles = (uint64_t)vulkan__tile_count(m, n, LARGE_SIDE) * splits;
    return vulkan__largest_side(info) == LARGE_SIDE && 64 % rows == 0 && 32 % columns == 0 &&
           MATRIX_STEP % depth == 0 && lanes <= info->max_workgroup && quads % lanes == 0 &&
           MATRIX_OPERANDS + 32 * rows * columns <= info->max_shared_bytes &&
           tiles >= (info->class == CLASS_SOFTWARE ? 1 : MATRIX_TILES_MIN);
}
