/* One number a sentence: mean squared error. Source: transformers' ...ForSequenceClassification
 * with problem_type regression. */
#include "model/head/sentence.h"

static err loss(const model_builder *b, dim rows) {
    return head__number_loss(b, rows, false);
}

const head head_regression = {
    .class_name = "ForSequenceClassification",
    .reads = HEAD_READS_FIRST,
    .target = {ELEM_F32, 1, ANSWER_NUMBER, 1},
    .has_dense = true,
    .output = PARAM_head_output_weight,
    .outputs = head__outputs,
    .memory = head__memory,
    .forward = head__forward,
    .loss = loss,
    .backward = head__backward,
};
