/* LayerNorm with the residual and dropouts around it. Rows go to threads in blocks of a fixed size,
 * whose partial weight gradients are added up in the order of the blocks. */
#include "compute/cpu/cpu_internal.h"

#include <string.h>

enum { BLOCK = 32, COLUMNS = 64 };

typedef struct norm {
    const op_call *call;
    const cpu_kernels *kernels;
    size_t rows, hidden;
    const uint32_t *positions, *sentence;
    dropout_spec before, after;
    float *y, *sum, *mean, *rstd; /* forward */
    const float *x, *residual, *bias;
    float eps;
    const float *dy, *sum_in, *mean_in, *rstd_in; /* backward */
    float *dsum, *dx, *dweight, *dbias, *partial; /* partial: (blocks, 2, hidden) */
    const float *weight;
} norm;

static size_t padded(size_t hidden) {
    return (hidden + 63) / 64 * 64;
}

// Draws a row's keep factors into workspace; NULL without dropout.
static const float *keep_of(const norm *n, dropout_spec spec, size_t row, float *workspace) {
    if (spec.p <= 0) return NULL;
    cpu_dropout d = cpu__dropout_of(n->call, spec, n->positions[row], n->sentence[row]);
    n->kernels->keep_row(workspace, n->hidden, &d);
    return workspace;
}

static void forward_item(void *context, size_t item, float *workspace) {
    const norm *n = context;
    size_t h = n->hidden, end = (item + 1) * BLOCK < n->rows ? (item + 1) * BLOCK : n->rows;
    for (size_t t = item * BLOCK; t < end; t++) {
        const float *before = keep_of(n, n->before, t, workspace);
        const float *after = keep_of(n, n->after, t, workspace + padded(h));
        n->kernels->norm_fwd(n->y + t * h, n->sum ? n->sum + t * h : NULL, &n->mean[t], &n->rstd[t],
                             n->x + t * h, n->residual ? n->residual + t * h : NULL, before, after,
                             n->weight, n->bias, h, n->eps);
    }
}

/* What the forward and the backward op have both. */
#define NORM(a)                                                                                    \
    .call = call, .kernels = cpu__kernels(call), .rows = cpu__size(call, (a)->rows),               \
    .hidden = (a)->hidden, .positions = cpu__words((a)->positions),                                \
    .sentence = cpu__words((a)->token_sentence), .before = (a)->before, .after = (a)->after,       \
    .weight = cpu__reals((a)->weight)

err cpu__layernorm_fwd(const op_call *call, const op *o) {
    const struct layernorm_fwd *a = &o->as.layernorm_fwd;
    norm n = {NORM(a),
              .y = cpu__reals(a->y),
              .sum = cpu__reals(a->sum),
              .mean = cpu__reals(a->mean),
              .rstd = cpu__reals(a->rstd),
              .x = cpu__reals(a->x),
              .residual = cpu__reals(a->residual),
              .bias = cpu__reals(a->bias),
              .eps = a->eps};
    err e = cpu__workspace(call->device, 3 * padded(n.hidden));
    if (!e) cpu__for(call->device, (n.rows + BLOCK - 1) / BLOCK, forward_item, &n);
    return e;
}

static void backward_item(void *context, size_t item, float *workspace) {
    const norm *n = context;
    size_t h = n->hidden, end = (item + 1) * BLOCK < n->rows ? (item + 1) * BLOCK : n->rows;
    float *partial = n->partial + item * 2 * h;
    memset(partial, 0, 2 * h * sizeof *partial);
    for (size_t t = item * BLOCK; t < end; t++) {
        const float *before = keep_of(n, n->before, t, workspace);
        const float *after = keep_of(n, n->after, t, workspace + padded(h));
        n->kernels->norm_bwd(n->dsum + t * h, n->dx ? n->dx + t * h : NULL, partial, partial + h,
                             workspace + 2 * padded(h), n->dy + t * h, n->sum_in + t * h,
                             n->mean_in[t], n->rstd_in[t], n->weight, before, after, h);
    }
}

static void combine_item(void *context, size_t item, float *workspace) {
    (void)workspace;
    const norm *n = context;
    size_t h = n->hidden, first = item * COLUMNS, blocks = (n->rows + BLOCK - 1) / BLOCK;
    size_t count = h - first < COLUMNS ? h - first : COLUMNS;
    n->kernels->column_sums(n->dweight + first, n->partial + first, blocks, 2 * h, count);
    n->kernels->column_sums(n->dbias + first, n->partial + h + first, blocks, 2 * h, count);
}

err cpu__layernorm_bwd(const op_call *call, const op *o) {
    const struct layernorm_bwd *a = &o->as.layernorm_bwd;
    norm n = {NORM(a),
              .dy = cpu__reals(a->dy),
              .sum_in = cpu__reals(a->sum),
              .mean_in = cpu__reals(a->mean),
              .rstd_in = cpu__reals(a->rstd),
              .dsum = cpu__reals(a->dsum),
              .dx = cpu__reals(a->dx),
              .dweight = cpu__reals(a->dweight),
              .dbias = cpu__reals(a->dbias)};
    size_t blocks = (n.rows + BLOCK - 1) / BLOCK;
    err e = cpu__workspace(call->device, 3 * padded(n.hidden));
    if (e || (e = cpu__shared(&n.partial, call->device, blocks * 2 * n.hidden))) return e;
    cpu__for(call->device, blocks, backward_item, &n);
    cpu__for(call->device, (n.hidden + COLUMNS - 1) / COLUMNS, combine_item, &n);
    return ERR_OK;
}
