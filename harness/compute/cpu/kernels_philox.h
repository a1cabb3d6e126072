/* Rows of Philox4x32-10 blocks, several at a time. Included by kernels_body.h, once per instruction
 * set. */
#ifndef HARNESS_COMPUTE_CPU_KERNELS_PHILOX_H
#define HARNESS_COMPUTE_CPU_KERNELS_PHILOX_H

#include "base/rng.h"
#include "compute/cpu/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
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
