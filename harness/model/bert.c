#include "model/bert_internal.h"

#include "base/memory.h"

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
    if ((e = bert__forward(&build))) goto done;
    if ((e = bert__backward(&build))) goto done;
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
    if ((e = bert__forward(&build))) goto done;
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
