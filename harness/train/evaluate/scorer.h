/* A fine-tuned model folder on a device, ready to score sentences: what `eval` and `predict` use.
 */
#ifndef HARNESS_TRAIN_EVALUATE_SCORER_H
#define HARNESS_TRAIN_EVALUATE_SCORER_H

#include "task/task.h"
#include "train/evaluate/evaluate.h"
#include "train/group/group.h"
#include "train/run/base_model.h"

typedef struct scorer {
    base_model base_model;
    device device;
    struct model model;
    bool device_is_open;
    struct group
        *group; /* borrowed: its ranks score together; NULL: alone. Set after scorer_open */
} scorer;

/* Opens the device and loads the model. Free with scorer_close, also after an error.
 * Errors: ERR_DATA for a folder without a trained classifier; those of base_model_open_folder,
 * weights_load and device_open_named. */
err scorer_open(scorer *s, const char *folder, const base_model_options *wish, const char *selector,
                const device_options *options) MUST_CHECK;
void scorer_close(scorer *s);

/* Brings the labels in the order of a task's and gives them its names; map may be NULL. Errors:
 * those of labels_match; ERR_DATA for a model that answers in another kind than the task. */
err scorer_match(scorer *s, const task *t, const char *map) MUST_CHECK;

/* Brings the labels of a model of tags in their order, whatever its files have, where no task says
 * it (scorer_match). Errors: those of labels_order_tags. */
err scorer_order_tags(scorer *s) MUST_CHECK;

/* Scores rows, batch_size at once.
 *   logits  (encoded_results(rows), C)
 *   loss    mean cross-entropy, optional
 * Errors: those of evaluator_run. */
err scorer_run(scorer *s, float *logits, double *loss, const encoded *rows, uint32_t batch_size,
               const char *progress) MUST_CHECK;

#endif
