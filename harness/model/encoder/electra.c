/* ELECTRA's discriminator (Clark, Luong, Le, Manning 2020) as transformers' ElectraModel computes
 * it: BERT whose embeddings may be of another size than its hidden states. There is no pooler; the
 * head has a dense layer of its own. */
#include "model/config.h"

static void defaults(model_config *c) {
    c->embedding = 128;
    c->hidden = 256;
    c->heads = 4;
    c->intermediate = 1024;
}

/* Small ones have embeddings half as wide as the hidden states; those of base are as wide. */
static void preset(model_config *c) {
    if (c->hidden < 768) c->embedding = c->hidden / 2;
}

const encoder_family encoder_electra = {
    .title = "ELECTRA",
    .class_name = "Electra",
    .model_type = "electra",
    .prefix = "electra.",
    .keys = {[PARAM_head_dense_weight] = "classifier.dense.weight",
             [PARAM_head_dense_bias] = "classifier.dense.bias",
             [PARAM_head_output_weight] = "classifier.out_proj.weight",
             [PARAM_head_output_bias] = "classifier.out_proj.bias",
             [PARAM_lm_dense_weight] = "generator_predictions.dense.weight",
             [PARAM_lm_dense_bias] = "generator_predictions.dense.bias",
             [PARAM_lm_norm_weight] = "generator_predictions.LayerNorm.weight",
             [PARAM_lm_norm_bias] = "generator_predictions.LayerNorm.bias",
             [PARAM_lm_output_bias] = "generator_lm_head.bias"},
    .lm_decoder = "generator_lm_head.",
    .lm_is_gelu = true,
    .defaults = defaults,
    .preset = preset,
    .types_least = 2,
    .projects = PROJECTS_WHERE_SIZES_DIFFER,
    .head_drops_input = true,
    .head_activation = ACT_GELU,
};
