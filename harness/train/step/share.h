/* What a rank of a group (train/group) does of an optimizer step: its share of the sentences, and
 * the sum of all ranks' gradients and losses. */
#ifndef HARNESS_TRAIN_STEP_SHARE_H
#define HARNESS_TRAIN_STEP_SHARE_H

#include "data/pack.h"
#include "model/model.h"
#include "train/group/group.h"

/* Which rank computes which of a step's sentences: the longest first, each goes to the rank that has
 * the fewest tokens (Graham 1969), of equals to the first, so that shares are alike. A rank may have
 * none. */
typedef struct share_order {
    uint32_t tokens, sentence;
} share_order;
typedef struct share_list {
    uint32_t *owners; /* (count), for pack_share; owned */
    share_order *order;
    uint64_t *tokens;
    size_t owner_capacity, order_capacity, token_capacity;
} share_list;

/* Of `size` ranks; *s begins zeroed, may be made anew, and is freed with shares_free. Errors:
 * ERR_MEMORY. */
err shares_make(share_list *s, const pack_sentence *sentences, uint32_t count,
                uint32_t size) MUST_CHECK;
void shares_free(share_list *s);

/* What is exchanged at once: elements of a part. */
typedef struct share_slice {
    uint32_t part;
    size_t first, count; /* of rows that differ from step to step: all of the step's */
    size_t ready;        /* place of the last op of the gradient plan that adds to it */
    size_t block;        /* number of its first block of NORM_BLOCK elements, of all parts' */
} share_slice;

/* A slice of a divided update whose new weights go to all, and the first op of the gradient plan that
 * needs them (or what comes behind them), by its place in the whole plan. */
typedef struct share_use {
    size_t slice, place;
} share_use;

/* An update that the ranks divide: of each slice each rank has whole blocks of NORM_BLOCK elements,
 * whose gradients it sums, whose weights and moments it updates, and whose new weights it gives to
 * all. Blocks' sums of squares go to all ranks and are added in their order, so that the norm has
 * the bits of one process with these gradients. */
typedef struct share_division {
    model_range *own; /* (own_count) this rank's; owned */
    size_t own_count;
    float *squares; /* (blocks, 2), rank by rank, owned */
    size_t *places; /* (blocks) of a block in squares, owned */
    size_t *bounds; /* (size + 1) bytes of each rank's in squares, owned */
    /* what is gathered at once: (slice_count) and (slice_count, size + 1), owned */
    void **all;
    size_t *parts;
    share_use *uses; /* (use_count) in the order in which a step needs them; owned */
    size_t use_count;
    size_t *load_ends; /* (load_count) what goes at once ends behind these uses; owned */
    size_t load_count;
    span norm; /* (4) of a slot */
    float max_norm;
} share_division;

typedef struct share_sum {
    struct group *group; /* borrowed */
    model_part parts[GRAD_PARTS_MAX];
    uint32_t part_count;
    uint32_t shards; /* that each rank has of a step */
    float *numbers;  /* of one part, where the host does not see the device's; owned */
    size_t capacity;
    /* A device that works on while the host waits copies the first slices (copy_count) out as they
     * become final, and they are summed there. */
    arena copy_arena;
    plan_copy *copies; /* owned */
    size_t copy_count;
    float *kept;         /* several shards: a rank's gradients, part by part those of each; owned */
    double *losses;      /* (size, shards) owned */
    share_slice *slices; /* (slice_count) in the order in which they are ready; owned */
    size_t slice_count;
    bool divides; /* ranks divide the update */
    share_division division;
    size_t released; /* slices of this step that are ready */
    size_t summed;   /* and that are summed already, of those that are copied out */
    /* What the courier carries first: loads of new weights of the step before (0: they are there), and
     * how many of them this step needs so far. */
    size_t behind, needed;
    struct courier *courier; /* exchanges them while the rest is computed; NULL: nobody does */
    step_info step;          /* the one that is computed */
    double waited;           /* seconds of all steps so far that no computing hid */
} share_sum;

/* Sums over g the gradients that model_parts names, of so many shards of each rank: shares
 * of a step that are computed one after the other. Of one shard a slice is exchanged as soon as it
 * is final, while the rest is computed: p, model_gradient_plan's, is watched for that on a device
 * that works while its plan is walked (the native CPU), and copies slices out on one that works by
 * itself (share_sum_early). The order of the slices is a function of the plan:
 * the same on all ranks. Where every rank's device is the native CPU, the update is divided too. s
 * stays where it is. Free with share_sum_free, also after an error, and behind p, which writes into
 * it. Errors: ERR_MEMORY. */
err share_sum_init(share_sum *s, struct group *g, uint32_t shards, plan *p, const struct model *m,
                   const batch *b, const model_training *training) MUST_CHECK;
void share_sum_free(share_sum *s);

/* Before a shard's plan is submitted. */
void share_sum_begin(share_sum *s, const step_info *step);
/* Sums the slices that the device copies out, each as soon as it is there. pre: the shard's plan was
 * submitted, and not waited for. */
err share_sum_early(share_sum *s, plan *p) MUST_CHECK;
/* A step failed: what is under way is waited for, and nothing behind it is exchanged. */
void share_sum_stop(share_sum *s);

/* Takes the gradients of one of several shards of this rank from the device. pre: they are there,
 * and nothing runs there. */
err share_sum_keep(share_sum *s, uint32_t shard, const step_info *step) MUST_CHECK;

/* Sums a step's gradients, in the order of the shards, and their losses. Of a divided update each
 * rank then has its own part of the sums, and the norm is where the update looks for it.
 *   losses  (shards) sums of losses of this rank's
 *   *loss   of all
 *   *stops  whether any rank wants to stop
 * pre: the step's gradients are on the device, or kept, and nothing runs there. Errors: group.h's
 * and the device's. */
err share_sum_run(share_sum *s, double *loss, const double *losses, bool *stops,
                  const step_info *step) MUST_CHECK;

/* Of a divided update: the sums of squares of this rank's part once more, of the gradients as they
 * are. Returns how many numbers it has; what bench times. */
size_t share_sum_square_own(share_sum *s);

/* Of a divided update: each rank's part to all others. Of one that is not it does nothing. pre: all
 * call it after the same step, and nothing runs on the device. share_sum_settle comes first. */
typedef enum share_what { SHARE_WEIGHTS = 1, SHARE_MOMENTS = 2, SHARE_GRADIENTS = 4 } share_what;
err share_sum_gather(share_sum *s, int what) MUST_CHECK;

/* The same of the weights alone, but beside the next step: where a courier exchanges, this comes back
 * at once, and each op of the next step's gradients waits for the slices that it needs. */
err share_sum_send_weights(share_sum *s) MUST_CHECK;
/* Waits for the weights that are under way. Before anything but the next step looks at them, or
 * uses the group. */
err share_sum_settle(share_sum *s) MUST_CHECK;

#endif
