#include "model/bert.h"

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

/* What every step of building a plan needs. */
typedef struct builder {
    plan *plan;
    const bert *model;
    const bert_config *c;
    const bert_memory *memory;
    const batch *batch;
    const bert_training *training; /* NULL: evaluation */
} builder;

static const param *at(const builder *b, param_field field, uint32_t layer) {
    return params_at(&b->model->params, field, layer);
}

static dropout_spec hidden_drop(const builder *b, uint32_t site) {
    return (dropout_spec){b->training ? b->training->hidden_dropout : 0.0f, site};
}

static uint32_t layer_site(uint32_t layer, uint32_t place) {
    return BERT_SITE_LAYERS + layer * BERT_SITES_PER_LAYER + place;
}

static float scale_of(const bert_config *c) {
    return (float)(1.0 / sqrt((double)(c->hidden / c->heads)));
}

static err linear(const builder *b, span y, span pre, span x, param_field weight, param_field bias,
                  uint32_t layer, activation act, dim rows) {
    const param *w = at(b, weight, layer);
    return op_linear_fwd(b->plan, &(struct linear_fwd){.y = y,
                                                       .pre = pre,
                                                       .x = x,
                                                       .weight = w->p,
                                                       .bias = at(b, bias, layer)->p,
                                                       .act = act,
                                                       .rows = rows,
                                                       .n = w->rows,
                                                       .k = w->cols});
}

static err embeddings_forward(const builder *b) {
    const bert_memory *s = b->memory;
    const batch *in = b->batch;
    err e = op_embed_fwd(b->plan, &(struct embed_fwd){.y = s->embedded,
                                                      .word = at(b, PARAM_word, 0)->p,
                                                      .position = at(b, PARAM_position, 0)->p,
                                                      .type = at(b, PARAM_type, 0)->p,
                                                      .ids = in->ids,
                                                      .positions = in->positions,
                                                      .type_ids = in->type_ids,
                                                      .rows = in->dim_tokens,
                                                      .hidden = b->c->hidden,
                                                      .vocabulary = b->c->vocabulary});
    if (e) return e;
    return op_layernorm_fwd(
        b->plan, &(struct layernorm_fwd){.y = s->hidden,
                                         .mean = s->embedded_mean,
                                         .rstd = s->embedded_rstd,
                                         .x = s->embedded,
                                         .weight = at(b, PARAM_embedding_norm_weight, 0)->p,
                                         .bias = at(b, PARAM_embedding_norm_bias, 0)->p,
                                         .positions = in->positions,
                                         .token_sentence = in->token_sentence,
                                         .after = hidden_drop(b, BERT_SITE_EMBEDDINGS),
                                         .rows = in->dim_tokens,
                                         .hidden = b->c->hidden,
                                         .eps = b->c->layer_norm_eps});
}

/* y = LayerNorm(residual + dropout(x)) */
static err add_norm(const builder *b, span y, span sum, span mean, span rstd, span x, span residual,
                    param_field weight, param_field bias, uint32_t layer, uint32_t site) {
    return op_layernorm_fwd(b->plan,
                            &(struct layernorm_fwd){.y = y,
                                                    .sum = sum,
                                                    .mean = mean,
                                                    .rstd = rstd,
                                                    .x = x,
                                                    .residual = residual,
                                                    .weight = at(b, weight, layer)->p,
                                                    .bias = at(b, bias, layer)->p,
                                                    .positions = b->batch->positions,
                                                    .token_sentence = b->batch->token_sentence,
                                                    .before = hidden_drop(b, site),
                                                    .rows = b->batch->dim_tokens,
                                                    .hidden = b->c->hidden,
                                                    .eps = b->c->layer_norm_eps});
}

static err attention_forward(const builder *b, const bert_layer_memory *l, uint32_t layer) {
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

static err layer_forward(const builder *b, const bert_layer_memory *l, span y, span x,
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

static err dropout_pooled(const builder *b, span y, span x) {
    return op_dropout(
        b->plan, &(struct dropout){.y = y,
                                   .x = x,
                                   .ordinals = b->batch->ordinals,
                                   .rows = b->batch->dim_sentences,
                                   .hidden = b->c->hidden,
                                   .drop = {b->training->classifier_dropout, BERT_SITE_POOLED}});
}

static err head_forward(const builder *b, span x) {
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
                                .rows = rows,
                                .classes = b->c->classes,
                                .smoothing = b->training ? b->training->label_smoothing : 0});
}

static err forward(const builder *b) {
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

/* Gradients of one linear layer: weight and bias += , dx = dy weight (* gelu'(pre)) (+ add). */
static err linear_backward(const builder *b, span dx, span pre, span add, span dy, span x,
                           param_field weight, param_field bias, uint32_t layer, dim rows) {
    const param *w = at(b, weight, layer);
    err e = op_linear_dw(b->plan, &(struct linear_dw){.dweight = w->g,
                                                      .dbias = at(b, bias, layer)->g,
                                                      .dy = dy,
                                                      .x = x,
                                                      .rows = rows,
                                                      .n = w->rows,
                                                      .k = w->cols});
    if (e) return e;
    return op_linear_dx(b->plan, &(struct linear_dx){.dx = dx,
                                                     .dy = dy,
                                                     .weight = w->p,
                                                     .pre = pre,
                                                     .add = add,
                                                     .rows = rows,
                                                     .n = w->rows,
                                                     .k = w->cols});
}

static err head_backward(const builder *b, span dx) {
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
    if ((e = linear_backward(b, s->dcls, none, none, s->dpooled, s->cls, PARAM_pooler_weight,
                             PARAM_pooler_bias, 0, rows)))
        return e;
    return op_scatter_rows(b->plan, &(struct scatter_rows){.dx = dx,
                                                           .dy = s->dcls,
                                                           .starts = b->batch->starts,
                                                           .rows = rows,
                                                           .tokens = b->batch->dim_tokens,
                                                           .hidden = b->c->hidden});
}

/* Backward of add_norm; *dx is where the gradient of its x lands (dsum itself without dropout). */
static err add_norm_backward(const builder *b, span dsum, span *dx, span dy, span sum, span mean,
                             span rstd, param_field weight, param_field bias, uint32_t layer,
                             uint32_t site) {
    dropout_spec before = hidden_drop(b, site);
    span none = {0}, apart = before.p > 0 ? b->memory->temp : none;
    *dx = before.p > 0 ? apart : dsum;
    return op_layernorm_bwd(b->plan,
                            &(struct layernorm_bwd){.dsum = dsum,
                                                    .dx = apart,
                                                    .dweight = at(b, weight, layer)->g,
                                                    .dbias = at(b, bias, layer)->g,
                                                    .dy = dy,
                                                    .sum = sum,
                                                    .mean = mean,
                                                    .rstd = rstd,
                                                    .weight = at(b, weight, layer)->p,
                                                    .positions = b->batch->positions,
                                                    .token_sentence = b->batch->token_sentence,
                                                    .before = before,
                                                    .rows = b->batch->dim_tokens,
                                                    .hidden = b->c->hidden});
}

static err attention_backward(const builder *b, const bert_layer_memory *l, span dqkv, span dout,
                              uint32_t layer) {
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

/* The gradient of the layer's output comes in s->first, that of its input x leaves there. */
static err layer_backward(const builder *b, const bert_layer_memory *l, span x, uint32_t layer) {
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
    return linear_backward(b, s->first, none, s->first, s->wide, x, PARAM_qkv_weight,
                           PARAM_qkv_bias, layer, rows);
}

static err embeddings_backward(const builder *b) {
    const bert_memory *s = b->memory;
    const batch *in = b->batch;
    uint32_t h = b->c->hidden;
    err e = op_layernorm_bwd(
        b->plan, &(struct layernorm_bwd){.dsum = s->second,
                                         .dweight = at(b, PARAM_embedding_norm_weight, 0)->g,
                                         .dbias = at(b, PARAM_embedding_norm_bias, 0)->g,
                                         .dy = s->first,
                                         .sum = s->embedded,
                                         .mean = s->embedded_mean,
                                         .rstd = s->embedded_rstd,
                                         .weight = at(b, PARAM_embedding_norm_weight, 0)->p,
                                         .positions = in->positions,
                                         .token_sentence = in->token_sentence,
                                         .after = hidden_drop(b, BERT_SITE_EMBEDDINGS),
                                         .rows = in->dim_tokens,
                                         .hidden = h});
    if (e) return e;
    const struct rows_sum sums[] = {
        {at(b, PARAM_word, 0)->g, s->second, in->word_starts, in->word_items, in->word_rows,
         in->dim_word_lists, in->dim_tokens, h},
        {at(b, PARAM_position, 0)->g, s->second, in->position_starts, in->position_items,
         in->position_rows, in->dim_position_lists, in->dim_tokens, h},
        {at(b, PARAM_type, 0)->g, s->second, in->type_starts, in->type_items, in->type_rows,
         dim_fixed(2), in->dim_tokens, h},
    };
    for (size_t i = 0; !e && i < sizeof sums / sizeof *sums; i++)
        e = op_rows_sum(b->plan, &sums[i]);
    return e;
}

static err backward(const builder *b) {
    const bert_memory *s = b->memory;
    err e = head_backward(b, s->first);
    for (uint32_t i = b->c->layers; !e && i-- > 0;)
        e = layer_backward(b, &s->layers[i], i ? s->layers[i - 1].y : s->hidden, i);
    return e ? e : embeddings_backward(b);
}

/* --- optimizer -----------------------------------------------------------------------------------
 */

static dim word_rows(const builder *b) {
    uint32_t most = b->batch->dim_word_rows.max, held = b->model->params.word_rows;
    return (dim){DIM_WORD_ROWS, most < held ? most : held};
}

static struct adamw_rows word_update(const builder *b, dim rows) {
    const params *ps = &b->model->params;
    const param *word = params_at(ps, PARAM_word, 0);
    return (struct adamw_rows){.p = word->p,
                               .m = word->m,
                               .v = word->v,
                               .last_step = ps->word_last_step,
                               .table = b->training->table,
                               .rows = rows,
                               .hidden = b->c->hidden,
                               .vocabulary = b->c->vocabulary,
                               .decay = word->decay,
                               .beta1 = b->training->beta1,
                               .beta2 = b->training->beta2,
                               .eps = b->training->eps};
}

/* Zero gradients; the word rows that this step reads are brought up to it. */
static err begin(const builder *b) {
    const params *ps = &b->model->params;
    err e = ERR_OK;
    for (int i = 0; i < GROUP_COUNT; i++) {
        const param_group *g = &ps->groups[i];
        if ((e = op_fill(b->plan,
                         &(struct fill){.x = g->g,
                                        .rows = dim_fixed((uint32_t)(g->count / PARAM_ALIGN)),
                                        .cols = PARAM_ALIGN})))
            return e;
    }
    if ((e = op_fill(b->plan, &(struct fill){.x = params_at(ps, PARAM_word, 0)->g,
                                             .rows = word_rows(b),
                                             .cols = b->c->hidden})))
        return e;
    struct adamw_rows catch_up = word_update(b, word_rows(b));
    catch_up.list = b->batch->union_rows;
    catch_up.before = true;
    return op_adamw_rows(b->plan, &catch_up);
}

static err update_group(const builder *b, const param_group *g) {
    return op_adamw(b->plan, &(struct adamw){.p = g->p,
                                             .m = g->m,
                                             .v = g->v,
                                             .g = g->g,
                                             .table = b->training->table,
                                             .norm = b->batch->norm,
                                             .count = (uint32_t)g->count,
                                             .decay = g->decay,
                                             .beta1 = b->training->beta1,
                                             .beta2 = b->training->beta2,
                                             .eps = b->training->eps});
}

static err end(const builder *b) {
    const params *ps = &b->model->params;
    const param *word = params_at(ps, PARAM_word, 0);
    struct grad_norm norm = {.result = b->batch->norm,
                             .max_norm = b->training->max_grad_norm,
                             .part_count = GROUP_COUNT + 1};
    err e = ERR_OK;
    for (int i = 0; i < GROUP_COUNT; i++)
        norm.parts[i] = (struct grad_part){
            ps->groups[i].g, dim_fixed((uint32_t)(ps->groups[i].count / PARAM_ALIGN)), PARAM_ALIGN};
    norm.parts[GROUP_COUNT] = (struct grad_part){word->g, word_rows(b), b->c->hidden};
    if ((e = op_grad_norm(b->plan, &norm))) return e;
    for (int i = 0; i < GROUP_COUNT; i++)
        if ((e = update_group(b, &ps->groups[i]))) return e;
    struct adamw_rows update = word_update(b, word_rows(b));
    update.g = word->g;
    update.list = b->batch->union_rows;
    update.norm = b->batch->norm;
    return op_adamw_rows(b->plan, &update);
}

/* --- plans ---------------------------------------------------------------------------------------
 */

static builder builder_of(plan *p, const bert *m, const bert_memory *memory, const batch *b,
                          const bert_training *training) {
    return (builder){p, m, &m->config, memory, b, training};
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
    builder build = builder_of(p, m, memory, b, options);
    err e = ERR_OK;
    plan_init(p, m->params.device);
    if (!memory->training || !m->params.training)
        return err_set(ERR_ARG, "a training plan needs a model and memory made for training");
    if ((e = check_capacity(memory, b, &m->config))) goto done;
    plan_part_begin(p, PART_BEGIN);
    if ((e = begin(&build))) goto done;
    plan_part_begin(p, PART_MICRO);
    if ((e = forward(&build))) goto done;
    if ((e = backward(&build))) goto done;
    plan_part_begin(p, PART_END);
    if ((e = end(&build))) goto done;
    e = plan_ready(p);
done:
    if (e) plan_free(p);
    return e;
}

err bert_eval_plan(plan *p, const bert *m, const bert_memory *memory, const batch *b) {
    builder build = builder_of(p, m, memory, b, NULL);
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

err bert_flush_plan(plan *p, const bert *m, const bert_training *options) {
    builder build = builder_of(p, m, NULL, NULL, options);
    struct adamw_rows all = word_update(&build, dim_fixed(m->config.vocabulary));
    plan_init(p, m->params.device);
    plan_part_begin(p, PART_BEGIN);
    err e = op_adamw_rows(p, &all);
    if (!e) e = plan_ready(p);
    if (e) plan_free(p);
    return e;
}
