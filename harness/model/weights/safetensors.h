/* safetensors files: u64 little-endian header length, a JSON object of tensors, then their bytes.
 *
 * A file is trusted in nothing: header length at most 100 MB and inside the file, at most
 * SAFETENSORS_MOST tensors, offsets in range, in no overlap and without holes, no key twice, byte
 * counts equal to shape times type. A tensor is judged by its type and rank only when it is read:
 * files may hold what this program has no use for. The header is read a tensor at a time, so that
 * memory follows the number of tensors. The reader keeps the file open and reads one tensor at a
 * time; the writer is atomic.
 *
 * Source: the format description of the safetensors project. */
#ifndef HARNESS_MODEL_WEIGHTS_SAFETENSORS_H
#define HARNESS_MODEL_WEIGHTS_SAFETENSORS_H

#include "base/err.h"
#include "platform/file.h"

#include <stddef.h>
#include <stdint.h>

/* Of one file: ten thousand layers have fewer. */
enum { SAFETENSORS_MOST = 1 << 18 };
enum { TENSOR_RANK_KEPT = 4 }; /* parameters have 1 or 2; of more only the number is kept */

/* name in the file, bits per element */
#define TENSOR_TYPES(X)                                                                            \
    X(F32, 32)                                                                                     \
    X(F16, 16)                                                                                     \
    X(BF16, 16)                                                                                    \
    X(F64, 64)                                                                                     \
    X(I64, 64)                                                                                     \
    X(U64, 64)                                                                                     \
    X(C64, 64)                                                                                     \
    X(I32, 32)                                                                                     \
    X(U32, 32)                                                                                     \
    X(I16, 16)                                                                                     \
    X(U16, 16)                                                                                     \
    X(I8, 8)                                                                                       \
    X(U8, 8)                                                                                       \
    X(BOOL, 8)                                                                                     \
    X(F8_E5M2, 8)                                                                                  \
    X(F8_E4M3, 8)                                                                                  \
    X(F8_E5M2FNUZ, 8)                                                                              \
    X(F8_E4M3FNUZ, 8)                                                                              \
    X(F8_E8M0, 8)                                                                                  \
    X(F6_E2M3, 6)                                                                                  \
    X(F6_E3M2, 6)                                                                                  \
    X(F4, 4)

typedef enum tensor_type {
#define X(name, bits) TENSOR_##name,
    TENSOR_TYPES(X)
#undef X
        TENSOR_UNKNOWN, /* a name that is not above: its bytes are not checked */
    TENSOR_TYPE_COUNT
} tensor_type;

typedef struct tensor_entry {
    char *name; /* owned */
    tensor_type type;
    uint32_t rank;
    uint64_t shape[TENSOR_RANK_KEPT];
    uint64_t count;      /* elements */
    uint64_t begin, end; /* bytes, from the end of the header */
} tensor_entry;

typedef struct safetensors {
    void *file;            /* FILE * */
    char *path;            /* owned */
    uint64_t data_begin;   /* bytes from the start of the file */
    tensor_entry *entries; /* (count) by place in the file, owned */
    size_t count, capacity;
    const tensor_entry **by_name; /* (count) owned */
} safetensors;

/* Reads and checks the header. Free with safetensors_close, also after an error.
 * Errors: ERR_IO; ERR_FORMAT naming file, key, what was found and what was expected. */
err safetensors_open(safetensors *s, const char *path) MUST_CHECK;
void safetensors_close(safetensors *s);

/* The tensor of that name, NULL when there is none; borrowed. */
const tensor_entry *safetensors_find(const safetensors *s, const char *name);

/* Reads a tensor as f32 into out (entry->count); F64 is rounded. Errors: ERR_IO; ERR_UNSUPPORTED
 * for a type other than F32, F16, BF16 and F64; ERR_NUMERIC when a value is not finite. */
err safetensors_read(const safetensors *s, const tensor_entry *entry, float *out) MUST_CHECK;

/* "F32 [3, 4]"; text must hold TENSOR_SHAPE_BYTES. */
enum { TENSOR_SHAPE_BYTES = 160 };
void tensor_shape_text(char text[TENSOR_SHAPE_BYTES], const tensor_entry *entry);

/* Writing: F32 tensors in the order in which they were declared. */

typedef struct safetensors_writer {
    file_writer writer;
    char *header; /* owned, while tensors are declared */
    size_t length, capacity;
    uint64_t bytes;   /* declared */
    uint64_t written; /* of the data */
} safetensors_writer;

/* Declares a tensor; all come before safetensors_writer_begin. names need no escaping. */
err safetensors_declare(safetensors_writer *w, const char *name, const uint64_t *shape,
                        uint32_t rank) MUST_CHECK;
err safetensors_writer_begin(safetensors_writer *w, const char *path) MUST_CHECK;
/* Adds the values of the next tensor or part of one. */
err safetensors_add(safetensors_writer *w, const float *values, size_t count) MUST_CHECK;
/* Errors: ERR_ARG when more or fewer values were added than declared. */
err safetensors_writer_commit(safetensors_writer *w) MUST_CHECK;
/* Frees and drops what was not committed; harmless after commit and on a zeroed struct. */
void safetensors_writer_free(safetensors_writer *w);

#endif
