/* Attention: one item is a sentence and a head, forward and backward alike, so that dK and dV need
 * no sharing between items. */
#include "compute/cpu/cpu_internal.h"

typedef struct attending {
    const op_call *call;
    const cpu_kernels *kernels;
    const query_tile *tiles;
    const float *qkv, *out, *dout, *lse;
    float *out_to, *lse_to, *dqkv;
    const attention_spec *spec;
} attending;

static void attention_item(void *context, size_t item, float *workspace) {
    const attending *w = context;
    size_t heads = w->spec->heads, size = w->spec->head_size, hidden = heads * size;
    size_t head = item % heads;
    const query_tile *tile = &w->tiles[item / heads];
    if (tile->first) return; // the sentence's first entry covers it
    size_t row = tile->start * hidden + head * size;
    size_t row3 = tile->start * 3 * hidden + head * size;
    size_t lse = head * cpu__size(w->call, w->spec->tokens) + tile->start;
    bool is_backward = w->dqkv != NULL;
    cpu_attention a = {
        .qkv = w->qkv + row3,
        .out = is_backward ? w->out + row : NULL,
        .dout = is_backward ? w->dout + row : NULL,
        .lse = is_backward ? w->lse + lse : NULL,
        .out_to = is_backward ? NULL : w->out_to + row,
        .lse_to = is_backward ? NULL : w->lse_to + lse,
        .dqkv = is_backward ? w->dqkv + row3 : NULL,
        .hidden = hidden,
        .head_size = size,
        .length = tile->length,
        .scale = w->spec->scale,
        .has_dropout = w->spec->drop.p > 0,
        .drop = cpu__dropout_of(w->call, w->spec->drop, (uint32_t)head << 16, tile->ordinal),
        .workspace = workspace,
    };
    if (is_backward)
        w->kernels->attention_bwd(&a);
    else
        w->kernels->attention_fwd(&a);
}

static err attend(attending *w, size_t tiles) {
    size_t longest = 0;
    for (size_t i = 0; i < tiles; i++)
        if (w->tiles[i].length > longest) longest = w->tiles[i].length;
    err e = cpu__workspace(w->call->device, cpu__attention_workspace(longest, w->spec->head_size));
    if (!e) cpu__for(w->call->device, tiles * w->spec->heads, attention_item, w);
    return e;
}

/* What the forward and the backward op have both. */
#define ATTENDING(a)                                                                               \
    .call = call, .kernels = cpu__kernels(call),                                                   \
    .tiles = (const query_tile *)(const void *)cpu__given_words((a)->tiles),                       \
    .qkv = cpu__reals((a)->qkv), .spec = &(a)->spec

err cpu__attention_fwd(const op_call *call, const op *o) {
    const struct attention_fwd *a = &o->as.attention_fwd;
    attending w = {ATTENDING(a), .out_to = cpu__reals(a->out), .lse_to = cpu__reals(a->lse)};
    return attend(&w, cpu__size(call, a->tile_count));
}

err cpu__attention_bwd(const op_call *call, const op *o) {
    const struct attention_bwd *a = &o->as.attention_bwd;
    attending w = {ATTENDING(a), .out = cpu__reals(a->out), .dout = cpu__reals(a->dout),
                   .lse = cpu__reals(a->lse), .dqkv = cpu__reals(a->dqkv)};
    return attend(&w, cpu__size(call, a->tile_count));
}

/* The first token of each sentence alone. */

typedef struct first_attending {
    const op_call *call;
    const float *q, *kv, *dout;
    float *out_to, *dq, *dkv;
    const uint32_t *starts, *ordinals;
    const attention_spec *spec;
} first_attending;

static void first_item(void *context, size_t item, float *workspace) {
    const first_attending *w = context;
    size_t heads = w->spec->heads, size = w->spec->head_size, hidden = heads * size;
    size_t head = item % heads, b = item / heads;
    size_t row = b * hidden + head * size;
    size_t rows = w->starts[b] * 2 * hidden + head * size;
    bool is_backward = w->dq != NULL;
    cpu_first_attention a = {
        .q = w->q + row,
        .kv = w->kv + rows,
        .dout = is_backward ? w->dout + row : NULL,
        .out = is_backward ? NULL : w->out_to + row,
        .dq = is_backward ? w->dq + row : NULL,
        .dkv = is_backward ? w->dkv + rows : NULL,
        .hidden = hidden,
        .head_size = size,
        .length = w->starts[b + 1] - w->starts[b],
        .scale = w->spec->scale,
        .has_dropout = w->spec->drop.p > 0,
        .drop = cpu__dropout_of(w->call, w->spec->drop, (uint32_t)head << 16,
                                w->ordinals ? w->ordinals[b] : 0),
        .workspace = workspace,
    };
    if (is_backward)
        cpu__kernels(w->call)->first_attention_bwd(&a);
    else
        cpu__kernels(w->call)->first_attention_fwd(&a);
}

static err first_run(first_attending *w, size_t sentences) {
    size_t longest = 0;
    for (size_t b = 0; b < sentences; b++) {
        size_t length = w->starts[b + 1] - w->starts[b];
        if (length > longest) longest = length;
    }
    err e = cpu__workspace(w->call->device, cpu__first_attention_workspace(longest));
    if (!e) cpu__for(w->call->device, sentences * w->spec->heads, first_item, w);
    return e;
}

#define FIRST_ATTENDING(a)                                                                         \
    .call = call, .q = cpu__reals((a)->q), .kv = cpu__reals((a)->kv),                              \
    .starts = cpu__given_words((a)->starts), .ordinals = cpu__words((a)->ordinals),                \
    .spec = &(a)->spec

err cpu__first_attention_fwd(const op_call *call, const op *o) {
    const struct first_attention_fwd *a = &o->as.first_attention_fwd;
    first_attending w = {FIRST_ATTENDING(a), .out_to = cpu__reals(a->out)};
    return first_run(&w, cpu__size(call, a->rows));
}

err cpu__first_attention_bwd(const op_call *call, const op *o) {
    const struct first_attention_bwd *a = &o->as.first_attention_bwd;
    first_attending w = {FIRST_ATTENDING(a), .dout = cpu__reals(a->dout), .dq = cpu__reals(a->dq),
                         .dkv = cpu__reals(a->dkv)};
    return first_run(&w, cpu__size(call, a->rows));
}
