/* The forward as operations: embeddings, layers. */
#include "model/encoder/internal.h"

static err embeddings_forward(const model_builder *b) {
    const encoder_memory *s = &b->memory->encoder;
    const batch *in = b->batch;
    uint32_t embedding = model_config_embedding(b->c);
    bool projects = model_config_projects(b->c);
    span none = {0};
    err e = op_embed_fwd(
        b->plan,
        &(struct embed_fwd){.y = s->embedded,
                            .token = model__param(b, PARAM_token, 0)->p,
                            .position = model__param(b, PARAM_position, 0)->p,
                            .type = b->c->types ? model__param(b, PARAM_type, 0)->p : s->no_type,
                            .ids = in->ids,
                            .positions = in->position_ids,
                            .type_ids = in->type_ids,
                            .rows = in->dim_tokens,
                            .hidden = embedding,
                            .table_rows = b->c->vocabulary});
    if (e) return e;
    e = op_layernorm_fwd(b->plan, &(struct layernorm_fwd){
                                      .y = projects ? s->embedded_y : s->hidden,
                                      .mean = s->embedded_mean,
                                      .rstd = s->embedded_rstd,
                                      .x = s->embedded,
                                      .weight = model__param(b, PARAM_embedding_norm_weight, 0)->p,
                                      .bias = model__param(b, PARAM_embedding_norm_bias, 0)->p,
                                      .positions = in->positions,
                                      .token_sentence = in->token_sentence,
                                      .after = hidden_drop(b, MODEL_SITE_EMBEDDINGS),
                                      .rows = in->dim_tokens,
                                      .hidden = embedding,
                                      .eps = b->c->layer_norm_eps});
    if (e || !projects) return e;
    return model__linear(b, s->hidden, none, s->embedded_y, PARAM_embedding_projection_weight, 0,
                         ACT_NONE, in->dim_tokens);
}

/* y = LayerNorm(residual + dropout(x)) */
static err add_norm(const model_builder *b, row_set set, span y, span sum, span mean, span rstd,
                    span x, span residual, param_field weight, uint32_t layer, uint32_t place) {
    return op_layernorm_fwd(b->plan,
                            &(struct layernorm_fwd){.y = y,
                                                    .sum = sum,
                                                    .mean = mean,
                                                    .rstd = rstd,
                                                    .x = x,
                                                    .residual = residual,
                                                    .weight = model__param(b, weight, layer)->p,
                                                    .bias = bias_of(b, weight, layer)->p,
                                                    .positions = set.positions,
                                                    .token_sentence = set.sentences,
                                                    .before = output_drop(b, layer, place),
                                                    .rows = set.rows,
                                                    .hidden = b->c->hidden,
                                                    .eps = b->c->layer_norm_eps});
}

static err attention_forward(const model_builder *b, const encoder_layer_memory *l,
                             uint32_t layer) {
    return op_attention_fwd(b->plan,
                            &(struct attention_fwd){.out = l->attention, ATTENTION(b, l, layer)});
}

/* What follows the attention, on the rows of the set: l->attention to y; residual is the layer's
 * input. */
static err after_attention(const model_builder *b, const encoder_layer_memory *l, row_set set,
                           span y, span residual, uint32_t layer) {
    const encoder_memory *s = &b->memory->encoder;
    span none = {0};
    err e = model__linear(b, s->projected, none, l->attention, PARAM_attention_weight, layer,
                          ACT_NONE, set.rows);
    if (e) return e;
    if ((e = add_norm(b, set, l->attention_y, l->attention_sum, l->attention_mean,
                      l->attention_rstd, s->projected, residual, PARAM_attention_norm_weight, layer,
                      MODEL_SITE_ATTENTION_OUTPUT)))
        return e;
    if ((e = model__linear(b, l->intermediate, b->training ? l->intermediate_pre : none,
                           l->attention_y, PARAM_intermediate_weight, layer, b->c->activation,
                           set.rows)))
        return e;
    if ((e = model__linear(b, s->projected, none, l->intermediate, PARAM_output_weight, layer,
                           ACT_NONE, set.rows)))
        return e;
    return add_norm(b, set, y, l->sum, l->mean, l->rstd, s->projected, l->attention_y,
                    PARAM_output_norm_weight, layer, MODEL_SITE_OUTPUT);
}

static err layer_forward(const model_builder *b, const encoder_layer_memory *l, span y, span x,
                         uint32_t layer) {
    span none = {0};
    err e =
        model__linear(b, l->qkv, none, x, PARAM_qkv_weight, layer, ACT_NONE, b->batch->dim_tokens);
    if (!e) e = attention_forward(b, l, layer);
    return e ? e : after_attention(b, l, token_rows(b), y, x, layer);
}

/* y (R, H) = the rows of x that the head reads */
static err gather_read(const model_builder *b, span y, span x) {
    return op_gather_rows(b->plan, &(struct gather_rows){.y = y,
                                                         .x = x,
                                                         .starts = read_places(b),
                                                         .rows = head_rows_of(b),
                                                         .tokens = b->batch->dim_tokens,
                                                         .hidden = b->c->hidden});
}

/* The last layer where the head reads chosen rows: y (R, H) are those. */
static err chosen_layer_forward(const model_builder *b, const encoder_layer_memory *l, span y,
                                span x, uint32_t layer) {
    const encoder_memory *s = &b->memory->encoder;
    encoder_layer_memory behind = *l;
    span none = {0};
    behind.attention = s->read_attention;
    err e =
        model__linear(b, l->qkv, none, x, PARAM_qkv_weight, layer, ACT_NONE, b->batch->dim_tokens);
    if (!e) e = attention_forward(b, l, layer);
    if (!e) e = gather_read(b, s->read_attention, l->attention);
    if (!e) e = gather_read(b, s->read_in, x);
    return e ? e : after_attention(b, &behind, chosen_rows(b), y, s->read_in, layer);
}

/* The last layer: y (B, H) is the first row of each sentence. */
static err first_layer_forward(const model_builder *b, const encoder_layer_memory *l, span y,
                               span x, uint32_t layer) {
    const encoder_memory *s = &b->memory->encoder;
    size_t h = b->c->hidden;
    span none = {0};
    row_set set = first_rows(b);
    err e = gather_read(b, s->read_in, x);
    if (e) return e;
    if ((e = model__linear_part(b, q_part(b, l->qkv), none, s->read_in, PARAM_qkv_weight, layer,
                                ACT_NONE, set.rows, 0, h)))
        return e;
    if ((e = model__linear_part(b, kv_part(b, l->qkv), none, x, PARAM_qkv_weight, layer, ACT_NONE,
                                b->batch->dim_tokens, h, 2 * h)))
        return e;
    e = op_first_attention_fwd(
        b->plan, &(struct first_attention_fwd){.out = l->attention, FIRST_ATTENTION(b, l, layer)});
    return e ? e : after_attention(b, l, set, y, s->read_in, layer);
}

err encoder_forward(const model_builder *b, span *rows) {
    const encoder_memory *s = &b->memory->encoder;
    bool reads_all = b->model->head->reads == HEAD_READS_ALL, is_read = reads_all;
    err e = embeddings_forward(b);
    span x = s->hidden;
    for (uint32_t i = 0; !e && i < b->c->layers; i++) {
        const encoder_layer_memory *l = &s->layers[b->training ? i : 0];
        span y = b->training ? l->y : i % 2 ? s->branch : s->stream;
        bool is_last = i + 1 == b->c->layers;
        if (is_last && has_first_layer(b->model))
            e = first_layer_forward(b, l, s->read, x, i);
        else if (is_last && has_chosen_layer(b->model))
            e = chosen_layer_forward(b, l, s->read, x, i);
        else
            e = layer_forward(b, l, y, x, i);
        x = y;
    }
    *rows = reads_all ? x : s->read;
    is_read |= has_first_layer(b->model) || has_chosen_layer(b->model);
    return e || is_read ? e : gather_read(b, s->read, x);
}
