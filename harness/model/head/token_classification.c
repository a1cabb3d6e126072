/* One class for each token that answers for a unit: dropout and a product; cross-entropy over these
 * tokens alone, as transformers ignores the label -100 of others. Source: transformers'
 * ...ForTokenClassification, which has no pooler. */
#include "model/head/sentence.h"

static err memory_of(head_memory *m, arena *a, const model_config *c, size_t rows, bool training) {
    const model_want list[] = {{&m->dropped, rows * c->hidden}, {&m->doutputs, rows * c->classes}};
    return training ? model__take(a, list, 2) : ERR_OK;
}

/* y = dropout(x); forward and backward alike. */
static err drop(const model_builder *b, dim rows, span y, span x) {
    const model_training *t = b->training;
    float p = b->c->family->tags_drop_as_hidden ? t->hidden_dropout : t->classifier_dropout;
    return op_dropout(b->plan, &(struct dropout){.y = y,
                                                 .x = x,
                                                 .ordinals = b->batch->chosen_ordinals,
                                                 .rows = rows,
                                                 .hidden = b->c->hidden,
                                                 .drop = {p, MODEL_SITE_HEAD}});
}

static err forward(const model_builder *b, dim rows, span x) {
    span none = {0}, read = b->training ? b->memory->head.dropped : x;
    err e = b->training ? drop(b, rows, read, x) : ERR_OK;
    return e ? e
             : model__linear(b, b->batch->outputs, none, read, PARAM_tag_weight, 0, ACT_NONE, rows);
}

static err backward(const model_builder *b, dim rows, span dx, span x) {
    const head_memory *m = &b->memory->head;
    span none = {0};
    (void)x;
    err e = model__linear_backward(b, dx, (model_pre){0}, none, m->doutputs, m->dropped,
                                   PARAM_tag_weight, 0, rows);
    return e || !span_given(dx) ? e : drop(b, rows, dx, dx);
}

const head head_token_classification = {
    .class_name = "ForTokenClassification",
    .reads = HEAD_READS_CHOSEN,
    .target = {ELEM_U32, 1, ANSWER_TAGS, 1},
    .output = PARAM_tag_weight,
    .outputs = head__outputs,
    .memory = memory_of,
    .forward = forward,
    .loss = head__class_loss,
    .backward = backward,
    .decode = answers_say,
};
