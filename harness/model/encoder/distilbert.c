/* DistilBERT (Sanh, Debut, Chaumond, Wolf 2019) as transformers' DistilBertModel computes it: BERT
 * without token types, with names of its own and no dropout behind the attention's output layer. */
#include "model/config.h"

static void defaults(model_config *c) {
    c->layers = 6;
    c->classifier_dropout = 0.2f;
    c->types = 0;
}

#define LAYER "~transformer.layer.#."

// NOLINTBEGIN(bugprone-suspicious-missing-comma): LAYER begins a key
const encoder_family encoder_distilbert = {
    .title = "DistilBERT",
    .class_name = "DistilBert",
    .model_type = "distilbert",
    .prefix = "distilbert.",
    .names = {{"hidden_size", "dim"},
              {"num_hidden_layers", "n_layers"},
              {"num_attention_heads", "n_heads"},
              {"intermediate_size", "hidden_dim"},
              {"hidden_act", "activation"},
              {"hidden_dropout_prob", "dropout"},
              {"attention_probs_dropout_prob", "attention_dropout"},
              {"classifier_dropout", "seq_classif_dropout"},
              {"layer_norm_eps", NULL},
              {"type_vocab_size", NULL}},
    .keys = {[PARAM_qkv_weight] = LAYER "attention.%s_lin.weight",
             [PARAM_qkv_bias] = LAYER "attention.%s_lin.bias",
             [PARAM_attention_weight] = LAYER "attention.out_lin.weight",
             [PARAM_attention_bias] = LAYER "attention.out_lin.bias",
             [PARAM_attention_norm_weight] = LAYER "sa_layer_norm.weight",
             [PARAM_attention_norm_bias] = LAYER "sa_layer_norm.bias",
             [PARAM_intermediate_weight] = LAYER "ffn.lin1.weight",
             [PARAM_intermediate_bias] = LAYER "ffn.lin1.bias",
             [PARAM_output_weight] = LAYER "ffn.lin2.weight",
             [PARAM_output_bias] = LAYER "ffn.lin2.bias",
             [PARAM_output_norm_weight] = LAYER "output_layer_norm.weight",
             [PARAM_output_norm_bias] = LAYER "output_layer_norm.bias",
             [PARAM_head_dense_weight] = "pre_classifier.weight",
             [PARAM_head_dense_bias] = "pre_classifier.bias",
             [PARAM_lm_dense_weight] = "vocab_transform.weight",
             [PARAM_lm_dense_bias] = "vocab_transform.bias",
             [PARAM_lm_norm_weight] = "vocab_layer_norm.weight",
             [PARAM_lm_norm_bias] = "vocab_layer_norm.bias",
             [PARAM_lm_output_bias] = "vocab_projector.bias"},
    .lm_decoder = "vocab_projector.",
    .qkv = {"q", "k", "v"},
    .defaults = defaults,
    .plain_attention_output = true,
    .head_activation = ACT_RELU,
    .tags_drop_as_hidden = true,
};
// NOLINTEND(bugprone-suspicious-missing-comma)
