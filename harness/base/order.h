/* Orders for qsort and bsearch: of plain numbers and texts, ascending. */
#ifndef HARNESS_BASE_ORDER_H
#define HARNESS_BASE_ORDER_H

#include <stdint.h>
#include <string.h>

/* Less than, equal to or greater than 0, as comparators say it; each is evaluated twice. */
#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

static inline int order_u32(const void *a, const void *b) {
    return ORDER(*(const uint32_t *)a, *(const uint32_t *)b);
}

static inline int order_u64(const void *a, const void *b) {
    return ORDER(*(const uint64_t *)a, *(const uint64_t *)b);
}

static inline int order_double(const void *a, const void *b) {
    return ORDER(*(const double *)a, *(const double *)b);
}

/* Of elements that are char *. */
static inline int order_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of texts that may be NULL, which is less than any. */
static inline int order_optional(const char *a, const char *b) {
    if (a == b) return 0; // many share one text
    if (!a || !b) return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

#endif
