/* Push constants of the kernels, read by C and GLSL alike: 32-bit scalars only, 128 bytes at most.
 *
 * Common fields: rows, hidden: size of what is walked; first_row, window_rows: the rows of a table
 * that this dispatch's descriptors hold, where a table is bound in windows. */
#ifndef PUSH_H
#define PUSH_H

#ifdef __STDC_VERSION__
#include <stdint.h>
#define PUSH_CHECK(name) _Static_assert(sizeof(struct name) <= 128, #name " is too large");
#define PUSH_DROP struct push_drop
#else
#define uint32_t uint
#define PUSH_CHECK(name)
#define PUSH_DROP push_drop
#endif

/* threshold 0: keep all, draw nothing */
struct push_drop {
    uint32_t threshold;
    float scale;
    uint32_t site;
    uint32_t seed;
    uint32_t step;
};
PUSH_CHECK(push_drop)

struct push_embed {
    uint32_t rows;
    uint32_t hidden;
    uint32_t first_row;
    uint32_t window_rows;
};
PUSH_CHECK(push_embed)

struct push_layernorm {
    uint32_t rows;
    uint32_t hidden;
    uint32_t has_sum; /* the row that is normalised is written or read as `sum` */
    uint32_t has_residual;
    uint32_t has_dx;
    uint32_t chunk_rows; /* of one partial sum over rows */
    float eps;
    PUSH_DROP before;
    PUSH_DROP after;
};
PUSH_CHECK(push_layernorm)

/* out (m, n) from sums of length k: element (i, j) = sum over s of A[i * a_row + s * a_sum] *
 * B[s * b_sum + j * b_col]; a dispatch takes splits of `chunk` along the sum. */
struct push_linear {
    uint32_t m;
    uint32_t n;
    uint32_t k;
    uint32_t a_row;
    uint32_t a_sum;
    uint32_t b_sum;
    uint32_t b_col;
    uint32_t chunk;
    uint32_t overwrites; /* of a weight gradient: result = sum, instead of += */
};
PUSH_CHECK(push_linear)

struct push_attention {
    uint32_t tokens;
    uint32_t heads;
    uint32_t head_size;
    float scale;
    PUSH_DROP drop;
};
PUSH_CHECK(push_attention)

struct push_rows {
    uint32_t rows;
    uint32_t hidden;
    PUSH_DROP drop;
};
PUSH_CHECK(push_rows)

struct push_activation {
    uint32_t rows;
    uint32_t hidden;
    uint32_t act; /* compute/ops.h */
};
PUSH_CHECK(push_activation)

/* lanes that share a row of many classes */
#define LOSS_LANES 64u

struct push_loss {
    uint32_t rows;
    uint32_t classes;
    uint32_t has_dlogits;
    uint32_t has_weights;
    uint32_t has_predicted;
    float smoothing;
    float loss_scale;
    uint32_t is_binary;
    uint32_t adds; /* to the loss that stands there */
};
PUSH_CHECK(push_loss)

/* target of a row without a loss */
#define LOSS_NO_TARGET 0xffffffffu

/* nodes of a parser, `size` numbers each */
struct push_pairs {
    uint32_t rows;
    uint32_t width; /* most nodes of a sentence */
    uint32_t classes;
    uint32_t size;
};
PUSH_CHECK(push_pairs)

/* out[out_first + i] (+)= sum over c < chunks of x[x_first + c * stride + i], i < count */
struct push_reduce {
    uint32_t count;
    uint32_t chunks;
    uint32_t stride;
    uint32_t x_first;
    uint32_t out_first;
    uint32_t overwrites;
};
PUSH_CHECK(push_reduce)

/* sums of squares (or of x, without `square`) of `count` elements into `parts` places from
 * `out_first` */
struct push_square {
    uint32_t count;
    uint32_t parts;
    uint32_t out_first;
};
PUSH_CHECK(push_square)

struct push_norm {
    uint32_t count;
    float max_norm;
    float unscale; /* of the loss scale; 1: none */
};
PUSH_CHECK(push_norm)

struct push_adamw {
    uint32_t rows; /* of the list, or elements of a dense update */
    uint32_t hidden;
    uint32_t first_row;
    uint32_t window_rows;
    uint32_t step;
    uint32_t until; /* rows are brought up to this step */
    uint32_t has_g;
    uint32_t has_list;
    uint32_t decay;
    float beta2;
    float rest1; /* 1 - beta1 */
    float rest2;
    float eps;
    float zero; /* 0, but the compiler does not know: replayed steps round as the others do */
};
PUSH_CHECK(push_adamw)

/* values first .. first + count of a tensor, as the descriptor holds them; first 0: lanes begin at
 * 0 */
struct push_checksum {
    uint32_t count;
    uint32_t first;
};
PUSH_CHECK(push_checksum)

#endif
