/* Dynamic loss scaling, for products in f16: the loss gradient is multiplied by a scale so that
 * small gradients do not vanish, and the optimizer divides by it.
 *
 * The rules are those of torch.amp.GradScaler: a step whose gradients are not all finite is skipped
 * and the scale multiplied by `backoff`; after `interval` steps in a row that were not, it is
 * multiplied by `growth`, unless that is no longer finite. Beyond torch: a scale below `floor`
 * means that no scale helps, and training stops. Scales are powers of two by default, so that
 * scaling rounds nothing. */
#ifndef HARNESS_TRAIN_STEP_LOSS_SCALER_H
#define HARNESS_TRAIN_STEP_LOSS_SCALER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct loss_scaler {
    float scale, growth, backoff, floor;
    uint32_t interval;
    uint32_t good_steps; /* in a row since the scale last changed; torch's growth tracker */
} loss_scaler;

/* torch's defaults: 2^16, 2, 0.5, 2000; floor 1. */
loss_scaler loss_scaler_default(void);

/* After a step; finite: its gradients were, and it was taken. False when the scale has fallen below
 * the floor. */
bool loss_scaler_update(loss_scaler *s, bool finite);

#endif
