/* Whether weights hold what a configuration promises. */
#include "base/memory.h"
#include "model/weights/tensors.h"
#include "model/weights/weights_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors of a whole layer are 16. What lacks some is told by weights_load, tensor for tensor; here
 * it is only about memory. */
enum { LAYER_TENSORS_LEAST = 8, PARAMETERS_SPARE = 1 << 22 };

/* The tensor with or without the prefix that plain encoders' checkpoints lack. */
static const tensor_place *find(const tensors *t, const char *name) {
    const tensor_place *place = tensors_find(t, name);
    return place ? place : tensors_find(t, name + strlen("bert."));
}

/* A size in the configuration and the tensor whose shape has it. */
typedef struct promise {
    const char *key;
    uint32_t size;
    const char *tensor;
    uint32_t dimension;
} promise;

static err check_shape(const promise *p, const tensors *t, const char *path) {
    char shape[TENSOR_SHAPE_BYTES];
    const tensor_place *place = find(t, p->tensor);
    if (!place) return ERR_OK;
    const tensor_entry *entry = place->entry;
    if (entry->rank > p->dimension && entry->rank <= 2 && entry->shape[p->dimension] == p->size)
        return ERR_OK;
    tensor_shape_text(shape, entry);
    return err_set(ERR_FORMAT, "%s: %s is %u, but tensor '%s' of %s is %s", path, p->key, p->size,
                   entry->name, path_name(place->file->path), shape);
}

static err check_shapes(const bert_config *c, const tensors *t, const char *path) {
    const promise list[] = {
        {"vocab_size", c->vocabulary, "bert.embeddings.word_embeddings.weight", 0},
        {"hidden_size", c->hidden, "bert.embeddings.word_embeddings.weight", 1},
        {"max_position_embeddings", c->positions, "bert.embeddings.position_embeddings.weight", 0},
        {"type_vocab_size", c->types, "bert.embeddings.token_type_embeddings.weight", 0},
        {"intermediate_size", c->intermediate, "bert.encoder.layer.0.intermediate.dense.weight",
         0}};
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof list / sizeof *list && !e; i++)
        e = check_shape(&list[i], t, path);
    return e;
}

/* Layers by the highest number in a name, and how many tensors layers have. */
static void count_layers(const tensors *t, uint64_t *layers, uint64_t *count) {
    static const char stem[] = "encoder.layer.";
    *layers = *count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->list[i].entry->name;
        if (strncmp(name, "bert.", 5) == 0) name += 5;
        if (strncmp(name, stem, sizeof stem - 1) != 0) continue;
        uint64_t layer = strtoull(name + sizeof stem - 1, NULL, 10);
        if (layer < UINT32_MAX && layer + 1 > *layers) *layers = layer + 1;
        ++*count;
    }
}

static err check_amount(const bert_config *c, const tensors *t, const char *path) {
    uint64_t layers = 0, count = 0, held = 0, promised = params_total(c);
    count_layers(t, &layers, &count);
    err e = count ? ERR_OK : weights__refuse_wrapped(t);
    if (e) return e;
    if (!count)
        return err_set(ERR_FORMAT, "%s: num_hidden_layers is %u, but no tensor of %s is of a layer",
                       path, c->layers, path_name(t->path));
    if (layers < c->layers || count < (uint64_t)c->layers * LAYER_TENSORS_LEAST)
        return err_set(ERR_FORMAT,
                       "%s: num_hidden_layers is %u, but the weights (%s) have %" PRIu64
                       " tensors of layers, the last of layer %" PRIu64,
                       path, c->layers, path_name(t->path), count, layers - 1);
    for (size_t i = 0; i < t->count; i++)
        if (t->list[i].entry->count < UINT64_MAX / 4 - held) held += t->list[i].entry->count;
    if (promised / 2 > held + PARAMETERS_SPARE)
        return err_set(ERR_FORMAT,
                       "%s: describes a model of %" PRIu64 " parameters, but the weights (%s) have "
                       "%" PRIu64,
                       path, promised, path_name(t->path), held);
    return ERR_OK;
}

err weights_promise(uint64_t *classifier_rows, const bert_config *c, const char *folder) {
    tensors t = {0};
    char *path = NULL;
    *classifier_rows = 0;
    err e = path_join(&path, folder, "config.json");
    if (!e) e = tensors_open(&t, folder);
    if (!e) e = check_shapes(c, &t, path);
    if (!e) e = check_amount(c, &t, path);
    if (!e) {
        const tensor_place *place = tensors_find(&t, "classifier.weight");
        if (place && place->entry->rank == 2) *classifier_rows = place->entry->shape[0];
    }
    tensors_close(&t);
    mem_free(path);
    return e;
}
