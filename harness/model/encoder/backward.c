/* The backward as operations: layers, embeddings. */
#include "model/encoder/internal.h"

/* dx (T, H) = dy (R, H) in the rows that the head reads, 0 elsewhere */
static err scatter_read(const model_builder *b, span dx, span dy) {
    return op_scatter_rows(b->plan, &(struct scatter_rows){.dx = dx,
                                                           .dy = dy,
                                                           .starts = read_places(b),
                                                           .rows = head_rows_of(b),
                                                           .tokens = b->batch->dim_tokens,
                                                           .hidden = b->c->hidden});
}

/* Backward of add_norm; *dx is where the gradient of its x lands (dsum itself without dropout). */
static err add_norm_backward(const model_builder *b, row_set set, span dsum, span *dx, span dy,
                             span sum, span mean, span rstd, param_field weight, uint32_t layer,
                             uint32_t place) {
    dropout_spec before = output_drop(b, layer, place);
    span none = {0}, apart = before.p > 0 ? b->memory->encoder.projected : none;
    *dx = before.p > 0 ? apart : dsum;
    return op_layernorm_bwd(b->plan,
                            &(struct layernorm_bwd){.dsum = dsum,
                                                    .dx = apart,
                                                    .dweight = model__param(b, weight, layer)->g,
                                                    .dbias = bias_of(b, weight, layer)->g,
                                                    .dy = dy,
                                                    .sum = sum,
                                                    .mean = mean,
                                                    .rstd = rstd,
                                                    .weight = model__param(b, weight, layer)->p,
                                                    .positions = set.positions,
                                                    .token_sentence = set.sentences,
                                                    .before = before,
                                                    .rows = set.rows,
                                                    .hidden = b->c->hidden});
}

static err attention_backward(const model_builder *b, const encoder_layer_memory *l, span dqkv,
                              span dout, uint32_t layer) {
    return op_attention_bwd(
        b->plan, &(struct attention_bwd){
                     .dqkv = dqkv, .dout = dout, .out = l->attention, ATTENTION(b, l, layer)});
}

/* Backward of after_attention: dy to s->branch, the gradient of l->attention; what flows into the
 * residual lies in s->stream. */
static err after_attention_backward(const model_builder *b, const encoder_layer_memory *l,
                                    row_set set, span dy, uint32_t layer) {
    const encoder_memory *s = &b->memory->encoder;
    span none = {0}, dx = {0};
    model_pre pre = {l->intermediate_pre, b->c->activation}, plain = {0};
    err e = ERR_OK;
    if ((e = add_norm_backward(b, set, s->branch, &dx, dy, l->sum, l->mean, l->rstd,
                               PARAM_output_norm_weight, layer, MODEL_SITE_OUTPUT)))
        return e;
    if ((e = model__linear_backward(b, s->dwide, pre, none, dx, l->intermediate,
                                    PARAM_output_weight, layer, set.rows)))
        return e;
    if ((e = model__linear_backward(b, s->branch, plain, s->branch, s->dwide, l->attention_y,
                                    PARAM_intermediate_weight, layer, set.rows)))
        return e;
    if ((e = add_norm_backward(b, set, s->stream, &dx, s->branch, l->attention_sum,
                               l->attention_mean, l->attention_rstd, PARAM_attention_norm_weight,
                               layer, MODEL_SITE_ATTENTION_OUTPUT)))
        return e;
    return model__linear_backward(b, s->branch, plain, none, dx, l->attention,
                                  PARAM_attention_weight, layer, set.rows);
}

/* The gradient of the layer's output comes in s->stream, that of its input x leaves there if it is
 * wanted. */
static err layer_backward(const model_builder *b, const encoder_layer_memory *l, span x,
                          uint32_t layer, bool wants_dx) {
    const encoder_memory *s = &b->memory->encoder;
    model_pre plain = {0};
    span none = {0};
    err e = after_attention_backward(b, l, token_rows(b), s->stream, layer);
    if (!e) e = attention_backward(b, l, s->dwide, s->branch, layer);
    if (e) return e;
    return model__linear_backward(b, wants_dx ? s->stream : none, plain, s->stream, s->dwide, x,
                                  PARAM_qkv_weight, layer, b->batch->dim_tokens);
}

/* The last layer's: the gradient of its first rows comes in s->dread, that of x leaves in
 * s->stream if it is wanted. */
static err first_layer_backward(const model_builder *b, const encoder_layer_memory *l, span x,
                                uint32_t layer, bool wants_dx) {
    const encoder_memory *s = &b->memory->encoder;
    model_pre plain = {0};
    size_t h = b->c->hidden;
    span none = {0};
    row_set set = first_rows(b);
    span dq = q_part(b, s->dwide), dkv = kv_part(b, s->dwide);
    err e = after_attention_backward(b, l, set, s->dread, layer);
    if (e) return e;
    e = op_first_attention_bwd(
        b->plan, &(struct first_attention_bwd){
                     .dq = dq, .dkv = dkv, .dout = s->branch, FIRST_ATTENTION(b, l, layer)});
    if (e) return e;
    if ((e = model__linear_part_backward(b, wants_dx ? s->dread : none, plain, s->stream, dq,
                                         s->read_in, PARAM_qkv_weight, layer, set.rows, 0, h)))
        return e;
    if (wants_dx && (e = scatter_read(b, s->stream, s->dread))) return e;
    return model__linear_part_backward(b, wants_dx ? s->stream : none, plain, s->stream, dkv, x,
                                       PARAM_qkv_weight, layer, b->batch->dim_tokens, h, 2 * h);
}

/* The last layer's where the head reads chosen rows: their gradient comes in s->dread, that of x
 * leaves in s->stream if it is wanted. */
static err chosen_layer_backward(const model_builder *b, const encoder_layer_memory *l, span x,
                                 uint32_t layer, bool wants_dx) {
    const encoder_memory *s = &b->memory->encoder;
    encoder_layer_memory behind = *l;
    model_pre plain = {0};
    span none = {0};
    behind.attention = s->read_attention;
    err e = after_attention_backward(b, &behind, chosen_rows(b), s->dread, layer);
    if (!e) e = scatter_read(b, s->projected, s->branch);
    if (!e) e = attention_backward(b, l, s->dwide, s->projected, layer);
    if (!e && wants_dx) e = scatter_read(b, s->branch, s->stream);
    if (e) return e;
    return model__linear_backward(b, wants_dx ? s->stream : none, plain, s->branch, s->dwide, x,
                                  PARAM_qkv_weight, layer, b->batch->dim_tokens);
}

/* The gradient of what the embeddings add up, s->branch, to the rows of their tables. */
static err tables_backward(const model_builder *b) {
    const batch *in = b->batch;
    const struct {
        param_field field;
        const batch_lists *lists;
    } tables[] = {{PARAM_token, &in->by_token},
                  {PARAM_position, &in->by_position},
                  {PARAM_type, &in->by_type}};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < (b->c->types ? 3 : 2); i++) {
        const batch_lists *l = tables[i].lists;
        e = op_rows_sum(b->plan,
                        &(struct rows_sum){model__param(b, tables[i].field, 0)->g,
                                           b->memory->encoder.branch, l->starts, l->items, l->rows,
                                           l->count, in->dim_tokens, model_config_embedding(b->c)});
    }
    return e;
}

static err embeddings_backward(const model_builder *b) {
    const encoder_memory *s = &b->memory->encoder;
    const batch *in = b->batch;
    span none = {0}, dy = s->stream;
    err e = ERR_OK;
    if (model_config_projects(b->c)) {
        dy = s->projected;
        e = model__linear_backward(b, dy, (model_pre){0}, none, s->stream, s->embedded_y,
                                   PARAM_embedding_projection_weight, 0, in->dim_tokens);
    }
    if (e) return e;
    e = op_layernorm_bwd(b->plan, &(struct layernorm_bwd){
                                      .dsum = s->branch,
                                      .dweight = model__param(b, PARAM_embedding_norm_weight, 0)->g,
                                      .dbias = model__param(b, PARAM_embedding_norm_bias, 0)->g,
                                      .dy = dy,
                                      .sum = s->embedded,
                                      .mean = s->embedded_mean,
                                      .rstd = s->embedded_rstd,
                                      .weight = model__param(b, PARAM_embedding_norm_weight, 0)->p,
                                      .positions = in->positions,
                                      .token_sentence = in->token_sentence,
                                      .after = hidden_drop(b, MODEL_SITE_EMBEDDINGS),
                                      .rows = in->dim_tokens,
                                      .hidden = model_config_embedding(b->c)});
    return e ? e : tables_backward(b);
}

/* The lowest layer that something trained lies in or below; the number of layers when none does. */
static uint32_t lowest_layer(const model_builder *b) {
    return model__trains(b, model__param(b, PARAM_token, 0)) ? 0 : b->training->freeze_layers;
}

bool encoder_trains(const model_builder *b) {
    return lowest_layer(b) < b->c->layers;
}

span encoder_drows(const model_builder *b) {
    const encoder_memory *s = &b->memory->encoder;
    return b->model->head->reads == HEAD_READS_ALL ? s->stream : s->dread;
}

err encoder_backward(const model_builder *b) {
    const encoder_memory *s = &b->memory->encoder;
    bool is_first = has_first_layer(b->model), is_chosen = has_chosen_layer(b->model);
    bool has_embeddings = model__trains(b, model__param(b, PARAM_token, 0));
    uint32_t lowest = lowest_layer(b);
    err e = ERR_OK;
    if (!is_first && !is_chosen && b->model->head->reads != HEAD_READS_ALL)
        e = scatter_read(b, s->stream, s->dread);
    for (uint32_t i = b->c->layers; !e && i-- > lowest;) {
        span x = i ? s->layers[i - 1].y : s->hidden;
        bool wants_dx = has_embeddings || i > lowest;
        bool is_last = i + 1 == b->c->layers;
        if (is_last && is_first)
            e = first_layer_backward(b, &s->layers[i], x, i, wants_dx);
        else if (is_last && is_chosen)
            e = chosen_layer_backward(b, &s->layers[i], x, i, wants_dx);
        else
            e = layer_backward(b, &s->layers[i], x, i, wants_dx);
    }
    return e || !has_embeddings ? e : embeddings_backward(b);
}
