/* LayerNorm with the residual and dropouts around it. Rows go to threads in blocks of a fixed size,
 * whose partial weight gradients are added up in the order of the blocks. */
#include "compute/cpu/cpu_internal.h"

#include <string.h>

enum { BLOCK = 32, COLUMNS = 64 };

static size_t padded(size_t hidden) {
    return (hidden + 63) / 64 * 64;
}

// Draws a row's keep factors into workspace; NULL without dropout.
static const float *keep_of(const cpu_job *j, dropout_spec spec, span positions, span sentence,
                            size_t hidden, size_t row, float *workspace) {
    if (spec.p <= 0) return NULL;
    cpu_dropout d = cpu__dropout_of(j->call, spec, cpu__given_words(positions)[row],
                                    cpu__given_words(sentence)[row]);
    j->kernels->keep_row(workspace, hidden, &d);
    return workspace;
}

static void forward_item(const cpu_job *j, size_t item) {
    const struct layernorm_fwd *a = &j->o->as.layernorm_fwd;
    float *mean = cpu__given_reals(a->mean), *rstd = cpu__given_reals(a->rstd);
    size_t h = a->hidden, end = cpu__end(item, BLOCK, cpu__size(j->call, a->rows));
    for (size_t t = item * BLOCK; t < end; t++) {
        const float *before =
            keep_of(j, a->before, a->positions, a->token_sentence, h, t, j->workspace);
        const float *after =
            keep_of(j, a->after, a->positions, a->token_sentence, h, t, j->workspace + padded(h));
        j->kernels->norm_fwd(cpu__row(a->y, t, h), cpu__row_if_any(a->sum, t, h), &mean[t],
                             &rstd[t], cpu__row(a->x, t, h), cpu__row_if_any(a->residual, t, h),
                             before, after, cpu__given_reals(a->weight), cpu__given_reals(a->bias),
                             h, a->eps);
    }
}

err cpu__layernorm_fwd(const op_call *call, const op *o) {
    const struct layernorm_fwd *a = &o->as.layernorm_fwd;
    err e = cpu__workspace(call->device, 3 * padded(a->hidden));
    return e ? e : cpu__items(call, o, cpu__parts(cpu__size(call, a->rows), BLOCK), forward_item);
}

/* Partial weight gradients: (blocks, 2, hidden) in the shared block. */
static void backward_item(const cpu_job *j, size_t item) {
    const struct layernorm_bwd *a = &j->o->as.layernorm_bwd;
    const float *mean = cpu__given_reals(a->mean), *rstd = cpu__given_reals(a->rstd);
    size_t h = a->hidden, end = cpu__end(item, BLOCK, cpu__size(j->call, a->rows));
    float *partial = j->shared + item * 2 * h;
    memset(partial, 0, 2 * h * sizeof *partial);
    for (size_t t = item * BLOCK; t < end; t++) {
        const float *before =
            keep_of(j, a->before, a->positions, a->token_sentence, h, t, j->workspace);
        const float *after =
            keep_of(j, a->after, a->positions, a->token_sentence, h, t, j->workspace + padded(h));
        j->kernels->norm_bwd(cpu__row(a->dsum, t, h), cpu__row_if_any(a->dx, t, h), partial,
                             partial + h, j->workspace + 2 * padded(h), cpu__row(a->dy, t, h),
                             cpu__row(a->sum, t, h), mean[t], rstd[t], cpu__given_reals(a->weight),
                             before, after, h);
    }
}

static void combine_item(const cpu_job *j, size_t item) {
    const struct layernorm_bwd *a = &j->o->as.layernorm_bwd;
    size_t h = a->hidden, first = item * COLUMNS,
           blocks = cpu__parts(cpu__size(j->call, a->rows), BLOCK);
    size_t count = h - first < COLUMNS ? h - first : COLUMNS;
    const float *partial = j->shared + first;
    j->kernels->column_sums(cpu__given_reals(a->dweight) + first, partial, blocks, 2 * h, count);
    j->kernels->column_sums(cpu__given_reals(a->dbias) + first, partial + h, blocks, 2 * h, count);
}

err cpu__layernorm_bwd(const op_call *call, const op *o) {
    const struct layernorm_bwd *a = &o->as.layernorm_bwd;
    size_t blocks = cpu__parts(cpu__size(call, a->rows), BLOCK), h = a->hidden;
    float *partial;
    err e = cpu__workspace(call->device, 3 * padded(h));
    if (e || (e = cpu__shared(&partial, call->device, blocks * 2 * h))) return e;
    e = cpu__items(call, o, blocks, backward_item);
    return e ? e : cpu__items(call, o, cpu__parts(h, COLUMNS), combine_item);
}
