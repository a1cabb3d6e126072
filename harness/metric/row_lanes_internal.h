/* Shared by the files of row_lanes.h: what lanes are, and the parts of curves. */
#ifndef HARNESS_METRIC_ROW_LANES_INTERNAL_H
#define HARNESS_METRIC_ROW_LANES_INTERNAL_H

#include "metric/row_lanes.h"

typedef uint8_t bytes __attribute__((vector_size(ROW_LANES), aligned(1)));
typedef uint16_t halves __attribute__((vector_size(ROW_LANES * sizeof(uint16_t)), aligned(2)));
typedef uint32_t lanes __attribute__((vector_size(ROW_LANES * sizeof(uint32_t)), aligned(4)));
typedef uint64_t wide __attribute__((vector_size(ROW_LANES * sizeof(uint64_t)), aligned(8)));

/* Lanes whose reals fit the processor's registers with all that is between them. */
enum { SOME_LANES = 4, LANE_PARTS = ROW_LANES / SOME_LANES, HALF_LANES = ROW_LANES / 2 };
typedef uint32_t some_lanes __attribute__((vector_size(SOME_LANES * sizeof(uint32_t)), aligned(4)));
typedef uint32_t half_lanes __attribute__((vector_size(HALF_LANES * sizeof(uint32_t)), aligned(4)));
typedef uint16_t some_halves
    __attribute__((vector_size(SOME_LANES * sizeof(uint16_t)), aligned(2)));
typedef uint64_t some_wide __attribute__((vector_size(SOME_LANES * sizeof(uint64_t)), aligned(8)));
typedef int32_t some_signs __attribute__((vector_size(SOME_LANES * sizeof(int32_t)), aligned(4)));
typedef double some_reals __attribute__((vector_size(SOME_LANES * sizeof(double)), aligned(8)));

typedef some_reals all_reals[LANE_PARTS];

typedef int32_t half_signs __attribute__((vector_size(HALF_LANES * sizeof(int32_t)), aligned(4)));

#define INLINE static inline __attribute__((always_inline))

/* Half of 16 numbers of 16 bits: the even or the odd ones, of which a word of 32 bits has one each. */
INLINE void take_half(half_lanes *out, const halves *x, size_t p) {
    *out = (half_lanes)*x << (p ? 0 : 16) >> 16;
}
INLINE void take_signed_half(half_signs *out, const halves *x, size_t p) {
    *out = (half_signs)*x << (p ? 0 : 16) >> 16;
}
/* The lane that stands at a place of both halves. */
INLINE size_t lane_of_half(size_t place) {
    return place % HALF_LANES * 2 + place / HALF_LANES;
}

// counts below 2^31; a processor turns signed numbers into reals at once, a compiler one by one
#define AS_REAL(x, k) (double)((some_signs)(x))[k]
#define AS_REALS(x) ((some_reals){AS_REAL(x, 0), AS_REAL(x, 1), AS_REAL(x, 2), AS_REAL(x, 3)})
#define HALF_REALS(x, k)                                                                           \
    ((some_reals){AS_REAL_OF(x, 4 * (k)), AS_REAL_OF(x, 4 * (k) + 1), AS_REAL_OF(x, 4 * (k) + 2),  \
                  AS_REAL_OF(x, 4 * (k) + 3)})
#define AS_REAL_OF(x, k) (double)(int32_t)(x)[k]
// 1 where such a count is 0, which compilers may compare number by number
#define IS_NONE(x) (((x)-1) >> 31)

// half of a vector, whose other build is number by number: of 16 numbers, or of 8
#define EIGHT_OF(x, p)                                                                             \
    __builtin_shufflevector(x, x, 8 * (p), 8 * (p) + 1, 8 * (p) + 2, 8 * (p) + 3, 8 * (p) + 4,     \
                            8 * (p) + 5, 8 * (p) + 6, 8 * (p) + 7)
#define FOUR_OF(x, p) __builtin_shufflevector(x, x, 4 * (p), 4 * (p) + 1, 4 * (p) + 2, 4 * (p) + 3)

/* The lanes from j on of a row's weights, and of its reals. */
INLINE const some_lanes *lanes_at(const uint32_t *weights, size_t row, size_t j) {
    return (const some_lanes *)(weights + row * ROW_LANES + j);
}
INLINE some_reals *reals_at(row_lane_reals *list, size_t row, size_t j) {
    return (some_reals *)(list[row] + j);
}

/* Rows that add 2^shift to a place more than gold's own answers do, or less. */
struct row_cell {
    uint32_t place; // among row_lanes.places
    uint16_t shift;
    bool less;
    size_t end; // of its rows, which begin where the cell before ends
};

/* Rows of one score that a label's curve rises by, in the order of their scores: from begin on those
 * that have the label, then from others to end those that have not. Of numbers: equal ones. */
struct row_rise {
    uint32_t begin, others, end;
};

/* The rises of all labels' curves. Errors: ERR_MEMORY. */
err row_lanes__rises(row_lanes *l) MUST_CHECK;
/* Weight of the rows that have each label, to (C, ROW_LANES). */
void row_lanes__labels(uint32_t *of_labels, const row_statistics *s, const uint32_t *weights);
/* Adds the mean area of all labels. before: (rows + 1, ROW_LANES) scratch */
void row_lanes__areas(row_lane_reals *area, uint32_t *before, const row_lanes *l,
                      const row_weights *w);

#endif
