#include "model/bert_internal.h"

#include "base/memory.h"

#include <assert.h>
#include <math.h>

err bert_init(bert *m, device *d, const bert_config *config, uint32_t word_rows) {
    *m = (bert){.config = *config};
    return params_init(&m->params, d, config, word_rows);
}

void bert_free(bert *m) {
    params_free(&m->params);
    *m = (bert){0};
}

/* --- memory --------------------------------------------------------------------------------------
 */

typedef struct want {
    span *at;
    size_t count;
} want;

static err take(arena *a, const want *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        err e = arena_take(a, list[i].at, list[i].count, a->device->real);
        if (e) return e;
    }
    return ERR_OK;
}

static err take_layer(bert_memory *memory, const bert_config *c, bert_layer_memory *l) {
    size_t t = memory->tokens, th = t * c->hidden;
    const want list[] = {
        {&l->qkv, 3 * th},       {&l->attention, th},
        {&l->lse, t * c->heads}, {&l->attention_sum, th},
        {&l->attention_y, th},   {&l->attention_mean, t},
        {&l->attention_rstd, t}, {&l->inner, t * c->inner},
        {&l->sum, th},           {&l->y, th},
        {&l->mean, t},           {&l->rstd, t},
    };
    err e = take(&memory->arena, list, sizeof list / sizeof *list);
    if (e || !memory->training) return e;
    return arena_take(&memory->arena, &l->pre, t * c->inner, memory->arena.device->real);
}

err bert_memory_init(bert_memory *memory, const bert *m, uint32_t tokens, uint32_t sentences,
                     bool training) {
    const bert_config *c = &m->config;
    size_t t = tokens, th = t * c->hidden, bh = (size_t)sentences * c->hidden;
    size_t wide = c->inner > 3 * c->hidden ? c->inner : 3 * c->hidden;
    err e = ERR_OK;
    *memory = (bert_memory){.tokens = tokens, .sentences = sentences, .training = training};
    arena_init(&memory->arena, m->params.device, 0, false);
    memory->layer_count = training ? c->layers : 1;
    const want always[] = {
        {&memory->embedded, th},     {&memory->hidden, th}, {&memory->embedded_mean, t},
        {&memory->embedded_rstd, t}, {&memory->temp, th},   {&memory->first, th},
        {&memory->second, th},       {&memory->cls, bh},    {&memory->pooled, bh},
    };
    const want backward[] = {
        {&memory->wide, t * wide},
        {&memory->dropped, bh},
        {&memory->dpooled, bh},
        {&memory->dcls, bh},
        {&memory->dlogits, (size_t)sentences * c->classes},
    };
    if ((e = mem_new(&memory->layers, memory->layer_count))) goto done;
    if ((e = take(&memory->arena, always, sizeof always / sizeof *always))) goto done;
    if (training && (e = take(&memory->arena, backward, sizeof backward / sizeof *backward)))
        goto done;
    for (uint32_t i = 0; i < memory->layer_count; i++)
        if ((e = take_layer(memory, c, &memory->layers[i]))) goto done;
done:
    if (e) bert_memory_free(memory);
    return e;
}

void bert_memory_free(bert_memory *memory) {
    arena_free(&memory->arena);
    mem_free(memory->layers);
    *memory = (bert_memory){0};
}

/* --- forward -------------------------------------------------------------------------------------
 */

static dropout_spec hidden_drop(const bert_builder *b, uint32_t site) {
    return (dropout_spec){b->training ? b->training->hidden_dropout : 0.0f, site};
}

static uint32_t layer_site(uint32_t layer, uint32_t place) {
    return BERT_SITE_LAYERS + layer * BERT_SITES_PER_LAYER + place;
}

static float scale_of(const bert_config *c) {
    return (float)(1.0 / sqrt((double)(c->hidden / c->heads)));
}

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

static err embeddings_forward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    const batch *in = b->batch;
    err e =
        op_embed_fwd(b->plan, &(struct embed_fwd){.y = s->embedded,
                                                  .word = bert__param(b, PARAM_word, 0)->p,
                                                  .position = bert__param(b, PARAM_position, 0)->p,
                                                  .type = bert__param(b, PARAM_type, 0)->p,
                                                  .ids = in->ids,
                                                  .positions = in->positions,
                                                  .type_ids = in->type_ids,
                                                  .rows = in->dim_tokens,
                                                  .hidden = b->c->hidden,
                                                  .vocabulary = b->c->vocabulary});
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
static err add_norm(const bert_builder *b, span y, span sum, span mean, span rstd, span x,
                    span residual, param_field weight, param_field bias, uint32_t layer,
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
                                                    .positions = b->batch->positions,
                                                    .token_sentence = b->batch->token_sentence,
                                                    .before = hidden_drop(b, site),
                                                    .rows = b->batch->dim_tokens,
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

static err layer_forward(const bert_builder *b, const bert_layer_memory *l, span y, span x,
                         uint32_t layer) {
    const bert_memory *s = b->memory;
    dim rows = b->batch->dim_tokens;
    span none = {0};
    err e = ERR_OK;
    if ((e = linear(b, l->qkv, none, x, PARAM_qkv_weight, PARAM_qkv_bias, layer, ACT_NONE, rows)))
        return e;
    if ((e = attention_forward(b, l, layer))) return e;
    if ((e = linear(b, s->temp, none, l->attention, PARAM_attention_weight, PARAM_attention_bias,
                    layer, ACT_NONE, rows)))
        return e;
    if ((e = add_norm(b, l->attention_y, l->attention_sum, l->attention_mean, l->attention_rstd,
                      s->temp, x, PARAM_attention_norm_weight, PARAM_attention_norm_bias, layer,
                      layer_site(layer, BERT_SITE_ATTENTION_OUTPUT))))
        return e;
    if ((e = linear(b, l->inner, b->training ? l->pre : none, l->attention_y, PARAM_inner_weight,
                    PARAM_inner_bias, layer, ACT_GELU, rows)))
        return e;
    if ((e = linear(b, s->temp, none, l->inner, PARAM_outer_weight, PARAM_outer_bias, layer,
                    ACT_NONE, rows)))
        return e;
    return add_norm(b, y, l->sum, l->mean, l->rstd, s->temp, l->attention_y,
                    PARAM_output_norm_weight, PARAM_output_norm_bias, layer,
                    layer_site(layer, BERT_SITE_OUTPUT));
}

static err dropout_pooled(const bert_builder *b, span y, span x) {
    return op_dropout(
        b->plan, &(struct dropout){.y = y,
                                   .x = x,
                                   .ordinals = b->batch->ordinals,
                                   .rows = b->batch->dim_sentences,
                                   .hidden = b->c->hidden,
                                   .drop = {b->training->classifier_dropout, BERT_SITE_POOLED}});
}

static err head_forward(const bert_builder *b, span x) {
    const bert_memory *s = b->memory;
    dim rows = b->batch->dim_sentences;
    span none = {0};
    err e = op_gather_rows(b->plan, &(struct gather_rows){.y = s->cls,
                                                          .x = x,
                                                          .starts = b->batch->starts,
                                                          .rows = rows,
                                                          .tokens = b->batch->dim_tokens,
                                                          .hidden = b->c->hidden});
    if (e) return e;
    if ((e = linear(b, s->pooled, none, s->cls, PARAM_pooler_weight, PARAM_pooler_bias, 0, ACT_TANH,
                    rows)))
        return e;
    if (b->training && (e = dropout_pooled(b, s->dropped, s->pooled))) return e;
    if ((e = linear(b, b->batch->logits, none, b->training ? s->dropped : s->pooled,
                    PARAM_classifier_weight, PARAM_classifier_bias, 0, ACT_NONE, rows)))
        return e;
    return op_cross_entropy(
        b->plan,
        &(struct cross_entropy){.loss = b->batch->losses,
                                .dlogits = b->training ? s->dlogits : none,
                                .logits = b->batch->logits,
                                .labels = b->batch->labels,
                                .class_weights = b->training ? b->training->class_weights : none,
                                .rows = rows,
                                .classes = b->c->classes,
                                .smoothing = b->training ? b->training->label_smoothing : 0});
}

static err forward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    err e = embeddings_forward(b);
    span x = s->hidden;
    for (uint32_t i = 0; !e && i < b->c->layers; i++) {
        const bert_layer_memory *l = &s->layers[b->training ? i : 0];
        span y = b->training ? l->y : i % 2 ? s->second : s->first;
        e = layer_forward(b, l, y, x, i);
        x = y;
    }
    return e ? e : head_forward(b, x);
}

/* --- backward ------------------------------------------------------------------------------------
 */

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

/* dx is absent when nothing below the head is trained. */
static err head_backward(const bert_builder *b, span dx) {
    const bert_memory *s = b->memory;
    dim rows = b->batch->dim_sentences;
    span none = {0};
    err e = linear_backward(b, s->dpooled, none, none, s->dlogits, s->dropped,
                            PARAM_classifier_weight, PARAM_classifier_bias, 0, rows);
    if (e) return e;
    if ((e = dropout_pooled(b, s->dpooled, s->dpooled))) return e;
    if ((e = op_tanh_bwd(b->plan, &(struct tanh_bwd){.dx = s->dpooled,
                                                     .dy = s->dpooled,
                                                     .y = s->pooled,
                                                     .rows = rows,
                                                     .cols = b->c->hidden})))
        return e;
    e = linear_backward(b, span_given(dx) ? s->dcls : none, none, none, s->dpooled, s->cls,
                        PARAM_pooler_weight, PARAM_pooler_bias, 0, rows);
    if (e || !span_given(dx)) return e;
    return op_scatter_rows(b->plan, &(struct scatter_rows){.dx = dx,
                                                           .dy = s->dcls,
                                                           .starts = b->batch->starts,
                                                           .rows = rows,
                                                           .tokens = b->batch->dim_tokens,
                                                           .hidden = b->c->hidden});
}

/* Backward of add_norm; *dx is where the gradient of its x lands (dsum itself without dropout). */
static err add_norm_backward(const bert_builder *b, span dsum, span *dx, span dy, span sum,
                             span mean, span rstd, param_field weight, param_field bias,
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
                                                    .positions = b->batch->positions,
                                                    .token_sentence = b->batch->token_sentence,
                                                    .before = before,
                                                    .rows = b->batch->dim_tokens,
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

/* The gradient of the layer's output comes in s->first, that of its input x leaves there if it is
 * wanted. */
static err layer_backward(const bert_builder *b, const bert_layer_memory *l, span x, uint32_t layer,
                          bool wants_dx) {
    const bert_memory *s = b->memory;
    dim rows = b->batch->dim_tokens;
    span none = {0}, dx = {0};
    err e = ERR_OK;
    if ((e = add_norm_backward(b, s->second, &dx, s->first, l->sum, l->mean, l->rstd,
                               PARAM_output_norm_weight, PARAM_output_norm_bias, layer,
                               layer_site(layer, BERT_SITE_OUTPUT))))
        return e;
    if ((e = linear_backward(b, s->wide, l->pre, none, dx, l->inner, PARAM_outer_weight,
                             PARAM_outer_bias, layer, rows)))
        return e;
    if ((e = linear_backward(b, s->second, none, s->second, s->wide, l->attention_y,
                             PARAM_inner_weight, PARAM_inner_bias, layer, rows)))
        return e;
    if ((e = add_norm_backward(b, s->first, &dx, s->second, l->attention_sum, l->attention_mean,
                               l->attention_rstd, PARAM_attention_norm_weight,
                               PARAM_attention_norm_bias, layer,
                               layer_site(layer, BERT_SITE_ATTENTION_OUTPUT))))
        return e;
    if ((e = linear_backward(b, s->second, none, none, dx, l->attention, PARAM_attention_weight,
                             PARAM_attention_bias, layer, rows)))
        return e;
    if ((e = attention_backward(b, l, s->wide, s->second, layer))) return e;
    return linear_backward(b, wants_dx ? s->first : none, none, s->first, s->wide, x,
                           PARAM_qkv_weight, PARAM_qkv_bias, layer, rows);
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
        {bert__param(b, PARAM_word, 0)->g, s->second, in->word_starts, in->word_items,
         in->word_rows, in->dim_word_lists, in->dim_tokens, h},
        {bert__param(b, PARAM_position, 0)->g, s->second, in->position_starts, in->position_items,
         in->position_rows, in->dim_position_lists, in->dim_tokens, h},
        {bert__param(b, PARAM_type, 0)->g, s->second, in->type_starts, in->type_items,
         in->type_rows, dim_fixed(2), in->dim_tokens, h},
    };
    for (size_t i = 0; !e && i < sizeof sums / sizeof *sums; i++)
        e = op_rows_sum(b->plan, &sums[i]);
    return e;
}

static err backward(const bert_builder *b) {
    const bert_memory *s = b->memory;
    bool has_embeddings = bert__trains(b, bert__param(b, PARAM_word, 0));
    // the lowest layer that something trained lies in or below
    uint32_t lowest = has_embeddings ? 0 : b->training->freeze_layers;
    span none = {0};
    err e = head_backward(b, has_embeddings || lowest < b->c->layers ? s->first : none);
    for (uint32_t i = b->c->layers; !e && i-- > lowest;)
        e = layer_backward(b, &s->layers[i], i ? s->layers[i - 1].y : s->hidden, i,
                           has_embeddings || i > lowest);
    return e || !has_embeddings ? e : embeddings_backward(b);
}

/* --- plans ---------------------------------------------------------------------------------------
 */

static bert_builder builder_of(plan *p, const bert *m, const bert_memory *memory, const batch *b,
                               const bert_training *training) {
    return (bert_builder){p, m, &m->config, memory, b, training};
}

static err check_capacity(const bert_memory *memory, const batch *b, const bert_config *c) {
    if (b->capacity.tokens > memory->tokens || b->capacity.sentences > memory->sentences ||
        b->capacity.classes != c->classes || b->capacity.max_length > c->positions)
        return err_set(
            ERR_ARG,
            "batch of %u tokens, %u sentences of up to %u tokens, %u classes does not fit a "
            "model planned for %u tokens, %u sentences of up to %u tokens, %u classes",
            b->capacity.tokens, b->capacity.sentences, b->capacity.max_length, b->capacity.classes,
            memory->tokens, memory->sentences, c->positions, c->classes);
    return ERR_OK;
}

err bert_train_plan(plan *p, const bert *m, const bert_memory *memory, const batch *b,
                    const bert_training *options) {
    bert_builder build = builder_of(p, m, memory, b, options);
    err e = ERR_OK;
    plan_init(p, m->params.device);
    if (!memory->training || !m->params.training)
        return err_set(ERR_ARG, "a training plan needs a model and memory made for training");
    if (options->freeze_layers > m->config.layers)
        return err_set(ERR_ARG, "%u layers to freeze, the model has %u", options->freeze_layers,
                       m->config.layers);
    if ((e = check_capacity(memory, b, &m->config))) goto done;
    plan_part_begin(p, PART_BEGIN);
    if ((e = bert__begin(&build))) goto done;
    plan_part_begin(p, PART_MICRO);
    if ((e = forward(&build))) goto done;
    if ((e = backward(&build))) goto done;
    plan_part_begin(p, PART_END);
    if ((e = bert__end(&build))) goto done;
    e = plan_ready(p);
done:
    if (e) plan_free(p);
    return e;
}

err bert_eval_plan(plan *p, const bert *m, const bert_memory *memory, const batch *b) {
    bert_builder build = builder_of(p, m, memory, b, NULL);
    err e = ERR_OK;
    plan_init(p, m->params.device);
    if ((e = check_capacity(memory, b, &m->config))) goto done;
    plan_part_begin(p, PART_MICRO);
    if ((e = forward(&build))) goto done;
    e = plan_ready(p);
done:
    if (e) plan_free(p);
    return e;
}
