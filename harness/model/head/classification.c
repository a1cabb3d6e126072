/* One class a sentence: dense layer and activation over its first row, dropout, classifier,
 * cross-entropy. Source: transformers' ...ForSequenceClassification. */
#include "model/builder.h"

static uint32_t outputs_of(const model_config *c) {
    return c->classes;
}

/* Whether the backward of the activation goes by what came before it; else by what came out. */
static bool keeps_pre(const model_config *c) {
    return c->family->head_activation != ACT_TANH;
}

static err memory_of(head_memory *m, arena *a, const model_config *c, size_t rows, bool training) {
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

static err forward(const model_builder *b, dim rows, span x) {
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

static err loss(const model_builder *b, dim rows) {
    struct cross_entropy args = {.loss = b->batch->losses,
                                 .logits = b->batch->outputs,
                                 .targets = b->batch->targets,
                                 .rows = rows,
                                 .classes = b->c->classes};
    if (b->training) {
        args.dlogits = b->memory->head.doutputs;
        args.class_weights = b->training->class_weights;
        args.smoothing = b->training->label_smoothing;
    }
    return op_cross_entropy(b->plan, &args);
}

static err backward(const model_builder *b, dim rows, span dx, span x) {
    const head_memory *m = &b->memory->head;
    span none = {0}, input = drops_input(b) ? m->input : x;
    model_pre pre = {m->dense_pre, b->c->family->head_activation}, plain = {0};
    // the slope and the dropout that stands behind it are factors: in either order
    err e = model__linear_backward(b, m->ddense, keeps_pre(b->c) ? pre : plain, none, m->doutputs,
                                   m->dropped, PARAM_head_output_weight, 0, rows);
    if (!e) e = drop(b, rows, m->ddense, m->ddense, MODEL_SITE_HEAD);
    if (!e && !keeps_pre(b->c))
        e = op_tanh_bwd(b->plan, &(struct tanh_bwd){.dx = m->ddense,
                                                    .dy = m->ddense,
                                                    .y = m->dense,
                                                    .rows = rows,
                                                    .cols = b->c->hidden});
    if (!e)
        e = model__linear_backward(b, dx, plain, none, m->ddense, input, PARAM_head_dense_weight, 0,
                                   rows);
    if (e || !drops_input(b) || !span_given(dx)) return e;
    return drop(b, rows, dx, dx, MODEL_SITE_HEAD_INPUT);
}

/* The place of the largest, the first of equals. */
static void decode(uint32_t *predicted, const float *outputs, size_t count, uint32_t classes) {
    for (size_t i = 0; i < count; i++) {
        uint32_t best = 0;
        for (uint32_t c = 1; c < classes; c++)
            if (outputs[i * classes + c] > outputs[i * classes + best]) best = c;
        predicted[i] = best;
    }
}

const head head_classification = {
    .class_name = "ForSequenceClassification",
    .reads = HEAD_READS_FIRST,
    .target = {ELEM_U32, false, 1},
    .outputs = outputs_of,
    .memory = memory_of,
    .forward = forward,
    .loss = loss,
    .backward = backward,
    .decode = decode,
};
