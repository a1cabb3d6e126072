/* bfloat16: the upper half of an f32. Values round to the nearest, of two equally near to the one
 * whose last bit is 0; NaN stays NaN, what lies beyond the largest becomes infinite. */
#ifndef HARNESS_COMPUTE_BF16_H
#define HARNESS_COMPUTE_BF16_H

#include <stdint.h>
#include <string.h>

static inline uint16_t bf16_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1);
    // a NaN's bits must not run over into those of a number
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded >> 16);
}

static inline float bf16_value(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float bf16_nearest(float x) {
    return bf16_value(bf16_bits(x));
}

#endif
