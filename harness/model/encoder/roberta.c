/* RoBERTa (Liu et al. 2019) as transformers' RobertaModel computes it: BERT whose positions begin
 * behind the pad id, mostly with one token type, whose row is added to every token. There is no
 * pooler; the head has a dense layer of its own. */
#include "model/config.h"

static void defaults(model_config *c) {
    c->vocabulary = 50265;
    c->pad = 1;
}

static void preset(model_config *c) {
    c->layer_norm_eps = 1e-5f;
}

const encoder_family encoder_roberta = {
    .title = "RoBERTa",
    .class_name = "Roberta",
    .model_type = "roberta",
    .prefix = "roberta.",
    .keys = {[PARAM_head_dense_weight] = "classifier.dense.weight",
             [PARAM_head_dense_bias] = "classifier.dense.bias",
             [PARAM_head_output_weight] = "classifier.out_proj.weight",
             [PARAM_head_output_bias] = "classifier.out_proj.bias",
             [PARAM_lm_dense_weight] = "lm_head.dense.weight",
             [PARAM_lm_dense_bias] = "lm_head.dense.bias",
             [PARAM_lm_norm_weight] = "lm_head.layer_norm.weight",
             [PARAM_lm_norm_bias] = "lm_head.layer_norm.bias",
             [PARAM_lm_output_bias] = "lm_head.bias"},
    .lm_decoder = "lm_head.decoder.",
    .lm_is_gelu = true,
    .defaults = defaults,
    .preset = preset,
    .positions_follow_pad = true,
    .types_least = 1,
    .head_drops_input = true,
    .head_activation = ACT_TANH,
};
