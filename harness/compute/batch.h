/* Step data: what the host prepares for one optimizer step and what it reads back.
 *
 * Everything lies in one host-visible buffer with a region per slot and, inside, a region per
 * micro-batch. data/pack fills it; the model's plan reads it through these spans. */
#ifndef HARNESS_COMPUTE_BATCH_H
#define HARNESS_COMPUTE_BATCH_H

#include "compute/plan.h"

typedef struct batch_capacity {
    uint32_t tokens;     /* of one micro-batch */
    uint32_t sentences;  /* of one micro-batch */
    uint32_t micros;     /* micro-batches of one optimizer step */
    uint32_t max_length; /* tokens of one sentence */
    uint32_t classes;
    uint32_t tile; /* device->attention_tile */
} batch_capacity;

typedef struct batch {
    batch_capacity capacity;
    arena arena;
    /* inputs, per slot and micro-batch, u32 */
    span ids, type_ids, positions; /* (T) */
    span token_sentence;           /* (T) ordinal of the sentence within the optimizer step */
    span starts;                   /* (B + 1) first token of each sentence */
    span labels;                   /* (B) */
    span ordinals;                 /* (B) ordinal within the optimizer step */
    span tiles;                    /* (N, 4) attention_tile */
    span word_starts, word_items, word_rows; /* (W + 1), (T), (W): row = place in union */
    span position_starts, position_items, position_rows; /* (P + 1), (T), (P): row = position */
    span type_starts, type_items, type_rows;             /* (3), (T), (2): row = type */
    /* inputs, per slot */
    span union_rows; /* (U) u32: distinct word ids of the step, ascending */
    /* results, per slot and micro-batch */
    span losses; /* (B) real */
    span logits; /* (B, C) real */
    /* results, per slot */
    span norm; /* (4) real, of grad_norm */
    dim dim_tokens, dim_sentences, dim_tiles, dim_word_lists, dim_position_lists, dim_word_rows;
} batch;

/* Allocates for both slots. */
err batch_init(batch *b, device *d, const batch_capacity *capacity) MUST_CHECK;
void batch_free(batch *b);

#endif
