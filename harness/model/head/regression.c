/* One number a sentence: mean squared error. Source: transformers' ...ForSequenceClassification
 * with problem_type regression. */
#include "model/head/sentence.h"

static err loss(const model_builder *b, dim rows) {
    return head__number_loss(b, rows, false);
}

const head head_regression = {
    SENTENCE_HEAD,
    .target = {ELEM_F32, 1, ANSWER_NUMBER, 1},
    .loss = loss,
};
