/* exp, GELU and tanh as straight-line code that the compiler vectorises. Included by
 * kernels_body.h, once per instruction set. */
#ifndef HARNESS_COMPUTE_CPU_KERNELS_MATH_H
#define HARNESS_COMPUTE_CPU_KERNELS_MATH_H

#include <stdint.h>
#include <string.h>

// a b + c, in one rounding where the instruction set has that: fixed for one set, whatever the
// compiler
#if defined(__FMA__) || CPU_NEON
#define FUSED(a, b, c) __builtin_fmaf((a), (b), (c))
#else
#define FUSED(a, b, c) ((a) * (b) + (c))
#endif

static inline float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* exp(x) with relative error below 2e-7 for x in [-87.3, 88.3]; below, 1.2e-38 (in place of less),
 * above, 2.3e38. NaN stays. Range reduction x = n ln 2 + r with ln 2 in two parts (Cody, Waite),
 * then the polynomial of Cephes' expf. */
static inline float exp_of(float x) {
    const float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    x = x < -87.33654f ? -87.33654f : x;
    x = x > 88.3f ? 88.3f : x;
    float n = FUSED(x, 1.44269504088896341f, magic) - magic;
    float r = FUSED(n, 2.12194440e-4f, FUSED(n, -0.693359375f, x));
    float q = 1.9875691500e-4f;
    q = FUSED(q, r, 1.3981999507e-3f);
    q = FUSED(q, r, 8.3334519073e-3f);
    q = FUSED(q, r, 4.1665795894e-2f);
    q = FUSED(q, r, 1.6666665459e-1f);
    q = FUSED(q, r, 5.0000001201e-1f);
    float y = FUSED(q, r * r, r) + 1.0f;
    return y * float_of((uint32_t)((int32_t)n + 127) << 23);
}

/* Phi(-|x|), the lower tail of the normal distribution, given e = exp(-x^2 / 2):
 * erfc(z) = e t P(t), t = 1 / (1 + 0.45 z), z = |x| / sqrt 2. P was fitted at Chebyshev points; its
 * relative error is below 4e-7 for |x| < 13, beyond which e is below 1e-36. */
static inline float tail_of(float x, float e) {
    float z = __builtin_fabsf(x) * 0.70710678f;
    float t = 1.0f / FUSED(0.45f, z, 1.0f);
    float q = 0.06526698917150497f;
    q = FUSED(q, t, -0.23373886942863464f);
    q = FUSED(q, t, 0.19785892963409424f);
    q = FUSED(q, t, 0.0501064732670784f);
    q = FUSED(q, t, 0.18363423645496368f);
    q = FUSED(q, t, 0.22953666746616364f);
    q = FUSED(q, t, 0.25341299176216125f);
    q = FUSED(q, t, 0.25392282009124756f);
    return 0.5f * e * (q * t);
}

/* x Phi(x). Relative error below 1e-6 (|x| < 5), absolute error below 1e-6 |x| everywhere. */
static inline float gelu_of(float x) {
    float lower = tail_of(x, exp_of(-0.5f * x * x));
    return x * (x < 0 ? lower : 1.0f - lower);
}

/* Phi(x) + x phi(x), absolute error below 1e-6. */
static inline float gelu_slope_of(float x) {
    float e = exp_of(-0.5f * x * x), lower = tail_of(x, e);
    return FUSED(x, 0.39894228f * e, x < 0 ? lower : 1.0f - lower);
}

/* tanh(x): Cephes' polynomial below 0.625, (1 - e) / (1 + e) with e = exp(-2 |x|) above; relative
 * error below 4e-7. */
static inline float tanh_of(float x) {
    float a = __builtin_fabsf(x), z = x * x;
    float q = -5.70498872745e-3f;
    q = FUSED(q, z, 2.06390887954e-2f);
    q = FUSED(q, z, -5.37397155531e-2f);
    q = FUSED(q, z, 1.33314422036e-1f);
    q = FUSED(q, z, -3.33332819422e-1f);
    float small = FUSED(q * z, x, x);
    float e = exp_of(-2.0f * a);
    float large = __builtin_copysignf((1.0f - e) / (1.0f + e), x);
    return a < 0.625f ? small : large;
}

static inline float tanh_slope_of(float y) {
    return 1.0f - y * y;
}

static inline float relu_of(float x) {
    return x > 0 ? x : 0.0f;
}

static inline float relu_slope_of(float x) {
    return x > 0 ? 1.0f : 0.0f;
}

/* tanh in GELU's approximation. */
static inline float gelu_tanh_part(float x) {
    return tanh_of(0.79788456f * FUSED(0.044715f * x * x, x, x));
}

static inline float gelu_tanh_of(float x) {
    return 0.5f * x * (1.0f + gelu_tanh_part(x));
}

static inline float gelu_tanh_slope_of(float x) {
    float t = gelu_tanh_part(x);
    float slope = 0.79788456f * FUSED(0.134145f * x, x, 1.0f);
    return 0.5f * FUSED(x * (1.0f - t * t), slope, 1.0f + t);
}

#endif
