/* ALBERT (Lan et al. 2019) as transformers' AlbertModel computes it: one layer's weights for all
 * layers, embeddings of a size of their own and always a projection behind them, no dropout behind
 * a layer's last product. */
#include "model/config.h"

static void defaults(model_config *c) {
    c->vocabulary = 30000;
    c->embedding = 128;
    c->hidden = 4096;
    c->heads = 64;
    c->intermediate = 16384;
    c->hidden_dropout = c->attention_dropout = 0;
    c->activation = ACT_GELU_TANH;
}

static void preset(model_config *c) {
    c->embedding = 128; // of every published size
}

#define LAYER "~encoder.albert_layer_groups.0.albert_layers.0."

// NOLINTBEGIN(bugprone-suspicious-missing-comma): LAYER begins a key
const encoder_family encoder_albert = {
    .title = "ALBERT",
    .class_name = "Albert",
    .model_type = "albert",
    .prefix = "albert.",
    .names = {{"classifier_dropout", "classifier_dropout_prob"}},
    .keys = {[PARAM_embedding_projection_weight] = "~encoder.embedding_hidden_mapping_in.weight",
             [PARAM_embedding_projection_bias] = "~encoder.embedding_hidden_mapping_in.bias",
             [PARAM_qkv_weight] = LAYER "attention.%s.weight",
             [PARAM_qkv_bias] = LAYER "attention.%s.bias",
             [PARAM_attention_weight] = LAYER "attention.dense.weight",
             [PARAM_attention_bias] = LAYER "attention.dense.bias",
             [PARAM_attention_norm_weight] = LAYER "attention.LayerNorm.weight",
             [PARAM_attention_norm_bias] = LAYER "attention.LayerNorm.bias",
             [PARAM_intermediate_weight] = LAYER "ffn.weight",
             [PARAM_intermediate_bias] = LAYER "ffn.bias",
             [PARAM_output_weight] = LAYER "ffn_output.weight",
             [PARAM_output_bias] = LAYER "ffn_output.bias",
             [PARAM_output_norm_weight] = LAYER "full_layer_layer_norm.weight",
             [PARAM_output_norm_bias] = LAYER "full_layer_layer_norm.bias",
             [PARAM_head_dense_weight] = "~pooler.weight",
             [PARAM_head_dense_bias] = "~pooler.bias",
             [PARAM_lm_dense_weight] = "predictions.dense.weight",
             [PARAM_lm_dense_bias] = "predictions.dense.bias",
             [PARAM_lm_norm_weight] = "predictions.LayerNorm.weight",
             [PARAM_lm_norm_bias] = "predictions.LayerNorm.bias",
             [PARAM_lm_output_bias] = "predictions.bias"},
    .lm_decoder = "predictions.decoder.",
    .defaults = defaults,
    .preset = preset,
    .types_least = 2,
    .projects = PROJECTS_ALWAYS,
    .shares_layers = true,
    .plain_output = true,
    .head_activation = ACT_TANH, // of the pooler
};
// NOLINTEND(bugprone-suspicious-missing-comma)
