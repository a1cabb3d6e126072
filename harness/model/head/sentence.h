/* Parts of heads that more than one has. Most are what transformers' ...ForSequenceClassification puts upon the first row of a sentence, whatever
 * its problem_type: dense layer and activation, dropout, an output layer of C numbers. Heads that
 * differ in their targets and losses alone share it; members of `head`. */
#ifndef HARNESS_MODEL_HEAD_SENTENCE_H
#define HARNESS_MODEL_HEAD_SENTENCE_H

#include "model/builder.h"

uint32_t head__outputs(const model_config *c, const batch_capacity *capacity);
err head__memory(head_memory *m, arena *a, const model_config *c, size_t rows,
                 bool training) MUST_CHECK;
err head__forward(const model_builder *b, dim rows, span x) MUST_CHECK;
err head__backward(const model_builder *b, dim rows, span dx, span x) MUST_CHECK;

/* These, in a row of `head`. */
#define SENTENCE_HEAD                                                                              \
    .class_name = "ForSequenceClassification", .reads = HEAD_READS_FIRST, .has_dense = true,       \
    .output = PARAM_head_output_weight, .outputs = head__outputs, .memory = head__memory,          \
    .forward = head__forward, .backward = head__backward

/* Cross-entropy of one class of C a row. */
err head__class_loss(const model_builder *b, dim rows) MUST_CHECK;

/* The loss of C numbers a row: squared, or binary cross-entropy. */
err head__number_loss(const model_builder *b, dim rows, bool binary) MUST_CHECK;

#endif
