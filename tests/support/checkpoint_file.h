/* Checkpoints made for tests: the tensors of a small BERT under any names, types and shards. */
#ifndef TESTS_SUPPORT_CHECKPOINT_FILE_H
#define TESTS_SUPPORT_CHECKPOINT_FILE_H

#include "model/params.h"

typedef struct checkpoint_tensor {
    char name[PARAM_NAME_BYTES + 32];
    uint64_t shape[2];
    uint32_t rank;
    size_t count;
    float *values; /* owned */
} checkpoint_tensor;

typedef struct checkpoint_file {
    checkpoint_tensor *list; /* owned */
    size_t count, capacity;
} checkpoint_file;

/* Every tensor of ps under the names that transformers gives. Free with checkpoint_file_free. */
void checkpoint_file_take(checkpoint_file *c, const params *ps);
void checkpoint_file_free(checkpoint_file *c);

/* One more tensor, all zeros; rank 1 when cols is 0. */
void checkpoint_file_add(checkpoint_file *c, const char *name, uint64_t rows, uint64_t cols);
/* Replaces `from` by `to` wherever it stands in a name. */
void checkpoint_file_rename(checkpoint_file *c, const char *from, const char *to);
/* Takes out the tensors whose name contains `part`. */
void checkpoint_file_drop(checkpoint_file *c, const char *part);

/* Writes the tensors [first, last) as a safetensors file; type is "F32", "F16" or "BF16", and the
 * values have to be exact in it. */
void checkpoint_file_write(const checkpoint_file *c, const char *path, size_t first, size_t last,
                           const char *type);

#endif
