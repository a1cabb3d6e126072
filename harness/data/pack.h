/* Packing: token ids of sentences, end to end with no padding, into a slot's step data.
 *
 * A pack covers one optimizer step: its sentences are cut, in order, into micro-batches that fit
 * the batch's capacity. Besides ids it writes what kernels need sorted by the host: the attention
 * work list and the lists by which embedding gradients are summed. */
#ifndef HARNESS_DATA_PACK_H
#define HARNESS_DATA_PACK_H

#include "data/example.h"
#include "model/batch.h"

/* One sentence as the tokenizer gave it, with [CLS] and [SEP]. Borrowed. */
typedef struct pack_sentence {
    const uint32_t *ids;
    uint32_t count;    /* tokens, at least 1 */
    uint32_t type_one; /* first token of token type 1; count when there is none */
    example_target target;
} pack_sentence;

/* Owns the lists of a slot's sizes and the scratch for sorting; one per slot. */
typedef struct pack {
    micro_sizes *micros; /* (capacity.micros) */
    uint32_t micro_count;
    uint32_t step_rows;      /* U */
    uint32_t sentence_count; /* of the step */
    uint32_t token_count;    /* of the step */
    uint32_t unit_count;     /* of the step, of chosen rows, that have a loss */
    bool of_units;           /* losses are those of units, not of sentences */
    uint32_t
        *first_sentence;  /* (capacity.micros + 1) ordinal of each micro-batch's first sentence */
    uint64_t *keys;       /* scratch for sorting: id << 32 | token */
    uint32_t *ids_sorted; /* scratch: distinct ids of all micro-batches */
} pack;

err pack_init(pack *p, const batch *b) MUST_CHECK;
void pack_free(pack *p);

/* Writes `count` sentences into slot's regions. for_training also writes the gradient lists; an evaluation needs
 * none. pre: the slot is idle.
 * Errors: ERR_ARG when a sentence is longer than the capacity or too many micro-batches result. */
err pack_fill(pack *p, const batch *b, uint32_t slot, const pack_sentence *sentences,
              uint32_t count, bool for_training) MUST_CHECK;

/* The sentences of a step whose owner is `own`; all when there are no owners. */
typedef struct pack_share {
    const uint32_t *owners; /* (count) borrowed */
    uint32_t own;
} pack_share;

/* The same for one rank of a group (train/group): of the step's `count` sentences it writes its
 * share, perhaps none. micro_sentences bounds the sentences of one micro-batch (0: the capacity
 * alone). Ordinals, step_rows and the counts of the step are those of the whole step,
 * so that all ranks' gradients have the same rows and loss_scale is the whole's. */
err pack_fill_share(pack *p, const batch *b, uint32_t slot, const pack_sentence *sentences,
                    uint32_t count, const pack_share *share, uint32_t micro_sentences,
                    bool for_training) MUST_CHECK;

/* Losses and rows of outputs of a micro-batch: its sentences, or its units. */
static inline uint32_t pack_results(const pack *p, uint32_t micro) {
    return p->of_units ? p->micros[micro].units : p->micros[micro].sentences;
}

/* step_info for plan_submit after pack_fill: losses are divided by the number of sentences, or of
 * units. */
step_info pack_step(const pack *p, uint32_t slot, uint32_t step, uint32_t seed);

#endif
