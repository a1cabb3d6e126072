/* Sorting whole numbers, of which the program has lists of hundreds a million times. */
#ifndef HARNESS_BASE_SORT_H
#define HARNESS_BASE_SORT_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Ascending, byte by byte (a radix sort), so that the time grows with their count and with the bytes
 * in which they differ. Errors: ERR_MEMORY. */
err sort_u64(uint64_t *list, size_t count) MUST_CHECK;

/* A finite number as a whole one of the same order; -0 as 0. */
static inline uint32_t sort_key(float number) {
    union {
        float number;
        uint32_t bits;
    } x = {number + 0.0f};
    return x.bits >> 31 ? ~x.bits : x.bits | UINT32_C(1) << 31;
}

#endif
