/* Weights of classes in the loss, as a recipe's class_weights says them. */
#ifndef HARNESS_TRAIN_STEP_CLASS_WEIGHTS_H
#define HARNESS_TRAIN_STEP_CLASS_WEIGHTS_H

#include "model/config.h"
#include "train/evaluate/encode.h"

/* *weights: one for each class of the configuration, owned; NULL where text is empty: all are 1.
 * "balanced" counts the classes of the rows, as scikit-learn's compute_class_weight does. Errors:
 * ERR_USAGE unless text is a number for each class; ERR_DATA naming a label without rows. */
err class_weights_make(double **weights, const char *text, const model_config *c,
                       const encoded *rows) MUST_CHECK;
/* Whether text may be weights of so many classes. Errors: ERR_USAGE. */
err class_weights_check(const char *text, uint32_t classes) MUST_CHECK;

#endif
