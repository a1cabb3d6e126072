/* Which tensor of a model holds NaN or infinity: what a stopped training says of itself. */
#ifndef HARNESS_TRAIN_STEP_NONFINITE_H
#define HARNESS_TRAIN_STEP_NONFINITE_H

#include "model/params.h"

enum { NONFINITE_BYTES = PARAM_NAME_BYTES + 32 };

/* "weight of <tensor>", the first in the model's order; else "gradient of <tensor>", the last,
 * since the backward pass begins at the end; "" when all are finite. Waits for the device and reads
 * every tensor back. Errors: ERR_MEMORY, ERR_DEVICE. */
err nonfinite_find(char text[NONFINITE_BYTES], const params *ps) MUST_CHECK;

#endif
