#include "model/builder.h"

err model_init(struct model *m, device *d, const model_config *config, uint32_t token_rows) {
    *m = (struct model){.config = *config, .head = head_of(config)};
    return params_init(&m->params, d, config, token_rows);
}

void model_free(struct model *m) {
    params_free(&m->params);
    *m = (struct model){0};
}

void model_capacity(batch_capacity *c, const struct model *m) {
    // a token is chosen once for each place of a unit at most
    if (!c->chosen && m->head->reads == HEAD_READS_CHOSEN)
        c->chosen = c->tokens * m->head->target.places;
    c->hides_outputs = m->head->hides_outputs;
    c->outputs = m->head->outputs(&m->config, c);
    c->target = m->head->target;
    if (!c->target.cols) c->target.cols = c->outputs;
    c->types = m->config.types > 1 ? 2 : 1;
    c->positions_follow_pad = m->config.family->positions_follow_pad;
    c->pad = m->config.pad;
    c->tile_rows = m->params.device->tile_rows;
    c->whole_token_gradient = !params_at(&m->params, PARAM_token, 0)->is_sparse;
}

/* pre: its arenas are begun. */
static err take_memory(model_memory *memory, const struct model *m, const batch_capacity *capacity,
                       bool training) {
    uint32_t tokens = capacity->tokens, sentences = capacity->sentences, rows = sentences;
    if (m->head->reads == HEAD_READS_CHOSEN) rows = capacity->chosen;
    memory->tokens = tokens;
    memory->sentences = sentences;
    memory->chosen = capacity->chosen;
    memory->training = training;
    err e = encoder_memory_init(&memory->encoder, &memory->arena, &memory->zeros, m, tokens,
                                sentences, rows, training);
    if (m->head->reads == HEAD_READS_ALL) rows = tokens;
    return e ? e : m->head->memory(&memory->head, &memory->arena, &m->config, rows, training);
}

/* Bytes of activations that have no place in `from` (NULL: all). */
static err count_memory(size_t *bytes, const struct model *m, const batch_capacity *capacity,
                        bool training, const model_memory *from) {
    model_memory memory = {0};
    arena_count(&memory.arena, m->params.device);
    arena_count(&memory.zeros, m->params.device);
    err e = from ? arena_lend(&memory.arena, &from->arena) : ERR_OK;
    if (!e) e = take_memory(&memory, m, capacity, training);
    *bytes = memory.arena.counted;
    model_memory_free(&memory);
    return e;
}

/* Takes it in one block, if a buffer may be as large. */
static err make_memory(model_memory *memory, const struct model *m, const batch_capacity *capacity,
                       bool training, const model_memory *from) {
    device *d = m->params.device;
    size_t bytes = 0;
    uint64_t most = d->info.max_buffer_bytes;
    *memory = (model_memory){0};
    err e = count_memory(&bytes, m, capacity, training, from);
    if (e) return e;
    arena_init(&memory->arena, d, most && bytes > most ? 0 : bytes, false);
    arena_init(&memory->zeros, d, 1, false);
    memory->arena.name = memory->zeros.name = "activations";
    if (from) e = arena_lend(&memory->arena, &from->arena);
    if (!e) e = take_memory(memory, m, capacity, training);
    if (e) model_memory_free(memory);
    return e;
}

err model_memory_init(model_memory *memory, const struct model *m, const batch_capacity *capacity,
                      bool training) {
    return make_memory(memory, m, capacity, training, NULL);
}

/* *lower: the capacity with no more than so many tokens. */
static void lower_to(batch_capacity *lower, const batch_capacity *capacity, const struct model *m,
                     uint32_t tokens) {
    *lower = *capacity;
    if (tokens >= capacity->tokens) return;
    lower->tokens = tokens;
    if (lower->sentences > tokens) lower->sentences = tokens;
    uint32_t places = m->head->target.places ? m->head->target.places : 1;
    if (lower->chosen > tokens * places) lower->chosen = tokens * places;
    model_capacity(lower, m);
}

err model_memory_lend(model_memory *memory, const struct model *m, batch_capacity *capacity,
                      const model_memory *from) {
    batch_capacity lower;
    uint32_t high = capacity->tokens, low = high;
    if (low > capacity->max_length) low = capacity->max_length;
    while (low < high) { // low is the fewest that must be, or fits
        uint32_t middle = high - (high - low) / 2;
        size_t lacks = 0;
        lower_to(&lower, capacity, m, middle);
        err e = count_memory(&lacks, m, &lower, false, from);
        if (e) return e;
        if (lacks)
            high = middle - 1;
        else
            low = middle;
    }
    lower_to(&lower, capacity, m, low);
    *capacity = lower;
    return make_memory(memory, m, capacity, false, from);
}

void model_memory_free(model_memory *memory) {
    arena_free(&memory->arena);
    arena_free(&memory->zeros);
    encoder_memory_free(&memory->encoder);
    *memory = (model_memory){0};
}

static model_builder builder_of(plan *p, const struct model *m, const model_memory *memory,
                                const batch *b, const model_training *training) {
    return (model_builder){
        .plan = p, .model = m, .c = &m->config, .memory = memory, .batch = b, .training = training};
}

static err check_capacity(const model_builder *build) {
    const model_memory *memory = build->memory;
    const batch *b = build->batch;
    const model_config *c = build->c;
    uint32_t outputs = build->model->head->outputs(c, &b->capacity);
    if (b->capacity.tokens > memory->tokens || b->capacity.sentences > memory->sentences ||
        b->capacity.chosen > memory->chosen || b->capacity.outputs != outputs ||
        b->capacity.max_length > model_config_longest(c))
        return err_set(
            ERR_ARG,
            "batch of %u tokens, %u sentences of up to %u tokens, %u outputs does not fit a "
            "model planned for %u tokens, %u sentences of up to %u tokens, %u outputs",
            b->capacity.tokens, b->capacity.sentences, b->capacity.max_length, b->capacity.outputs,
            memory->tokens, memory->sentences, model_config_longest(c), outputs);
    return ERR_OK;
}

/* What head and encoder do; the rows that the head reads lie between them. */
static err forward(const model_builder *b, dim rows, span *x) {
    const head *h = b->model->head;
    err e = encoder_forward(b, x);
    if (!e) e = h->forward(b, rows, *x);
    return e ? e : h->loss(b, rows);
}

static err backward(const model_builder *b, dim rows, span x) {
    span none = {0};
    bool trains = encoder_trains(b);
    err e = b->model->head->backward(b, rows, trains ? encoder_drows(b) : none, x);
    return e || !trains ? e : encoder_backward(b);
}

/* A training plan, or one of its two halves. */
static err train_plan(plan *p, const model_builder *build, bool gradients, bool update) {
    const struct model *m = build->model;
    uint32_t freeze_layers = build->training->freeze_layers;
    span x = {0};
    err e = ERR_OK;
    plan_init(p, m->params.device);
    if (!build->memory->training || !m->params.training)
        return err_set(ERR_ARG, "a training plan needs a model and memory made for training");
    if (freeze_layers > m->config.layers)
        return err_set(ERR_ARG, "%u layers to freeze, the model has %u", freeze_layers,
                       m->config.layers);
    if ((e = check_capacity(build))) goto done;
    plan_part_begin(p, PART_MICRO);
    if (gradients && (e = forward(build, head_rows_of(build), &x))) goto done;
    if (gradients && (e = backward(build, head_rows_of(build), x))) goto done;
    plan_part_begin(p, PART_BEGIN); // behind what it begins: some gradients are overwritten there
    if (gradients && (e = model__begin(build))) goto done;
    plan_part_begin(p, PART_END);
    if (update && (e = build->own ? model__end_own(build) : model__end(build))) goto done;
    e = plan_ready(p);
done:
    if (e) plan_free(p);
    return e;
}

err model_train_plan(plan *p, const struct model *m, const model_memory *memory, const batch *b,
                     const model_training *options) {
    model_builder build = builder_of(p, m, memory, b, options);
    return train_plan(p, &build, true, true);
}

err model_gradient_plan(plan *p, const struct model *m, const model_memory *memory, const batch *b,
                        const model_training *options) {
    model_builder build = builder_of(p, m, memory, b, options);
    return train_plan(p, &build, true, false);
}

err model_update_plan(plan *p, const struct model *m, const model_memory *memory, const batch *b,
                      const model_training *options) {
    model_builder build = builder_of(p, m, memory, b, options);
    return train_plan(p, &build, false, true);
}

err model_own_update_plan(plan *p, const struct model *m, const model_memory *memory,
                          const batch *b, const model_training *options, const model_range *own,
                          size_t own_count) {
    model_builder build = builder_of(p, m, memory, b, options);
    build.own = own;
    build.own_count = own_count;
    return train_plan(p, &build, false, true);
}

uint32_t model_parts(model_part parts[GRAD_PARTS_MAX], const struct model *m, const batch *b,
                     const model_training *options) {
    model_builder build = builder_of(NULL, m, NULL, b, options);
    return model__parts(&build, parts);
}

err model_eval_plan(plan *p, const struct model *m, const model_memory *memory, const batch *b) {
    model_builder build = builder_of(p, m, memory, b, NULL);
    span x = {0};
    err e = ERR_OK;
    plan_init(p, m->params.device);
    if ((e = check_capacity(&build))) goto done;
    plan_part_begin(p, PART_MICRO);
    if ((e = forward(&build, head_rows_of(&build), &x))) goto done;
    e = plan_ready(p);
done:
    if (e) plan_free(p);
    return e;
}
