#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

double rng_normal(uint32_t seed, uint32_t site, uint64_t index) {
    uint64_t pair = index / 2;
    philox r = philox4x32((philox){{(uint32_t)pair, (uint32_t)(pair >> 32), 0, 0}}, seed, site);
    // 53 bits in (0, 1]: the logarithm is finite
    double u1 = ((double)(((uint64_t)r.v[0] << 21) | (r.v[1] >> 11)) + 1.0) * 0x1p-53;
    double u2 = (double)(((uint64_t)r.v[2] << 21) | (r.v[3] >> 11)) * 0x1p-53;
    double radius = sqrt(-2.0 * log(u1));
    double angle = 2.0 * 3.14159265358979323846 * u2;
    return index % 2 ? radius * sin(angle) : radius * cos(angle);
}

static _Thread_local uint32_t order_seed, order_epoch;

static uint64_t order_key(uint32_t row) {
    philox r = philox4x32((philox){{row, order_epoch, 0, 0}}, order_seed, RNG_SITE_ORDER);
    return (uint64_t)r.v[1] << 32 | r.v[0];
}

static int by_key(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    uint64_t kx = order_key(x), ky = order_key(y);
    if (kx != ky) return kx < ky ? -1 : 1;
    return (x > y) - (x < y);
}

void rng_order(uint32_t *order, size_t count, uint32_t seed, uint32_t epoch) {
    order_seed = seed;
    order_epoch = epoch;
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    qsort(order, count, sizeof *order, by_key);
}

enum { FEISTEL_ROUNDS = 6 };

static uint32_t feistel_mix(uint64_t half, uint32_t round, uint32_t seed, uint32_t site) {
    return philox4x32((philox){{(uint32_t)half, round, 0, 0}}, seed, site).v[0];
}

uint64_t rng_permuted(uint64_t i, uint64_t count, uint32_t seed, uint32_t epoch) {
    uint32_t bits = 1, site = RNG_SITE_PERMUTATION + epoch; // bits of a half
    while (bits < 32 && (uint64_t)1 << (2 * bits) < count) bits++;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    do {
        uint64_t left = i >> bits, right = i & mask;
        for (uint32_t round = 0; round < FEISTEL_ROUNDS; round++) {
            uint64_t mixed = (left ^ feistel_mix(right, round, seed, site)) & mask;
            left = right;
            right = mixed;
        }
        i = left << bits | right;
    } while (i >= count);
    return i;
}
