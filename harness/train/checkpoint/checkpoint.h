/* Checkpoints: Hugging Face model folders, and what it takes to go on with a run.
 *
 * A model folder holds config.json, model.safetensors and the tokenizer's files; transformers loads
 * it. SHA256SUMS beside them tells damage (base/sums.h). A checkpoint, <output>/checkpoint-<step>,
 * is a model folder with optimizer.safetensors and trainer_state.json beside it. It is written
 * under another name and renamed when complete, so one that is there is whole; trainer_state.json
 * carries the SHA-256 of both tensor files, SHA256SUMS that of trainer_state.json. */
#ifndef HARNESS_TRAIN_CHECKPOINT_CHECKPOINT_H
#define HARNESS_TRAIN_CHECKPOINT_CHECKPOINT_H

#include "base/json.h"
#include "text/tokenizer.h"
#include "train/step/trainer.h"

/* Writes a model folder, replacing its files. pre: token rows are current. */
err model_folder_write(const char *folder, const struct model *m,
                       const tokenizer *words) MUST_CHECK;

/* What a run is, beside its weights. */
typedef struct checkpoint_run {
    const char *id;   /* of this very run: checkpoints of another one are not taken */
    const char *name; /* what a model that begins from the checkpoint is called; writing only */
    const cJSON *identity; /* object of strings that must be equal for a run to go on */
    double best_score;     /* protocol dev */
    uint32_t best_step;    /* 0: none yet */
} checkpoint_run;

/* Writes <output>/checkpoint-<t->done> and, once it is safe on the disk, removes the oldest of this
 * run beyond `keep` (0: keeps all). Errors: ERR_IO; ERR_NUMERIC naming the tensor that is not
 * finite. */
err checkpoint_write(const char *output, const trainer *t, const tokenizer *words,
                     const checkpoint_run *run, uint32_t keep) MUST_CHECK;

/* The newest checkpoint with run->id under output; *path is NULL when there is none, else owned.
 * One whose state, weights or moments are damaged is passed over with a warning. */
err checkpoint_find(char **path, const char *output, const char *id) MUST_CHECK;

/* Loads weights, moments, step and losses into t, and the best score into run; all is checked: what
 * the steps, losses, evaluations and moments say must fit together. Errors: ERR_DATA naming what
 * differs from this run, which file does not match its SHA-256, or what cannot be; ERR_FORMAT. */
err checkpoint_read(trainer *t, checkpoint_run *run, const char *path) MUST_CHECK;

/* Removes every checkpoint under output that this program made (marker.h) but those of the run `id`
 * (NULL: all). */
err checkpoint_clear(const char *output, const char *id) MUST_CHECK;

/* Removes the oldest of the run beyond `keep` (0: keeps all). */
err checkpoint_limit(const char *output, const char *id, uint32_t keep) MUST_CHECK;

/* How many checkpoints of the run `id` (NULL: of any) there are, and the bytes of their files. */
err checkpoint_usage(const char *output, const char *id, size_t *count, uint64_t *bytes) MUST_CHECK;

/* Whether a name in an output folder is that of a checkpoint, also of one half written or half
 * removed. */
bool checkpoint_is_name(const char *name);

/* Removes a folder that was not finished; e and its message stay, since they tell the first
 * fault. */
err checkpoint_abandon(err e, const char *folder);

#endif
