/* Weights of a BERT classifier in a Hugging Face directory.
 *
 * Read: keys with and without the "bert." prefix, gamma and beta for LayerNorm's weight and bias,
 * F32, F16 and BF16. Pretraining heads and position_ids buffers are ignored; a missing pooler or
 * classifier is drawn from the seed and reported; any other missing tensor is an error. Pickle
 * files are never read. Written: model.safetensors with the names that transformers gives. */
#ifndef HARNESS_MODEL_WEIGHTS_H
#define HARNESS_MODEL_WEIGHTS_H

#include "base/hash.h"
#include "model/params.h"

/* What happened to the keys of a checkpoint. */
typedef struct weights_report {
    char **drawn; /* (drawn_count) keys that the file lacks, now initialised; owned */
    size_t drawn_count, drawn_capacity;
    char **unused; /* (unused_count) keys of the file that this model has no use for; owned */
    size_t unused_count, unused_capacity;
    char sha256[HASH_HEX_BYTES]; /* of the file */
} weights_report;

/* Loads <folder>/model.safetensors into the parameters; what is missing is drawn with seed and
 * range. Free the report with weights_report_free, also after an error. Errors: ERR_IO; ERR_FORMAT
 * naming file, key, found and expected; ERR_UNSUPPORTED for a folder that has only a pickle file;
 * ERR_DATA listing missing and unexpected keys. */
err weights_load(params *ps, weights_report *report, const char *folder, uint32_t seed,
                 float range) MUST_CHECK;
void weights_report_free(weights_report *report);

/* Writes <folder>/model.safetensors atomically. pre: word rows are current. */
err weights_save(const params *ps, const char *folder) MUST_CHECK;

/* AdamW's moments in <folder>/optimizer.safetensors, as "exp_avg.KEY" and "exp_avg_sq.KEY". Reading
 * wants every tensor of this model and nothing else; errors as weights_load. pre: ps->training. */
err moments_save(const params *ps, const char *folder) MUST_CHECK;
err moments_load(params *ps, const char *folder) MUST_CHECK;

#endif
