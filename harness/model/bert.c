#include "model/bert_internal.h"

#include "base/memory.h"

err bert_init(bert *m, device *d, const bert_config *config, uint32_t token_rows) {
    *m = (bert){.config = *config};
    return params_init(&m->params, d, config, token_rows);
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

/* rows: what follows the attention is for these, all tokens or one a sentence. */
static err take_layer(bert_memory *memory, const bert_config *c, bert_layer_memory *l,
                      size_t rows) {
    size_t t = rows, th = t * c->hidden;
    size_t queries = rows > memory->sentences ? rows : memory->sentences;
    size_t qkv = ((size_t)memory->tokens * 2 + queries) * c->hidden;
    const want list[] = {
        {&l->qkv, qkv},          {&l->attention, th},
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
    // a sentence has a token, so that tokens suffice; who plans for fewer gets what fits both
    size_t t = tokens > sentences ? tokens : sentences, th = t * c->hidden;
    size_t bh = (size_t)sentences * c->hidden;
    size_t wide = c->inner > 3 * c->hidden ? c->inner : 3 * c->hidden;
    err e = ERR_OK;
    *memory = (bert_memory){.tokens = tokens, .sentences = sentences, .training = training};
    arena_init(&memory->arena, m->params.device, 0, false);
    memory->layer_count = training ? c->layers : 1;
    const want always[] = {
        {&memory->embedded, th},     {&memory->hidden, th}, {&memory->embedded_mean, t},
        {&memory->embedded_rstd, t}, {&memory->temp, th},   {&memory->first, th},
        {&memory->second, th},       {&memory->cls, bh},    {&memory->pooled, bh},
        {&memory->cls_in, bh},
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
    if ((e = arena_take(&memory->arena, &memory->cls_positions, sentences, ELEM_U32))) goto done;
    for (uint32_t i = 0; i < memory->layer_count; i++) {
        bool is_short = training && i + 1 == c->layers && has_cls_layer(m);
        if ((e = take_layer(memory, c, &memory->layers[i], is_short ? sentences : tokens)))
            goto done;
    }
done:
    if (e) bert_memory_free(memory);
    return e;
}

void bert_memory_free(bert_memory *memory) {
    arena_free(&memory->arena);
    mem_free(memory->layers);
    *memory = (bert_memory){0};
}

/* --- plans ---------------------------------------------------------------------------------------
 */

static bert_builder builder_of(plan *p, const bert *m, const bert_memory *memory, const batch *b,
                               const bert_training *training) {
    return (bert_builder){p, m, &m->config, memory, b, training};
}

static err check_capacity(const bert_memory *memory, const batch *b, const bert_config *c) {
    if (b->capacity.tokens > memory->tokens || b->capacity.sentences > memory->sentences ||
        b->capacity.outputs != c->classes || b->capacity.max_length > c->positions)
        return err_set(
            ERR_ARG,
            "batch of %u tokens, %u sentences of up to %u tokens, %u classes does not fit a "
            "model planned for %u tokens, %u sentences of up to %u tokens, %u classes",
            b->capacity.tokens, b->capacity.sentences, b->capacity.max_length, b->capacity.outputs,
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
    if ((e = bert__forward(&build))) goto done;
    if ((e = bert__backward(&build))) goto done;
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
    if ((e = bert__forward(&build))) goto done;
    e = plan_ready(p);
done:
    if (e) plan_free(p);
    return e;
}
