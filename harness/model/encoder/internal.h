/* Shared by the encoder's forward.c and backward.c. */
#ifndef HARNESS_MODEL_ENCODER_INTERNAL_H
#define HARNESS_MODEL_ENCODER_INTERNAL_H

#include "model/builder.h"

#include <math.h>

static inline dropout_spec hidden_drop(const model_builder *b, uint32_t site) {
    return (dropout_spec){b->training ? b->training->hidden_dropout : 0.0f, site};
}

static inline uint32_t layer_site(uint32_t layer, uint32_t place) {
    return MODEL_SITE_LAYERS + layer * MODEL_SITES_PER_LAYER + place;
}

/* Dropout of what a layer's output products give. */
static inline dropout_spec output_drop(const model_builder *b, uint32_t layer, uint32_t place) {
    const encoder_family *f = b->c->family;
    bool is_plain = place == MODEL_SITE_OUTPUT ? f->plain_output : f->plain_attention_output;
    dropout_spec d = hidden_drop(b, layer_site(layer, place));
    if (is_plain) d.p = 0;
    return d;
}

static inline attention_spec attention_of(const model_builder *b, uint32_t layer) {
    uint32_t size = b->c->hidden / b->c->heads;
    return (attention_spec){
        .tokens = b->batch->dim_tokens,
        .heads = b->c->heads,
        .head_size = size,
        .longest = b->batch->capacity.max_length,
        .scale = (float)(1.0 / sqrt((double)size)),
        .drop = {b->training ? b->training->attention_dropout : 0.0f,
                 layer_site(layer, MODEL_SITE_PROBABILITIES)},
    };
}

/* What the forward and the backward of attention have both: of all tokens, and of the first tokens
 * alone. l: the layer's encoder_layer_memory. */
#define ATTENTION(b, l, layer)                                                                     \
    .lse = (l)->lse, .qkv = (l)->qkv, .tiles = (b)->batch->tiles,                                  \
    .tile_count = (b)->batch->dim_tiles, .spec = attention_of(b, layer)
#define FIRST_ATTENTION(b, l, layer)                                                               \
    .q = q_part(b, (l)->qkv), .kv = kv_part(b, (l)->qkv), .starts = (b)->batch->starts,            \
    .ordinals = (b)->batch->ordinals, .rows = (b)->batch->dim_sentences,                           \
    .spec = attention_of(b, layer)

/* The rows that a layer computes behind its attention. */
typedef struct row_set {
    dim rows;
    span positions, sentences; /* of dropout */
} row_set;

static inline row_set token_rows(const model_builder *b) {
    return (row_set){b->batch->dim_tokens, b->batch->positions, b->batch->token_sentence};
}

static inline row_set chosen_rows(const model_builder *b) {
    return (row_set){b->batch->dim_chosen, b->batch->chosen_positions, b->batch->chosen_sentence};
}

/* Where the rows that the head reads lie, where it does not read all. */
static inline span read_places(const model_builder *b) {
    return b->model->head->reads == HEAD_READS_FIRST ? b->batch->starts : b->batch->chosen;
}

static inline row_set first_rows(const model_builder *b) {
    return (row_set){b->batch->dim_sentences, b->memory->encoder.first_positions,
                     b->batch->ordinals};
}

/* Parts of what holds q, k and v, or their gradients, in a last layer of first rows alone. */
static inline span kv_part(const model_builder *b, span whole) {
    return span_part(whole, 0, (size_t)b->memory->tokens * 2 * b->c->hidden);
}

static inline span q_part(const model_builder *b, span whole) {
    size_t h = b->c->hidden;
    return span_part(whole, b->memory->tokens * 2 * h, b->memory->sentences * h);
}

#endif
