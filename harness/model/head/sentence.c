#include "model/head/sentence.h"

uint32_t head__outputs(const model_config *c, const batch_capacity *capacity) {
    (void)capacity;
    return c->classes;
}

/* Whether the backward of the activation goes by what came before it; else by what came out. */
static bool keeps_pre(const model_config *c) {
    return c->family->head_activation != ACT_TANH;
}

err head__memory(head_memory *m, arena *a, const model_config *c, size_t rows, bool training) {
    size_t rh = rows * c->hidden;
    const model_want list[] = {
        {&m->dense, rh}, {&m->dropped, rh}, {&m->ddense, rh}, {&m->doutputs, rows * c->classes}};
    err e = model__take(a, list, training ? 4 : 1);
    if (!e && training && c->family->head_drops_input)
        e = model__take(a, &(model_want){&m->input, rh}, 1);
    if (!e && training && keeps_pre(c)) e = model__take(a, &(model_want){&m->dense_pre, rh}, 1);
    return e;
}

/* y = dropout(x); forward and backward alike. */
static err drop(const model_builder *b, dim rows, span y, span x, uint32_t site) {
    return op_dropout(b->plan, &(struct dropout){.y = y,
                                                 .x = x,
                                                 .ordinals = b->batch->ordinals,
                                                 .rows = rows,
                                                 .hidden = b->c->hidden,
                                                 .drop = {b->training->classifier_dropout, site}});
}

/* Whether the dense layer reads x behind a dropout. */
static bool drops_input(const model_builder *b) {
    return b->training && b->c->family->head_drops_input;
}

err head__forward(const model_builder *b, dim rows, span x) {
    const head_memory *m = &b->memory->head;
    span none = {0}, input = drops_input(b) ? m->input : x, y = b->training ? m->dropped : m->dense;
    span pre = b->training && keeps_pre(b->c) ? m->dense_pre : none;
    err e = drops_input(b) ? drop(b, rows, input, x, MODEL_SITE_HEAD_INPUT) : ERR_OK;
    if (!e)
        e = model__linear(b, m->dense, pre, input, PARAM_head_dense_weight, 0,
                          b->c->family->head_activation, rows);
    if (!e && b->training) e = drop(b, rows, y, m->dense, MODEL_SITE_HEAD);
    return e ? e
             : model__linear(b, b->batch->outputs, none, y, PARAM_head_output_weight, 0, ACT_NONE,
                             rows);
}

err head__backward(const model_builder *b, dim rows, span dx, span x) {
    const head_memory *m = &b->memory->head;
    span none = {0}, input = drops_input(b) ? m->input : x;
    model_pre pre = {m->dense_pre, b->c->family->head_activation}, plain = {0};
    // the slope and the dropout that stands behind it are factors: in either order
    err e = model__linear_backward(b, m->ddense, keeps_pre(b->c) ? pre : plain, none, m->doutputs,
                                   m->dropped, PARAM_head_output_weight, 0, rows);
    if (!e) e = drop(b, rows, m->ddense, m->ddense, MODEL_SITE_HEAD);
    if (!e && !keeps_pre(b->c))
        e = op_activation_bwd(b->plan, &(struct activation_bwd){.dx = m->ddense,
                                                                .dy = m->ddense,
                                                                .pre = m->dense,
                                                                .act = ACT_TANH,
                                                                .rows = rows,
                                                                .cols = b->c->hidden});
    if (!e)
        e = model__linear_backward(b, dx, plain, none, m->ddense, input, PARAM_head_dense_weight, 0,
                                   rows);
    if (e || !drops_input(b) || !span_given(dx)) return e;
    return drop(b, rows, dx, dx, MODEL_SITE_HEAD_INPUT);
}

err head__number_loss(const model_builder *b, dim rows, bool binary) {
    struct number_loss args = {.loss = b->batch->losses,
                               .outputs = b->batch->outputs,
                               .targets = b->batch->targets,
                               .rows = rows,
                               .cols = b->c->classes,
                               .binary = binary};
    if (b->training) args.doutputs = b->memory->head.doutputs;
    return op_number_loss(b->plan, &args);
}
