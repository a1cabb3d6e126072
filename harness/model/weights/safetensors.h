/* safetensors files: u64 little-endian header length, a JSON object of tensors, then their bytes.
 *
 * A file is trusted in nothing: header length at most 100 MB and inside the file, offsets in range,
 * in no overlap and without holes, no key twice, byte counts equal to shape times type. The reader
 * keeps the file open and reads one tensor at a time; the writer is atomic.
 *
 * Source: the format description of the safetensors project. */
#ifndef HARNESS_MODEL_WEIGHTS_SAFETENSORS_H
#define HARNESS_MODEL_WEIGHTS_SAFETENSORS_H

#include "base/err.h"
#include "platform/file.h"

#include <stddef.h>
#include <stdint.h>

enum { TENSOR_RANK_MAX = 8 };

/* name in the file, bytes per element */
#define TENSOR_TYPES(X)                                                                            \
    X(F32, 4)                                                                                      \
    X(F16, 2)                                                                                      \
    X(BF16, 2)                                                                                     \
    X(F64, 8)                                                                                      \
    X(I64, 8)                                                                                      \
    X(I32, 4)                                                                                      \
    X(I16, 2)                                                                                      \
    X(I8, 1)                                                                                       \
    X(U8, 1)                                                                                       \
    X(BOOL, 1)

typedef enum tensor_type {
#define X(name, bytes) TENSOR_##name,
    TENSOR_TYPES(X)
#undef X
        TENSOR_TYPE_COUNT
} tensor_type;

typedef struct tensor_entry {
    char *name; /* owned */
    tensor_type type;
    uint32_t rank;
    uint64_t shape[TENSOR_RANK_MAX];
    uint64_t count;      /* elements */
    uint64_t begin, end; /* bytes, from the end of the header */
} tensor_entry;

typedef struct safetensors {
    void *file;            /* FILE * */
    char *path;            /* owned */
    uint64_t data_begin;   /* bytes from the start of the file */
    tensor_entry *entries; /* (count) by place in the file, owned */
    size_t count;
} safetensors;

/* Reads and checks the header. Free with safetensors_close, also after an error.
 * Errors: ERR_IO; ERR_FORMAT naming file, key, what was found and what was expected. */
err safetensors_open(safetensors *s, const char *path) MUST_CHECK;
void safetensors_close(safetensors *s);

/* Reads a tensor as f32 into out (entry->count). Errors: ERR_IO; ERR_UNSUPPORTED for a type other
 * than F32, F16 and BF16; ERR_NUMERIC when a value is not finite. */
err safetensors_read(const safetensors *s, const tensor_entry *entry, float *out) MUST_CHECK;

/* "F32 [3, 4]"; text must hold TENSOR_SHAPE_BYTES. */
enum { TENSOR_SHAPE_BYTES = 200 };
void tensor_shape_text(char text[TENSOR_SHAPE_BYTES], const tensor_entry *entry);

/* --- writing: F32 tensors in the order in which they were declared -------------------------------
 */

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
