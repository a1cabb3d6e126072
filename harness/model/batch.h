/* A packed batch: the columns that an encoder and its head read, and what they give back.
 *
 * Sentences lie end to end with no padding. data/pack fills the columns of a slot; plans read them.
 * Sizes: T tokens of a micro-batch, B its sentences, U distinct ids of the optimizer step. */
#ifndef HARNESS_MODEL_BATCH_H
#define HARNESS_MODEL_BATCH_H

#include "compute/regions.h"
#include "metric/score.h"

/* How targets lie: (U, cols) of a type, U sentences, or units of them (text/units.h) where the head
 * reads chosen rows. */
typedef struct target_layout {
    elem type;     /* ELEM_F32: the device's reals */
    uint32_t cols; /* 0: as many as the head has outputs */
    answer_kind kind;
    uint32_t places; /* rows of a unit that the head reads, one behind the other; 0: 1 */
} target_layout;

typedef struct batch_capacity {
    uint32_t tokens;     /* of one micro-batch */
    uint32_t sentences;  /* of one micro-batch */
    uint32_t micros;     /* micro-batches of one optimizer step */
    uint32_t max_length; /* tokens of one sentence */
    uint32_t chosen;     /* rows of one micro-batch that are listed for the head: R; 0: none are */
    /* of the model (model_capacity) */
    uint32_t outputs;   /* numbers that the head gives for a row that it reads: C */
    uint32_t tile_rows; /* device->tile_rows */
    target_layout target;
    bool hides_outputs;        /* they stay in the model's memory */
    uint32_t types;            /* rows of the token type table that are used: 1 or 2 */
    bool positions_follow_pad; /* as encoder_family says, with the pad id */
    uint32_t pad;
    bool whole_token_gradient; /* rows of by_token are ids: the gradient is not compact */
} batch_capacity;

/* Tokens grouped by the row of a table that they look up: what rows_sum takes. */
typedef struct batch_lists {
    span starts, items, rows; /* (lists + 1), (T), (lists) u32 */
    dim count;
} batch_lists;

/* Places in micro_sizes.lists. */
enum { BATCH_TOKEN_LISTS, BATCH_POSITION_LISTS };

typedef struct batch {
    batch_capacity capacity;
    arena arena;
    /* inputs, per slot and micro-batch, u32 */
    span ids, type_ids, position_ids; /* (T) rows of the embedding tables */
    span positions;                   /* (T) place in the sentence: dropout */
    span token_sentence;              /* (T) ordinal of the sentence within the optimizer step */
    span starts;                      /* (B + 1) first token of each sentence */
    span targets;  /* (B), or (units): what the loss compares with, as the head lays it out */
    span ordinals; /* (B) ordinal within the optimizer step */
    span tiles;    /* (N, 4) query_tile */
    span chosen;   /* (R + 1) rows that the head reads; the last is not used */
    span chosen_positions; /* (R) their place in the sentence: dropout */
    span chosen_sentence;  /* (R) ordinal of their sentence: dropout */
    span
        chosen_ordinals; /* (R) both in one, for a dropout that knows no positions: batch_ordinal */
    batch_lists by_token; /* rows: places in step_rows, or ids */
    batch_lists by_position, by_type;
    /* inputs, per slot */
    span step_rows; /* (U) u32: distinct ids of the step, ascending */
    /* results, per slot and micro-batch */
    span losses;  /* (B), or (units), real */
    span outputs; /* (B, C), or (units, C), real: logits; none where the capacity hides them */
    /* inputs of a parser (head/parser.h), per slot and micro-batch, u32; its targets are (R) */
    span nodes; /* (R, 2) first node of the sentence, nodes of the sentence */
    span
        heads; /* (R) node among the R that is the head; where none is known the sentence's first */
    span relations; /* (R) to it, or CLASS_NONE, which targets have then, too */
    /* results, per slot and micro-batch */
    span predicted; /* (R) u32: the class of the largest logit of chosen rows */
    /* results, per slot */
    span norm; /* (4) real, of grad_norm */
    dim dim_tokens, dim_sentences, dim_tiles, dim_step_rows, dim_chosen, dim_units;
} batch;

/* A token's place and its sentence's ordinal in one word: the ordinal itself of the first token. */
static inline uint32_t batch_ordinal(uint32_t sentence, uint32_t place) {
    enum { PLACE_SHIFT = 20 };
    return sentence | place << PLACE_SHIFT;
}

/* Allocates for both slots. */
err batch_init(batch *b, device *d, const batch_capacity *capacity) MUST_CHECK;
void batch_free(batch *b);

#endif
