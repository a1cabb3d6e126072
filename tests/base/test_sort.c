#include "base/memory.h"
#include "base/order.h"
#include "base/rng.h"
#include "base/sort.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* As qsort has them: few and many, that differ in any byte, in one, or not at all. */
CleanTest(sort, numbers_as_qsort) {
    enum { MOST = 700 };
    static const uint64_t masks[] = {
        UINT64_MAX, 0, 255, UINT64_C(255) << 56, UINT64_C(0xff00ff0000), UINT32_MAX, 3};
    static const size_t counts[] = {0, 1, 2, 31, 32, 33, 255, 256, 257, MOST};
    uint64_t list[MOST], want[MOST];
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            for (uint32_t i = 0; i < counts[c]; i++) {
                philox w = philox4x32((philox){{i, (uint32_t)m, 0, 0}}, 5, 6);
                list[i] = ((uint64_t)w.v[0] << 32 | w.v[1]) & masks[m];
            }
            memcpy(want, list, sizeof want);
            qsort(want, counts[c], sizeof *want, order_u64);
            MUST(sort_u64(list, counts[c]));
            cr_expect(!memcmp(list, want, counts[c] * sizeof *list), "mask %zu, %zu numbers", m,
                      counts[c]);
        }
}

Test(sort, keys_are_in_the_order_of_their_numbers) {
    static const float ascending[] = {-3e38f, -2.5f, -1e-40f, 0.0f, 1e-40f, 1, 1.0000001f, 3e38f};
    for (size_t i = 1; i < sizeof ascending / sizeof *ascending; i++)
        cr_expect_lt(sort_key(ascending[i - 1]), sort_key(ascending[i]), "number %zu", i);
    cr_expect_eq(sort_key(-0.0f), sort_key(0.0f));
}
