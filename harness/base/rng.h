/* Counter-based random numbers: the same counter and key give the same bits on every device.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011). The shaders hold the same function; tests compare both with the authors' known answers. */
#ifndef HARNESS_BASE_RNG_H
#define HARNESS_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct philox {
    uint32_t v[4];
} philox;

/* One block of four 32-bit words from counter c and key (k0, k1). Inline: it is the inner loop of
 * dropout. */
static inline philox philox4x32(philox c, uint32_t k0, uint32_t k1) {
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c.v[0];
        uint64_t b = (uint64_t)0xCD9E8D57u * c.v[2];
        c = (philox){{(uint32_t)(b >> 32) ^ c.v[1] ^ k0, (uint32_t)b,
                      (uint32_t)(a >> 32) ^ c.v[3] ^ k1, (uint32_t)a}};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

/* Key words ("sites") that separate the streams drawn from one seed. Dropout sites count up from
 * 0. */
enum {
    RNG_SITE_INIT = 0x10000000,  /* + index of the parameter */
    RNG_SITE_ORDER = 0x20000000, /* data order; counter (row, epoch) */
    RNG_SITE_BOOTSTRAP = 0x30000000,
    RNG_SITE_MASKING = 0x40000000,     /* counter (place, epoch, sentence low, high) */
    RNG_SITE_PERMUTATION = 0x50000000, /* + epoch; counter (half, round, 0, 0) */
    RNG_SITE_TUNE = 0x60000000,        /* counter (trial, hyperparameter, 0, 0) */
    RNG_SITE_STEPS = 0x70000000        /* counter (order, four places, 0, 0) */
};

/* Element `index` of the standard normal stream of (seed, site): Box-Muller on one Philox block of
 * counter (index / 2 low, high, 0, 0); even and odd elements are its cosine and sine. */
double rng_normal(uint32_t seed, uint32_t site, uint64_t index);

/* Random order of 0..count-1 for (seed, epoch), written to order (count): the rows sorted by
 * (64 bits of Philox counter (row, epoch, 0, 0), row). A function of its arguments alone. */
void rng_order(uint32_t *order, size_t count, uint32_t seed, uint32_t epoch);

/* Element i of an order of 0 to count - 1 for (seed, epoch), without the others: a Feistel network
 * of Philox over the next power of four, walked until it falls below count (at most 4 turns on
 * average). pre: i < count. */
uint64_t rng_permuted(uint64_t i, uint64_t count, uint32_t seed, uint32_t epoch);

#endif
