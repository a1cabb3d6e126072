/* Rows of Philox4x32-10 blocks, several at a time. Included by kernels_body.h, once per instruction
 * set. */
#ifndef HARNESS_COMPUTE_CPU_KERNELS_PHILOX_H
#define HARNESS_COMPUTE_CPU_KERNELS_PHILOX_H

#include "base/rng.h"
#include "compute/cpu/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#elif CPU_NEON
#include <arm_neon.h>
#endif

/* Blocks of one call; words written come in multiples of 4 times this. */
#if defined(__AVX512F__)
enum { PHILOX_BLOCKS = 8 };
typedef __m512i wide;
#define wide_all(x) _mm512_set1_epi64((long long)(x))
#define wide_multiply(a, b) _mm512_mul_epu32(a, b)
#define wide_high(a) _mm512_srli_epi64(a, 32)
#define wide_xor(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#elif defined(__AVX2__)
enum { PHILOX_BLOCKS = 4 };
typedef __m256i wide;
#define wide_all(x) _mm256_set1_epi64x((long long)(x))
#define wide_multiply(a, b) _mm256_mul_epu32(a, b)
#define wide_high(a) _mm256_srli_epi64(a, 32)
#define wide_xor(a, b, c) _mm256_xor_si256(_mm256_xor_si256(a, b), c)
#elif CPU_NEON
enum { PHILOX_BLOCKS = 4 };
#else
enum { PHILOX_BLOCKS = 1 };
#endif

#if defined(__AVX2__)
/* Stores PHILOX_BLOCKS blocks whose words are in the low halves of the lanes of a, b, c and d. */
static inline void philox_store(uint32_t *to, wide a, wide b, wide c, wide d) {
#if defined(__AVX512F__)
    wide ab = _mm512_mask_blend_epi32(0xAAAA, a, _mm512_slli_epi64(b, 32));
    wide cd = _mm512_mask_blend_epi32(0xAAAA, c, _mm512_slli_epi64(d, 32));
    const wide low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    const wide high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    _mm512_storeu_si512((void *)to, _mm512_permutex2var_epi64(ab, low, cd));
    _mm512_storeu_si512((void *)(to + 16), _mm512_permutex2var_epi64(ab, high, cd));
#else
    wide ab = _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xAA);
    wide cd = _mm256_blend_epi32(c, _mm256_slli_epi64(d, 32), 0xAA);
    wide low = _mm256_unpacklo_epi64(ab, cd), high = _mm256_unpackhi_epi64(ab, cd);
    _mm256_storeu_si256((void *)to, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256((void *)(to + 8), _mm256_permute2x128_si256(low, high, 0x31));
#endif
}

/* words of counters (first ... first + PHILOX_BLOCKS - 1, position, ordinal, step). A lane of 64
 * bits holds one word of one block; what collects in its upper half is never read: multiply takes
 * the lower. */
static inline void philox_blocks(uint32_t *to, uint32_t first, const cpu_dropout *k) {
#if defined(__AVX512F__)
    wide a = _mm512_add_epi64(wide_all(first), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
#else
    wide a = _mm256_add_epi64(wide_all(first), _mm256_setr_epi64x(0, 1, 2, 3));
#endif
    wide b = wide_all(k->position), c = wide_all(k->ordinal), d = wide_all(k->step);
    const wide m0 = wide_all(0xD2511F53u), m1 = wide_all(0xCD9E8D57u);
    uint32_t k0 = k->seed, k1 = k->site;
    for (int round = 0; round < 10; round++) {
        wide x = wide_multiply(m0, a), y = wide_multiply(m1, c);
        a = wide_xor(wide_high(y), b, wide_all(k0));
        b = y;
        c = wide_xor(wide_high(x), d, wide_all(k1));
        d = x;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    philox_store(to, a, b, c, d);
}
#elif CPU_NEON
/* The lower (low) and upper halves of four products of 64 bits. */
static inline uint32x4_t product_halves(uint32x4_t *low, uint32x4_t a, uint32x4_t b) {
    uint32x4_t x = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a), vget_low_u32(b)));
    uint32x4_t y = vreinterpretq_u32_u64(vmull_high_u32(a, b));
    *low = vuzp1q_u32(x, y);
    return vuzp2q_u32(x, y);
}

/* words of counters (first ... first + 3, position, ordinal, step), a lane for each block */
static inline void philox_blocks(uint32_t *to, uint32_t first, const cpu_dropout *k) {
    static const uint32_t steps[4] = {0, 1, 2, 3};
    uint32x4x4_t w = {{vaddq_u32(vdupq_n_u32(first), vld1q_u32(steps)), vdupq_n_u32(k->position),
                       vdupq_n_u32(k->ordinal), vdupq_n_u32(k->step)}};
    const uint32x4_t m0 = vdupq_n_u32(0xD2511F53u), m1 = vdupq_n_u32(0xCD9E8D57u);
    uint32_t k0 = k->seed, k1 = k->site;
    for (int round = 0; round < 10; round++) {
        uint32x4_t x, y, high_x = product_halves(&x, m0, w.val[0]);
        uint32x4_t high_y = product_halves(&y, m1, w.val[2]);
        w.val[0] = veorq_u32(veorq_u32(high_y, w.val[1]), vdupq_n_u32(k0));
        w.val[1] = y;
        w.val[2] = veorq_u32(veorq_u32(high_x, w.val[3]), vdupq_n_u32(k1));
        w.val[3] = x;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    vst4q_u32(to, w);
}
#else
static inline void philox_blocks(uint32_t *to, uint32_t first, const cpu_dropout *k) {
    philox r = philox4x32((philox){{first, k->position, k->ordinal, k->step}}, k->seed, k->site);
    memcpy(to, r.v, sizeof r.v);
}
#endif

/* Words of `blocks` blocks from 0; space for blocks rounded up to PHILOX_BLOCKS is needed. */
static inline void philox_row(uint32_t *words, size_t blocks, const cpu_dropout *k) {
    for (size_t b = 0; b < blocks; b += PHILOX_BLOCKS) philox_blocks(words + 4 * b, (uint32_t)b, k);
}

/* See kernels.h. */
static void keep_row(float *keep, size_t n, const cpu_dropout *d) {
    const uint32_t threshold = d->threshold;
    const float scale = d->scale;
    uint32_t *words = (uint32_t *)(void *)keep; // each word is replaced by its factor
    philox_row(words, (n + 3) / 4, d);
    _Pragma("omp simd") for (size_t i = 0; i < n; i++) keep[i] =
        words[i] >= threshold ? scale : 0.0f;
}

#endif
