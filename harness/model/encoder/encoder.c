#include "model/encoder/encoder.h"

#include "base/memory.h"
#include "model/builder.h"

/* rows: what follows the attention is for these, all tokens or one a sentence. */
static err take_layer(encoder_layer_memory *l, arena *a, const model_config *c, size_t tokens,
                      size_t sentences, size_t rows, bool training) {
    size_t th = rows * c->hidden, queries = rows > sentences ? rows : sentences;
    const model_want list[] = {
        {&l->qkv, (tokens * 2 + queries) * c->hidden},
        {&l->attention, th},
        {&l->lse, rows * c->heads},
        {&l->attention_sum, th},
        {&l->attention_y, th},
        {&l->attention_mean, rows},
        {&l->attention_rstd, rows},
        {&l->intermediate, rows * c->intermediate},
        {&l->sum, th},
        {&l->y, th},
        {&l->mean, rows},
        {&l->rstd, rows},
        {&l->intermediate_pre, rows * c->intermediate},
    };
    size_t count = sizeof list / sizeof *list;
    return model__take(a, list, training ? count : count - 1);
}

static err take_layers(encoder_memory *memory, arena *a, const struct model *m, uint32_t tokens,
                       uint32_t sentences, bool training) {
    const model_config *c = &m->config;
    memory->layer_count = training ? c->layers : 1;
    err e = mem_new(&memory->layers, memory->layer_count);
    for (uint32_t i = 0; !e && i < memory->layer_count; i++) {
        bool is_short = training && i + 1 == c->layers && has_first_layer(m);
        e = take_layer(&memory->layers[i], a, c, tokens, sentences, is_short ? sentences : tokens,
                       training);
    }
    return e;
}

err encoder_memory_init(encoder_memory *memory, arena *a, const struct model *m, uint32_t tokens,
                        uint32_t sentences, bool training) {
    const model_config *c = &m->config;
    // a sentence has a token, so that tokens suffice; who plans for fewer gets what fits both
    size_t t = tokens > sentences ? tokens : sentences, th = t * c->hidden;
    size_t bh = (size_t)sentences * c->hidden;
    size_t embedding = model_config_embedding(c);
    size_t te = t * embedding, tm = te > th ? te : th;
    size_t wide = c->intermediate > 3 * c->hidden ? c->intermediate : 3 * c->hidden;
    const model_want list[] = {
        {&memory->embedded, te},     {&memory->hidden, th},    {&memory->embedded_mean, t},
        {&memory->embedded_rstd, t}, {&memory->projected, tm}, {&memory->stream, th},
        {&memory->branch, tm},       {&memory->first, bh},     {&memory->first_in, bh},
        {&memory->dwide, t * wide},  {&memory->dfirst, bh},
    };
    size_t count = sizeof list / sizeof *list;
    err e = model__take(a, list, training ? count : count - 2);
    if (!e) e = arena_take(a, &memory->first_positions, sentences, ELEM_U32);
    if (!e && model_config_projects(c))
        e = model__take(a, &(model_want){&memory->embedded_y, te}, 1);
    if (!e && !c->types) e = model__take(a, &(model_want){&memory->no_type, embedding}, 1);
    return e ? e : take_layers(memory, a, m, tokens, sentences, training);
}

void encoder_memory_free(encoder_memory *memory) {
    mem_free(memory->layers);
}
