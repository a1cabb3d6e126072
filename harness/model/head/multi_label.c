/* Any number of labels a sentence: a binary cross-entropy for each by itself. Source: transformers'
 * ...ForSequenceClassification with problem_type multi_label_classification. */
#include "model/head/sentence.h"

static err loss(const model_builder *b, dim rows) {
    return head__number_loss(b, rows, true);
}

const head head_multi_label = {
    SENTENCE_HEAD,
    .target = {ELEM_F32, 0, ANSWER_SET, 1},
    .loss = loss,
};
