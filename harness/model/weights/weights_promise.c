/* Whether weights hold what a configuration promises. */
#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "model/head/head.h"
#include "model/weights/tensors.h"
#include "model/weights/weights.h"
#include "model/weights/weights_internal.h"
#include "platform/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors of a whole layer are 16. What lacks some is told by weights_load, tensor for tensor; here
 * it is only about memory. */
enum { LAYER_TENSORS_LEAST = 8, PARAMETERS_SPARE = 1 << 22, CONFIG_MOST_BYTES = 16 << 20 };

/* The tensor with or without the prefix that plain encoders' checkpoints lack. */
static const tensor_entry *find(const tensors *t, const encoder_family *family, param_field field,
                                const char **file) {
    char name[PARAM_NAME_BYTES];
    size_t n = strlen(family->prefix);
    param_field_key(family, field, 0, 0, name);
    const tensor_place *place = tensors_find(t, name);
    if (!place && strncmp(name, family->prefix, n) == 0) place = tensors_find(t, name + n);
    if (place) *file = path_name(place->file->path);
    return place ? place->entry : NULL;
}

/* A size in the configuration and the parameter whose shape has it. */
typedef struct promise {
    const char *key;
    uint32_t size;
    param_field field;
    uint32_t dimension;
} promise;

/* Told of a size that the file does not say. */
static const char *by_default(const char *path, const char *key) {
    cJSON *root = NULL;
    bool absent = !json_read(&root, path, CONFIG_MOST_BYTES) && !json_has(root, key);
    cJSON_Delete(root);
    return absent ? " by default" : "";
}

static err check_shape(const promise *p, const model_config *c, const tensors *t,
                       const char *path) {
    char shape[TENSOR_SHAPE_BYTES];
    const char *file = NULL;
    const tensor_entry *entry = find(t, c->family, p->field, &file);
    if (!entry) return ERR_OK;
    if (entry->rank > p->dimension && entry->rank <= 2 && entry->shape[p->dimension] == p->size)
        return ERR_OK;
    tensor_shape_text(shape, entry);
    const char *key = model_config_key(c, p->key);
    return err_set(ERR_FORMAT, "%s: %s is %u%s, but tensor '%s' of %s is %s", path, key, p->size,
                   by_default(path, key), entry->name, file, shape);
}

static err check_shapes(const model_config *c, const tensors *t, const char *path) {
    bool is_apart = c->family->projects != PROJECTS_NEVER;
    const promise list[] = {
        {"vocab_size", c->vocabulary, PARAM_token, 0},
        {is_apart ? "embedding_size" : "hidden_size", model_config_embedding(c), PARAM_token, 1},
        {"hidden_size", c->hidden, PARAM_attention_bias, 0},
        {"max_position_embeddings", c->positions, PARAM_position, 0},
        {"type_vocab_size", c->types, PARAM_type, 0},
        {"intermediate_size", c->intermediate, PARAM_intermediate_weight, 0}};
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof list / sizeof *list && !e; i++)
        if (list[i].size) e = check_shape(&list[i], c, t, path);
    return e;
}

/* Layers by the highest number in a name, and how many tensors layers have. */
static void count_layers(const tensors *t, const encoder_family *family, uint64_t *layers,
                         uint64_t *count) {
    char stem[PARAM_NAME_BYTES]; // what stands before the number
    size_t n = strlen(family->prefix);
    param_field_key(family, PARAM_output_bias, 0, 0, stem);
    char *number = strstr(stem, ".0.");
    if (number) number[1] = '\0';
    *layers = *count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->list[i].entry->name, *rest = stem + n;
        if (strncmp(name, family->prefix, n) == 0) name += n;
        if (strncmp(name, rest, strlen(rest)) != 0) continue;
        uint64_t layer = strtoull(name + strlen(rest), NULL, 10);
        if (layer < UINT32_MAX && layer + 1 > *layers) *layers = layer + 1;
        ++*count;
    }
}

static err check_amount(const model_config *c, const tensors *t, const char *path) {
    uint64_t layers = 0, count = 0, held = 0, promised = params_total(c);
    count_layers(t, c->family, &layers, &count);
    err e = count ? ERR_OK : weights__refuse_wrapped(t);
    if (!count && !e) e = weights__refuse_foreign(t, c->family);
    if (e) return e;
    if (!count)
        return err_set(ERR_FORMAT, "%s: %s is %u, but no tensor of %s is of a layer", path,
                       model_config_key(c, "num_hidden_layers"), c->layers, path_name(t->path));
    if (c->family->shares_layers) layers = c->layers, count = layers * LAYER_TENSORS_LEAST;
    if (layers < c->layers || count < (uint64_t)c->layers * LAYER_TENSORS_LEAST)
        return err_set(ERR_FORMAT,
                       "%s: %s is %u, but the weights (%s) have %" PRIu64
                       " tensors of layers, the last of layer %" PRIu64,
                       path, model_config_key(c, "num_hidden_layers"), c->layers,
                       path_name(t->path), count, layers - 1);
    for (size_t i = 0; i < t->count; i++)
        if (t->list[i].entry->count < UINT64_MAX / 4 - held) held += t->list[i].entry->count;
    if (promised / 2 > held + PARAMETERS_SPARE)
        return err_set(ERR_FORMAT,
                       "%s: describes a model of %" PRIu64 " parameters, but the weights (%s) have "
                       "%" PRIu64,
                       path, promised, path_name(t->path), held);
    return ERR_OK;
}

/* Heads and precisions of others count too, and a model of any size may have some bytes beside. */
enum { TIMES_OWN_MOST = 16, BYTES_BESIDE = 1 << 30 };

err weights_check_bytes(const model_config *c, const char *folder) {
    tensors t = {0};
    uint64_t bytes = 0, promised = params_total(c) * sizeof(double);
    err e = err_unless_memory(tensors_open(&t, folder)); // told by who reads them
    for (size_t i = 0; !e && i < t.count; i++)
        bytes += t.list[i].entry->end - t.list[i].entry->begin;
    if (!e && bytes / TIMES_OWN_MOST > promised + BYTES_BESIDE / TIMES_OWN_MOST)
        e = err_set(
            ERR_FORMAT,
            "%s: its tensors have %s, and a model of config.json's sizes takes at most %s of "
            "them",
            t.path, SHOWN_SIZE(bytes), SHOWN_SIZE(promised));
    tensors_close(&t);
    return e;
}

err weights_promise(uint64_t *classifier_rows, const model_config *c, const char *folder) {
    tensors t = {0};
    char path[PATH_MAX];
    *classifier_rows = 0;
    err e = path_in(path, folder, "config.json");
    if (!e) e = tensors_open(&t, folder);
    if (!e) e = check_shapes(c, &t, path);
    if (!e) e = check_amount(c, &t, path);
    if (!e) {
        const char *file = NULL;
        param_field output = head_of(c)->output;
        const tensor_entry *entry = output ? find(&t, c->family, output, &file) : NULL;
        if (entry && entry->rank == 2) *classifier_rows = entry->shape[0];
    }
    tensors_close(&t);
    return e;
}
