/* Any number of labels a sentence: a binary cross-entropy for each by itself. Source: transformers'
 * ...ForSequenceClassification with problem_type multi_label_classification. */
#include "model/head/sentence.h"

static err loss(const model_builder *b, dim rows) {
    return head__number_loss(b, rows, true);
}

const head head_multi_label = {
    .class_name = "ForSequenceClassification",
    .reads = HEAD_READS_FIRST,
    .target = {ELEM_F32, 0, ANSWER_SET, 1},
    .has_dense = true,
    .output = PARAM_head_output_weight,
    .outputs = head__outputs,
    .memory = head__memory,
    .forward = head__forward,
    .loss = loss,
    .backward = head__backward,
};
