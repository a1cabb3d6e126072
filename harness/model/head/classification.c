/* One class a sentence: cross-entropy. Source: transformers' ...ForSequenceClassification. */
#include "model/head/sentence.h"

err head__class_loss(const model_builder *b, dim rows) {
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

const head head_classification = {
    SENTENCE_HEAD,
    .target = {ELEM_U32, 1, ANSWER_CLASS, 1},
    .loss = head__class_loss,
    .decode = answers_say,
};
