/* Adjusted p-values, plainly: what metric/pairs.h decides by bounds is compared with them. */
#ifndef TESTS_SUPPORT_HOLM_H
#define TESTS_SUPPORT_HOLM_H

#include <stddef.h>

/* Holm's step-down adjustment: adjusted (count) p-values, comparable with the level itself.
 * adjusted and p must not overlap. Source: Holm 1979. */
void holm_adjust(double *adjusted, const double *p, size_t count);

#endif
