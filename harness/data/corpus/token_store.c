#include "data/corpus/token_store.h"

#include "base/memory.h"
#include "platform/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_SENTENCES = 64, LONGEST_MAX = 65535, STORE_VERSION = 1, BYTE_ORDER_MARK = 0x01020304 };

/* The first bytes of a file. Every field is at a multiple of its size, so there are no gaps. */
typedef struct store_header {
    char magic[8]; /* "harntok\n" */
    uint32_t order;
    uint32_t version;
    uint64_t count, tokens;
    uint64_t blocks_offset; /* a multiple of 8 */
    uint32_t longest, vocabulary_size;
    char vocabulary[80]; /* 64 digits, then zeros */
} store_header;
_Static_assert(sizeof(store_header) == 128, "the file's header has no gaps");

static const char magic[8] = {'h', 'a', 'r', 'n', 't', 'o', 'k', '\n'};

static uint32_t word_bytes_of(uint32_t vocabulary_size) {
    return vocabulary_size <= 65536 ? 2 : 4;
}

static uint64_t block_count(uint64_t sentences) {
    return sentences / BLOCK_SENTENCES + (sentences % BLOCK_SENTENCES != 0);
}

static uint32_t word_at(const token_store *s, uint64_t offset) {
    const char *at = (const char *)s->map + offset;
    uint16_t narrow;
    uint32_t wide;
    if (s->word_bytes == 2) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static err damaged(const char *path, const char *what) {
    return err_set(ERR_FORMAT, "%s: %s: the file is damaged; remove it, it is made anew", path,
                   what);
}

static err read_header(token_store *s, store_header *h, const char *path) {
    if (s->map_bytes < sizeof *h) return damaged(path, "shorter than its header");
    memcpy(h, s->map, sizeof *h);
    if (memcmp(h->magic, magic, sizeof magic) != 0)
        return err_set(ERR_FORMAT, "%s: is no file of encoded sentences", path);
    if (h->order != BYTE_ORDER_MARK || h->version != STORE_VERSION) {
        return err_set(ERR_FORMAT,
                       "%s: written by another version or machine; remove it, it is made anew",
                       path);
    }
    for (size_t i = 0; i < sizeof h->vocabulary; i++) {
        bool digit = h->vocabulary[i] && strchr("0123456789abcdef", h->vocabulary[i]);
        if (i < 64 ? !digit : h->vocabulary[i] != 0)
            return damaged(path, "no hash of a vocabulary");
    }
    if (!h->vocabulary_size || h->vocabulary_size > INT32_MAX)
        return damaged(path, "the vocabulary's size is out of range");
    uint64_t most = s->map_bytes - sizeof *h;
    if (h->blocks_offset < sizeof *h || h->blocks_offset > s->map_bytes || h->blocks_offset % 8 ||
        h->count > most || block_count(h->count) != (s->map_bytes - h->blocks_offset) / 8 ||
        (s->map_bytes - h->blocks_offset) % 8)
        return damaged(path, "its size is not what its header says");
    s->count = h->count;
    s->tokens = h->tokens;
    s->longest = h->longest;
    s->vocabulary_size = h->vocabulary_size;
    s->word_bytes = word_bytes_of(h->vocabulary_size);
    s->blocks = (const uint64_t *)(const void *)((const char *)s->map + h->blocks_offset);
    memcpy(s->vocabulary, h->vocabulary, sizeof s->vocabulary);
    return ERR_OK;
}

/* Walks over every sentence; its ids and lengths have to be what the header says. */
static err check_sentences(const token_store *s, uint64_t end, const char *path) {
    uint64_t at = sizeof(store_header), tokens = 0;
    uint32_t longest = 0, width = s->word_bytes;
    for (uint64_t i = 0; i < s->count; i++) {
        if (i % BLOCK_SENTENCES == 0 && s->blocks[i / BLOCK_SENTENCES] != at)
            return damaged(path, "a block begins elsewhere");
        if (end - at < width) return damaged(path, "a sentence lacks");
        uint32_t length = word_at(s, at);
        at += width;
        if (!length || length > LONGEST_MAX || (end - at) / width < length)
            return damaged(path, "the length of a sentence is out of range");
        for (uint32_t k = 0; k < length; k++, at += width)
            if (word_at(s, at) >= s->vocabulary_size)
                return damaged(path, "an id is outside the vocabulary");
        tokens += length;
        if (length > longest) longest = length;
    }
    if (end - at >= 8 || tokens != s->tokens || longest != s->longest)
        return damaged(path, "its sentences are not what its header says");
    return ERR_OK;
}

err token_store_open(token_store *s, const char *path) {
    int fd = -1;
    uint64_t bytes = 0;
    store_header h;
    *s = (token_store){0};
    err e = file_open(&fd, &bytes, path, 0);
    if (e) return e;
    if (bytes > SIZE_MAX / 2 || bytes < sizeof h) {
        e = damaged(path, "shorter than its header");
        goto done;
    }
    s->map = file_map(fd, (size_t)bytes);
    if (!s->map) {
        e = err_set(ERR_IO, "%s: cannot map: %s", path, strerror(errno));
        goto done;
    }
    s->map_bytes = (size_t)bytes;
    if (!(e = read_header(s, &h, path))) e = check_sentences(s, h.blocks_offset, path);
done:
    stream_close(fd);
    if (e) token_store_close(s);
    return e;
}

void token_store_close(token_store *s) {
    if (s->map) file_unmap(s->map, s->map_bytes);
    *s = (token_store){0};
}

static uint64_t find(const token_store *s, uint64_t i) {
    assert(i < s->count);
    uint64_t at = s->blocks[i / BLOCK_SENTENCES];
    for (uint64_t k = i % BLOCK_SENTENCES; k > 0; k--)
        at += (UINT64_C(1) + word_at(s, at)) * s->word_bytes;
    return at;
}

uint32_t token_store_length(const token_store *s, uint64_t i) {
    return word_at(s, find(s, i));
}

uint32_t token_store_get(const token_store *s, uint64_t i, uint32_t *ids) {
    uint64_t at = find(s, i);
    uint32_t length = word_at(s, at);
    for (uint32_t k = 0; k < length; k++) ids[k] = word_at(s, at + (k + 1) * s->word_bytes);
    return length;
}

err token_store_writer_open(token_store_writer *w, const char *path,
                            const char vocabulary[HASH_HEX_BYTES], uint32_t vocabulary_size) {
    store_header none = {0};
    *w = (token_store_writer){
        .head = {.vocabulary_size = vocabulary_size, .word_bytes = word_bytes_of(vocabulary_size)},
        .offset = sizeof none};
    memcpy(w->head.vocabulary, vocabulary, sizeof w->head.vocabulary);
    err e = file_writer_begin(&w->file, path);
    return e ? e : file_writer_add(&w->file, &none, sizeof none);
}

err token_store_writer_add(token_store_writer *w, const uint32_t *ids, uint32_t count) {
    assert(count && count <= LONGEST_MAX);
    size_t bytes = ((size_t)count + 1) * w->head.word_bytes;
    err e = mem_grow(&w->words, &w->word_capacity, bytes, 1);
    if (e) return e;
    if (w->head.count % BLOCK_SENTENCES == 0) {
        size_t block = (size_t)(w->head.count / BLOCK_SENTENCES);
        e = mem_grow((void **)&w->blocks, &w->block_capacity, block + 1, sizeof *w->blocks);
        if (e) return e;
        w->blocks[block] = w->offset;
    }
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t word = i ? ids[i - 1] : count;
        assert(!i || word < w->head.vocabulary_size);
        if (w->head.word_bytes == 2)
            ((uint16_t *)w->words)[i] = (uint16_t)word;
        else
            ((uint32_t *)w->words)[i] = word;
    }
    if ((e = file_writer_add(&w->file, w->words, bytes))) return e;
    w->offset += bytes;
    w->head.count++;
    w->head.tokens += count;
    if (count > w->head.longest) w->head.longest = count;
    return ERR_OK;
}

err token_store_writer_close(token_store_writer *w) {
    static const char zeros[8] = {0};
    store_header h = {.order = BYTE_ORDER_MARK,
                      .version = STORE_VERSION,
                      .count = w->head.count,
                      .tokens = w->head.tokens,
                      .blocks_offset = (w->offset + 7) / 8 * 8,
                      .longest = w->head.longest,
                      .vocabulary_size = w->head.vocabulary_size};
    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.vocabulary, w->head.vocabulary, 64);
    err e = file_writer_add(&w->file, zeros, (size_t)(h.blocks_offset - w->offset));
    if (!e)
        e = file_writer_add(&w->file, w->blocks, (size_t)block_count(h.count) * sizeof *w->blocks);
    if (!e && fseek(w->file.file, 0, SEEK_SET))
        e = err_set(ERR_IO, "%s: cannot write: %s", w->file.path, strerror(errno));
    if (!e) e = file_writer_add(&w->file, &h, sizeof h);
    if (!e) e = file_writer_commit(&w->file);
    token_store_writer_abort(w);
    return e;
}

void token_store_writer_abort(token_store_writer *w) {
    file_writer_abort(&w->file);
    mem_free(w->blocks);
    mem_free(w->words);
    *w = (token_store_writer){0};
}
