/* Attention: one item is a sentence and a head, forward and backward alike, so that dK and dV need
 * no sharing between items. */
#include "compute/cpu/cpu_internal.h"

typedef struct attending {
    const op_call *call;
    const cpu_kernels *kernels;
    const attention_tile *tiles;
    const float *qkv, *out, *dout, *lse;
    float *out_to, *lse_to, *dqkv;
    size_t tokens, heads, head_size;
    float scale;
    dropout_spec drop;
} attending;

static void attention_item(void *context, size_t item, float *room) {
    const attending *w = context;
    size_t head = item % w->heads, hidden = w->heads * w->head_size;
    const attention_tile *tile = &w->tiles[item / w->heads];
    if (tile->first) return; // the sentence's first entry covers it
    size_t row = tile->start * hidden + head * w->head_size;
    size_t row3 = tile->start * 3 * hidden + head * w->head_size;
    size_t lse = head * w->tokens + tile->start;
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
        .head_size = w->head_size,
        .length = tile->length,
        .scale = w->scale,
        .has_dropout = w->drop.p > 0,
        .drop = cpu__dropout_of(w->call, w->drop, (uint32_t)head << 16, tile->ordinal),
        .room = room,
    };
    if (is_backward)
        w->kernels->attention_bwd(&a);
    else
        w->kernels->attention_fwd(&a);
}

// plans made room for sentences of CPU_LENGTH_USUAL
static err make_room(const attending *w, size_t tiles) {
    size_t longest = 0;
    for (size_t i = 0; i < tiles; i++) {
        if (w->tiles[i].length > longest) longest = w->tiles[i].length;
    }
    return cpu__room(w->call->device, cpu__attention_room(longest, w->head_size));
}

err cpu__attention_fwd(const op_call *call, const op *o) {
    const struct attention_fwd *a = &o->as.attention_fwd;
    attending w = {.call = call,
                   .kernels = cpu__kernels(call),
                   .tiles = (const attention_tile *)(const void *)cpu__words(a->tiles),
                   .qkv = cpu__reals(a->qkv),
                   .out_to = cpu__reals(a->out),
                   .lse_to = cpu__reals(a->lse),
                   .tokens = cpu__size(call, a->tokens),
                   .heads = a->heads,
                   .head_size = a->head_size,
                   .scale = a->scale,
                   .drop = a->drop};
    size_t tiles = cpu__size(call, a->tile_count);
    err e = make_room(&w, tiles);
    if (!e) cpu__for(call->device, tiles * w.heads, attention_item, &w);
    return e;
}

err cpu__attention_bwd(const op_call *call, const op *o) {
    const struct attention_bwd *a = &o->as.attention_bwd;
    attending w = {.call = call,
                   .kernels = cpu__kernels(call),
                   .tiles = (const attention_tile *)(const void *)cpu__words(a->tiles),
                   .qkv = cpu__reals(a->qkv),
                   .out = cpu__reals(a->out),
                   .dout = cpu__reals(a->dout),
                   .lse = cpu__reals(a->lse),
                   .dqkv = cpu__reals(a->dqkv),
                   .tokens = cpu__size(call, a->tokens),
                   .heads = a->heads,
                   .head_size = a->head_size,
                   .scale = a->scale,
                   .drop = a->drop};
    size_t tiles = cpu__size(call, a->tile_count);
    err e = make_room(&w, tiles);
    if (!e) cpu__for(call->device, tiles * w.heads, attention_item, &w);
    return e;
}
