/* A vector of f32 and what products do with it, for the instruction set that the including file is
 * compiled for. VECS: vectors of columns that a block of four rows holds in registers (attention);
 * TILE_ROWS x TILE_VECS: the block of kernels_product.h. */
#ifndef HARNESS_COMPUTE_CPU_KERNELS_VECTOR_H
#define HARNESS_COMPUTE_CPU_KERNELS_VECTOR_H

#include <stddef.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif CPU_NEON
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
typedef __m512 vec;
enum { VEC = 16, VECS = 4, TILE_ROWS = 8, TILE_VECS = 3 };
#define vec_load(p) _mm512_loadu_ps(p)
#define vec_store(p, x) _mm512_storeu_ps(p, x)
#define vec_all(x) _mm512_set1_ps(x)
#define vec_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#elif defined(__AVX2__) && defined(__FMA__)
typedef __m256 vec;
enum { VEC = 8, VECS = 2, TILE_ROWS = 4, TILE_VECS = 3 };
#define vec_load(p) _mm256_loadu_ps(p)
#define vec_store(p, x) _mm256_storeu_ps(p, x)
#define vec_all(x) _mm256_set1_ps(x)
#define vec_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#elif CPU_NEON
typedef float32x4_t vec;
enum { VEC = 4, VECS = 4, TILE_ROWS = 8, TILE_VECS = 3 };
#define vec_load(p) vld1q_f32(p)
#define vec_store(p, x) vst1q_f32(p, x)
#define vec_all(x) vdupq_n_f32(x)
#define vec_fma(a, b, c) vfmaq_f32(c, a, b)
// multiplied by a lane of a register: one load brings four rows
#define vec_of(p, i) vdupq_n_f32(vld1q_f32((p) + (i) / 4 * 4)[(i) % 4])
#else
typedef float vec __attribute__((vector_size(16)));
typedef float vec_memory __attribute__((vector_size(16), aligned(4), may_alias));
enum { VEC = 4, VECS = 2, TILE_ROWS = 4, TILE_VECS = 2 };
#define vec_load(p) ((vec)(*(const vec_memory *)(p)))
#define vec_store(p, x) (*(vec_memory *)(p) = (vec_memory)(x))
#define vec_all(x) ((vec){(x), (x), (x), (x)})
#define vec_fma(a, b, c) ((a) * (b) + (c))
#endif
#ifndef vec_of
#define vec_of(p, i) vec_all((p)[i]) /* element i of a row of at least TILE_ROWS in every lane */
#endif

// before a short loop over an array of vectors, which is to live in registers
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* to (4, 4), rows to_stride apart, = transpose of from, rows from_stride apart */
static inline void transpose_four(float *to, size_t to_stride, const float *from,
                                  size_t from_stride) {
#if defined(__x86_64__)
    __m128 x0 = _mm_loadu_ps(from), x1 = _mm_loadu_ps(from + from_stride);
    __m128 x2 = _mm_loadu_ps(from + 2 * from_stride), x3 = _mm_loadu_ps(from + 3 * from_stride);
    _MM_TRANSPOSE4_PS(x0, x1, x2, x3);
    _mm_storeu_ps(to, x0);
    _mm_storeu_ps(to + to_stride, x1);
    _mm_storeu_ps(to + 2 * to_stride, x2);
    _mm_storeu_ps(to + 3 * to_stride, x3);
#elif CPU_NEON
    float32x4x2_t a = vtrnq_f32(vld1q_f32(from), vld1q_f32(from + from_stride));
    float32x4x2_t b =
        vtrnq_f32(vld1q_f32(from + 2 * from_stride), vld1q_f32(from + 3 * from_stride));
    for (size_t i = 0; i < 2; i++) {
        vst1q_f32(to + i * to_stride, vcombine_f32(vget_low_f32(a.val[i]), vget_low_f32(b.val[i])));
        vst1q_f32(to + (i + 2) * to_stride,
                  vcombine_f32(vget_high_f32(a.val[i]), vget_high_f32(b.val[i])));
    }
#else
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++) to[i * to_stride + k] = from[k * from_stride + i];
#endif
}

#endif
