/* Kernels on rows: the source of kernels_baseline.c, kernels_avx2.c, kernels_avx512.c and
 * kernels_neon.c, which define CPU_KERNELS (name of the table) and CPU_ISA (its text). Loops under `omp simd` are
 * vectorised for the file's instruction set; no multiply and add are fused here, so that AdamW
 * keeps its order of roundings. */
#include "compute/cpu/kernels.h"

#include "compute/bf16.h"
#include "compute/cpu/kernels_attention.h"
#include "compute/cpu/kernels_math.h"
#include "compute/cpu/kernels_philox.h"
#include "compute/cpu/kernels_product.h"

#include <math.h>

#define SIMD _Pragma("omp simd")

static void add_three(float *y, const float *a, const float *b, const float *c, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i] + c[i];
}

static void add(float *y, const float *x, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void multiply(float *y, const float *x, const float *f, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = x[i] * f[i];
}

static void round_bf16(float *y, const float *x, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = bf16_nearest(x[i]);
}

static void pack_bf16(uint16_t *y, const float *x, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = bf16_bits(x[i]);
}

enum { SIDE = 16, PAIRED_COLUMNS = 64 };
typedef uint32_t pair_row __attribute__((vector_size(SIDE * sizeof(uint32_t))));
#define LANES(f, s)                                                                                \
    f(s, 0), f(s, 1), f(s, 2), f(s, 3), f(s, 4), f(s, 5), f(s, 6), f(s, 7), f(s, 8), f(s, 9),      \
        f(s, 10), f(s, 11), f(s, 12), f(s, 13), f(s, 14), f(s, 15)
#define OF_UPPER(s, lane) ((lane) & (s) ? SIDE + (lane) - (s) : (lane))
#define OF_LOWER(s, lane) ((lane) & (s) ? SIDE + (lane) : (lane) + (s))
/* The upper right and the lower left part of each square of 2 s rows change places. */
#define EXCHANGE(s)                                                                                \
    UNROLLED for (size_t i = 0; i < SIDE; i++) {                                                   \
        if (i & (s)) continue;                                                                     \
        pair_row upper = v[i], lower = v[i + (s)];                                                 \
        v[i] = __builtin_shufflevector(upper, lower, LANES(OF_UPPER, s));                          \
        v[i + (s)] = __builtin_shufflevector(upper, lower, LANES(OF_LOWER, s));                    \
    }

/* y (16, 16) = x turned; strides between rows, in bytes. */
static void turn_square(void *y, size_t y_stride, const void *x, size_t x_stride) {
    pair_row v[SIDE];
    UNROLLED for (size_t i = 0; i < SIDE; i++)
        memcpy(&v[i], (const char *)x + i * x_stride, sizeof v[i]);
    EXCHANGE(8)
    EXCHANGE(4)
    EXCHANGE(2)
    EXCHANGE(1)
    UNROLLED for (size_t i = 0; i < SIDE; i++) memcpy((char *)y + i * y_stride, &v[i], sizeof v[i]);
}

/* Two rows as pairs: the lower half of y[i] is from above. */
static void pair_rows(uint32_t *y, const float *above, const float *below, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) {
        y[i] = bf16_bits(above[i]) | (uint32_t)bf16_bits(below[i]) << 16;
    }
}

static void turn_bf16(uint16_t *y, size_t y_stride, const float *x, size_t x_stride, size_t rows,
                      size_t columns) {
    static const float nothing[PAIRED_COLUMNS];
    uint32_t pairs[SIDE][PAIRED_COLUMNS];
    if (rows < 2 * SIDE || columns < PAIRED_COLUMNS) memset(pairs, 0, sizeof pairs);
    for (size_t r = 0; r < rows; r += 2) {
        const float *above = x + r * x_stride;
        pair_rows(pairs[r / 2], above, r + 1 < rows ? above + x_stride : nothing, columns);
    }
    for (size_t c = 0; c < columns; c += 2 * SIDE) {
        for (size_t i = c; i < c + 2 * SIDE; i += SIDE)
            turn_square(y + i * y_stride, y_stride * sizeof *y, &pairs[0][i], sizeof *pairs);
    }
}

static void pair_bf16(uint32_t *y, const float *x, size_t stride, bool is_turned, size_t k,
                      size_t n) {
    uint16_t block[SIDE][2 * SIDE]; // turned: some of x's rows
    for (size_t c = 0; c < n; c += PAIRED_COLUMNS) {
        for (size_t r = 0; r < k; r += 2 * SIDE, y += SIDE * PAIRED_COLUMNS) {
            for (size_t i = 0; i < SIDE && !is_turned; i++) {
                const float *above = x + (r + 2 * i) * stride + c;
                pair_rows(y + i * PAIRED_COLUMNS, above, above + stride, PAIRED_COLUMNS);
            }
            for (size_t j = 0; j < PAIRED_COLUMNS && is_turned; j += SIDE) {
                for (size_t i = 0; i < SIDE; i++)
                    pack_bf16(block[i], x + (c + j + i) * stride + r, 2 * SIDE);
                turn_square(y + j, PAIRED_COLUMNS * sizeof *y, block, sizeof *block);
            }
        }
    }
}

static void norm_sum(float *sum, const float *x, const float *residual, const float *keep,
                     size_t n) {
    if (residual && keep) {
        SIMD for (size_t i = 0; i < n; i++) sum[i] = residual[i] + x[i] * keep[i];
    } else if (residual) {
        SIMD for (size_t i = 0; i < n; i++) sum[i] = residual[i] + x[i];
    } else if (keep) {
        SIMD for (size_t i = 0; i < n; i++) sum[i] = x[i] * keep[i];
    } else {
        SIMD for (size_t i = 0; i < n; i++) sum[i] = x[i];
    }
}

static void norm_fwd(float *y, float *sum, float *mean, float *rstd, const float *x,
                     const float *residual, const float *keep_before, const float *keep_after,
                     const float *weight, const float *bias, size_t n, float eps) {
    if (sum) {
        norm_sum(sum, x, residual, keep_before, n);
        x = sum;
    }
    // sums of differences from the first element: at mean 100 the plain sum loses four digits
    float first = x[0], total = 0, square = 0;
    _Pragma("omp simd reduction(+ : total)") for (size_t i = 0; i < n; i++) total += x[i] - first;
    float average = first + total / (float)n;
    _Pragma("omp simd reduction(+ : square)") for (size_t i = 0; i < n; i++) {
        float d = x[i] - average;
        square += d * d;
    }
    float r = 1.0f / sqrtf(square / (float)n + eps);
    *mean = average;
    *rstd = r;
    if (keep_after) {
        SIMD for (size_t i = 0; i < n; i++) {
            y[i] = ((x[i] - average) * r * weight[i] + bias[i]) * keep_after[i];
        }
    } else {
        SIMD for (size_t i = 0; i < n; i++) y[i] = (x[i] - average) * r * weight[i] + bias[i];
    }
}

static void norm_bwd(float *dsum, float *dx, float *dweight, float *dbias, float *d,
                     const float *dy, const float *sum, float mean, float rstd, const float *weight,
                     const float *keep_before, const float *keep_after, size_t n) {
    float total = 0, with_x = 0; // of dy' weight, and of it times the normalised row
    if (keep_after) multiply(d, dy, keep_after, n);
    const float *from = keep_after ? d : dy;
    _Pragma("omp simd reduction(+ : total, with_x)") for (size_t i = 0; i < n; i++) {
        float normal = (sum[i] - mean) * rstd, g = from[i];
        dweight[i] += g * normal;
        dbias[i] += g;
        total += g * weight[i];
        with_x += g * weight[i] * normal;
    }
    total /= (float)n;
    with_x /= (float)n;
    SIMD for (size_t i = 0; i < n; i++) {
        float normal = (sum[i] - mean) * rstd;
        dsum[i] = rstd * (from[i] * weight[i] - total - normal * with_x);
    }
    if (keep_before) multiply(dx, dsum, keep_before, n);
}

// NOLINTBEGIN(bugprone-branch-clone): it does not look into OpenMP's loops, which differ
#define EACH(statement)                                                                            \
    do {                                                                                           \
        SIMD for (size_t i = 0; i < n; i++) statement;                                             \
    } while (0)

static void finish_fwd(float *y, const float *x, float *pre, const float *bias, activation act,
                       size_t n) {
    if (bias)
        EACH(y[i] = x[i] + bias[i]);
    else if (x != y)
        memcpy(y, x, n * sizeof *y);
    if (pre) memcpy(pre, y, n * sizeof *y);
    switch (act) {
    case ACT_GELU: EACH(y[i] = gelu_of(y[i])); break;
    case ACT_TANH: EACH(y[i] = tanh_of(y[i])); break;
    case ACT_RELU: EACH(y[i] = relu_of(y[i])); break;
    case ACT_GELU_TANH: EACH(y[i] = gelu_tanh_of(y[i])); break;
    case ACT_NONE:
    case ACT_COUNT: break;
    }
}

#define THROUGH(slope)                                                                             \
    do {                                                                                           \
        if (more)                                                                                  \
            EACH(dx[i] = d[i] * slope(pre[i]) + more[i]);                                          \
        else                                                                                       \
            EACH(dx[i] = d[i] * slope(pre[i]));                                                    \
    } while (0)

static void finish_dx(float *dx, const float *d, const float *pre, activation act,
                      const float *more, size_t n) {
    if (pre && act == ACT_GELU) {
        THROUGH(gelu_slope_of);
    } else if (pre && act == ACT_TANH) {
        THROUGH(tanh_slope_of);
    } else if (pre && act == ACT_RELU) {
        THROUGH(relu_slope_of);
    } else if (pre && act == ACT_GELU_TANH) {
        THROUGH(gelu_tanh_slope_of);
    } else if (more) {
        EACH(dx[i] = d[i] + more[i]);
    }
}
// NOLINTEND(bugprone-branch-clone)

static void column_sums(float *out, const float *x, size_t rows, size_t stride, size_t n) {
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * stride;
        SIMD for (size_t i = 0; i < n; i++) out[i] += row[i];
    }
}

static double square_sum(const float *x, size_t n) {
    double sum = 0;
    _Pragma("omp simd reduction(+ : sum)") for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

/* The one update of ops.h, in its order of operations. */
#define ADAM_UPDATE(p, m, v, g)                                                                    \
    do {                                                                                           \
        float decayed = (p)*decay;                                                                 \
        (m) = (m) + rest1 * ((g) - (m));                                                           \
        (v) = (v)*beta2 + (rest2 * (g)) * (g);                                                     \
        (p) = decayed - step_size * ((m) / (sqrtf(v) / bias2 + eps));                              \
    } while (0)

static void adam(float *p, float *m, float *v, const float *g, size_t n, const cpu_adam *k) {
    const float decay = k->decay, step_size = k->step_size, bias2 = k->bias2, clip = k->clip;
    const float beta2 = k->beta2, rest1 = k->rest1, rest2 = k->rest2, eps = k->eps;
    SIMD for (size_t i = 0; i < n; i++) {
        float clipped = g[i] * clip;
        ADAM_UPDATE(p[i], m[i], v[i], clipped);
    }
}

enum { REPLAY = 64, REPLAY_CHECK = 16 };

/* Steps first to last on one block held in p, m, v (REPLAY). Once every m is 0 it stays 0 and the
 * quotient is 0, so that the update is p = p decay, v = v beta2, in the same roundings. */
static void replay_block(float *restrict p, float *restrict m, float *restrict v,
                         const float *table, uint32_t first, uint32_t last, bool has_decay,
                         const cpu_adam *k) {
    const float beta2 = k->beta2, rest1 = k->rest1, rest2 = k->rest2, eps = k->eps;
    bool is_moving = true;
    for (uint32_t t = first; t <= last; t++) {
        const float *row = table + (size_t)t * 4;
        const float decay = has_decay ? row[0] : 1.0f, step_size = row[1], bias2 = row[2];
        if (is_moving && (t - first) % REPLAY_CHECK == 0) {
            float most = 0;
            for (size_t i = 0; i < REPLAY; i++) {
                float size = __builtin_fabsf(m[i]);
                most = size > most ? size : most;
            }
            is_moving = most > 0;
        }
        if (row[3] != 0.0f) continue; // the step was skipped
        if (is_moving) {
            SIMD for (size_t i = 0; i < REPLAY; i++) {
                float x = p[i], y = m[i], z = v[i];
                ADAM_UPDATE(x, y, z, 0.0f);
                p[i] = x, m[i] = y, v[i] = z;
            }
        } else {
            SIMD for (size_t i = 0; i < REPLAY; i++) {
                p[i] *= decay;
                v[i] *= beta2;
            }
        }
    }
}

static void adam_replay(float *p, float *m, float *v, size_t n, const float *table, uint32_t first,
                        uint32_t last, bool decay, const cpu_adam *k) {
    for (size_t at = 0; at < n; at += REPLAY) {
        float bp[REPLAY] = {0}, bm[REPLAY] = {0}, bv[REPLAY] = {0};
        size_t bytes = (n - at < REPLAY ? n - at : REPLAY) * sizeof(float);
        memcpy(bp, p + at, bytes);
        memcpy(bm, m + at, bytes);
        memcpy(bv, v + at, bytes);
        replay_block(bp, bm, bv, table, first, last, decay, k);
        memcpy(p + at, bp, bytes);
        memcpy(m + at, bm, bytes);
        memcpy(v + at, bv, bytes);
    }
}

static void exponential(float *y, const float *x, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = exp_of(x[i]);
}

enum { SUM_BLOCK = 512 }; // f32 sums of so many lose nothing that matters; f64 takes them up

static double exponential_sum(const float *x, float shift, size_t n) {
    double sum = 0;
    for (size_t at = 0; at < n; at += SUM_BLOCK) {
        size_t count = n - at < SUM_BLOCK ? n - at : SUM_BLOCK;
        float part = 0;
        _Pragma("omp simd reduction(+ : part)") for (size_t i = 0; i < count; i++) {
            part += exp_of(x[at + i] - shift);
        }
        sum += (double)part;
    }
    return sum;
}

static void exponential_scaled(float *y, const float *x, float shift, float scale, size_t n) {
    SIMD for (size_t i = 0; i < n; i++) y[i] = exp_of(x[i] - shift) * scale;
}

const cpu_kernels CPU_KERNELS = {
    .isa = CPU_ISA,
    .add_three = add_three,
    .add = add,
    .multiply = multiply,
    .add_scaled = add_scaled,
    .dot = dot_product,
    .round_bf16 = round_bf16,
    .pack_bf16 = pack_bf16,
    .turn_bf16 = turn_bf16,
    .pair_bf16 = pair_bf16,
    .keep_row = keep_row,
    .norm_fwd = norm_fwd,
    .norm_bwd = norm_bwd,
    .finish_fwd = finish_fwd,
    .finish_dx = finish_dx,
    .column_sums = column_sums,
    .square_sum = square_sum,
    .product = tile_product,
    .attention_fwd = attention_fwd,
    .attention_bwd = attention_bwd,
    .first_attention_fwd = first_attention_fwd,
    .first_attention_bwd = first_attention_bwd,
    .adam = adam,
    .adam_replay = adam_replay,
    .exponential = exponential,
    .exponential_sum = exponential_sum,
    .exponential_scaled = exponential_scaled,
};
