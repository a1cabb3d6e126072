/* The model card of a finished run: README.md beside the final weights, as the hub of Hugging Face
 * shows it. Its YAML front matter holds the model-index: task, data, and every score of the task on
 * the test rows. */
#ifndef HARNESS_TRAIN_RUN_MODEL_CARD_H
#define HARNESS_TRAIN_RUN_MODEL_CARD_H

#include "train/run/run.h"

/* Writes <folder>/README.md from an evaluated run. Nothing in it depends on when or in which folder
 * the run was made. Errors: ERR_IO, ERR_MEMORY; ERR_DATA for predictions that are no class. */
err model_card_write(const char *folder, const run *r) MUST_CHECK;

/* Adds the command that asks the model in a folder, whose name is quoted, for a text of the task or a
 * pair of them. Errors: ERR_MEMORY. */
err model_card_command(strbuf *out, const task *t, const char *folder) MUST_CHECK;

#endif
