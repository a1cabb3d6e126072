#include "model/config.h"

#include "base/memory.h"
#include "model/head/head.h"

#include <string.h>

typedef struct preset {
    const char *name;
    uint32_t layers, hidden, heads;
} preset;

static const preset presets[] = {
#define X(name, layers, hidden, heads) {#name, layers, hidden, heads},
    MODEL_PRESETS(X)
#undef X
};

static const preset *preset_find(const char *name) {
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0) return &presets[i];
    return NULL;
}

bool model_preset_known(const char *name) {
    return preset_find(name) != NULL;
}

const char *model_preset_names(void) {
#define X(name, layers, hidden, heads) ", " #name
    return &MODEL_PRESETS(X)[2];
#undef X
}

void model_config_defaults(model_config *c, const encoder_family *family) {
    *c = (model_config){.family = family,
                        .vocabulary = 30522,
                        .hidden = 768,
                        .layers = 12,
                        .heads = 12,
                        .intermediate = 3072,
                        .positions = 512,
                        .types = 2,
                        .activation = ACT_GELU,
                        .classes = 2,
                        .hidden_dropout = 0.1f,
                        .attention_dropout = 0.1f,
                        .classifier_dropout = 0.1f,
                        .layer_norm_eps = 1e-12f,
                        .initializer_range = 0.02f};
    if (family->defaults) family->defaults(c);
}

err model_config_preset_as(model_config *c, const char *name, const encoder_family *family,
                           uint32_t vocabulary) {
    const preset *p = preset_find(name);
    if (!p)
        return err_set(ERR_USAGE, "unknown preset '%s' (known: %s)", name, model_preset_names());
    model_config_defaults(c, family);
    c->vocabulary = vocabulary;
    c->embedding = c->pad = 0;
    c->layers = p->layers;
    c->hidden = p->hidden;
    c->heads = p->heads;
    c->intermediate = 4 * p->hidden;
    c->types = family->types_least;
    c->positions = MODEL_PRESET_POSITIONS;
    if (family->positions_follow_pad) c->positions += c->pad + 1;
    if (family->preset) family->preset(c);
    return ERR_OK;
}

err model_config_preset(model_config *c, const char *name, uint32_t vocabulary) {
    return model_config_preset_as(c, name, &encoder_bert, vocabulary);
}

err model_preset_title(char **title, const char *name, const encoder_family *family) {
    if (family == &encoder_bert) return mem_strdup(title, name);
    return mem_printf(title, "%s-%s", name, family->model_type);
}

static void labels_free(model_config *c) {
    for (uint32_t i = 0; c->labels && i < c->classes; i++) mem_free(c->labels[i]);
    mem_free(c->labels);
    c->labels = NULL;
}

void model_config_free(model_config *c) {
    labels_free(c);
    *c = (model_config){0};
}

err model_config_set_labels(model_config *c, const char *const *labels, size_t count) {
    err e = ERR_OK;
    labels_free(c);
    c->classes = (uint32_t)count;
    c->scores = MODEL_SCORES_SOFTMAX;
    if ((e = mem_new(&c->labels, count))) return e;
    for (size_t i = 0; i < count; i++)
        if ((e = mem_strdup(&c->labels[i], labels[i]))) return e;
    return ERR_OK;
}

uint32_t model_config_dense(const model_config *c) {
    return head_of(c)->has_dense ? c->hidden : 0;
}

uint32_t model_config_output(const model_config *c) {
    return head_of(c)->output == PARAM_head_output_weight ? c->classes : 0;
}

uint32_t model_config_tags(const model_config *c) {
    return head_of(c)->output == PARAM_tag_weight ? c->classes : 0;
}

uint32_t model_config_arcs(const model_config *c) {
    return head_of(c) == &head_dependency_parsing ? c->arc_size : 0;
}

uint32_t model_config_relations(const model_config *c) {
    return head_of(c) == &head_dependency_parsing ? c->relation_size : 0;
}

void model_config_parse(model_config *c, uint32_t tree_rule, bool first_pieces) {
    enum { ARCS = 512, RELATIONS = 128 };
    c->head = &head_dependency_parsing;
    c->tree_rule = tree_rule;
    c->first_pieces = first_pieces;
    if (!c->arc_size) c->arc_size = 2 * c->hidden < ARCS ? 2 * c->hidden : ARCS;
    if (!c->relation_size) c->relation_size = c->hidden / 2 < RELATIONS ? c->hidden / 2 : RELATIONS;
}

const char *model_config_key(const model_config *c, const char *key) {
    for (const config_name *n = c->family->names; n->usual; n++)
        if (strcmp(n->usual, key) == 0) return n->own;
    return key;
}
