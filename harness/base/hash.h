/* Hashes and base64, by nettle. */
#ifndef HARNESS_BASE_HASH_H
#define HARNESS_BASE_HASH_H

#include "base/err.h"

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HASH_HEX_BYTES = 65, /* 64 hexadecimal digits and the terminator */
    HASH_BLOB_BYTES = 41
};

typedef struct sha256 {
    struct sha256_ctx ctx;
} sha256;

void sha256_begin(sha256 *h);
void sha256_add(sha256 *h, const void *bytes, size_t count);
void sha256_end(sha256 *h, uint8_t digest[32]);
void sha256_end_hex(sha256 *h, char hex[HASH_HEX_BYTES]);

/* One call for bytes in memory. */
void hash_bytes(const void *bytes, size_t count, uint8_t digest[32]);
void hash_bytes_hex(const void *bytes, size_t count, char hex[HASH_HEX_BYTES]);

/* Whether text is so many lower-case hexadecimal digits and nothing else. */
bool hash_is_hex(const char *text, size_t digits);

/* SHA-256 of a file, streamed. Errors: ERR_IO naming the path. */
err hash_file_hex(const char *path, char hex[HASH_HEX_BYTES]) MUST_CHECK;

/* A file's id as git has it: SHA-1 of "blob SIZE", a 0 byte and its bytes. It names what a
 * repository's tree holds; it is no defence against who can make two files of one id. Errors:
 * ERR_IO naming the path. */
err hash_blob_hex(const char *path, char hex[HASH_BLOB_BYTES]) MUST_CHECK;

/* SipHash-2-4 under a key that each process draws for itself: for tables of what strangers send,
 * who cannot know which keys fall together. Source: Aumasson, Bernstein 2012. */
uint64_t hash_keyed(const void *bytes, size_t count);
/* The same under a key of the caller's. */
uint64_t siphash(const uint8_t key[16], const void *bytes, size_t count);

/* base64 (RFC 4648, padded). *text is owned by the caller (mem_free). */
err base64_encode(char **text, const void *bytes, size_t count) MUST_CHECK;
/* Decodes all of text into *bytes (owned) and *count. Errors: ERR_FORMAT. */
err base64_decode(void **bytes, size_t *count, const char *text) MUST_CHECK;

#endif
