#include "data/corpus/unpack.h"

#include "base/memory.h"
#include "platform/file.h"
#include "platform/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { PACKED_BYTES = 256 << 10, XZ_MEMORY_BYTES = 272 << 20, GZIP_WINDOW = 15 + 16 };
/* Up to the first any file may unpack, beyond it to the second times its own bytes. */
enum { FREE_BYTES = 16 << 20, RATIO_MOST = 12 };

static const char *const kind_names[] = {"text", "gzip", "xz", "zstd"};

static err fill(unpack *u) {
    if (u->begin) memmove(u->bytes, u->bytes + u->begin, u->end - u->begin);
    u->end -= u->begin;
    u->begin = 0;
    size_t n;
    if (!stream_read(&n, u->fd, u->bytes + u->end, PACKED_BYTES - u->end))
        return err_set(ERR_IO, "%s: cannot read: %s", u->path, strerror(errno));
    if (!u->of_text) sha256_add(&u->hash, u->bytes + u->end, n);
    u->end += n;
    u->file_ended = n == 0;
    return ERR_OK;
}

static unpack_kind kind_of(const uint8_t *b, size_t count) {
    static const struct {
        const char *start;
        size_t count;
    } starts[] = {{"\x1F\x8B", 2},
                  {"\xFD"
                   "7zXZ\0",
                   6},
                  {"\x28\xB5\x2F\xFD", 4}};
    // zstd may begin with a frame that is to be skipped
    if (count >= 4 && (b[0] & 0xF0) == 0x50 && !memcmp(b + 1, "\x2A\x4D\x18", 3))
        return UNPACK_ZSTD;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (count >= starts[i].count && !memcmp(b, starts[i].start, starts[i].count))
            return (unpack_kind)(UNPACK_GZIP + i);
    }
    return UNPACK_PLAIN;
}

/* zlib's and liblzma's blocks come from base/memory; zstd's stable interface has no such door. */
static void *give(void *opaque, size_t count, size_t size) {
    void *block;
    (void)opaque;
    return mem_calloc(&block, count, size) ? NULL : block;
}

static void *give_zlib(void *opaque, unsigned count, unsigned size) {
    return give(opaque, count, size);
}

static void take_back(void *opaque, void *block) {
    (void)opaque;
    mem_free(block);
}

static const lzma_allocator xz_memory = {give, take_back, NULL};

static err begin_gzip(unpack *u) {
    z_stream *z;
    err e = mem_new(&z, 1);
    if (e) return e;
    z->zalloc = give_zlib;
    z->zfree = take_back;
    if (inflateInit2(z, GZIP_WINDOW) == Z_OK) {
        u->decoder = z;
        return ERR_OK;
    }
    mem_free(z);
    return err_set(ERR_MEMORY, "%s: out of memory while unpacking", u->path);
}

static err begin_xz(unpack *u) {
    lzma_stream *x;
    err e = mem_new(&x, 1);
    if (e) return e;
    x->allocator = &xz_memory;
    if (lzma_stream_decoder(x, XZ_MEMORY_BYTES, LZMA_CONCATENATED) == LZMA_OK) {
        u->decoder = x;
        return ERR_OK;
    }
    mem_free(x);
    return err_set(ERR_MEMORY, "%s: out of memory while unpacking", u->path);
}

err unpack_open(unpack *u, const char *path) {
    *u = (unpack){.path = path, .fd = -1};
    sha256_begin(&u->hash);
    err e = mem_new(&u->bytes, PACKED_BYTES);
    if (e || (e = file_open(&u->fd, &u->file_bytes, path, 0))) return e;
    while (!e && !u->file_ended && u->end < 6) e = fill(u);
    if (e) return e;
    u->kind = kind_of(u->bytes, u->end);
    if (u->kind == UNPACK_GZIP) return begin_gzip(u);
    if (u->kind == UNPACK_XZ) return begin_xz(u);
    if (u->kind != UNPACK_ZSTD) return ERR_OK;
    u->decoder = ZSTD_createDStream();
    return u->decoder ? ERR_OK : err_set(ERR_MEMORY, "%s: out of memory while unpacking", path);
}

void unpack_hash_text(unpack *u, uint64_t most) {
    if (u->kind == UNPACK_PLAIN) return;
    u->of_text = true;
    u->most = most;
    sha256_begin(&u->hash);
}

void unpack_close(unpack *u) {
    if (u->fd >= 0) stream_close(u->fd);
    if (u->decoder && u->kind == UNPACK_GZIP) inflateEnd(u->decoder);
    if (u->decoder && u->kind == UNPACK_XZ) lzma_end(u->decoder);
    if (u->decoder && u->kind == UNPACK_ZSTD) {
        ZSTD_freeDStream(u->decoder);
    } else {
        mem_free(u->decoder);
    }
    mem_free(u->bytes);
    *u = (unpack){.fd = -1};
}

static err wrong(const unpack *u, const char *what) {
    return err_set(ERR_FORMAT, "%s: compressed by %s, and %s", u->path, kind_names[u->kind], what);
}

static const char damage[] = "the file is damaged";
static const char cut_off[] = "the file is cut off";
static const char too_large[] = "unpacking it takes more than 272 MiB: dictionaries of up to 256 "
                                "MiB are read, `xz -9` has one of 64";

/* Each takes packed bytes and gives unpacked ones; *given of them. */
static err step_gzip(unpack *u, uint8_t *out, size_t size, size_t *given) {
    z_stream *z = u->decoder;
    if (u->part_ended) { // zeros behind a part are padding, anything else another part
        while (u->begin < u->end && !u->bytes[u->begin]) u->begin++;
        if (u->begin == u->end) return ERR_OK;
        if (inflateReset(z) != Z_OK) return wrong(u, damage);
        u->part_ended = false;
    }
    z->next_in = u->bytes + u->begin;
    z->avail_in = (unsigned)(u->end - u->begin);
    z->next_out = out;
    z->avail_out = (unsigned)size;
    int code = inflate(z, Z_NO_FLUSH);
    u->begin = u->end - z->avail_in;
    *given = size - z->avail_out;
    u->part_ended = code == Z_STREAM_END;
    if (code == Z_MEM_ERROR) return err_set(ERR_MEMORY, "%s: out of memory", u->path);
    return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR ? ERR_OK : wrong(u, damage);
}

static err step_xz(unpack *u, uint8_t *out, size_t size, size_t *given) {
    lzma_stream *x = u->decoder;
    x->next_in = u->bytes + u->begin;
    x->avail_in = u->end - u->begin;
    x->next_out = out;
    x->avail_out = size;
    lzma_ret code = lzma_code(x, u->file_ended ? LZMA_FINISH : LZMA_RUN);
    u->begin = u->end - x->avail_in;
    *given = size - x->avail_out;
    u->part_ended = code == LZMA_STREAM_END;
    if (code == LZMA_MEM_ERROR) return err_set(ERR_MEMORY, "%s: out of memory", u->path);
    if (code == LZMA_MEMLIMIT_ERROR) return wrong(u, too_large);
    return code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR ? ERR_OK
                                                                                : wrong(u, damage);
}

static err step_zstd(unpack *u, uint8_t *out, size_t size, size_t *given) {
    if (u->begin == u->end && u->part_ended) return ERR_OK;
    ZSTD_inBuffer in = {u->bytes, u->end, u->begin};
    ZSTD_outBuffer to = {out, size, 0};
    size_t code = ZSTD_decompressStream(u->decoder, &to, &in);
    u->begin = in.pos;
    *given = to.pos;
    u->part_ended = code == 0;
    if (!ZSTD_isError(code)) return ERR_OK;
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        return err_set(ERR_MEMORY, "%s: out of memory", u->path);
    return wrong(u, ZSTD_getErrorName(code));
}

static err read_plain(unpack *u, uint8_t *out, size_t size, size_t *count) {
    err e = ERR_OK;
    if (u->begin == u->end && !u->file_ended) e = fill(u);
    size_t there = u->end - u->begin;
    *count = there < size ? there : size;
    memcpy(out, u->bytes + u->begin, *count);
    u->begin += *count;
    return e;
}

static err count_out(unpack *u, const void *out, size_t count) {
    u->unpacked += count;
    if (u->of_text) sha256_add(&u->hash, out, count);
    if (u->most && u->unpacked > u->most)
        return err_set(ERR_DATA,
                       "%s: unpacks to more than the %" PRIu64 " bytes that the manifest expects",
                       u->path, u->most);
    if (u->unpacked <= FREE_BYTES || u->unpacked / RATIO_MOST <= u->file_bytes) return ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: compressed by %s, and %" PRIu64 " MiB came out of its %" PRIu64
                   " bytes: more than %d times as much is hardly text (if it is, give it unpacked)",
                   u->path, kind_names[u->kind], u->unpacked >> 20, u->file_bytes, RATIO_MOST);
}

err unpack_read(unpack *u, void *out, size_t size, size_t *count) {
    static err (*const steps[])(unpack *, uint8_t *, size_t, size_t *) = {
        [UNPACK_GZIP] = step_gzip, [UNPACK_XZ] = step_xz, [UNPACK_ZSTD] = step_zstd};
    *count = 0;
    if (u->kind == UNPACK_PLAIN) return read_plain(u, out, size, count);
    for (;;) {
        size_t before = u->begin;
        err e = steps[u->kind](u, out, size, count);
        if (e) return e;
        if (*count) return count_out(u, out, *count);
        if (u->begin != before && u->begin < u->end) continue;
        if (u->file_ended && u->part_ended) return ERR_OK;
        if (u->file_ended) return wrong(u, cut_off);
        if (u->end - u->begin == PACKED_BYTES) return wrong(u, damage); // no way on
        if ((e = fill(u))) return e;
    }
}

err unpack_finish(unpack *u, char hex[HASH_HEX_BYTES]) {
    uint8_t rest[4096];
    size_t count = u->of_text;
    err e = ERR_OK;
    while (!e && count) e = unpack_read(u, rest, sizeof rest, &count);
    while (!e && !u->file_ended) {
        u->begin = u->end;
        e = fill(u);
    }
    if (!e) sha256_end_hex(&u->hash, hex);
    return e;
}
