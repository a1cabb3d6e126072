/* Reference attention over packed sentences. The whole row of probabilities is computed for one
 * query at a time; the backward computes it again from the row's logsumexp. */
#include "compute/reference/reference_internal.h"

#include "base/memory.h"

#include <math.h>

/* One head of one sentence: pointers to its first token's columns, rows of 3H apart. */
typedef struct head_view {
    const double *q, *k, *v;
    size_t stride, size; /* 3H, D */
} head_view;

static head_view view_of(const double *qkv, uint32_t start, uint32_t head,
                         const attention_spec *a) {
    size_t hidden = (size_t)a->heads * a->head_size;
    const double *q = qkv + start * 3 * hidden + (size_t)head * a->head_size;
    return (head_view){q, q + hidden, q + 2 * hidden, 3 * hidden, a->head_size};
}

static double dot(const double *a, const double *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static uint32_t tile_rows(const query_tile *tile, uint32_t tile_size) {
    uint32_t left = tile->length - tile->first;
    return left < tile_size ? left : tile_size;
}

/* One query row: out (D), returns its logsumexp. p (length) is workspace for probabilities. */
static double forward_row(const op_call *call, const struct attention_fwd *a, head_view v,
                          double *out, double *p, const query_tile *tile, uint32_t head,
                          uint32_t row) {
    double max = -INFINITY, sum = 0;
    for (uint32_t j = 0; j < tile->length; j++) {
        p[j] = dot(v.q + row * v.stride, v.k + j * v.stride, v.size) * (double)a->spec.scale;
        if (p[j] > max) max = p[j];
    }
    for (uint32_t j = 0; j < tile->length; j++) sum += p[j] = exp(p[j] - max);
    for (size_t c = 0; c < v.size; c++) out[c] = 0;
    for (uint32_t j = 0; j < tile->length; j++) {
        double w = p[j] / sum * reference__keep(call, a->spec.drop, j, row, head, tile->ordinal);
        for (size_t c = 0; c < v.size; c++) out[c] += w * v.v[j * v.stride + c];
    }
    return max + log(sum);
}

err reference__attention_fwd(const op_call *call, const op *o) {
    const struct attention_fwd *a = &o->as.attention_fwd;
    size_t hidden = (size_t)a->spec.heads * a->spec.head_size,
           tokens = reference__size(call, a->spec.tokens);
    double *out = reference__reals(a->out), *lse = reference__reals(a->lse);
    const double *qkv = reference__reals(a->qkv);
    const query_tile *tiles = (const query_tile *)reference__words(a->tiles);
    double *p = NULL;
    err e = mem_new(&p, tokens);
    if (e) return e;
    for (uint32_t n = 0; n < reference__size(call, a->tile_count); n++) {
        for (uint32_t head = 0; head < a->spec.heads; head++) {
            head_view v = view_of(qkv, tiles[n].start, head, &a->spec);
            for (uint32_t r = 0; r < tile_rows(&tiles[n], call->device->tile_rows); r++) {
                uint32_t row = tiles[n].first + r;
                size_t t = tiles[n].start + row;
                double *to = out + t * hidden + (size_t)head * a->spec.head_size;
                lse[head * tokens + t] = forward_row(call, a, v, to, p, &tiles[n], head, row);
            }
        }
    }
    mem_free(p);
    return ERR_OK;
}

/* What the backward needs beside the views: all at the sentence's first token and the head's
 * columns. */
typedef struct backward_view {
    head_view v;
    const double *out, *dout; /* rows of H apart */
    const double *lse;        /* (length) */
    double *dq, *dk, *dv;     /* rows of 3H apart */
    size_t hidden;
} backward_view;

/* Adds what query `row` and key `key` give to dq, dk and dv. */
static void backward_pair(const op_call *call, const struct attention_bwd *a, backward_view b,
                          const query_tile *tile, uint32_t head, uint32_t row, uint32_t key) {
    head_view v = b.v;
    const double *q = v.q + row * v.stride, *k = v.k + key * v.stride;
    const double *dout = b.dout + row * b.hidden;
    double scale = (double)a->spec.scale;
    double keep = reference__keep(call, a->spec.drop, key, row, head, tile->ordinal);
    double p = exp(dot(q, k, v.size) * scale - b.lse[row]);
    double dp = dot(dout, v.v + key * v.stride, v.size) * keep;
    double ds = p * (dp - dot(dout, b.out + row * b.hidden, v.size));
    for (size_t c = 0; c < v.size; c++) {
        b.dq[row * v.stride + c] += ds * scale * k[c];
        b.dk[key * v.stride + c] += ds * scale * q[c];
        b.dv[key * v.stride + c] += p * keep * dout[c];
    }
}

err reference__attention_bwd(const op_call *call, const op *o) {
    const struct attention_bwd *a = &o->as.attention_bwd;
    size_t hidden = (size_t)a->spec.heads * a->spec.head_size,
           tokens = reference__size(call, a->spec.tokens);
    double *dqkv = reference__given_reals(a->dqkv);
    const double *qkv = reference__given_reals(a->qkv), *lse = reference__given_reals(a->lse);
    const double *out = reference__given_reals(a->out), *dout = reference__given_reals(a->dout);
    const query_tile *tiles = (const query_tile *)reference__words(a->tiles);
    for (size_t i = 0; i < tokens * 3 * hidden; i++) dqkv[i] = 0;
    for (uint32_t n = 0; n < reference__size(call, a->tile_count); n++) {
        const query_tile *tile = &tiles[n];
        for (uint32_t head = 0; head < a->spec.heads; head++) {
            size_t column = (size_t)head * a->spec.head_size;
            backward_view b = {.v = view_of(qkv, tile->start, head, &a->spec),
                               .out = out + tile->start * hidden + column,
                               .dout = dout + tile->start * hidden + column,
                               .lse = lse + head * tokens + tile->start,
                               .dq = dqkv + tile->start * 3 * hidden + column,
                               .hidden = hidden};
            b.dk = b.dq + hidden;
            b.dv = b.dq + 2 * hidden;
            for (uint32_t r = 0; r < tile_rows(tile, call->device->tile_rows); r++)
                for (uint32_t key = 0; key < tile->length; key++)
                    backward_pair(call, a, b, tile, head, tile->first + r, key);
        }
    }
    return ERR_OK;
}

/* The first token of each sentence alone. */

/* Probabilities of sentence b's first token in one head: p (length), before dropout. k
 * points at the sentence's first key, rows of 2H apart. */
static void first_probabilities(double *p, const double *q, const double *k, size_t stride,
                                size_t size, uint32_t length, double scale) {
    double max = -INFINITY, sum = 0;
    for (uint32_t j = 0; j < length; j++) {
        p[j] = dot(q, k + j * stride, size) * scale;
        if (p[j] > max) max = p[j];
    }
    for (uint32_t j = 0; j < length; j++) sum += p[j] = exp(p[j] - max);
    for (uint32_t j = 0; j < length; j++) p[j] /= sum;
}

static uint32_t ordinal_of(span ordinals, uint32_t b) {
    return span_given(ordinals) ? reference__words(ordinals)[b] : 0;
}

err reference__first_attention_fwd(const op_call *call, const op *o) {
    const struct first_attention_fwd *a = &o->as.first_attention_fwd;
    size_t size = a->spec.head_size, hidden = a->spec.heads * size;
    const uint32_t *starts = reference__words(a->starts);
    double *p = NULL;
    err e = mem_new(&p, reference__size(call, a->spec.tokens));
    if (e) return e;
    for (uint32_t b = 0; b < reference__size(call, a->rows); b++) {
        uint32_t length = starts[b + 1] - starts[b];
        for (uint32_t head = 0; head < a->spec.heads; head++) {
            const double *q = reference__reals(a->q) + b * hidden + head * size;
            const double *k = reference__reals(a->kv) + starts[b] * 2 * hidden + head * size;
            const double *v = k + hidden;
            double *out = reference__reals(a->out) + b * hidden + head * size;
            first_probabilities(p, q, k, 2 * hidden, size, length, (double)a->spec.scale);
            for (size_t c = 0; c < size; c++) out[c] = 0;
            for (uint32_t j = 0; j < length; j++) {
                double w = p[j] * reference__keep(call, a->spec.drop, j, 0, head,
                                                  ordinal_of(a->ordinals, b));
                for (size_t c = 0; c < size; c++) out[c] += w * v[j * 2 * hidden + c];
            }
        }
    }
    mem_free(p);
    return ERR_OK;
}

/* One sentence and head; p and dp (length) are workspace. */
static void first_backward(const op_call *call, const struct first_attention_bwd *a, uint32_t b,
                           uint32_t head, double *p, double *dp) {
    size_t size = a->spec.head_size, hidden = a->spec.heads * size, stride = 2 * hidden;
    uint32_t start = reference__words(a->starts)[b];
    uint32_t length = reference__words(a->starts)[b + 1] - start;
    size_t row = b * hidden + head * size, rows = start * stride + head * size;
    const double *q = reference__reals(a->q) + row, *dout = reference__reals(a->dout) + row;
    const double *k = reference__reals(a->kv) + rows, *v = k + hidden;
    double *dq = reference__reals(a->dq) + row, *dk = reference__reals(a->dkv) + rows;
    double scale = (double)a->spec.scale, delta = 0;
    first_probabilities(p, q, k, stride, size, length, scale);
    for (uint32_t j = 0; j < length; j++) {
        double keep = reference__keep(call, a->spec.drop, j, 0, head, ordinal_of(a->ordinals, b));
        dp[j] = dot(dout, v + j * stride, size) * keep;
        delta += p[j] * dp[j];
        for (size_t c = 0; c < size; c++) dk[hidden + j * stride + c] = p[j] * keep * dout[c];
    }
    for (size_t c = 0; c < size; c++) dq[c] = 0;
    for (uint32_t j = 0; j < length; j++) {
        double ds = p[j] * (dp[j] - delta) * scale;
        for (size_t c = 0; c < size; c++) {
            dq[c] += ds * k[j * stride + c];
            dk[j * stride + c] = ds * q[c];
        }
    }
}

err reference__first_attention_bwd(const op_call *call, const op *o) {
    const struct first_attention_bwd *a = &o->as.first_attention_bwd;
    size_t tokens = reference__size(call, a->spec.tokens);
    double *workspace = NULL;
    err e = mem_new(&workspace, 2 * tokens);
    if (e) return e;
    for (uint32_t b = 0; b < reference__size(call, a->rows); b++)
        for (uint32_t head = 0; head < a->spec.heads; head++)
            first_backward(call, a, b, head, workspace, workspace + tokens);
    mem_free(workspace);
    return ERR_OK;
}
