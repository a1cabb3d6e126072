/* Serial kernels of the native CPU device, compiled once per instruction set (kernels_*.c) from one
 * source (kernels_body.h), so that one program serves every x86-64 and every arm64.
 *
 * A kernel works on rows or blocks that one thread holds; cpu__for spreads them over threads. Sums
 * run in an order fixed by the sizes and the instruction set. Arrays may have any alignment unless
 * said. */
#ifndef HARNESS_COMPUTE_CPU_KERNELS_H
#define HARNESS_COMPUTE_CPU_KERNELS_H

#include "compute/ops.h"

/* Dropout of one row: counter words 1 to 3 and the key; see ops.h. p == 0: none. */
typedef struct cpu_dropout {
    uint32_t position, ordinal, step; /* position | head << 16 */
    uint32_t seed, site;
    uint32_t threshold; /* keep iff word >= threshold */
    float scale;        /* 1 / (1 - p) */
} cpu_dropout;

/* One sentence and head of attention, forward or backward. Rows of qkv and dqkv are 3H apart, rows
 * of out and dout H; all point at the sentence's first token and the head's first column. */
typedef struct cpu_attention {
    const float *qkv, *out, *dout, *lse; /* out, dout, lse: backward */
    float *out_to, *lse_to;              /* forward */
    float *dqkv;                         /* backward */
    size_t hidden, head_size, length;
    float scale;
    bool has_dropout;
    cpu_dropout drop; /* its position holds head << 16 */
    float *workspace; /* cpu__attention_workspace floats, aligned to 64 bytes */
} cpu_attention;

/* One sentence and head of first_attention. Rows of kv and dkv are 2H apart and hold k, and v H
 * further; all point at the head's first column. */
typedef struct cpu_first_attention {
    const float *q, *kv, *dout; /* dout: backward */
    float *out;                 /* forward */
    float *dq, *dkv;            /* backward */
    size_t hidden, head_size, length;
    float scale;
    bool has_dropout;
    cpu_dropout drop;
    float *workspace; /* cpu__first_attention_workspace floats, aligned to 64 bytes */
} cpu_first_attention;

/* A factor of a product: element (i, l) of a row or column i lies at at[i * outer + l * depth]. One
 * of the strides is 1. */
typedef struct cpu_factor {
    const float *at;
    size_t outer, depth;
} cpu_factor;

/* Constants of AdamW, and the step's scalars. */
typedef struct cpu_adam {
    float decay, step_size, bias2; /* decay 1: none */
    float clip;
    float beta2, rest1, rest2, eps; /* rest: 1 - beta */
} cpu_adam;

typedef struct cpu_kernels {
    const char *isa; /* "avx512", "avx2", "neon", "baseline" */
    /* y = a + b + c */
    void (*add_three)(float *y, const float *a, const float *b, const float *c, size_t n);
    void (*add)(float *y, const float *x, size_t n);                      /* y += x */
    void (*multiply)(float *y, const float *x, const float *f, size_t n); /* y = x f */
    void (*add_scaled)(float *y, const float *x, float f, size_t n);      /* y += x f */
    float (*dot)(const float *a, const float *b, size_t n);
    void (*round_bf16)(float *y, const float *x, size_t n); /* y = the nearest bf16 of x */
    void (*pack_bf16)(uint16_t *y, const float *x, size_t n);
    /* The same of a (rows, columns) part of x, turned: y (columns rounded up to 32, 32), 0 where x has
     * nothing. At most 32 rows and 64 columns; strides between rows. */
    void (*turn_bf16)(uint16_t *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                      size_t columns);
    /* x (k, n), its rows stride apart (is_turned: they are x's columns), as AMX takes a right factor:
     * for each 64 columns k / 2 rows of 64 pairs, in whose lower half is the element of the row
     * above. pre: k is a multiple of 32, n of 64. */
    void (*pair_bf16)(uint32_t *y, const float *x, size_t stride, bool is_turned, size_t k,
                      size_t n);
    /* keep (n rounded up to 64) = 0 or scale, by the row's dropout words */
    void (*keep_row)(float *keep, size_t n, const cpu_dropout *d);
    /* One row of layernorm_fwd; sum, residual and the keeps may be NULL as the op says. */
    void (*norm_fwd)(float *y, float *sum, float *mean, float *rstd, const float *x,
                     const float *residual, const float *keep_before, const float *keep_after,
                     const float *weight, const float *bias, size_t n, float eps);
    /* One row of layernorm_bwd; dweight, dbias += . d (n) is workspace. */
    void (*norm_bwd)(float *dsum, float *dx, float *dweight, float *dbias, float *d,
                     const float *dy, const float *sum, float mean, float rstd, const float *weight,
                     const float *keep_before, const float *keep_after, size_t n);
    /* z = x + bias; pre = z; y = act(z); pre and bias may be NULL, x may be y. */
    void (*finish_fwd)(float *y, const float *x, float *pre, const float *bias, activation act,
                       size_t n);
    /* dx = d act'(pre) + add; pre and add may be NULL; add may be dx, d may be dx. */
    void (*finish_dx)(float *dx, const float *d, const float *pre, activation act, const float *add,
                      size_t n);
    /* out (n) += sum of `rows` rows of x that are `stride` apart */
    void (*column_sums)(float *out, const float *x, size_t rows, size_t stride, size_t n);
    double (*square_sum)(const float *x, size_t n);
    /* c (m, n), rows ldc apart, = sum over l < k of a (i, l) b (j, l), + beta c unless beta is 0.
     * An element's bits depend on k alone. workspace: cpu__product_workspace(m) floats. */
    void (*product)(float *c, size_t ldc, cpu_factor a, cpu_factor b, size_t m, size_t n, size_t k,
                    float beta, float *workspace);
    void (*attention_fwd)(const cpu_attention *a);
    void (*attention_bwd)(const cpu_attention *a);
    void (*first_attention_fwd)(const cpu_first_attention *a);
    void (*first_attention_bwd)(const cpu_first_attention *a);
    void (*adam)(float *p, float *m, float *v, const float *g, size_t n, const cpu_adam *k);
    /* The same update with g = 0 for steps first to last of the table (rows of 4, as in ops.h). */
    void (*adam_replay)(float *p, float *m, float *v, size_t n, const float *table, uint32_t first,
                        uint32_t last, bool decay, const cpu_adam *k);
    void (*exponential)(float *y, const float *x, size_t n); /* see kernels_math.h for its bound */
    double (*exponential_sum)(const float *x, float shift, size_t n); /* sum of exp(x - shift) */
    /* y = exp(x - shift) * scale; y may be x */
    void (*exponential_scaled)(float *y, const float *x, float shift, float scale, size_t n);
} cpu_kernels;

extern const cpu_kernels cpu__kernels_baseline;
#if defined(__x86_64__)
extern const cpu_kernels cpu__kernels_avx2;
extern const cpu_kernels cpu__kernels_avx512;
#endif
#if defined(__aarch64__)
extern const cpu_kernels cpu__kernels_neon;
#endif

/* Query rows that attention handles at a time, and the workspace that one sentence needs in floats.
 */
enum { CPU_ATTENTION_ROWS = 32 };
enum { PRODUCT_DEPTH = 256 }; /* terms of a sum that a product packs at a time */
size_t cpu__attention_workspace(size_t length, size_t head_size);
size_t cpu__first_attention_workspace(size_t length);
size_t cpu__product_workspace(size_t rows);

#endif
