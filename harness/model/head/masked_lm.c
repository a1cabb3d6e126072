/* Which token stood there, of chosen rows: dense layer, activation, LayerNorm, and a product with
 * the word embedding, to which the last layer is tied, with a bias of its own; cross-entropy. The
 * logits (R, V) stay in the head's memory, where their gradient takes their place. Source:
 * transformers'
 * ...ForMaskedLM.
 *
 * Sizes beside head.h's: V vocabulary, E size of the embeddings. */
#include "model/builder.h"

static uint32_t outputs_of(const model_config *c, const batch_capacity *capacity) {
    (void)capacity;
    return c->vocabulary;
}

static activation activation_of(const model_config *c) {
    return c->family->lm_is_gelu ? ACT_GELU : c->activation;
}

static err memory_of(head_memory *m, arena *a, const model_config *c, size_t rows, bool training) {
    size_t re = rows * model_config_embedding(c);
    const model_want list[] = {{&m->doutputs, rows * c->vocabulary},
                               {&m->dense, re},
                               {&m->normal, re},
                               {&m->mean, rows},
                               {&m->rstd, rows},
                               {&m->dense_pre, re},
                               {&m->ddense, re},
                               {&m->dnormal, re}};
    size_t count = sizeof list / sizeof *list;
    return model__take(a, list, training ? count : count - 3);
}

static err forward(const model_builder *b, dim rows, span x) {
    const head_memory *m = &b->memory->head;
    span none = {0};
    err e = model__linear(b, m->dense, b->training ? m->dense_pre : none, x, PARAM_lm_dense_weight,
                          0, activation_of(b->c), rows);
    if (e) return e;
    e = op_layernorm_fwd(
        b->plan, &(struct layernorm_fwd){.y = m->normal,
                                         .mean = m->mean,
                                         .rstd = m->rstd,
                                         .x = m->dense,
                                         .weight = model__param(b, PARAM_lm_norm_weight, 0)->p,
                                         .bias = model__param(b, PARAM_lm_norm_bias, 0)->p,
                                         .rows = rows,
                                         .hidden = model_config_embedding(b->c),
                                         .eps = b->c->layer_norm_eps});
    if (e) return e;
    return op_linear_fwd(b->plan,
                         &(struct linear_fwd){.y = m->doutputs,
                                              .x = m->normal,
                                              .weight = model__param(b, PARAM_token, 0)->p,
                                              .bias = model__param(b, PARAM_lm_output_bias, 0)->p,
                                              .rows = rows,
                                              .n = b->c->vocabulary,
                                              .k = model_config_embedding(b->c)});
}

static err loss(const model_builder *b, dim rows) {
    span none = {0}, logits = b->memory->head.doutputs;
    return op_cross_entropy(b->plan, &(struct cross_entropy){.loss = b->batch->losses,
                                                             .dlogits = b->training ? logits : none,
                                                             .predicted = b->batch->predicted,
                                                             .logits = logits,
                                                             .targets = b->batch->targets,
                                                             .rows = rows,
                                                             .classes = b->c->vocabulary});
}

/* Of the tied product. The embedding's gradient is whole (params.h). */
static err output_backward(const model_builder *b, dim rows) {
    const head_memory *m = &b->memory->head;
    const param *token = model__param(b, PARAM_token, 0);
    const param *bias = model__param(b, PARAM_lm_output_bias, 0);
    uint32_t vocabulary = b->c->vocabulary, embedding = model_config_embedding(b->c);
    err e = ERR_OK;
    if (model__trains(b, token))
        e = op_linear_dw(b->plan,
                         &(struct linear_dw){.dweight = token->g,
                                             .dbias = bias->g,
                                             .dy = m->doutputs,
                                             .x = m->normal,
                                             .rows = rows,
                                             .n = vocabulary,
                                             .k = embedding,
                                             .overwrites = !plan_is_written(b->plan, token->g)});
    return e ? e
             : op_linear_dx(b->plan, &(struct linear_dx){.dx = m->dnormal,
                                                         .dy = m->doutputs,
                                                         .weight = token->p,
                                                         .rows = rows,
                                                         .n = vocabulary,
                                                         .k = embedding});
}

static err backward(const model_builder *b, dim rows, span dx, span x) {
    const head_memory *m = &b->memory->head;
    uint32_t embedding = model_config_embedding(b->c);
    span none = {0};
    err e = output_backward(b, rows);
    if (e) return e;
    e = op_layernorm_bwd(
        b->plan, &(struct layernorm_bwd){.dsum = m->ddense,
                                         .dweight = model__param(b, PARAM_lm_norm_weight, 0)->g,
                                         .dbias = model__param(b, PARAM_lm_norm_bias, 0)->g,
                                         .dy = m->dnormal,
                                         .sum = m->dense,
                                         .mean = m->mean,
                                         .rstd = m->rstd,
                                         .weight = model__param(b, PARAM_lm_norm_weight, 0)->p,
                                         .rows = rows,
                                         .hidden = embedding});
    if (e) return e;
    e = op_activation_bwd(b->plan, &(struct activation_bwd){.dx = m->ddense,
                                                            .dy = m->ddense,
                                                            .pre = m->dense_pre,
                                                            .act = activation_of(b->c),
                                                            .rows = rows,
                                                            .cols = embedding});
    return e ? e
             : model__linear_backward(b, dx, (model_pre){0}, none, m->ddense, x,
                                      PARAM_lm_dense_weight, 0, rows);
}

const head head_masked_lm = {
    .class_name = "ForMaskedLM",
    .reads = HEAD_READS_CHOSEN,
    .target = {ELEM_U32, 1, ANSWER_CLASS, 1},
    .hides_outputs = true,
    .outputs = outputs_of,
    .memory = memory_of,
    .forward = forward,
    .loss = loss,
    .backward = backward,
};
