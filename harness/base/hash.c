#include "base/hash.h"

#include "base/memory.h"
#include "platform/file.h"
#include "platform/host.h"
#include "platform/thread.h"

#include <nettle/base16.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>

void sha256_begin(sha256 *h) {
    sha256_init(&h->ctx);
}

void sha256_add(sha256 *h, const void *bytes, size_t count) {
    sha256_update(&h->ctx, count, (const uint8_t *)bytes);
}

void sha256_end(sha256 *h, uint8_t digest[32]) {
    sha256_digest(&h->ctx, 32, digest);
}

bool hash_is_hex(const char *text, size_t digits) {
    return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

static void hash_to_hex(const uint8_t digest[32], char hex[HASH_HEX_BYTES]) {
    base16_encode_update(hex, 32, digest);
    hex[64] = '\0';
}

void sha256_end_hex(sha256 *h, char hex[HASH_HEX_BYTES]) {
    uint8_t digest[32];
    sha256_end(h, digest);
    hash_to_hex(digest, hex);
}

void hash_bytes(const void *bytes, size_t count, uint8_t digest[32]) {
    sha256 h;
    sha256_begin(&h);
    sha256_add(&h, bytes, count);
    sha256_end(&h, digest);
}

void hash_bytes_hex(const void *bytes, size_t count, char hex[HASH_HEX_BYTES]) {
    uint8_t digest[32];
    hash_bytes(bytes, count, digest);
    hash_to_hex(digest, hex);
}

/* Gives all bytes of an open file to add. */
static err read_all(FILE *f, const char *path, void (*add)(void *hash, const void *bytes, size_t n),
                    void *hash) {
    char chunk[65536];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0) add(hash, chunk, got);
    return ferror(f) ? err_set(ERR_IO, "%s: cannot read", path) : ERR_OK;
}

static void add_sha256(void *hash, const void *bytes, size_t n) {
    sha256_add(hash, bytes, n);
}

static void add_sha1(void *hash, const void *bytes, size_t n) {
    sha1_update(hash, n, bytes);
}

err hash_file_hex(const char *path, char hex[HASH_HEX_BYTES]) {
    void *f = NULL;
    err e = file_open_stream(&f, NULL, path);
    if (e) return e;
    sha256 h;
    sha256_begin(&h);
    if (!(e = read_all(f, path, add_sha256, &h))) sha256_end_hex(&h, hex);
    fclose(f);
    return e;
}

err hash_blob_hex(const char *path, char hex[HASH_BLOB_BYTES]) {
    void *f = NULL;
    uint64_t bytes = 0;
    err e = file_size(&bytes, path);
    if (e || (e = file_open_stream(&f, NULL, path))) return e;
    struct sha1_ctx h;
    char heading[32];
    uint8_t digest[SHA1_DIGEST_SIZE];
    int n = snprintf(heading, sizeof heading, "blob %llu", (unsigned long long)bytes);
    sha1_init(&h);
    sha1_update(&h, (size_t)n + 1, (const uint8_t *)heading); // its 0 byte too
    e = read_all(f, path, add_sha1, &h);
    sha1_digest(&h, sizeof digest, digest);
    base16_encode_update(hex, sizeof digest, digest);
    hex[HASH_BLOB_BYTES - 1] = '\0';
    fclose(f);
    return e;
}

static uint64_t little_endian(const uint8_t *b, size_t count) {
    uint64_t v = 0;
    for (size_t i = 0; i < count; i++) v |= (uint64_t)b[i] << (8 * i);
    return v;
}

static uint64_t turn(uint64_t v, int bits) {
    return v << bits | v >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int rounds) {
    while (rounds--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = turn(v[1], 13) ^ v[0];
        v[3] = turn(v[3], 16) ^ v[2];
        v[0] = turn(v[0], 32) + v[3];
        v[2] += v[1];
        v[3] = turn(v[3], 21) ^ v[0];
        v[1] = turn(v[1], 17) ^ v[2];
        v[2] = turn(v[2], 32);
    }
}

uint64_t siphash(const uint8_t key[16], const void *bytes, size_t count) {
    const uint8_t *b = bytes;
    uint64_t k0 = little_endian(key, 8), k1 = little_endian(key + 8, 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                     k1 ^ 0x7465646279746573u};
    size_t words = count / 8;
    for (size_t i = 0; i <= words; i++) {
        uint64_t m = i < words ? little_endian(b + 8 * i, 8)
                               : little_endian(b + 8 * i, count % 8) | (uint64_t)count << 56;
        v[3] ^= m;
        sip_rounds(v, 2);
        v[0] ^= m;
    }
    v[2] ^= 255;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint8_t own_key[16];

static void draw_key(void) {
    // without randomness the table is as good as any
    if (!host_random(own_key, sizeof own_key)) own_key[0] = 1;
}

uint64_t hash_keyed(const void *bytes, size_t count) {
    static once_only once = ONCE_ONLY;
    once_do(&once, draw_key);
    return siphash(own_key, bytes, count);
}

err base64_encode(char **text, const void *bytes, size_t count) {
    size_t length = BASE64_ENCODE_RAW_LENGTH(count);
    err e = mem_calloc((void **)text, length + 1, 1);
    if (!e) base64_encode_raw(*text, count, (const uint8_t *)bytes);
    return e;
}

/* Whole groups of four digits, up to what is none; returns how many characters that are. nettle,
 * which takes one at a time, does the rest: ends, blanks and what is wrong. */
static size_t decode_groups(uint8_t *bytes, const char *text, size_t length) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t value[256];
    size_t i = 0;
    memset(value, 64, sizeof value);
    for (uint8_t d = 0; d < 64; d++) value[(uint8_t)digits[d]] = d;
    for (; i + 4 <= length; i += 4) {
        const uint8_t *c = (const uint8_t *)text + i;
        uint32_t a = value[c[0]], b = value[c[1]], d = value[c[2]], e = value[c[3]];
        if ((a | b | d | e) & 64) break;
        uint32_t word = a << 18 | b << 12 | d << 6 | e;
        *bytes++ = (uint8_t)(word >> 16);
        *bytes++ = (uint8_t)(word >> 8 & 255);
        *bytes++ = (uint8_t)(word & 255);
    }
    return i;
}

err base64_decode(void **bytes, size_t *count, const char *text) {
    struct base64_decode_ctx ctx;
    base64_decode_init(&ctx);
    size_t length = strlen(text), rest = BASE64_DECODE_LENGTH(length) + 1;
    err e = mem_calloc(bytes, rest, 1);
    if (e) return e;
    size_t taken = decode_groups(*bytes, text, length), made = taken / 4 * 3;
    rest -= made;
    if (base64_decode_update(&ctx, &rest, (uint8_t *)*bytes + made, length - taken, text + taken) &&
        base64_decode_final(&ctx)) {
        *count = made + rest;
        return ERR_OK;
    }
    mem_free(*bytes);
    *bytes = NULL;
    return err_set(ERR_FORMAT, "not valid base64");
}
