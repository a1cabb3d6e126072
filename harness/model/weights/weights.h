/* Weights of a classifier in a Hugging Face directory.
 *
 * Read: one file or shards; keys with and without the family's prefix, gamma and beta for
 * LayerNorm's weight and bias, F32, F16, BF16 and F64. A missing pooler, classifier or language
 * model's head is drawn from the seed and reported; any other missing tensor is an error, and so are tensors that only another
 * model has, whatever config.json says. Heads of pretraining are not used and listed; position_ids
 * buffers are passed over. Pickle files are never read. Written: model.safetensors with the names
 * that transformers gives. */
#ifndef HARNESS_MODEL_WEIGHTS_WEIGHTS_H
#define HARNESS_MODEL_WEIGHTS_WEIGHTS_H

#include "base/hash.h"
#include "base/memory.h"
#include "model/params.h"

/* A list of keys; zeroed is empty. */
typedef struct weights_keys {
    char **names; /* (count), owned */
    size_t count, capacity;
} weights_keys;

/* What happened to the keys of a checkpoint, by the names that transformers gives them. */
typedef struct weights_report {
    weights_keys missing;    /* keys that the checkpoint lacks */
    weights_keys unexpected; /* keys that this model has no use for */
    weights_keys mismatched; /* keys of another size, now drawn: weights_load_resized */
    weights_keys sizes;      /* of each of them: "[2, 768] in the checkpoint, [3, 768] here" */
    char *
        *drawn; /* (drawn_count) keys that were initialised: missing, then mismatched ones; owned */
    size_t drawn_count, drawn_capacity;
    char sha256[HASH_HEX_BYTES]; /* of the weights (tensors_digest) */
} weights_report;

/* Whether the tensors of a folder have no more bytes than a model of the configuration can have use
 * for, by the headers alone: to be asked before gigabytes are read. What cannot be opened is passed
 * over. Errors: ERR_FORMAT naming both; ERR_MEMORY. */
err weights_check_bytes(const model_config *c, const char *folder) MUST_CHECK;

/* Compares the sizes of a folder's configuration with the shapes in its weights, before memory is
 * taken for a model of that size. *classifier_rows is the rows of the folder's classifier, 0 when
 * it has none. Errors: ERR_FORMAT naming key, value and tensor; those of tensors_open. */
err weights_promise(uint64_t *classifier_rows, const model_config *c,
                    const char *folder) MUST_CHECK;

/* Loads the folder's weights into the parameters; what is missing is drawn with seed and range.
 * Free the report with weights_report_free, also after an error: it then holds what was found
 * until then. Errors: ERR_IO; ERR_FORMAT naming file, key, found and expected; ERR_UNSUPPORTED for
 * a folder in another format (tensors_open) or of another model, named; ERR_DATA listing missing
 * and unexpected keys. */
err weights_load(params *ps, weights_report *report, const char *folder, uint32_t seed,
                 float range) MUST_CHECK;

/* The same, but a classifier of another size than this model's is drawn instead of refused: what
 * transformers calls ignore_mismatched_sizes, for the classifier alone. */
err weights_load_resized(params *ps, weights_report *report, const char *folder, uint32_t seed,
                         float range) MUST_CHECK;

/* The same, but the classifier is drawn whatever its size: it was of other labels. */
err weights_load_anew(params *ps, weights_report *report, const char *folder, uint32_t seed,
                      float range) MUST_CHECK;

/* Appends the table that transformers shows after loading: a row for each unexpected, missing and
 * mismatched key, keys that differ in layer numbers in one; where its lines would have more columns, a
 * line "key: status, details" for each. Nothing when there is none. Errors: ERR_MEMORY. */
err weights_report_table(strbuf *out, const weights_report *report, size_t columns) MUST_CHECK;

/* Appends at most `most` keys, separated by blanks, those that differ in layer numbers in one
 * ("encoder.layer.{0, 1}.bias"); " ..." when there are more. */
err weights_keys_text(strbuf *out, const weights_keys *keys, size_t most) MUST_CHECK;

void weights_report_free(weights_report *report);

/* Puts the classifier's rows in another order: row i becomes what row from[i] was. from has a
 * number for each row. Errors: ERR_MEMORY, ERR_DEVICE. */
err weights_move_rows(params *ps, const uint32_t *from) MUST_CHECK;

/* Writes <folder>/model.safetensors atomically; what is read from the device is compared with the
 * device's own checksums (params_read). Errors: ERR_NUMERIC naming a tensor that is not finite;
 * nothing is then written. pre: token rows are current. */
err weights_save(const params *ps, const char *folder) MUST_CHECK;

/* AdamW's moments in <folder>/optimizer.safetensors, as "exp_avg.KEY" and "exp_avg_sq.KEY". Reading
 * wants every tensor of this model and nothing else, all finite and the squares not negative;
 * errors as weights_load and weights_save. pre: ps->training. */
err moments_save(const params *ps, const char *folder) MUST_CHECK;
err moments_load(params *ps, const char *folder) MUST_CHECK;

#endif
