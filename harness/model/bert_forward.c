/* The forward as operations: embeddings, layers, head. */
#include "model/bert_internal.h"

static err linear(const bert_builder *b, span y, span pre, span x, param_field weight,
                  param_field bias, uint32_t layer, activation act, dim rows) {
    const param *w = bert__param(b, weight, layer);
    return op_linear_fwd(b->plan, &(struct linear_fwd){.y = y,
                                                       .pre = pre,
                                                       .x = x,
                                                       .weight = w->p,
                                                       .bias = bert__param(b, bias, layer)->p,
                                                       .act = act,
                                                       .rows = rows,
                                                       .n = w->rows,
                                                       .k = w->cols});
}

/* Outputs first to first + n of the fused query, key and value layer. */
static err linear_part(const bert_builder *b, span y, span x, uint32_t layer, size_t first,
                       size_t n, dim rows) {
    const param *w = bert__param(b, PARAM_qkv_weight, layer),
                *bias = bert__param(b, PARAM_qkv_bias, layer);
    return op_linear_fwd(
        b->plan, &(struct linear_fwd){.y = y,
                                      .x = x,
                                      .weight = span_part(w->p, first * w->cols, n * w->cols),
                                      .bias = span_part(bias->p, first, n),
                                      .rows = rows,
                                      .n = (uint32_t)n,
                                      .k = w->cols});
}

static err embeddings_forward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    const batch *in = b->batch;
    err e =
        op_embed_fwd(b->plan, &(struct embed_fwd){.y = s->embedded,
                                                  .token = bert__param(b, PARAM_token, 0)->p,
                                                  .position = bert__param(b, PARAM_position, 0)->p,
                                                  .type = bert__param(b, PARAM_type, 0)->p,
                                                  .ids = in->ids,
                                                  .positions = in->positions,
                                                  .type_ids = in->type_ids,
                                                  .rows = in->dim_tokens,
                                                  .hidden = b->c->hidden,
                                                  .table_rows = b->c->vocabulary});
    if (e) return e;
    return op_layernorm_fwd(
        b->plan,
        &(struct layernorm_fwd){.y = s->hidden,
                                .mean = s->embedded_mean,
                                .rstd = s->embedded_rstd,
                                .x = s->embedded,
                                .weight = bert__param(b, PARAM_embedding_norm_weight, 0)->p,
                                .bias = bert__param(b, PARAM_embedding_norm_bias, 0)->p,
                                .positions = in->positions,
                                .token_sentence = in->token_sentence,
                                .after = hidden_drop(b, BERT_SITE_EMBEDDINGS),
                                .rows = in->dim_tokens,
                                .hidden = b->c->hidden,
                                .eps = b->c->layer_norm_eps});
}

/* y = LayerNorm(residual + dropout(x)) */
static err add_norm(const bert_builder *b, row_set set, span y, span sum, span mean, span rstd,
                    span x, span residual, param_field weight, param_field bias, uint32_t layer,
                    uint32_t site) {
    return op_layernorm_fwd(b->plan,
                            &(struct layernorm_fwd){.y = y,
                                                    .sum = sum,
                                                    .mean = mean,
                                                    .rstd = rstd,
                                                    .x = x,
                                                    .residual = residual,
                                                    .weight = bert__param(b, weight, layer)->p,
                                                    .bias = bert__param(b, bias, layer)->p,
                                                    .positions = set.positions,
                                                    .token_sentence = set.sentences,
                                                    .before = hidden_drop(b, site),
                                                    .rows = set.rows,
                                                    .hidden = b->c->hidden,
                                                    .eps = b->c->layer_norm_eps});
}

static err attention_forward(const bert_builder *b, const bert_layer_memory *l, uint32_t layer) {
    dropout_spec drop = {b->training ? b->training->attention_dropout : 0.0f,
                         layer_site(layer, BERT_SITE_PROBABILITIES)};
    return op_attention_fwd(b->plan,
                            &(struct attention_fwd){.out = l->attention,
                                                    .lse = l->lse,
                                                    .qkv = l->qkv,
                                                    .tiles = b->batch->tiles,
                                                    .tile_count = b->batch->dim_tiles,
                                                    .tokens = b->batch->dim_tokens,
                                                    .heads = b->c->heads,
                                                    .head_size = b->c->hidden / b->c->heads,
                                                    .scale = scale_of(b->c),
                                                    .drop = drop});
}

/* What follows the attention, on the rows of the set: l->attention to y; residual is the layer's
 * input. */
static err after_attention(const bert_builder *b, const bert_layer_memory *l, row_set set, span y,
                           span residual, uint32_t layer) {
    const bert_memory *s = b->memory;
    span none = {0};
    err e = linear(b, s->temp, none, l->attention, PARAM_attention_weight, PARAM_attention_bias,
                   layer, ACT_NONE, set.rows);
    if (e) return e;
    if ((e = add_norm(b, set, l->attention_y, l->attention_sum, l->attention_mean,
                      l->attention_rstd, s->temp, residual, PARAM_attention_norm_weight,
                      PARAM_attention_norm_bias, layer,
                      layer_site(layer, BERT_SITE_ATTENTION_OUTPUT))))
        return e;
    if ((e = linear(b, l->inner, b->training ? l->pre : none, l->attention_y, PARAM_inner_weight,
                    PARAM_inner_bias, layer, ACT_GELU, set.rows)))
        return e;
    if ((e = linear(b, s->temp, none, l->inner, PARAM_outer_weight, PARAM_outer_bias, layer,
                    ACT_NONE, set.rows)))
        return e;
    return add_norm(b, set, y, l->sum, l->mean, l->rstd, s->temp, l->attention_y,
                    PARAM_output_norm_weight, PARAM_output_norm_bias, layer,
                    layer_site(layer, BERT_SITE_OUTPUT));
}

static err layer_forward(const bert_builder *b, const bert_layer_memory *l, span y, span x,
                         uint32_t layer) {
    span none = {0};
    err e = linear(b, l->qkv, none, x, PARAM_qkv_weight, PARAM_qkv_bias, layer, ACT_NONE,
                   b->batch->dim_tokens);
    if (!e) e = attention_forward(b, l, layer);
    return e ? e : after_attention(b, l, token_rows(b), y, x, layer);
}

static err gather_cls(const bert_builder *b, span y, span x) {
    return op_gather_rows(b->plan, &(struct gather_rows){.y = y,
                                                         .x = x,
                                                         .starts = b->batch->starts,
                                                         .rows = b->batch->dim_sentences,
                                                         .tokens = b->batch->dim_tokens,
                                                         .hidden = b->c->hidden});
}

/* The last layer: y (B, H) is its [CLS] rows. */
static err cls_layer_forward(const bert_builder *b, const bert_layer_memory *l, span y, span x,
                             uint32_t layer) {
    const bert_memory *s = b->memory;
    size_t h = b->c->hidden;
    row_set set = cls_rows(b);
    dropout_spec drop = {b->training ? b->training->attention_dropout : 0.0f,
                         layer_site(layer, BERT_SITE_PROBABILITIES)};
    err e = gather_cls(b, s->cls_in, x);
    if (e) return e;
    if ((e = linear_part(b, q_part(b, l->qkv), s->cls_in, layer, 0, h, set.rows))) return e;
    if ((e = linear_part(b, kv_part(b, l->qkv), x, layer, h, 2 * h, b->batch->dim_tokens)))
        return e;
    e = op_cls_attention_fwd(b->plan,
                             &(struct cls_attention_fwd){.out = l->attention,
                                                         .q = q_part(b, l->qkv),
                                                         .kv = kv_part(b, l->qkv),
                                                         .starts = b->batch->starts,
                                                         .ordinals = b->batch->ordinals,
                                                         .rows = set.rows,
                                                         .tokens = b->batch->dim_tokens,
                                                         .heads = b->c->heads,
                                                         .head_size = b->c->hidden / b->c->heads,
                                                         .scale = scale_of(b->c),
                                                         .drop = drop});
    return e ? e : after_attention(b, l, set, y, s->cls_in, layer);
}

err bert__dropout_pooled(const bert_builder *b, span y, span x) {
    return op_dropout(
        b->plan, &(struct dropout){.y = y,
                                   .x = x,
                                   .ordinals = b->batch->ordinals,
                                   .rows = b->batch->dim_sentences,
                                   .hidden = b->c->hidden,
                                   .drop = {b->training->classifier_dropout, BERT_SITE_POOLED}});
}

/* From s->cls. */
static err head_forward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    dim rows = b->batch->dim_sentences;
    span none = {0};
    err e = ERR_OK;
    if ((e = linear(b, s->pooled, none, s->cls, PARAM_pooler_weight, PARAM_pooler_bias, 0, ACT_TANH,
                    rows)))
        return e;
    if (b->training && (e = bert__dropout_pooled(b, s->dropped, s->pooled))) return e;
    if ((e = linear(b, b->batch->outputs, none, b->training ? s->dropped : s->pooled,
                    PARAM_classifier_weight, PARAM_classifier_bias, 0, ACT_NONE, rows)))
        return e;
    return op_cross_entropy(
        b->plan,
        &(struct cross_entropy){.loss = b->batch->losses,
                                .dlogits = b->training ? s->dlogits : none,
                                .logits = b->batch->outputs,
                                .targets = b->batch->targets,
                                .class_weights = b->training ? b->training->class_weights : none,
                                .rows = rows,
                                .classes = b->c->classes,
                                .smoothing = b->training ? b->training->label_smoothing : 0});
}

err bert__forward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    bool has_cls = has_cls_layer(b->model);
    err e = embeddings_forward(b);
    span x = s->hidden;
    for (uint32_t i = 0; !e && i < b->c->layers; i++) {
        const bert_layer_memory *l = &s->layers[b->training ? i : 0];
        span y = b->training ? l->y : i % 2 ? s->second : s->first;
        if (has_cls && i + 1 == b->c->layers)
            e = cls_layer_forward(b, l, s->cls, x, i);
        else
            e = layer_forward(b, l, y, x, i);
        x = y;
    }
    if (!e && !has_cls) e = gather_cls(b, s->cls, x);
    return e ? e : head_forward(b);
}
