#include "data/data_internal.h"

#include "base/foreign.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/stream.h"
#include "text/unicode.h"

#include <errno.h>
#include <string.h>

enum { READ_BYTES = 256 << 10 };

err data__source_more(data__source *s) {
    size_t kept = s->end - s->begin;
    if (s->begin) memmove(s->bytes, s->bytes + s->begin, kept);
    s->begin = 0;
    s->end = kept;
    // one more: what is given out may be terminated
    err e = mem_grow((void **)&s->bytes, &s->capacity, s->end + READ_BYTES + 1, 1);
    if (e) return e;
    if (s->read) {
        size_t count;
        if ((e = s->read(s->from, s->bytes + s->end, READ_BYTES, &count))) return e;
        s->end += count;
        s->ended = count == 0;
        return ERR_OK;
    }
    size_t n;
    if (!stream_read(&n, s->fd, s->bytes + s->end, READ_BYTES))
        return err_set(ERR_IO, "%s: cannot read: %s", s->path, strerror(errno));
    if (!s->unhashed) sha256_add(&s->hash, s->bytes + s->end, n);
    s->hashed_bytes += n;
    s->end += n;
    s->ended = n == 0;
    return ERR_OK;
}

static err begin(data__source *s, bool keep_bom) {
    err e = data__source_more(s);
    if (e || (e = foreign_refuse(s->path, s->bytes, s->end))) return e;
    if (!keep_bom && s->end >= 3 && !memcmp(s->bytes, "\xEF\xBB\xBF", 3)) s->begin = 3;
    return ERR_OK;
}

err data__source_open(data__source *s, const char *path, bool keep_bom) {
    *s = (data__source){.path = path, .fd = -1, .line = 1, .column = 1};
    sha256_begin(&s->hash);
    // lines are numbered in 32 bits
    err e = file_open(&s->fd, &s->file_bytes, path, UINT32_MAX);
    return e ? e : begin(s, keep_bom);
}

err data__source_open_from(data__source *s, const char *path,
                           err (*read)(void *from, void *bytes, size_t size, size_t *count),
                           void *from) {
    *s = (data__source){.path = path, .fd = -1, .line = 1, .column = 1, .read = read, .from = from};
    sha256_begin(&s->hash);
    return begin(s, false);
}

void data__source_close(data__source *s) {
    if (s->fd >= 0) stream_close(s->fd);
    mem_free(s->bytes);
    *s = (data__source){.fd = -1};
}

void data__source_skip(data__source *s, size_t bytes) {
    const char *p = s->bytes + s->begin, *end = p + bytes, *stop;
    for (; (stop = memchr(p, '\n', (size_t)(end - p))); p = stop + 1) {
        s->line++;
        s->column = 1;
        s->line_bytes = 0;
    }
    s->line_bytes += (size_t)(end - p);
    for (; p < end; p++) s->column += (*p & 0xC0) != 0x80;
    s->begin += bytes;
}

err data__check_text(const data__source *s, size_t count) {
    return data__check_bytes(s->path, s->line, s->line_bytes, s->bytes + s->begin, count);
}

err data__check_bytes(const char *path, size_t line, size_t before, const char *bytes,
                      size_t count) {
    const char *nul = memchr(bytes, 0, count);
    size_t bad = nul ? (size_t)(nul - bytes) : count;
    bool valid = utf8_valid(bytes, bad, &bad);
    if (valid && !nul) return ERR_OK;
    for (size_t i = 0; i < bad; i++) {
        before = bytes[i] == '\n' ? 0 : before + 1;
        line += bytes[i] == '\n';
    }
    if (valid) {
        return err_set(ERR_FORMAT, "%s:%zu: a NUL byte at byte %zu of the line", path, line,
                       before + 1);
    }
    if (utf8_is_begun(bytes + bad, count - bad))
        return err_set(ERR_FORMAT,
                       "%s:%zu: the file ends within a letter, at byte %zu of the line: it was cut "
                       "off",
                       path, line, before + 1);
    char advice[FOREIGN_ADVICE_BYTES];
    return err_set(ERR_FORMAT, "%s:%zu: invalid UTF-8 at byte %zu of the line (0x%02X); %s", path,
                   line, before + 1, (unsigned)(unsigned char)bytes[bad],
                   foreign_advice(advice, path));
}

size_t data__without_end(const char *line, size_t bytes) {
    bool lf = bytes && line[bytes - 1] == '\n';
    bool crlf = lf && bytes > 1 && line[bytes - 2] == '\r';
    return bytes - lf - crlf;
}

bool data__is_blank(const char *line, size_t bytes, char delimiter) {
    for (; bytes; bytes--) {
        char c = line[bytes - 1];
        if (c == delimiter || !c || !strchr(" \t\r\n", c)) return false;
    }
    return true;
}

err data__too_long(const char *path, size_t line, const data__piece *piece) {
    return err_set(ERR_FORMAT, "%s:%zu: %s of more than %d bytes: do line ends lack%s?", path,
                   piece->line ? piece->line : line, piece->what, DATA_TEXT_LIMIT_BYTES,
                   piece->quoted ? ", or does a quote never close" : "");
}

err data__source_line(data__source *s, char **line, size_t *bytes, const data__piece *piece) {
    size_t seen = 0;
    err e = ERR_OK;
    for (;;) {
        size_t there = s->end - s->begin;
        const char *from = s->bytes + s->begin;
        const char *stop = there > seen ? memchr(from + seen, '\n', there - seen) : NULL;
        *bytes = stop ? (size_t)(stop - from) + 1 : there;
        // a CR that is last for now may belong to the end
        bool may_end = !stop && !s->ended && there && from[there - 1] == '\r';
        size_t held = data__without_end(from, *bytes) - may_end;
        if (piece->bytes + held > DATA_TEXT_LIMIT_BYTES)
            return data__too_long(s->path, s->line, piece);
        if (stop || s->ended) break;
        seen = there;
        if ((e = data__source_more(s))) return e;
    }
    *line = s->bytes + s->begin;
    return data__check_text(s, *bytes);
}

err data__source_finish(data__source *s, char hex[HASH_HEX_BYTES]) {
    err e = ERR_OK;
    while (!e && !s->ended) {
        s->begin = s->end;
        e = data__source_more(s);
    }
    if (!e) sha256_end_hex(&s->hash, hex);
    return e;
}
