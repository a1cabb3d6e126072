/* A file's bytes, unpacked as they are read: plain, gzip, xz or zstd, told by the first bytes.
 *
 * Memory is bounded by the formats' windows: one of at most 256 MiB is granted to xz (its presets
 * have up to 64) and of 128 MiB to zstd. Time is bounded too: beyond 16 MiB at most 12 times a
 * file's own bytes come of it, so that what a small file makes a program do stays small. By `xz -6` reviews, comments and news
 * pack to a third, trees with their columns to a seventh, titles of news of which many stand there
 * twice to a tenth; what packs better is mostly the same again, and is to be given unpacked. Several
 * packed parts one behind the other are one text, as for those programs. zstd's may begin with a frame
 * to be skipped. */
#ifndef HARNESS_DATA_CORPUS_UNPACK_H
#define HARNESS_DATA_CORPUS_UNPACK_H

#include "base/err.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum unpack_kind { UNPACK_PLAIN, UNPACK_GZIP, UNPACK_XZ, UNPACK_ZSTD } unpack_kind;

typedef struct unpack {
    const char *path; /* borrowed */
    int fd;
    uint64_t file_bytes; /* the file's size when it was opened */
    unpack_kind kind;
    uint8_t *bytes; /* owned: packed bytes, of which begin to end are not yet used */
    size_t begin, end;
    bool file_ended, part_ended; /* part_ended: between two packed parts */
    void *decoder;               /* the library's state, owned */
    uint64_t unpacked;           /* bytes given so far */
    sha256 hash;                 /* of the packed bytes read so far, or of what came out */
    bool of_text;                /* the latter */
    uint64_t most;               /* more that comes out is an error; 0: any */
} unpack;

/* Errors: those of file_open; ERR_MEMORY. Free with unpack_close, also after an error. */
err unpack_open(unpack *u, const char *path) MUST_CHECK;
void unpack_close(unpack *u);

/* From here on a packed file's hash is of its text, of which there are `most` bytes (0: not known).
 * pre: nothing was read. */
void unpack_hash_text(unpack *u, uint64_t most);

/* Up to size unpacked bytes to out; *count is 0 at the end alone. Errors: ERR_IO; ERR_FORMAT naming
 * the path for what is damaged, cut off, wants more memory, or unpacks to too much; ERR_DATA for more than `most`. */
err unpack_read(unpack *u, void *out, size_t size, size_t *count) MUST_CHECK;

/* SHA-256 of the file as it lies there, or of its text (unpack_hash_text), what was not yet read
 * included. */
err unpack_finish(unpack *u, char hex[HASH_HEX_BYTES]) MUST_CHECK;

#endif
