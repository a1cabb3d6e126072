/* Encoded sentences in one file: what a corpus becomes before it is trained on.
 *
 * A sentence is its ids with [CLS] and [SEP]. The file is mapped, not read: what is not looked at
 * takes no memory, and the system may take back what was. In the machine's byte order it holds a
 * header, then every sentence (its number of ids, then the ids, words of 2 bytes where the
 * vocabulary fits them, else of 4), then where each 64th sentence begins. It is a cache: another
 * version, byte order or vocabulary is made anew, not converted.
 *
 * A store that is open is read-only: threads may share it. */
#ifndef HARNESS_DATA_CORPUS_TOKEN_STORE_H
#define HARNESS_DATA_CORPUS_TOKEN_STORE_H

#include "base/err.h"
#include "base/hash.h"
#include "platform/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct token_store {
    uint64_t count;                  /* sentences */
    uint64_t tokens;                 /* of all of them, [CLS] and [SEP] included */
    uint32_t longest;                /* tokens of the longest sentence */
    uint32_t vocabulary_size;        /* every id is below it */
    char vocabulary[HASH_HEX_BYTES]; /* tokenizer_hash of what encoded it */
    void *map;                       /* the rest is the file's own matter */
    size_t map_bytes;
    const uint64_t *blocks; /* where each 64th sentence begins, in bytes */
    uint32_t word_bytes;
} token_store;

/* Maps a file and looks at all of it once: every length, every id, every place. Free with
 * token_store_close, also after an error. Errors: those of file_open; ERR_FORMAT naming the path
 * and what is wrong in it. */
err token_store_open(token_store *s, const char *path) MUST_CHECK;
void token_store_close(token_store *s);

/* Copies the ids of sentence i to ids, which has room for s->longest, and returns their number.
 * pre: i < s->count */
uint32_t token_store_get(const token_store *s, uint64_t i, uint32_t *ids);

/* The number of ids of sentence i. */
uint32_t token_store_length(const token_store *s, uint64_t i);

/* Writes a store, atomically: under its name stands the whole file or what was there before. */
typedef struct token_store_writer {
    file_writer file;
    token_store head; /* count, tokens, longest, vocabulary so far */
    uint64_t offset;  /* where the next sentence goes */
    uint64_t *blocks; /* (block_capacity) owned */
    size_t block_capacity;
    void *words; /* one sentence as it is written, owned */
    size_t word_capacity;
} token_store_writer;

/* vocabulary: tokenizer_hash of the tokenizer, vocabulary_size: its count. After an error of any
 * call, token_store_writer_abort; harmless after a close. Errors: those of file_writer_begin. */
err token_store_writer_open(token_store_writer *w, const char *path,
                            const char vocabulary[HASH_HEX_BYTES],
                            uint32_t vocabulary_size) MUST_CHECK;
/* pre: 1 to 65,535 ids below the vocabulary's size. Errors: ERR_IO; ERR_MEMORY. */
err token_store_writer_add(token_store_writer *w, const uint32_t *ids, uint32_t count) MUST_CHECK;
/* Writes what is left and puts the file in its place. Errors: ERR_IO. */
err token_store_writer_close(token_store_writer *w) MUST_CHECK;
void token_store_writer_abort(token_store_writer *w);

#endif
