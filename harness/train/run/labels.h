/* The labels of a fine-tuned classifier and those of a task.
 *
 * A model's label is the task's of the same name, readable name or value in the file; where there is
 * none, the only one that differs in the case of ASCII letters alone. A map says it where the names do not: "theirs=ours,...", with \ before a
 * comma, an equals sign or a \ that belongs to a name. Names that say nothing (LABEL_0, LABEL_1,
 * ..., or 0, 1, ...) are taken by their ids, with a note. */
#ifndef HARNESS_TRAIN_RUN_LABELS_H
#define HARNESS_TRAIN_RUN_LABELS_H

#include "model/config.h"
#include "task/task.h"

/* rows   (label_count of the task) the model's label that each of the task's is; owned; NULL when
 *        they are in the same order
 * c      names and number of the model's labels
 * map    or NULL
 * where  the model's folder, for messages
 * Errors: ERR_DATA when the numbers differ, when the model has two labels of one name, or naming a
 * label that is none of the task's, with the map that would fix it; ERR_USAGE for a map that does
 * not fit. */
err labels_match(uint32_t **rows, const model_config *c, const task *t, const char *map,
                 const char *where) MUST_CHECK;

/* Refuses a map (or NULL) for a task without labels. Errors: ERR_USAGE. */
err labels_check_map(const task *t, const char *map) MUST_CHECK;

/* Whether labels have no names but transformers' own: LABEL_0, LABEL_1. */
bool labels_are_bare(const model_config *c);

/* What a task's rows are for a model. */
model_reads labels_reads(const task *t);

/* Gives the model a task's head and outputs: its labels, or one number; its problem_type, and what
 * it reads. Errors: ERR_MEMORY. */
err labels_set(model_config *c, const task *t) MUST_CHECK;

/* Brings the labels of a model of tags in the order of metric/tags.h; rows as labels_match gives
 * them. Errors: ERR_UNSUPPORTED naming a label that is none of B-X, I-X and O, or is there
 * twice. */
err labels_order_tags(uint32_t **rows, model_config *c, const char *where) MUST_CHECK;

/* Renames the model's labels by a map, without a task. Errors: ERR_USAGE for a map that does not
 * fit, or gives two labels one name; ERR_DATA when the model has two of one name. */
err labels_rename(model_config *c, const char *map, const char *where) MUST_CHECK;

#endif
