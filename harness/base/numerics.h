/* The version of what decides numbers. */
#ifndef HARNESS_BASE_NUMERICS_H
#define HARNESS_BASE_NUMERICS_H

/* Raised by every change after which the same run gives other weights or predictions: kernels,
 * order of sums, random streams, initialisation. */
enum { NUMERICS_VERSION = 3 };

#endif
