/* Operations: one argument struct each, with its contract.
 *
 * Sizes: T tokens of the micro-batch, B its sentences, H hidden, A heads, D = H / A head size, V
 * rows of a table, C classes. All matrices are row-major. "real" is f32 (f64 on the reference).
 * Activations and their gradients are overwritten (=), gradients of parameters added to (+=) unless
 * linear_dw says otherwise. Outputs must not overlap inputs unless said. Optional operands are
 * absent when their buffer is NULL.
 *
 * Dropout: element kept iff word >= floor(p * 2^32), then scaled by 1 / (1 - p); p = 0 keeps all
 * and draws nothing. The word is Philox4x32-10 with key (seed, site) and counter (channel / 4,
 * token position | head << 16, sentence ordinal within the optimizer step, step), word channel % 4.
 * For attention the channel is the key's position in its sentence; head is 0 elsewhere. */
#ifndef HARNESS_COMPUTE_OPS_H
#define HARNESS_COMPUTE_OPS_H

#include "compute/span.h"

/* A size that is fixed, or read from the step's batch when the plan is walked (then max is the size
 * that spans were planned for). */
typedef enum dim_kind {
    DIM_FIXED,
    DIM_TOKENS,    /* T of the micro-batch */
    DIM_SENTENCES, /* B of the micro-batch */
    DIM_TILES,     /* attention work list of the micro-batch */
    DIM_LISTS_0,   /* lists that rows_sum adds by, of the micro-batch; there are several sets of */
    DIM_LISTS_1,   /* them: LISTS_MAX */
    DIM_STEP_ROWS, /* rows of a table that the whole optimizer step touches: U */
    DIM_CHOSEN,    /* rows that a head reads of the micro-batch, where they are listed: R */
    DIM_UNITS,     /* what is said of them: R, or fewer where several rows are one unit's */
    DIM_IDLE       /* max in a step that has no micro-batches, 0 in others */
} dim_kind;

enum { LISTS_MAX = 2 };

typedef struct dim {
    dim_kind kind;
    uint32_t max;
} dim;

static inline dim dim_fixed(uint32_t n) {
    return (dim){DIM_FIXED, n};
}

typedef struct dropout_spec {
    float p;       /* probability of dropping; 0: none */
    uint32_t site; /* key word that separates places in the model */
} dropout_spec;

/* GELU is the exact one, of erf; GELU_TANH its approximation 0.5 x (1 + tanh(sqrt(2 / pi) (x +
 * 0.044715 x^3))), transformers' gelu_new. A slope act' goes by what came before the activation,
 * that of TANH by what came out, 1 - y^2: y stands where `pre` is said. */
typedef enum activation {
    ACT_NONE,
    ACT_GELU,
    ACT_TANH,
    ACT_RELU,
    ACT_GELU_TANH,
    ACT_COUNT
} activation;

/* x[i] = value for i < rows * cols. */
struct fill {
    span x; /* (rows, cols) real */
    dim rows;
    uint32_t cols;
    float value;
};

/* y[t] = token[ids[t]] + position[positions[t]] + type[type_ids[t]], added in that order. */
struct embed_fwd {
    span y;                        /* (T, H) */
    span token, position, type;    /* (V, H), (P, H), (types, H) */
    span ids, positions, type_ids; /* (T) u32 */
    dim rows;                      /* T */
    uint32_t hidden, table_rows;
};

/* out[rows[r]] += sum over j in [starts[r], starts[r + 1]) of x[items[j]], in the order of items.
 * The rows are distinct. Gradient of a table lookup, by lists that the host sorted. */
struct rows_sum {
    span out;    /* (R, H); R whatever rows name */
    span x;      /* (T, H) */
    span starts; /* (lists + 1) u32 */
    span items;  /* (T) u32 */
    span rows;   /* (lists) u32 */
    dim lists;
    dim items_max; /* DIM_TOKENS: bound of one list */
    uint32_t hidden;
};

/* sum = residual + dropout_before(x); y = dropout_after(LayerNorm(sum) * weight + bias).
 * mean and rstd = 1 / sqrt(variance + eps) are kept per row; the variance is of two passes.
 * residual is optional. `sum` is absent iff residual is absent and before.p == 0: x serves then. */
struct layernorm_fwd {
    span y, sum;         /* (T, H) */
    span mean, rstd;     /* (T) */
    span x, residual;    /* (T, H) */
    span weight, bias;   /* (H) */
    span positions;      /* (T) u32, for dropout; may be absent when both p are 0 */
    span token_sentence; /* (T) u32, ordinal of the token's sentence; likewise */
    dropout_spec before, after;
    dim rows; /* T */
    uint32_t hidden;
    float eps;
};

/* Backward of layernorm_fwd. dy' = dropout_after'(dy); dsum = gradient of sum (that of the
 * residual); dx = dropout_before'(dsum), absent iff before.p == 0 (dsum serves); dweight, dbias +=.
 */
struct layernorm_bwd {
    span dsum, dx;       /* (T, H) */
    span dweight, dbias; /* (H), added to */
    span dy, sum;        /* (T, H); sum is x when the forward had none */
    span mean, rstd;     /* (T) */
    span weight;         /* (H) */
    span positions, token_sentence;
    dropout_spec before, after;
    dim rows; /* T */
    uint32_t hidden;
};

/* z = x weight^T + bias; y = act(z). pre (optional) keeps z, for the backward. */
struct linear_fwd {
    span y, pre; /* (M, N) */
    span x;      /* (M, K) */
    span weight; /* (N, K) */
    span bias;   /* (N); optional */
    activation act;
    dim rows; /* M */
    uint32_t n, k;
};

/* dx = dy weight; then, with pre, dx *= act'(pre), act no TANH; then dx += add, which may be dx. */
struct linear_dx {
    span dx;        /* (M, K) */
    span dy;        /* (M, N) */
    span weight;    /* (N, K) */
    span pre;       /* (M, K); optional */
    span add;       /* (M, K); optional */
    activation act; /* with pre */
    dim rows;       /* M */
    uint32_t n, k;
};

/* dweight += dy^T x; dbias (optional) += column sums of dy. With `overwrites` dweight = dy^T x in the
 * first micro-batch of a step, 0 where that has no rows: what stood there is not read. */
struct linear_dw {
    span dweight; /* (N, K), added to */
    span dbias;   /* (N), added to; optional */
    span dy;      /* (M, N) */
    span x;       /* (M, K) */
    dim rows;     /* M */
    uint32_t n, k;
    bool overwrites;
};

/* Rows of one sentence whose queries meet all its keys: an entry of the attention work list.
 * Sentences longer than device->tile_rows have several.
 */
typedef struct query_tile {
    uint32_t start;   /* first token of the sentence in the packed batch */
    uint32_t length;  /* tokens of the sentence */
    uint32_t first;   /* first row of this tile, relative to start; a multiple of tile_rows */
    uint32_t ordinal; /* of the sentence within the optimizer step (dropout) */
} query_tile;

/* What forward and backward of an attention have both. */
typedef struct attention_spec {
    dim tokens; /* T */
    uint32_t heads, head_size;
    uint32_t longest; /* tokens of the longest sentence; 0: any up to T */
    float scale;
    dropout_spec drop;
} attention_spec;

/* Per sentence and head: P = softmax(q k^T * scale) over the sentence's tokens;
 * out = dropout(P) v; lse[a * T + t] = log sum exp of the scaled scores of row t. P is not stored.
 * qkv row: q (H), k (H), v (H); head a takes columns a * D .. a * D + D - 1 of each. */
struct attention_fwd {
    span out;   /* (T, H) */
    span lse;   /* (A, T) */
    span qkv;   /* (T, 3H) */
    span tiles; /* (tiles) query_tile, as 4 u32 each */
    dim tile_count;
    attention_spec spec;
};

/* Backward of attention_fwd; probabilities are computed again from lse. dQ rows are owned by query
 * tiles, dK and dV rows by key tiles: no atomics. Every element of dqkv is written. */
struct attention_bwd {
    span dqkv; /* (T, 3H) */
    span dout; /* (T, H) */
    span out;  /* (T, H) */
    span lse;  /* (A, T) */
    span qkv;  /* (T, 3H) */
    span tiles;
    dim tile_count;
    attention_spec spec;
};

/* attention_fwd for the first token of each sentence, [CLS], alone: the same function and the same
 * dropout (its position is 0), from queries of those rows and keys and values of all.
 * kv row: k (H), v (H). */
struct first_attention_fwd {
    span out;      /* (B, H) */
    span q;        /* (B, H) */
    span kv;       /* (T, 2H) */
    span starts;   /* (B + 1) u32 */
    span ordinals; /* (B) u32, sentence ordinal; may be absent when p is 0 */
    dim rows;      /* B */
    attention_spec spec;
};

/* Backward of first_attention_fwd, which computes the one row of probabilities again. Every element
 * of dq and dkv is written. */
struct first_attention_bwd {
    span dq;   /* (B, H) */
    span dkv;  /* (T, 2H) */
    span dout; /* (B, H) */
    span q;    /* (B, H) */
    span kv;   /* (T, 2H) */
    span starts;
    span ordinals;
    dim rows; /* B */
    attention_spec spec;
};

/* y[b] = x[starts[b]]: each sentence's first token, [CLS], or whichever rows are listed. */
struct gather_rows {
    span y;      /* (B, H) */
    span x;      /* (T, H) */
    span starts; /* (B + 1) u32 */
    dim rows;    /* B */
    dim tokens;  /* T */
    uint32_t hidden;
};

/* Backward of gather_rows: dx[starts[b]] = dy[b], every other row of dx is 0. The rows listed
 * ascend. */
struct scatter_rows {
    span dx;     /* (T, H) */
    span dy;     /* (B, H) */
    span starts; /* (B + 1) u32 */
    dim rows;    /* B */
    dim tokens;  /* T */
    uint32_t hidden;
};

/* y = dropout(x) with token position 0; forward and backward alike. y may be x. */
struct dropout {
    span y, x;     /* (B, H) */
    span ordinals; /* (B) u32, sentence ordinal within the optimizer step */
    dim rows;      /* B */
    uint32_t hidden;
    dropout_spec drop;
};

/* dx = dy * act'(pre), where no product stands between (linear_dx). dx may be dy. */
struct activation_bwd {
    span dx, dy, pre; /* (M, N) */
    activation act;
    dim rows;
    uint32_t cols;
};

/* loss[b] = sum_c w[c] target[c] * -log softmax(logits[b])[c] with target = (1 - smoothing) at the
 * class targets[b] + smoothing / C everywhere (w = 1 when absent); dlogits (optional) = its
 * gradient times the step's loss_scale. The maximum is subtracted before exp. predicted[b] is the
 * class of the largest logit, the first of equals. dlogits may be logits. Beyond CLASSES_FEW
 * classes there are neither class_weights nor smoothing. A row whose target is CLASS_NONE has a
 * loss and a gradient of 0. With `adds` the loss is added to what stands there. */
enum { CLASSES_FEW = 4096 };
#define CLASS_NONE UINT32_MAX
struct cross_entropy {
    span loss;          /* (B) */
    span dlogits;       /* (B, C); optional */
    span predicted;     /* (B) u32; optional */
    span logits;        /* (B, C) */
    span targets;       /* (B) u32, each < C or CLASS_NONE */
    span class_weights; /* (C); optional */
    dim rows;           /* B */
    uint32_t classes;
    float smoothing;
    bool adds;
};

/* Loss of rows of numbers: loss[b] = mean_c l(outputs[b][c], targets[b][c]), l(z, t) = (z - t)^2,
 * or with `binary` the cross-entropy of sigmoid(z) against t, max(z, 0) - z t + log(1 + exp(-|z|));
 * doutputs (optional) = its gradient times the step's loss_scale. Source: torch's MSELoss and
 * BCEWithLogitsLoss. */
struct number_loss {
    span loss;     /* (B) */
    span doutputs; /* (B, C); optional */
    span outputs;  /* (B, C) */
    span targets;  /* (B, C) real */
    dim rows;      /* B */
    uint32_t cols; /* C */
    bool binary;
};

/* Scores of the arcs of a parser. R nodes, those of a sentence one behind the other: the root, then
 * its words. nodes[r] = {first node of r's sentence, nodes of that sentence}; a sentence has at most
 * `width`. scores[r][j] = dependent[r] . head[first + j], or ARC_NONE from the sentence's end on. */
#define ARC_NONE (-1e30f)
struct arc_scores {
    span scores;          /* (R, width) */
    span dependent, head; /* (R, K) */
    span nodes;           /* (R, 2) u32 */
    dim rows;             /* R */
    uint32_t width, size; /* size: K */
};

/* Backward of arc_scores; dscores behind a sentence's end are not read. Every element of ddependent
 * and dhead is written. */
struct arc_scores_bwd {
    span ddependent, dhead; /* (R, K) */
    span dscores;           /* (R, width) */
    span dependent, head;   /* (R, K) */
    span nodes;             /* (R, 2) u32 */
    dim rows;
    uint32_t width, size;
};

/* Scores of the relations between nodes and their heads, which are nodes of the same sentence:
 * scores[r][c] = bilinear[r][c] . head[heads[r]] + linear[r][c]. */
struct relation_scores {
    span scores;   /* (R, C) */
    span bilinear; /* (R, C, K) */
    span linear;   /* (R, C) */
    span head;     /* (R, K) */
    span heads;    /* (R) u32: node among the R */
    dim rows;
    uint32_t classes, size;
};

/* Backward of relation_scores; the gradient of `linear` is dscores. Every element of dbilinear and
 * dhead is written. */
struct relation_scores_bwd {
    span dbilinear; /* (R, C, K) */
    span dhead;     /* (R, K) */
    span dscores;   /* (R, C) */
    span bilinear;  /* (R, C, K) */
    span head;      /* (R, K) */
    span heads;     /* (R) u32 */
    span nodes;     /* (R, 2) u32, as arc_scores has it */
    dim rows;
    uint32_t classes, size;
    uint32_t width; /* most nodes of a sentence */
};

/* The relation that scores best if node j of the sentence were r's head, the first of equals:
 * best[r][j] = argmax_c bilinear[r][c] . head[first + j] + linear[r][c], as a real; 0 from the
 * sentence's end on. */
struct relation_best {
    span best;     /* (R, width) */
    span bilinear; /* (R, C, K) */
    span linear;   /* (R, C) */
    span head;     /* (R, K) */
    span nodes;    /* (R, 2) u32 */
    dim rows;
    uint32_t classes, size, width;
};

/* result[0] = L2 norm over all parts; result[1] = clip factor min(1, max_norm / (norm + 1e-6)), 1
 * when max_norm is 0 (torch's clip_grad_norm_). Both are of gradients divided by the step's
 * gradient_scale, by which result[1] is divided too. result[2] = 1 if the norm is finite, else 0;
 * result[3] = 0. Summed in an order fixed by the parts' shapes: the native CPU adds up sums of NORM_BLOCK
 * numbers, in the order of parts and blocks. */
enum { GRAD_PARTS_MAX = 8, NORM_BLOCK = 32768 };
struct grad_part {
    span x;
    dim rows;
    uint32_t cols;
};
struct grad_norm {
    span result; /* (4) */
    struct grad_part parts[GRAD_PARTS_MAX];
    uint32_t part_count;
    float max_norm;
};
/* result (4) of a sum of squares. unscale: 1 / gradient_scale. */
void grad_norm_of(float result[4], double square, float max_norm, float unscale);

/* One row of the optimizer's table per step t (1-based; row 0 unused), computed by the host:
 *   decay      1 - lr * weight_decay
 *   step_size  lr / (1 - beta1^t)
 *   bias2      sqrt(1 - beta2^t)
 *   skipped    1: this step changes nothing
 * The update, in exactly this order of f32 operations, without contraction:
 *   g' = g * clip;  p1 = p * decay (or p, without decay);
 *   m = m + (1 - beta1) * (g' - m);  v = v * beta2 + ((1 - beta2) * g') * g';
 *   p = p1 - step_size * (m / (sqrt(v) / bias2 + eps))
 * where (1 - beta) are f32 constants, rounded from the f64 difference of the f64 beta. If result[2] == 0 nothing
 * changes. */
struct adamw {
    span p, m, v, g; /* (count) */
    span table;      /* (steps + 1, 4) real */
    span norm;       /* (4), of grad_norm */
    uint32_t count;
    bool decay;
    double beta1, beta2; /* double: as float, 1 - beta2 is off by 1e-5 */
    float eps;
};

/* The same update for rows of an embedding, of which a step touches few. last_step[r] is the step
 * up to which row r is current. Rows are `list` (rows of them) or, when absent, 0 .. rows - 1.
 * Without g: catches each row up through step - 1 (before is true) or step (false), replaying the
 * missed steps with g = 0, then sets last_step. Equal bits to the dense update.
 * With g (compact: g row i belongs to row list[i]): applies step to rows current through step - 1.
 */
struct adamw_rows {
    span p, m, v;   /* (V, H) */
    span last_step; /* (V) u32 */
    span g;         /* (U, H); optional */
    span list;      /* (U) u32; optional */
    span table;     /* (steps + 1, 4) */
    span norm;      /* (4); needed with g */
    dim rows;
    uint32_t hidden, table_rows;
    bool decay, before;
    double beta1, beta2; /* double: as float, 1 - beta2 is off by 1e-5 */
    float eps;
};

/* out[i] = sum of bits(x[j]) * (2 j + 1) over the j that leave i when divided by CHECKSUM_LANES,
 * modulo 2^32; bits are those of the value as f32. All lanes added up are the checksum of x: the
 * odd factor makes a changed bit, and two values that changed places, show. */
enum { CHECKSUM_LANES = 2048 };
struct checksum {
    span out; /* (CHECKSUM_LANES) u32 */
    span x;   /* (count) */
    uint32_t count;
};

typedef enum op_kind {
#define OP(name) OP_##name,
#include "compute/ops.def"
#undef OP
    OP_COUNT
} op_kind;

typedef struct op {
    op_kind kind;
    union {
#define OP(name) struct name name;
#include "compute/ops.def"
#undef OP
    } as;
} op;

const char *op_name(op_kind kind);

/* Smallest u32 that keeps an element under dropout p. */
static inline uint32_t dropout_threshold(float p) {
    double t = (double)p * 4294967296.0;
    return t >= 4294967295.0 ? 4294967295u : (uint32_t)t;
}

#endif
