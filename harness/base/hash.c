#include "base/hash.h"

#include "base/memory.h"
#include "platform/file.h"

#include <nettle/base16.h>
#include <nettle/base64.h>
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

void hash_to_hex(const uint8_t digest[32], char hex[HASH_HEX_BYTES]) {
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

err hash_file_hex(const char *path, char hex[HASH_HEX_BYTES]) {
    void *f = NULL;
    err e = file_open_stream(&f, NULL, path, 0);
    if (e) return e;
    sha256 h;
    sha256_begin(&h);
    char chunk[65536];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0) sha256_add(&h, chunk, got);
    int failed = ferror((FILE *)f);
    fclose(f);
    if (failed) return err_set(ERR_IO, "%s: cannot read", path);
    sha256_end_hex(&h, hex);
    return ERR_OK;
}

err base64_encode(char **text, const void *bytes, size_t count) {
    size_t length = BASE64_ENCODE_RAW_LENGTH(count);
    err e = mem_calloc((void **)text, length + 1, 1);
    if (!e) base64_encode_raw(*text, count, (const uint8_t *)bytes);
    return e;
}

err base64_decode(void **bytes, size_t *count, const char *text) {
    struct base64_decode_ctx ctx;
    base64_decode_init(&ctx);
    size_t length = strlen(text);
    *count = BASE64_DECODE_LENGTH(length) + 1;
    err e = mem_calloc(bytes, *count, 1);
    if (e) return e;
    if (base64_decode_update(&ctx, count, *bytes, length, text) && base64_decode_final(&ctx)) {
        return ERR_OK;
    }
    mem_free(*bytes);
    *bytes = NULL;
    return err_set(ERR_FORMAT, "not valid base64");
}
