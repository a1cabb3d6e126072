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
    float *numbers; /* of one part, where the host does not see the device's; owned */
    size_t room;
    double *losses; /* (size) owned */
} share_sum;

/* Sums over g the gradients that model_gradient_parts names. Free with share_sum_free, also after
 * an error. Errors: ERR_MEMORY. */
err share_sum_init(share_sum *s, struct group *g, const struct model *m, const batch *b,
                   const model_training *training) MUST_CHECK;
void share_sum_free(share_sum *s);

/* Sums a step's gradients, in the order of the ranks, and *loss, this rank's part of the sum of
 * losses. *stops: whether any rank wants to stop. pre: the step's gradients are on the device, and
 * nothing runs there. Errors: group.h's and the device's. */
err share_sum_run(share_sum *s, double *loss, bool *stops, const step_info *step) MUST_CHECK;

#endif
