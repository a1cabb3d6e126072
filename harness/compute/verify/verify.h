/* Compares a device's operations with the reference: seeded inputs over a table of shapes and
 * hazards for every op, guard words around every output. Used by `harness verify` and by the
 * tests. */
#ifndef HARNESS_COMPUTE_VERIFY_VERIFY_H
#define HARNESS_COMPUTE_VERIFY_VERIFY_H

#include "compute/plan.h"

/* Bounds of STYLE.md, "Numerics": normalised mean squared error, and the largest of
 * |x - ref| / (|ref| + rms(ref)). */
#define VERIFY_NMSE_BOUND 1e-10
#define VERIFY_ELEMENT_BOUND 1e-4
/* Of matrix products with f16 factors: each is off by up to 2^-11 of itself, sums stay f32. */
#define VERIFY_F16_NMSE_BOUND 1e-6
#define VERIFY_F16_ELEMENT_BOUND 1e-2

typedef struct verify_result {
    op_kind kind;
    uint32_t cases, failed;
    /* of the case that came nearest to its bound, and that bound; 0 and 0 where none is judged
     * so */
    double worst_nmse, nmse_bound;
    double worst_element, element_bound;
    char worst_case[128]; /* of worst_element */
    char failure[256];    /* first failure: case, output, what was found; "" when none */
} verify_result;

typedef enum verify_extent {
    VERIFY_QUICK, /* a few shapes an op, under a second on a GPU */
    VERIFY_FULL
} verify_extent;

/* Runs every case of one op. A difference beyond the bounds is reported in out, not as an error. */
err verify_op(verify_result *out, device *d, op_kind kind, verify_extent extent) MUST_CHECK;

#endif
