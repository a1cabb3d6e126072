/* One class a sentence: cross-entropy. Source: transformers' ...ForSequenceClassification. */
#include "model/head/sentence.h"

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

static void decode(uint32_t *predicted, const float *outputs, size_t count, uint32_t classes) {
    answers_say(predicted, outputs, count, classes);
}

const head head_classification = {
    .class_name = "ForSequenceClassification",
    .reads = HEAD_READS_FIRST,
    .target = {ELEM_U32, false, 1, ANSWER_CLASS},
    .outputs = head__outputs,
    .memory = head__memory,
    .forward = head__forward,
    .loss = loss,
    .backward = head__backward,
    .decode = decode,
};
