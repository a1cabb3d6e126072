/* What a rank of a group (train/group) does of an optimizer step: its share of the sentences, and
 * the sum of all ranks' gradients and losses. */
#ifndef HARNESS_TRAIN_STEP_SHARE_H
#define HARNESS_TRAIN_STEP_SHARE_H

#include "data/pack.h"
#include "model/model.h"
#include "train/group/group.h"

/* The sentences of one rank: those that follow each other and whose middle lies in its part of the
 * step's tokens, so that shares are alike and none is torn. A rank may have none.
 *   *first, *share  ordinal of its first sentence, and how many there are */
void share_of(uint32_t *first, uint32_t *share, const pack_sentence *sentences, uint32_t count,
              uint32_t rank, uint32_t size);

typedef struct share_sum {
    struct group *group; /* borrowed */
    struct grad_part parts[GRAD_PARTS_MAX];
    uint32_t part_count;
    uint32_t shards; /* that each rank has of a step */
    float *numbers;  /* of one part, where the host does not see the device's; owned */
    size_t room;
    float *kept;    /* several shards: a rank's gradients, part by part those of each; owned */
    double *losses; /* (size, shards) owned */
} share_sum;

/* Sums over g the gradients that model_gradient_parts names, of so many shards of each rank: shares
 * of a step that are computed one after the other. Free with share_sum_free, also after an error.
 * Errors: ERR_MEMORY. */
err share_sum_init(share_sum *s, struct group *g, uint32_t shards, const struct model *m,
                   const batch *b, const model_training *training) MUST_CHECK;
void share_sum_free(share_sum *s);

/* Takes the gradients of one of several shards of this rank from the device. pre: they are there,
 * and nothing runs there. */
err share_sum_keep(share_sum *s, uint32_t shard, const step_info *step) MUST_CHECK;

/* Sums a step's gradients, in the order of the shards, and their losses.
 *   losses  (shards) sums of losses of this rank's
 *   *loss   of all
 *   *stops  whether any rank wants to stop
 * pre: the step's gradients are on the device, or kept, and nothing runs there. Errors: group.h's
 * and the device's. */
err share_sum_run(share_sum *s, double *loss, const double *losses, bool *stops,
                  const step_info *step) MUST_CHECK;

#endif
