#include "model/encoder/encoder.h"

#include "base/memory.h"
#include "model/builder.h"

/* queries: rows that attention is computed for; rows: those behind it. All tokens, or those that
 * the head reads. */
typedef struct layer_rows {
    size_t tokens, queries, rows;
} layer_rows;

/* What no later op of an evaluation reads makes room: queries, keys, values and what attention gave
 * for what the feed-forward widens; the first sum for the second. */
static err take_evaluated(encoder_layer_memory *l, arena *a, const model_config *c, layer_rows n) {
    enum { ALIGN = SPAN_ALIGN / sizeof(float) };
    size_t th = n.rows * c->hidden, qkv = (n.tokens * 2 + n.queries) * c->hidden;
    size_t behind = (qkv + ALIGN - 1) / ALIGN * ALIGN, attention = n.queries * c->hidden;
    size_t wide = n.rows * c->intermediate, both = behind + attention;
    const model_want list[] = {
        {&l->qkv, both > wide ? both : wide},
        {&l->lse, n.queries * c->heads},
        {&l->attention_sum, th},
        {&l->attention_y, th},
        {&l->attention_mean, n.rows},
        {&l->attention_rstd, n.rows},
        {&l->mean, n.rows},
        {&l->rstd, n.rows},
    };
    err e = model__take(a, list, sizeof list / sizeof *list);
    if (e) return e;
    l->sum = l->attention_sum;
    l->attention = span_part(l->qkv, behind, attention);
    l->intermediate = span_part(l->qkv, 0, wide);
    l->qkv.count = qkv;
    return ERR_OK;
}

static err take_layer(encoder_layer_memory *l, arena *a, const model_config *c, layer_rows n) {
    size_t th = n.rows * c->hidden;
    const model_want list[] = {
        {&l->qkv, (n.tokens * 2 + n.queries) * c->hidden},
        {&l->attention, n.queries * c->hidden},
        {&l->lse, n.queries * c->heads},
        {&l->attention_sum, th},
        {&l->attention_y, th},
        {&l->attention_mean, n.rows},
        {&l->attention_rstd, n.rows},
        {&l->intermediate, n.rows * c->intermediate},
        {&l->sum, th},
        {&l->y, th},
        {&l->mean, n.rows},
        {&l->rstd, n.rows},
        {&l->intermediate_pre, n.rows * c->intermediate},
    };
    return model__take(a, list, sizeof list / sizeof *list);
}

/* all: as many rows as tokens, or as sentences where there are more; rows: that the head reads. */
static err take_layers(encoder_memory *memory, arena *a, const struct model *m, uint32_t tokens,
                       size_t all, uint32_t rows, bool training) {
    const model_config *c = &m->config;
    memory->layer_count = training ? c->layers : 1;
    err e = mem_new(&memory->layers, memory->layer_count);
    for (uint32_t i = 0; !e && i < memory->layer_count; i++) {
        bool is_last = training && i + 1 == c->layers;
        layer_rows n = {tokens, all, all};
        if (is_last && (has_first_layer(m) || has_chosen_layer(m))) n.rows = rows;
        if (is_last && has_first_layer(m)) n.queries = rows;
        encoder_layer_memory *l = &memory->layers[i];
        e = training ? take_layer(l, a, c, n) : take_evaluated(l, a, c, n);
    }
    return e;
}

err encoder_memory_init(encoder_memory *memory, arena *a, arena *zeros, const struct model *m,
                        uint32_t tokens, uint32_t sentences, uint32_t rows, bool training) {
    const model_config *c = &m->config;
    // a sentence has a token, so that tokens suffice; who plans for fewer gets what fits both
    size_t t = tokens > sentences ? tokens : sentences, th = t * c->hidden;
    size_t rh = (size_t)rows * c->hidden;
    size_t embedding = model_config_embedding(c);
    size_t te = t * embedding, tm = te > th ? te : th;
    size_t wide = c->intermediate > 3 * c->hidden ? c->intermediate : 3 * c->hidden;
    const model_want list[] = {
        {&memory->embedded, te},     {&memory->hidden, th},    {&memory->embedded_mean, t},
        {&memory->embedded_rstd, t}, {&memory->projected, tm}, {&memory->stream, th},
        {&memory->branch, tm},       {&memory->read, rh},      {&memory->read_in, rh},
        {&memory->dwide, t * wide},  {&memory->dread, rh},
    };
    size_t count = sizeof list / sizeof *list;
    err e = model__take(a, list, training ? count : count - 2);
    if (!e) e = arena_take(zeros, &memory->first_positions, sentences, ELEM_U32);
    if (!e && has_chosen_layer(m))
        e = model__take(a, &(model_want){&memory->read_attention, rh}, 1);
    if (!e && model_config_projects(c))
        e = model__take(a, &(model_want){&memory->embedded_y, te}, 1);
    if (!e && !c->types) e = model__take(zeros, &(model_want){&memory->no_type, embedding}, 1);
    return e ? e : take_layers(memory, a, m, tokens, t, rows, training);
}

void encoder_memory_free(encoder_memory *memory) {
    mem_free(memory->layers);
}
