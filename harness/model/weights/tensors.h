/* The tensors of a Hugging Face model folder: those of model.safetensors or, where that is absent,
 * of the shards that model.safetensors.index.json lists.
 *
 * Of an index only the names of the shards are used: plain file names ending in ".safetensors" in
 * the same folder. Where it errs about what they hold, or about metadata.total_size, there is a
 * warning. Pickle files are never read. */
#ifndef HARNESS_MODEL_WEIGHTS_TENSORS_H
#define HARNESS_MODEL_WEIGHTS_TENSORS_H

#include "base/hash.h"
#include "model/weights/safetensors.h"

enum { SHARDS_MAX = 512 }; /* every one is kept open */

/* One tensor and the file that holds it; borrowed from the folder's tensors. */
typedef struct tensor_place {
    const safetensors *file;
    const tensor_entry *entry;
} tensor_place;

typedef struct tensors {
    char *path;         /* of model.safetensors or of the index: what messages name; owned */
    safetensors *files; /* (file_count) by name, owned */
    size_t file_count;
    tensor_place *list; /* (count) by tensor name, owned */
    size_t count;
} tensors;

/* Opens and checks every file of the folder. Free with tensors_close, also after an error.
 * Errors: ERR_IO; ERR_FORMAT naming index, shard and tensor; ERR_UNSUPPORTED, with the command that
 * converts it, for a folder that has its weights in another format only. */
err tensors_open(tensors *t, const char *folder) MUST_CHECK;
/* The same for who loads the weights: warns of an index that says what is not so. */
err tensors_open_to_load(tensors *t, const char *folder) MUST_CHECK;
void tensors_close(tensors *t);

/* The tensor of that name, the one in the first shard when several have it; NULL when none has.
 * Borrowed. */
const tensor_place *tensors_find(const tensors *t, const char *name);

/* SHA-256 of the weights: of the file itself; of shards, that of the lines "<hex>  <name>\n" of
 * every shard by name (what sha256sum prints). */
err tensors_digest(const tensors *t, char hex[HASH_HEX_BYTES]) MUST_CHECK;

#endif
