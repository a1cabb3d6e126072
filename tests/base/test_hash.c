/* The keyed hash against the vectors of its authors, blob ids against git's. */
#include "base/hash.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <string.h>

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

// `git hash-object` of the same files
Test(hash, blob_ids_are_gits) {
    static const struct {
        const char *text, *id;
    } cases[] = {
        {"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
        {"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"},
    };
    char hex[HASH_BLOB_BYTES];
    const char *path = temporary_path("blob");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MUST(file_write(path, cases[i].text, strlen(cases[i].text)));
        MUST(hash_blob_hex(path, hex));
        cr_expect_str_eq(hex, cases[i].id);
    }
    cr_expect_eq(hash_blob_hex(temporary_path("none"), hex), ERR_IO);
}

/* RFC 4648, section 10; one byte of each group in turn is no digit. */
CleanTest(hash, base64_of_what_is_no_digit_is_refused) {
    size_t count;
    void *bytes = NULL;
    char *text = NULL;
    cr_assert_not(base64_encode(&text, "foobarfoobar", 12));
    cr_assert_str_eq(text, "Zm9vYmFyZm9vYmFy");
    for (size_t i = 0; text[i]; i++) {
        char digit = text[i];
        text[i] = '*';
        cr_expect(base64_decode(&bytes, &count, text), "%s", text);
        text[i] = digit;
    }
    cr_assert_not(base64_decode(&bytes, &count, text));
    cr_assert(count == 12 && !memcmp(bytes, "foobarfoobar", 12));
    mem_free(bytes);
    mem_free(text);
}
