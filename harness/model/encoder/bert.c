/* BERT (Devlin, Chang, Lee, Toutanova 2019) as transformers' BertModel computes it. */
#include "model/encoder/family.h"

const encoder_family encoder_bert = {
    .title = "BERT",
    .class_name = "Bert",
    .model_type = "bert",
    .prefix = "bert.",
    .lm_decoder = "cls.predictions.decoder.",
    .types_least = 2,
    .head_activation = ACT_TANH, // of the pooler
};
