/* The backward as operations: head, layers, embeddings. */
#include "model/bert_internal.h"

/* Gradients of one linear layer: weight and bias += unless they are frozen; dx, where it is given,
 * = dy weight (* gelu'(pre)) (+ add). */
static err linear_backward(const bert_builder *b, span dx, span pre, span add, span dy, span x,
                           param_field weight, param_field bias, uint32_t layer, dim rows) {
    const param *w = bert__param(b, weight, layer);
    err e = ERR_OK;
    if (bert__trains(b, w))
        e = op_linear_dw(b->plan, &(struct linear_dw){.dweight = w->g,
                                                      .dbias = bert__param(b, bias, layer)->g,
                                                      .dy = dy,
                                                      .x = x,
                                                      .rows = rows,
                                                      .n = w->rows,
                                                      .k = w->cols});
    if (e || !span_given(dx)) return e;
    return op_linear_dx(b->plan, &(struct linear_dx){.dx = dx,
                                                     .dy = dy,
                                                     .weight = w->p,
                                                     .pre = pre,
                                                     .add = add,
                                                     .rows = rows,
                                                     .n = w->rows,
                                                     .k = w->cols});
}

/* The same for outputs first to first + n of the fused query, key and value layer. */
static err linear_part_backward(const bert_builder *b, span dx, span add, span dy, span x,
                                uint32_t layer, size_t first, size_t n, dim rows) {
    const param *w = bert__param(b, PARAM_qkv_weight, layer),
                *bias = bert__param(b, PARAM_qkv_bias, layer);
    size_t from = first * w->cols, count = n * w->cols;
    err e = ERR_OK;
    if (bert__trains(b, w))
        e = op_linear_dw(b->plan, &(struct linear_dw){.dweight = span_part(w->g, from, count),
                                                      .dbias = span_part(bias->g, first, n),
                                                      .dy = dy,
                                                      .x = x,
                                                      .rows = rows,
                                                      .n = (uint32_t)n,
                                                      .k = w->cols});
    if (e || !span_given(dx)) return e;
    return op_linear_dx(b->plan, &(struct linear_dx){.dx = dx,
                                                     .dy = dy,
                                                     .weight = span_part(w->p, from, count),
                                                     .add = add,
                                                     .rows = rows,
                                                     .n = (uint32_t)n,
                                                     .k = w->cols});
}

/* dcls is absent when nothing below the head is trained. */
static err head_backward(const bert_builder *b, span dcls) {
    const bert_memory *s = b->memory;
    dim rows = b->batch->dim_sentences;
    span none = {0};
    err e = linear_backward(b, s->dpooled, none, none, s->dlogits, s->dropped,
                            PARAM_classifier_weight, PARAM_classifier_bias, 0, rows);
    if (e) return e;
    if ((e = bert__dropout_pooled(b, s->dpooled, s->dpooled))) return e;
    if ((e = op_tanh_bwd(b->plan, &(struct tanh_bwd){.dx = s->dpooled,
                                                     .dy = s->dpooled,
                                                     .y = s->pooled,
                                                     .rows = rows,
                                                     .cols = b->c->hidden})))
        return e;
    return linear_backward(b, dcls, none, none, s->dpooled, s->cls, PARAM_pooler_weight,
                           PARAM_pooler_bias, 0, rows);
}

/* dx (T, H) = s->dcls in the [CLS] rows, 0 elsewhere */
static err scatter_cls(const bert_builder *b, span dx) {
    return op_scatter_rows(b->plan, &(struct scatter_rows){.dx = dx,
                                                           .dy = b->memory->dcls,
                                                           .starts = b->batch->starts,
                                                           .rows = b->batch->dim_sentences,
                                                           .tokens = b->batch->dim_tokens,
                                                           .hidden = b->c->hidden});
}

/* Backward of add_norm; *dx is where the gradient of its x lands (dsum itself without dropout). */
static err add_norm_backward(const bert_builder *b, row_set set, span dsum, span *dx, span dy,
                             span sum, span mean, span rstd, param_field weight, param_field bias,
                             uint32_t layer, uint32_t site) {
    dropout_spec before = hidden_drop(b, site);
    span none = {0}, apart = before.p > 0 ? b->memory->temp : none;
    *dx = before.p > 0 ? apart : dsum;
    return op_layernorm_bwd(b->plan,
                            &(struct layernorm_bwd){.dsum = dsum,
                                                    .dx = apart,
                                                    .dweight = bert__param(b, weight, layer)->g,
                                                    .dbias = bert__param(b, bias, layer)->g,
                                                    .dy = dy,
                                                    .sum = sum,
                                                    .mean = mean,
                                                    .rstd = rstd,
                                                    .weight = bert__param(b, weight, layer)->p,
                                                    .positions = set.positions,
                                                    .token_sentence = set.sentences,
                                                    .before = before,
                                                    .rows = set.rows,
                                                    .hidden = b->c->hidden});
}

static err attention_backward(const bert_builder *b, const bert_layer_memory *l, span dqkv,
                              span dout, uint32_t layer) {
    return op_attention_bwd(
        b->plan, &(struct attention_bwd){.dqkv = dqkv,
                                         .dout = dout,
                                         .out = l->attention,
                                         .lse = l->lse,
                                         .qkv = l->qkv,
                                         .tiles = b->batch->tiles,
                                         .tile_count = b->batch->dim_tiles,
                                         .tokens = b->batch->dim_tokens,
                                         .heads = b->c->heads,
                                         .head_size = b->c->hidden / b->c->heads,
                                         .scale = scale_of(b->c),
                                         .drop = {b->training->attention_dropout,
                                                  layer_site(layer, BERT_SITE_PROBABILITIES)}});
}

/* Backward of after_attention: dy to s->second, the gradient of l->attention; what flows into the
 * residual lies in s->first. */
static err after_attention_backward(const bert_builder *b, const bert_layer_memory *l, row_set set,
                                    span dy, uint32_t layer) {
    const bert_memory *s = b->memory;
    span none = {0}, dx = {0};
    err e = ERR_OK;
    if ((e = add_norm_backward(b, set, s->second, &dx, dy, l->sum, l->mean, l->rstd,
                               PARAM_output_norm_weight, PARAM_output_norm_bias, layer,
                               layer_site(layer, BERT_SITE_OUTPUT))))
        return e;
    if ((e = linear_backward(b, s->wide, l->pre, none, dx, l->inner, PARAM_outer_weight,
                             PARAM_outer_bias, layer, set.rows)))
        return e;
    if ((e = linear_backward(b, s->second, none, s->second, s->wide, l->attention_y,
                             PARAM_inner_weight, PARAM_inner_bias, layer, set.rows)))
        return e;
    if ((e = add_norm_backward(b, set, s->first, &dx, s->second, l->attention_sum,
                               l->attention_mean, l->attention_rstd, PARAM_attention_norm_weight,
                               PARAM_attention_norm_bias, layer,
                               layer_site(layer, BERT_SITE_ATTENTION_OUTPUT))))
        return e;
    return linear_backward(b, s->second, none, none, dx, l->attention, PARAM_attention_weight,
                           PARAM_attention_bias, layer, set.rows);
}

/* The gradient of the layer's output comes in s->first, that of its input x leaves there if it is
 * wanted. */
static err layer_backward(const bert_builder *b, const bert_layer_memory *l, span x, uint32_t layer,
                          bool wants_dx) {
    const bert_memory *s = b->memory;
    span none = {0};
    err e = after_attention_backward(b, l, token_rows(b), s->first, layer);
    if (!e) e = attention_backward(b, l, s->wide, s->second, layer);
    if (e) return e;
    return linear_backward(b, wants_dx ? s->first : none, none, s->first, s->wide, x,
                           PARAM_qkv_weight, PARAM_qkv_bias, layer, b->batch->dim_tokens);
}

/* The last layer's: the gradient of its [CLS] rows comes in s->dcls, that of x leaves in s->first
 * if it is wanted. */
static err cls_layer_backward(const bert_builder *b, const bert_layer_memory *l, span x,
                              uint32_t layer, bool wants_dx) {
    const bert_memory *s = b->memory;
    size_t h = b->c->hidden;
    span none = {0};
    row_set set = cls_rows(b);
    span dq = q_part(b, s->wide), dkv = kv_part(b, s->wide);
    err e = after_attention_backward(b, l, set, s->dcls, layer);
    if (e) return e;
    e = op_cls_attention_bwd(
        b->plan, &(struct cls_attention_bwd){.dq = dq,
                                             .dkv = dkv,
                                             .dout = s->second,
                                             .q = q_part(b, l->qkv),
                                             .kv = kv_part(b, l->qkv),
                                             .starts = b->batch->starts,
                                             .ordinals = b->batch->ordinals,
                                             .rows = set.rows,
                                             .tokens = b->batch->dim_tokens,
                                             .heads = b->c->heads,
                                             .head_size = b->c->hidden / b->c->heads,
                                             .scale = scale_of(b->c),
                                             .drop = {b->training->attention_dropout,
                                                      layer_site(layer, BERT_SITE_PROBABILITIES)}});
    if (e) return e;
    if ((e = linear_part_backward(b, wants_dx ? s->dcls : none, s->first, dq, s->cls_in, layer, 0,
                                  h, set.rows)))
        return e;
    if (wants_dx && (e = scatter_cls(b, s->first))) return e;
    return linear_part_backward(b, wants_dx ? s->first : none, s->first, dkv, x, layer, h, 2 * h,
                                b->batch->dim_tokens);
}

static err embeddings_backward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    const batch *in = b->batch;
    uint32_t h = b->c->hidden;
    err e = op_layernorm_bwd(
        b->plan,
        &(struct layernorm_bwd){.dsum = s->second,
                                .dweight = bert__param(b, PARAM_embedding_norm_weight, 0)->g,
                                .dbias = bert__param(b, PARAM_embedding_norm_bias, 0)->g,
                                .dy = s->first,
                                .sum = s->embedded,
                                .mean = s->embedded_mean,
                                .rstd = s->embedded_rstd,
                                .weight = bert__param(b, PARAM_embedding_norm_weight, 0)->p,
                                .positions = in->positions,
                                .token_sentence = in->token_sentence,
                                .after = hidden_drop(b, BERT_SITE_EMBEDDINGS),
                                .rows = in->dim_tokens,
                                .hidden = h});
    if (e) return e;
    const struct rows_sum sums[] = {
        {bert__param(b, PARAM_token, 0)->g, s->second, in->by_token.starts, in->by_token.items,
         in->by_token.rows, in->by_token.count, in->dim_tokens, h},
        {bert__param(b, PARAM_position, 0)->g, s->second, in->by_position.starts,
         in->by_position.items, in->by_position.rows, in->by_position.count, in->dim_tokens, h},
        {bert__param(b, PARAM_type, 0)->g, s->second, in->by_type.starts, in->by_type.items,
         in->by_type.rows, in->by_type.count, in->dim_tokens, h},
    };
    for (size_t i = 0; !e && i < sizeof sums / sizeof *sums; i++)
        e = op_rows_sum(b->plan, &sums[i]);
    return e;
}

err bert__backward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    bool has_cls = has_cls_layer(b->model);
    bool has_embeddings = bert__trains(b, bert__param(b, PARAM_token, 0));
    // the lowest layer that something trained lies in or below
    uint32_t lowest = has_embeddings ? 0 : b->training->freeze_layers;
    bool has_layers = has_embeddings || lowest < b->c->layers;
    span none = {0};
    err e = head_backward(b, has_layers ? s->dcls : none);
    if (!e && has_layers && !has_cls) e = scatter_cls(b, s->first);
    for (uint32_t i = b->c->layers; !e && i-- > lowest;) {
        span x = i ? s->layers[i - 1].y : s->hidden;
        bool wants_dx = has_embeddings || i > lowest;
        if (has_cls && i + 1 == b->c->layers)
            e = cls_layer_backward(b, &s->layers[i], x, i, wants_dx);
        else
            e = layer_backward(b, &s->layers[i], x, i, wants_dx);
    }
    return e || !has_embeddings ? e : embeddings_backward(b);
}
