/* The keyed hash against the vectors of its authors. */
#include "base/hash.h"

#include <criterion/criterion.h>

// key 00 01 .. 0f, inputs of 0, 1, 2, .. bytes 00 01 02 ..; from the reference's vectors_sip64
Test(hash, siphash_is_the_authors) {
    static const struct {
        size_t bytes;
        uint64_t hash;
    } cases[] = {
        {0, 0x726fdb47dd0e0e31u}, {1, 0x74f839c593dc67fdu},  {7, 0xab0200f58b01d137u},
        {8, 0x93f5f5799a932462u}, {15, 0xa129ca6149be45e5u}, {63, 0x958a324ceb064572u},
    };
    uint8_t key[16], bytes[64];
    for (size_t i = 0; i < 64; i++) bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < 16; i++) key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(siphash(key, bytes, cases[i].bytes), cases[i].hash, "%zu bytes: %016llx",
                     cases[i].bytes, (unsigned long long)siphash(key, bytes, cases[i].bytes));
    }
    cr_expect_eq(hash_keyed(bytes, 9), hash_keyed(bytes, 9));
    cr_expect_neq(hash_keyed(bytes, 9), siphash(key, bytes, 9), "the key is the process's own");
}
