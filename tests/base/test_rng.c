#include "base/rng.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>

// known answers of the authors' Random123 library, kat_vectors, philox4x32 10
Test(rng, philox_known_answers) {
    static const struct {
        uint32_t c[4], k[2], want[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        philox c;
        for (int j = 0; j < 4; j++) c.v[j] = cases[i].c[j];
        philox r = philox4x32(c, cases[i].k[0], cases[i].k[1]);
        for (int j = 0; j < 4; j++)
            cr_assert_eq(r.v[j], cases[i].want[j], "case %zu word %d", i, j);
    }
}

Test(rng, order_is_a_permutation_of_seed_and_epoch) {
    enum { N = 1000 };
    static uint32_t a[N], b[N], c[N];
    static bool seen[N];
    rng_order(a, N, 42, 0);
    rng_order(b, N, 42, 0);
    rng_order(c, N, 42, 1);
    size_t same = 0;
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(a[i], b[i]);
        cr_assert_lt(a[i], N);
        cr_assert_not(seen[a[i]]);
        seen[a[i]] = true;
        same += a[i] == c[i];
    }
    cr_assert_lt(same, 20);
}

Test(rng, normal_has_mean_zero_and_variance_one) {
    double sum = 0, square = 0;
    enum { N = 100000 };
    for (uint64_t i = 0; i < N; i++) {
        double x = rng_normal(7, RNG_SITE_INIT, i);
        sum += x;
        square += x * x;
    }
    cr_assert_lt(sum / N < 0 ? -sum / N : sum / N, 0.02);
    cr_assert_float_eq(square / N, 1.0, 0.02);
}
