/* Step data: what the host prepares for one optimizer step and what it reads back.
 *
 * Everything lies in one buffer with a region per slot and, inside, a region per micro-batch, so
 * that the host writes one slot while the device works on the other. */
#ifndef HARNESS_COMPUTE_REGIONS_H
#define HARNESS_COMPUTE_REGIONS_H

#include "compute/plan.h"

/* One span of step data. */
typedef struct region {
    span *at; /* where the span goes */
    size_t count;
    elem type;
    bool per_micro; /* else one region per slot */
} region;

/* Cuts all spans from one buffer of the arena, with the strides of their regions.
 * Errors: those of arena_take. */
err regions_take(arena *a, uint32_t micros, const region *list, size_t count) MUST_CHECK;

#endif
