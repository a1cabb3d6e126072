/* Attention of one sentence and head. q, k, v are copied into rows of Dp (head size rounded up to
 * 16, zero filled), keys and values also transposed, so that every product is (4 rows) x (vectors
 * of columns) with broadcasts from the left. Query rows are taken CPU_ATTENTION_ROWS at a time;
 * their scores live in workspace only. Included by kernels_body.h, once per instruction set. */
#ifndef HARNESS_COMPUTE_CPU_KERNELS_ATTENTION_H
#define HARNESS_COMPUTE_CPU_KERNELS_ATTENTION_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/kernels_math.h"
#include "compute/cpu/kernels_philox.h"
#include "compute/cpu/kernels_vector.h"

#include <math.h>
/* Left operand: element (row, l) at a[row * rs + l * ls]. */
typedef struct left {
    const float *a;
    size_t rs, ls;
} left;

/* c (4 rows, count vectors) = or += left times b (depth rows, ldb apart). count is a constant where
 * this is inlined. */
static inline __attribute__((always_inline)) void product_block(float *c, size_t ldc, left a,
                                                                const float *b, size_t ldb,
                                                                size_t depth, int count,
                                                                bool is_added) {
    vec sum[4][VECS];
    for (int r = 0; r < 4; r++)
        for (int v = 0; v < count; v++)
            sum[r][v] = is_added ? vec_load(c + (size_t)r * ldc + v * VEC) : vec_all(0.0f);
    for (size_t l = 0; l < depth; l++) {
        for (int r = 0; r < 4; r++) {
            vec x = vec_all(a.a[(size_t)r * a.rs + l * a.ls]);
            for (int v = 0; v < count; v++)
                sum[r][v] = vec_fma(x, vec_load(b + l * ldb + v * VEC), sum[r][v]);
        }
    }
    for (int r = 0; r < 4; r++)
        for (int v = 0; v < count; v++) vec_store(c + (size_t)r * ldc + v * VEC, sum[r][v]);
}

/* c (m, n) = or += left (m, depth) b (depth, n). pre: m a multiple of 4, n of 16. */
static void product(float *c, size_t ldc, left a, const float *b, size_t ldb, size_t m, size_t n,
                    size_t depth, bool is_added) {
    for (size_t j = 0; j < n; j += VECS * VEC) {
        size_t vectors = (n - j) / VEC;
        for (size_t i = 0; i < m; i += 4) {
            left rows = {a.a + i * a.rs, a.rs, a.ls};
            float *to = c + i * ldc + j;
            switch (vectors < VECS ? vectors : VECS) {
            case 1: product_block(to, ldc, rows, b + j, ldb, depth, 1, is_added); break;
            case 2: product_block(to, ldc, rows, b + j, ldb, depth, 2, is_added); break;
#if defined(__AVX512F__) || CPU_NEON
            case 3: product_block(to, ldc, rows, b + j, ldb, depth, 3, is_added); break;
            default: product_block(to, ldc, rows, b + j, ldb, depth, 4, is_added); break;
#endif
            }
        }
    }
}

/* Room of one sentence, cut in order. Rows are padded to `keys`, columns to `width`. */
typedef struct head_workspace {
    size_t keys, width; /* length and head size, rounded up to 16 */
    float *q, *dout;    /* (keys, width), q times the scale */
    float *k, *v;       /* (keys, width) */
    float *kt, *vt;     /* (head size, keys) */
    float *dk, *dv;     /* (keys, width) */
    float *row;         /* (CPU_ATTENTION_ROWS, width) */
    float *s, *dp;      /* (CPU_ATTENTION_ROWS, keys) */
    uint32_t *words;    /* (CPU_ATTENTION_ROWS, keys), and a vector more */
} head_workspace;

static head_workspace workspace_of(const cpu_attention *a) {
    head_workspace r = {.keys = (a->length + 15) / 16 * 16, .width = (a->head_size + 15) / 16 * 16};
    size_t rows = r.keys * r.width, scores = CPU_ATTENTION_ROWS * r.keys;
    float *at = a->workspace;
    float **parts[] = {&r.q, &r.dout, &r.k, &r.v, &r.kt, &r.vt, &r.dk, &r.dv};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++, at += rows) *parts[i] = at;
    r.row = at;
    r.s = at += CPU_ATTENTION_ROWS * r.width;
    r.dp = at += scores;
    r.words = (uint32_t *)(void *)(at + scores);
    return r;
}

/* to (keys, width) = rows of x times factor, zero outside */
static void pack_rows(float *to, const head_workspace *r, const float *x, size_t stride,
                      const cpu_attention *a, float factor) {
    const size_t length = a->length, size = a->head_size, width = r->width;
    for (size_t t = 0; t < length; t++) {
        const float *from = x + t * stride;
        float *row = to + t * width;
        _Pragma("omp simd") for (size_t d = 0; d < size; d++) row[d] = from[d] * factor;
    }
    // not a call for each row, most of which have nothing there
    for (size_t t = 0; t < length && size < width; t++)
        memset(to + t * width + size, 0, (width - size) * sizeof *to);
    memset(to + length * width, 0, (r->keys - length) * width * sizeof *to);
}

/* to (width, keys) = transpose of rows (keys, width), both packed; 4 x 4 at a time */
static void transpose(float *to, const float *rows, const head_workspace *r) {
    for (size_t t = 0; t < r->keys; t += 4) {
        for (size_t d = 0; d < r->width; d += 4)
            transpose_four(to + d * r->keys + t, r->keys, rows + t * r->width + d, r->width);
    }
}

/* Dropout words of `rows` query rows from `first`: words (rows, keys). */
static void draw_words(const head_workspace *r, const cpu_attention *a, size_t first, size_t rows) {
    cpu_dropout k = a->drop;
    for (size_t i = 0; i < rows; i++) {
        k.position = (uint32_t)(first + i) | a->drop.position;
        // whole vectors: what runs over a row's end is overwritten by the next row
        philox_row(r->words + i * r->keys, r->keys / 4, &k);
    }
}

/* s (keys) becomes exp(s - max), 0 beyond length; returns the sum and the maximum. */
static float softmax_row(float *s, size_t length, size_t keys, float *max) {
    float most = s[0], sum = 0;
    for (size_t j = length; j < keys; j++) s[j] = most;
    _Pragma("omp simd reduction(max : most)") for (size_t j = 0; j < keys; j++) {
        most = s[j] > most ? s[j] : most;
    }
    _Pragma("omp simd") for (size_t j = 0; j < keys; j++) s[j] = exp_of(s[j] - most);
    for (size_t j = length; j < keys; j++) s[j] = 0;
    _Pragma("omp simd reduction(+ : sum)") for (size_t j = 0; j < keys; j++) sum += s[j];
    *max = most;
    return sum;
}

static void drop_row(float *s, const uint32_t *words, size_t keys, const cpu_dropout *d) {
    const uint32_t threshold = d->threshold;
    const float scale = d->scale;
    _Pragma("omp simd") for (size_t j = 0; j < keys; j++) {
        s[j] = words[j] >= threshold ? s[j] * scale : 0.0f;
    }
}

static void attention_fwd(const cpu_attention *a) {
    head_workspace r = workspace_of(a);
    size_t stride = 3 * a->hidden;
    pack_rows(r.q, &r, a->qkv, stride, a, a->scale);
    pack_rows(r.k, &r, a->qkv + a->hidden, stride, a, 1);
    pack_rows(r.v, &r, a->qkv + 2 * a->hidden, stride, a, 1);
    transpose(r.kt, r.k, &r);
    for (size_t first = 0; first < a->length; first += CPU_ATTENTION_ROWS) {
        size_t rows =
            a->length - first < CPU_ATTENTION_ROWS ? a->length - first : CPU_ATTENTION_ROWS;
        size_t padded = (rows + 3) / 4 * 4;
        product(r.s, r.keys, (left){r.q + first * r.width, r.width, 1}, r.kt, r.keys, padded,
                r.keys, a->head_size, false);
        if (a->has_dropout) draw_words(&r, a, first, rows);
        float scale[CPU_ATTENTION_ROWS];
        for (size_t i = 0; i < rows; i++) {
            float *s = r.s + i * r.keys, max;
            float sum = softmax_row(s, a->length, r.keys, &max);
            a->lse_to[first + i] = max + logf(sum);
            scale[i] = 1.0f / sum;
            if (a->has_dropout) drop_row(s, r.words + i * r.keys, r.keys, &a->drop);
        }
        product(r.row, r.width, (left){r.s, r.keys, 1}, r.v, r.width, padded, r.width, a->length,
                false);
        for (size_t i = 0; i < rows; i++) {
            float *to = a->out_to + (first + i) * a->hidden;
            const float *from = r.row + i * r.width;
            for (size_t d = 0; d < a->head_size; d++) to[d] = from[d] * scale[i];
        }
    }
}

/* s: scores to dropped probabilities; dp: dout v^T to the scores' gradient. drop NULL: none. */
static void backward_row(float *s, float *dp, const uint32_t *words, size_t length, size_t keys,
                         float lse, float delta, const cpu_dropout *drop) {
    if (drop) {
        const uint32_t threshold = drop->threshold;
        const float scale = drop->scale;
        _Pragma("omp simd") for (size_t j = 0; j < keys; j++) {
            float p = exp_of(s[j] - lse), keep = words[j] >= threshold ? scale : 0.0f;
            dp[j] = p * (dp[j] * keep - delta);
            s[j] = p * keep;
        }
    } else {
        _Pragma("omp simd") for (size_t j = 0; j < keys; j++) {
            float p = exp_of(s[j] - lse);
            dp[j] = p * (dp[j] - delta);
            s[j] = p;
        }
    }
    for (size_t j = length; j < keys; j++) s[j] = dp[j] = 0;
}

/* out (length rows of H apart times 3) = packed rows times factor */
static void unpack_rows(float *to, const float *rows, size_t count, const head_workspace *r,
                        const cpu_attention *a, float factor) {
    const size_t size = a->head_size, stride = 3 * a->hidden, width = r->width;
    for (size_t t = 0; t < count; t++) {
        const float *from = rows + t * width;
        float *row = to + t * stride;
        _Pragma("omp simd") for (size_t d = 0; d < size; d++) row[d] = from[d] * factor;
    }
}

static void attention_bwd(const cpu_attention *a) {
    head_workspace r = workspace_of(a);
    size_t stride = 3 * a->hidden, keys4 = (a->length + 3) / 4 * 4;
    pack_rows(r.q, &r, a->qkv, stride, a, a->scale);
    pack_rows(r.k, &r, a->qkv + a->hidden, stride, a, 1);
    pack_rows(r.v, &r, a->qkv + 2 * a->hidden, stride, a, 1);
    pack_rows(r.dout, &r, a->dout, a->hidden, a, 1);
    transpose(r.kt, r.k, &r);
    transpose(r.vt, r.v, &r);
    for (size_t first = 0; first < a->length; first += CPU_ATTENTION_ROWS) {
        size_t rows =
            a->length - first < CPU_ATTENTION_ROWS ? a->length - first : CPU_ATTENTION_ROWS;
        size_t padded = (rows + 3) / 4 * 4;
        const float *q = r.q + first * r.width, *dout = r.dout + first * r.width;
        product(r.s, r.keys, (left){q, r.width, 1}, r.kt, r.keys, padded, r.keys, a->head_size,
                false);
        product(r.dp, r.keys, (left){dout, r.width, 1}, r.vt, r.keys, padded, r.keys, a->head_size,
                false);
        if (a->has_dropout) draw_words(&r, a, first, rows);
        for (size_t i = 0; i < rows; i++) {
            const float *o = a->out + (first + i) * a->hidden, *d = dout + i * r.width;
            float delta = 0;
            _Pragma("omp simd reduction(+ : delta)") for (size_t c = 0; c < a->head_size; c++) {
                delta += o[c] * d[c];
            }
            backward_row(r.s + i * r.keys, r.dp + i * r.keys, r.words + i * r.keys, a->length,
                         r.keys, a->lse[first + i], delta, a->has_dropout ? &a->drop : NULL);
        }
        product(r.dv, r.width, (left){r.s, 1, r.keys}, dout, r.width, keys4, r.width, rows,
                first > 0);
        product(r.dk, r.width, (left){r.dp, 1, r.keys}, q, r.width, keys4, r.width, rows,
                first > 0);
        product(r.row, r.width, (left){r.dp, r.keys, 1}, r.k, r.width, padded, r.width, a->length,
                false);
        unpack_rows(a->dqkv + first * stride, r.row, rows, &r, a, a->scale);
    }
    unpack_rows(a->dqkv + a->hidden, r.dk, a->length, &r, a, 1);
    unpack_rows(a->dqkv + 2 * a->hidden, r.dv, a->length, &r, a, 1);
}

// one query row, so rows of k and v are used where they lie

static float dot_product(const float *x, const float *y, size_t n) {
    float sum = 0;
    _Pragma("omp simd reduction(+ : sum)") for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* y += x factor */
static void add_scaled(float *y, const float *x, float factor, size_t n) {
    _Pragma("omp simd") for (size_t i = 0; i < n; i++) y[i] += x[i] * factor;
}

static void set_scaled(float *y, const float *x, float factor, size_t n) {
    _Pragma("omp simd") for (size_t i = 0; i < n; i++) y[i] = x[i] * factor;
}

static void first_attention_fwd(const cpu_first_attention *a) {
    size_t keys = (a->length + 15) / 16 * 16, stride = 2 * a->hidden, n = a->head_size;
    float *s = a->workspace, max;
    uint32_t *words = (uint32_t *)(void *)(a->workspace + 2 * keys);
    for (size_t j = 0; j < a->length; j++)
        s[j] = dot_product(a->q, a->kv + j * stride, n) * a->scale;
    float sum = softmax_row(s, a->length, keys, &max);
    if (a->has_dropout) {
        philox_row(words, keys / 4, &a->drop);
        drop_row(s, words, keys, &a->drop);
    }
    memset(a->out, 0, n * sizeof *a->out);
    for (size_t j = 0; j < a->length; j++)
        add_scaled(a->out, a->kv + j * stride + a->hidden, s[j], n);
    set_scaled(a->out, a->out, 1.0f / sum, n);
}

static void first_attention_bwd(const cpu_first_attention *a) {
    size_t keys = (a->length + 15) / 16 * 16, stride = 2 * a->hidden, n = a->head_size;
    float *s = a->workspace, *dp = s + keys, *keep = dp + keys, max;
    for (size_t j = 0; j < a->length; j++) {
        s[j] = dot_product(a->q, a->kv + j * stride, n) * a->scale;
        dp[j] = dot_product(a->dout, a->kv + j * stride + a->hidden, n);
    }
    for (size_t j = a->length; j < keys; j++) dp[j] = 0;
    float rest = 1.0f / softmax_row(s, a->length, keys, &max), delta = 0;
    if (a->has_dropout)
        keep_row(keep, keys, &a->drop);
    else
        for (size_t j = 0; j < keys; j++) keep[j] = 1;
    _Pragma("omp simd reduction(+ : delta)") for (size_t j = 0; j < keys; j++) {
        s[j] *= rest;
        dp[j] *= keep[j];
        delta += s[j] * dp[j];
    }
    memset(a->dq, 0, n * sizeof *a->dq);
    for (size_t j = 0; j < a->length; j++) {
        float *dk = a->dkv + j * stride, slope = s[j] * (dp[j] - delta) * a->scale;
        add_scaled(a->dq, a->kv + j * stride, slope, n);
        set_scaled(dk, a->q, slope, n);
        set_scaled(dk + a->hidden, a->dout, s[j] * keep[j], n);
    }
}

#endif
