/* The encoder's part of a model: embeddings and layers, as operations over packed batches. E is the
 * size of the embeddings.
 *
 * The last layer computes what follows its attention for the rows alone that the head reads: the
 * same function with the same dropout, less of what nobody reads. Where the head reads first rows,
 * its queries are of them alone too; this needs a hidden size whose rows start aligned (multiples
 * of 64 in f32); other models compute all rows. */
#ifndef HARNESS_MODEL_ENCODER_ENCODER_H
#define HARNESS_MODEL_ENCODER_ENCODER_H

#include "model/config.h"
#include "model/encoder/family.h"

struct model;
struct model_builder;

/* What a layer's forward keeps for its backward. In the last layer, where only first rows are
 * computed behind the keys and values, T is B but in qkv, which holds k and v (T, 2H), then q
 * (B, H), and lse, which is not used. Where only chosen rows are computed behind its attention, T
 * is R but in qkv, lse and attention. */
typedef struct encoder_layer_memory {
    span qkv;                            /* (T, 3H); in evaluation intermediate lies here, too */
    span attention, lse;                 /* (T, H), (A, T) */
    span attention_sum, attention_y;     /* (T, H) before and after LayerNorm */
    span attention_mean, attention_rstd; /* (T) */
    span intermediate_pre, intermediate; /* (T, F) before (training) and after the activation */
    span sum, y;                         /* (T, H) */
    span mean, rstd;                     /* (T) */
} encoder_layer_memory;

typedef struct encoder_memory {
    encoder_layer_memory *layers; /* (layer_count), owned; one when not training */
    uint32_t layer_count;
    span embedded;   /* (T, E) before the embedding's LayerNorm */
    span embedded_y; /* (T, E) behind it, where a projection follows */
    span hidden;     /* (T, H) what the first layer reads */
    span no_type;    /* (E) zeros, where there are no token types */
    span embedded_mean, embedded_rstd;
    span projected;      /* (T, max(E, H)) a product on its way into a LayerNorm */
    span stream, branch; /* (T, H), (T, max(E, H)) gradients of the residual stream and of what is
                            added to it; in evaluation hidden states, in turns */
    span dwide;          /* (T, max(F, 3H)) gradient */
    span read_in,
        read;   /* (R, H) the rows that the head reads of the last layer's input and output */
    span dread; /* (R, H) */
    span read_attention;  /* (R, H) of chosen rows: those of the last layer's attention */
    span first_positions; /* (B) u32, all 0 */
} encoder_memory;

/* Takes the memory for micro-batches of up to tokens and sentences, whose head reads up to rows:
 * what is written from a, what is never written from zeros. */
err encoder_memory_init(encoder_memory *memory, arena *a, arena *zeros, const struct model *m,
                        uint32_t tokens, uint32_t sentences, uint32_t rows,
                        bool training) MUST_CHECK;
void encoder_memory_free(encoder_memory *memory);

/* Appends the forward. *rows is what the head reads, (R, H). */
err encoder_forward(const struct model_builder *b, span *rows) MUST_CHECK;

/* Whether anything below the head is trained. */
bool encoder_trains(const struct model_builder *b);
/* Where the head's backward writes the gradient of its rows (R, H). */
span encoder_drows(const struct model_builder *b);
/* Appends the backward from there, to the lowest layer that is trained. */
err encoder_backward(const struct model_builder *b) MUST_CHECK;

#endif
