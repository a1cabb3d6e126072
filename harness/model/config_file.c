/* config.json: what of it is read, what makes a folder another model, and what is written. */
#include "base/ascii.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "metric/confusion_cells.h"
#include "metric/tree.h"
#include "model/config.h"
#include "model/head/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_LIMIT_BYTES = 16 << 20, SIZE_LIMIT = 1 << 24, LAYERS_MOST = 1 << 12 };

/* Sizes that a family calls otherwise may have their usual name too (transformers' attribute_map). */
static bool has_usual_name(const cJSON *root, const char *key) {
    return json_has(root, key) &&
           (strcmp(key, "hidden_size") == 0 || strcmp(key, "num_hidden_layers") == 0 ||
            strcmp(key, "num_attention_heads") == 0);
}

static err read_size(uint32_t *out, const model_config *c, const cJSON *root, const char *key,
                     int64_t low, const char *path) {
    // layers that share their weights are bounded by nothing else
    int64_t value = 0, usual = 0, most = out == &c->layers ? LAYERS_MOST : SIZE_LIMIT;
    const char *own = model_config_key(c, key);
    bool is_usual = own && strcmp(own, key) != 0 && has_usual_name(root, key);
    err e = ERR_OK;
    if (!own || !(json_has(root, own) || is_usual)) return e; // transformers' default stands
    if (is_usual && (e = json_whole(&usual, root, key, low, most, path))) return e;
    if (!json_has(root, own))
        value = usual;
    else if ((e = json_whole(&value, root, own, low, most, path)))
        return e;
    if (is_usual && value != usual)
        return err_set(ERR_FORMAT, "%s: %s is %d, but %s is %d", path, own, (int)value, key,
                       (int)usual);
    *out = (uint32_t)value;
    return ERR_OK;
}

static err read_fraction(float *out, const model_config *c, const cJSON *root, const char *key,
                         double high, const char *path) {
    key = model_config_key(c, key);
    if (!key || !json_has(root, key)) return ERR_OK;
    double value = 0;
    err e = json_number(&value, root, key, path);
    if (e) return e;
    if (!(value >= 0 && value < high))
        return err_set(ERR_FORMAT, "%s: %s is %g, expected 0 or more and below %g", path, key,
                       value, high);
    *out = (float)value;
    return ERR_OK;
}

/* There and not null. */
static bool is_given(const cJSON *root, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    return item && !cJSON_IsNull(item);
}

static err refuse_string(const cJSON *root, const char *key, const char *wanted, const char *path) {
    const char *found = NULL;
    err e = ERR_OK;
    if (!is_given(root, key)) return ERR_OK;
    if ((e = json_string(&found, root, key, path))) return e;
    if (strcmp(found, wanted) != 0)
        return err_set(ERR_UNSUPPORTED, "%s: %s is '%s'; only '%s' is supported", path, key, found,
                       wanted);
    return ERR_OK;
}

/* The class that made the checkpoint may be one of its user's own, but not one of another model. */
static err check_class(const model_config *c, const cJSON *root, const char *path) {
    static const char *const others[] = {"Deberta", "XLMRoberta"};
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "architectures");
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(list, 0));
    const char *own = c->family->class_name;
    if (!name || strncmp(name, own, strlen(own)) == 0) return ERR_OK;
    bool is_other = !is_given(root, "model_type"); // old files name the model here alone
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        is_other |= strstr(name, others[i]) != NULL;
    for (size_t i = 0; family_at(i); i++) {
        const char *theirs = family_at(i)->class_name;
        // "KoBertModel" is somebody's BERT, and "Bert" is part of another's name
        is_other |= family_at(i) == &encoder_bert
                        ? strncmp(name, theirs, strlen(theirs)) == 0
                        : family_at(i) != c->family && strstr(name, theirs);
    }
    if (!is_other) return ERR_OK;
    return err_set(ERR_UNSUPPORTED, "%s: architectures names '%s', but model_type is '%s'", path,
                   name, c->family->model_type);
}

/* What makes another model, where it is true, or there and not empty. */
static err check_switches(const cJSON *root, const char *path) {
    static const struct {
        const char *key, *only;
        bool is_list;
    } others[] = {{"is_decoder", "encoders", false},
                  {"is_encoder_decoder", "encoders", false},
                  {"add_cross_attention", "encoders", false},
                  {"sinusoidal_pos_embds", "learned positions", false},
                  {"pruned_heads", "whole models", true},
                  {"quantization_config", "models that are not quantised", true}};
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, others[i].key);
        bool on = others[i].is_list && item && item->child, is_switch = !others[i].is_list;
        if (is_switch && is_given(root, others[i].key) &&
            (e = json_bool(&on, root, others[i].key, path)))
            return e;
        if (on)
            return err_set(ERR_UNSUPPORTED, "%s: %s is %s; only %s are supported", path,
                           others[i].key, is_switch ? "true" : "not empty", others[i].only);
    }
    return ERR_OK;
}

/* Names of activations; of those for the same function the first is written. */
static const struct {
    const char *name;
    activation activation;
} activations[] = {{"gelu", ACT_GELU},
                   {"gelu_python", ACT_GELU},
                   {"gelu_new", ACT_GELU_TANH},
                   {"gelu_fast", ACT_GELU_TANH},
                   {"gelu_pytorch_tanh", ACT_GELU_TANH},
                   {"relu", ACT_RELU}};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

static err read_activation(model_config *c, const cJSON *root, const char *path) {
    const char *key = model_config_key(c, "hidden_act"), *found = NULL;
    if (!json_has(root, key)) return ERR_OK;
    err e = json_string(&found, root, key, path);
    for (size_t i = 0; !e && i < ACTIVATIONS; i++) {
        if (strcmp(activations[i].name, found) != 0) continue;
        c->activation = activations[i].activation;
        return ERR_OK;
    }
    return e ? e
             : err_set(ERR_UNSUPPORTED, "%s: %s is '%s'; supported are gelu, gelu_new and relu",
                       path, key, found);
}

static const char *activation_name(const model_config *c) {
    size_t i = 0;
    while (i + 1 < ACTIVATIONS && activations[i].activation != c->activation) i++;
    return activations[i].name;
}

/* Configurations older than model_type are BERT's. */
static err read_family(model_config *c, const cJSON *root, const char *path) {
    const char *type = "bert";
    err e = ERR_OK;
    if (is_given(root, "model_type"))
        e = json_string(&type, root, "model_type", path);
    else
        log_note("%s: no model_type, as of old files: BERT's", path);
    if (e) return e;
    const encoder_family *family = family_find(type);
    if (!family)
        return err_set(ERR_UNSUPPORTED, "%s: model_type is '%s'; supported are %s", path, type,
                       family_names());
    model_config_defaults(c, family);
    return check_class(c, root, path);
}

static err check_groups(const model_config *c, const cJSON *root, const char *path) {
    static const char *const groups[] = {"num_hidden_groups", "inner_group_num"};
    for (size_t i = 0; c->family->shares_layers && i < sizeof groups / sizeof *groups; i++) {
        int64_t count = 1;
        err e = json_has(root, groups[i]) ? json_whole(&count, root, groups[i], 0, SIZE_LIMIT, path)
                                          : ERR_OK;
        if (e) return e;
        if (count != 1)
            return err_set(ERR_UNSUPPORTED, "%s: %s is %d; only 1 is supported", path, groups[i],
                           (int)count);
    }
    return ERR_OK;
}

static err check_kind(model_config *c, const cJSON *root, const char *path) {
    err e = read_activation(c, root, path);
    if (!e) e = check_groups(c, root, path);
    if (!e) e = refuse_string(root, "position_embedding_type", "absolute", path);
    return e ? e : check_switches(root, path);
}

static err read_types(model_config *c, const cJSON *root, const char *path) {
    err e = read_size(&c->types, c, root, "type_vocab_size", 1, path);
    if (!e && c->types < c->family->types_least)
        return err_set(ERR_UNSUPPORTED,
                       "%s: type_vocab_size is 1, as RoBERTa has it; of %s only models with 2 "
                       "token types or more are supported",
                       path, c->family->title);
    return e;
}

/* Rows of the position table: those up to pad_token_id's are no sentence's. */
static err check_positions(const model_config *c, const char *path) {
    if (!c->family->positions_follow_pad || c->positions >= (uint64_t)c->pad + 3) return ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: %s is %u, but positions begin at %u, behind pad_token_id %u: expected %u "
                   "or more",
                   path, model_config_key(c, "max_position_embeddings"), c->positions, c->pad + 1,
                   c->pad, c->pad + 3);
}

static err read_scores(model_config *c, const cJSON *root, const char *path) {
    const char *type = "single_label_classification";
    err e = ERR_OK;
    c->scores = c->classes == 1 ? MODEL_SCORES_SIGMOID : MODEL_SCORES_SOFTMAX;
    if (!is_given(root, "problem_type")) return ERR_OK;
    if ((e = json_string(&type, root, "problem_type", path))) return e;
    if (strcmp(type, "regression") == 0)
        c->scores = MODEL_SCORES_RAW;
    else if (strcmp(type, "multi_label_classification") == 0)
        c->scores = MODEL_SCORES_SIGMOID;
    else if (strcmp(type, "single_label_classification") != 0)
        return err_set(ERR_FORMAT,
                       "%s: problem_type is '%s', expected regression, "
                       "single_label_classification or multi_label_classification",
                       path, type);
    return ERR_OK;
}

static const char *const reads_names[] = {[MODEL_READS_TEXT] = "text",
                                          [MODEL_READS_PAIR] = "pair",
                                          [MODEL_READS_ENTITIES] = "marked_entities"};

/* A folder of another's may have a key of that name: what is not ours says nothing. */
static void read_reads(model_config *c, const cJSON *root) {
    const char *name = json_text_at(root, "input_texts");
    for (size_t i = MODEL_READS_TEXT; name && i < sizeof reads_names / sizeof *reads_names; i++)
        if (strcmp(name, reads_names[i]) == 0) c->reads = (model_reads)i;
}

/* Our own keys of a parser. */
static err read_parser(model_config *c, const cJSON *root, const char *path) {
    const char *rule = NULL, *piece = NULL;
    err e;
    if ((e = json_string(&rule, root, "tree_decode", path))) return e;
    if ((e = json_string(&piece, root, "word_piece", path))) return e;
    while (c->tree_rule < TREE_RULES && strcmp(rule, tree_rule_name(c->tree_rule)) != 0)
        c->tree_rule++;
    if (c->tree_rule == TREE_RULES)
        return err_set(ERR_FORMAT,
                       "%s: tree_decode is '%s', expected any, projective, head_final or "
                       "head_final_projective",
                       path, rule);
    c->first_pieces = strcmp(piece, "first") == 0;
    if (!c->first_pieces && strcmp(piece, "last") != 0)
        return err_set(ERR_FORMAT, "%s: word_piece is '%s', expected first or last", path, piece);
    if (!is_given(root, "arc_size") || !is_given(root, "relation_size"))
        return err_set(ERR_FORMAT, "%s: a parser has keys arc_size and relation_size", path);
    if ((e = read_size(&c->arc_size, c, root, "arc_size", 1, path))) return e;
    return read_size(&c->relation_size, c, root, "relation_size", 1, path);
}

/* Classes whose heads answer for each token or word by itself. */
static err read_head(model_config *c, const cJSON *root, const char *path) {
    static const head *const heads[] = {&head_token_classification, &head_dependency_parsing};
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "architectures");
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(list, 0));
    if (!name) return ERR_OK;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (ascii_ends(name, heads[i]->class_name)) c->head = heads[i];
    return c->head == &head_dependency_parsing ? read_parser(c, root, path) : ERR_OK;
}

/* A label's name; numbers stand for themselves. */
static err read_label(char **out, const cJSON *map, int id, const char *path) {
    char key[16], number[32];
    snprintf(key, sizeof key, "%d", id);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(map, key);
    const char *name = cJSON_GetStringValue(item);
    if (cJSON_IsNumber(item)) {
        snprintf(number, sizeof number, "%.15g", item->valuedouble);
        name = number;
    }
    if (!name)
        return err_set(ERR_FORMAT, "%s: id2label has no name for \"%s\" (ids are 0 to %d)", path,
                       key, cJSON_GetArraySize(map) - 1);
    return mem_strdup(out, name);
}

/* Scores are told by these names: one of nothing but blanks, or of two labels, tells none. */
static err check_labels(const model_config *c, const char *path) {
    for (uint32_t i = 0; i < c->classes; i++) {
        const char *name = c->labels[i];
        if (!name[strspn(name, " \t\r\n")])
            return err_set(ERR_FORMAT, "%s: id2label: label %u has no name", path, i);
        for (uint32_t j = 0; j < i; j++)
            if (!strcmp(name, c->labels[j]))
                return err_set(ERR_FORMAT,
                               "%s: id2label: label %u has the same name as label %u: '%s'", path,
                               i, j, name);
    }
    return ERR_OK;
}

static err read_labels(model_config *c, const cJSON *root, const char *path) {
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(root, "id2label");
    int64_t said = 0;
    err e = ERR_OK;
    if (is_given(root, "num_labels") &&
        (e = json_whole(&said, root, "num_labels", 1, LABELS_MOST, path)))
        return e;
    if (said) c->classes = (uint32_t)said;
    if (!map || cJSON_IsNull(map)) return ERR_OK;
    if (!cJSON_IsObject(map))
        return err_set(ERR_FORMAT, "%s: id2label has to be an object of id and name", path);
    int count = cJSON_GetArraySize(map);
    if (count < 1 || count > LABELS_MOST)
        return err_set(ERR_FORMAT, "%s: id2label has %d entries, expected 1 to %d", path, count,
                       LABELS_MOST);
    if (said && said != count) {
        log_warn("%s: num_labels is %d, id2label has %d names: as in transformers the labels are "
                 "LABEL_0 to LABEL_%d",
                 path, (int)said, count, (int)said - 1);
        return ERR_OK;
    }
    c->classes = (uint32_t)count;
    if ((e = mem_new(&c->labels, (size_t)count))) return e;
    for (int i = 0; i < count && !e; i++) e = read_label(&c->labels[i], map, i, path);
    return e ? e : check_labels(c, path);
}

static err read_sizes(model_config *c, const cJSON *root, const char *path) {
    const struct {
        uint32_t *at;
        const char *key;
        int64_t low;
    } sizes[] = {
        {&c->vocabulary, "vocab_size", 1},          {&c->hidden, "hidden_size", 1},
        {&c->layers, "num_hidden_layers", 1},       {&c->heads, "num_attention_heads", 1},
        {&c->intermediate, "intermediate_size", 1}, {&c->positions, "max_position_embeddings", 2}};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < sizeof sizes / sizeof *sizes; i++)
        e = read_size(sizes[i].at, c, root, sizes[i].key, sizes[i].low, path);
    if (!e && c->family->projects) e = read_size(&c->embedding, c, root, "embedding_size", 1, path);
    if (!e && is_given(root, "pad_token_id"))
        e = read_size(&c->pad, c, root, "pad_token_id", 0, path);
    if (!e) e = read_types(c, root, path);
    if (e) return e;
    if (c->hidden % c->heads != 0)
        return err_set(ERR_FORMAT, "%s: %s %u is no multiple of %s %u", path,
                       model_config_key(c, "hidden_size"), c->hidden,
                       model_config_key(c, "num_attention_heads"), c->heads);
    if (c->pad >= c->vocabulary)
        return err_set(ERR_FORMAT,
                       "%s: pad_token_id is %u, expected less than vocab_size, which is %u", path,
                       c->pad, c->vocabulary);
    return check_positions(c, path);
}

static err read_fields(model_config *c, const cJSON *root, const char *path) {
    err e = read_sizes(c, root, path);
    if (e) return e;
    if ((e = read_fraction(&c->hidden_dropout, c, root, "hidden_dropout_prob", 1, path))) return e;
    if ((e = read_fraction(&c->attention_dropout, c, root, "attention_probs_dropout_prob", 1,
                           path)))
        return e;
    const char *of_head = model_config_key(c, "classifier_dropout");
    bool may_be_null = strcmp(of_head, "classifier_dropout") == 0;
    if (may_be_null)
        c->classifier_dropout = c->hidden_dropout; // null or absent: as the hidden layers
    if ((is_given(root, of_head) || !may_be_null) &&
        (e = read_fraction(&c->classifier_dropout, c, root, "classifier_dropout", 1, path)))
        return e;
    if ((e = read_fraction(&c->layer_norm_eps, c, root, "layer_norm_eps", 1, path))) return e;
    if ((e = read_fraction(&c->initializer_range, c, root, "initializer_range", 10, path)))
        return e;
    if ((e = read_labels(c, root, path))) return e;
    if ((e = read_head(c, root, path))) return e;
    read_reads(c, root);
    return read_scores(c, root, path);
}

err model_config_from(model_config *c, const cJSON *root, const char *path) {
    *c = (model_config){0};
    if (!cJSON_IsObject(root)) return err_set(ERR_FORMAT, "%s: expected an object", path);
    err e = read_family(c, root, path);
    if (!e) e = check_kind(c, root, path);
    if (!e) e = read_fields(c, root, path);
    if (e) model_config_free(c);
    return e;
}

err model_config_read(model_config *c, const char *path) {
    cJSON *root = NULL;
    *c = (model_config){0};
    err e = json_read(&root, path, CONFIG_LIMIT_BYTES);
    if (!e) e = model_config_from(c, root, path);
    cJSON_Delete(root);
    return e;
}

static err add_labels(cJSON *root, const model_config *c) {
    cJSON *names = NULL, *ids = NULL;
    err e = ERR_OK;
    if ((e = json_add_object(&names, root, "id2label"))) return e;
    if ((e = json_add_object(&ids, root, "label2id"))) return e;
    for (uint32_t i = 0; i < c->classes; i++) {
        char key[16], fallback[32];
        snprintf(key, sizeof key, "%u", i);
        snprintf(fallback, sizeof fallback, "LABEL_%u", i);
        const char *name = c->labels ? c->labels[i] : fallback;
        if ((e = json_add_string(names, key, name))) return e;
        if ((e = json_add_number(ids, name, i))) return e;
    }
    return ERR_OK;
}

/* 0.1, not 0.10000000149. */
static double plain_decimal(float value) {
    return strtod(SHOWN_SINGLE(value), NULL);
}

static err add_fields(cJSON *root, const model_config *c) {
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"vocab_size", c->vocabulary},
        {"embedding_size", c->family->projects ? model_config_embedding(c) : 0},
        {"hidden_size", c->hidden},
        {"num_hidden_layers", c->layers},
        {"num_attention_heads", c->heads},
        {"intermediate_size", c->intermediate},
        {"max_position_embeddings", c->positions},
        {"type_vocab_size", c->types},
        {"hidden_dropout_prob", plain_decimal(c->hidden_dropout)},
        {"attention_probs_dropout_prob", plain_decimal(c->attention_dropout)},
        {"classifier_dropout", plain_decimal(c->classifier_dropout)},
        {"layer_norm_eps", plain_decimal(c->layer_norm_eps)},
        {"initializer_range", plain_decimal(c->initializer_range)},
        {"pad_token_id", c->pad},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const char *key = model_config_key(c, numbers[i].key);
        bool is_embedding = strcmp(numbers[i].key, "embedding_size") == 0 && !c->family->projects;
        if (!key || is_embedding) continue; // the family knows no such key
        err e = json_add_number(root, key, numbers[i].value);
        if (e) return e;
    }
    return ERR_OK;
}

err model_config_json(cJSON **out, const model_config *c) {
    cJSON *root = cJSON_CreateObject();
    char class[64];
    static const char *const problem_types[] = {
        [MODEL_SCORES_SOFTMAX] = "single_label_classification",
        [MODEL_SCORES_SIGMOID] = "multi_label_classification",
        [MODEL_SCORES_RAW] = "regression"};
    snprintf(class, sizeof class, "%s%s", c->family->class_name, head_of(c)->class_name);
    const char *classes[] = {class};
    err e = json_put_texts(root, "architectures", classes, 1);
    if (!e) e = json_add_string(root, "model_type", c->family->model_type);
    if (!e) e = add_fields(root, c);
    if (!e) e = json_add_string(root, model_config_key(c, "hidden_act"), activation_name(c));
    if (!e) e = json_add_string(root, "position_embedding_type", "absolute");
    if (!e && head_of(c)->has_dense)
        e = json_add_string(root, "problem_type", problem_types[c->scores]);
    if (!e && c->reads > MODEL_READS_TEXT)
        e = json_add_string(root, "input_texts", reads_names[c->reads]);
    if (!e && head_of(c) == &head_dependency_parsing)
        e = json_put(root, "arc_size %u relation_size %u tree_decode %s word_piece %s", c->arc_size,
                     c->relation_size, tree_rule_name(c->tree_rule),
                     c->first_pieces ? "first" : "last");
    if (!e) e = json_add_string(root, "torch_dtype", "float32");
    if (!e && head_of(c)->output) e = add_labels(root, c);
    if (e) cJSON_Delete(root);
    *out = e ? NULL : root;
    return e;
}

err model_config_write(const model_config *c, const char *path) {
    cJSON *root = NULL;
    err e = model_config_json(&root, c);
    if (!e && c->reads == MODEL_READS_TEXT)
        e = json_add_string(root, "input_texts", reads_names[c->reads]);
    if (!e) e = json_write(path, root);
    cJSON_Delete(root);
    return e;
}
