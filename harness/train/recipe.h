/* Recipes: every hyperparameter of a run, by the names that Trainer users know.
 *
 * A recipe starts from a built-in one or from a JSON file (an object of the keys below, and
 * optionally "base": the name of a built-in recipe that it departs from), and flags win over it.
 * Built in: `trainer` (transformers' defaults, for pretrained models), `course`, `course-loop`, and
 * one for each preset trained from scratch, named after it (tiny's and mini's tried on a held-out
 * part of train).
 */
#ifndef HARNESS_TRAIN_RECIPE_H
#define HARNESS_TRAIN_RECIPE_H

#include "base/err.h"
#include "base/json.h"
#include "train/schedule.h"

#include <stdbool.h>
#include <stdint.h>

/* X(kind, key, default, low, high, recorded)
 *   kind      COUNT: uint32_t; NUMBER: double
 *   recorded  part of the run record's recipe: those that change the numbers */
#define RECIPE_FIELDS(X)                                                                           \
    X(NUMBER, learning_rate, 5e-5, 0, 10, true)                                                    \
    X(NUMBER, num_train_epochs, 3, 0, 10000, true)                                                 \
    X(COUNT, max_steps, 0, 0, 1000000000, true) /* 0: by epochs */                                 \
    X(COUNT, per_device_train_batch_size, 8, 1, 65536, true)                                       \
    X(COUNT, gradient_accumulation_steps, 1, 1, 4096, true)                                        \
    X(COUNT, warmup_steps, 0, 0, 1000000000, true)                                                 \
    X(NUMBER, warmup_ratio, 0, 0, 1, true) /* used when warmup_steps is 0 */                       \
    X(NUMBER, weight_decay, 0, 0, 10, true)                                                        \
    X(NUMBER, adam_beta1, 0.9, 0, 0.999999, true)                                                  \
    X(NUMBER, adam_beta2, 0.999, 0, 0.9999999, true)                                               \
    X(NUMBER, adam_epsilon, 1e-8, 0, 1, true)                                                      \
    X(NUMBER, max_grad_norm, 1, 0, 1e9, true) /* 0: no clipping */                                 \
    X(NUMBER, dropout, -1, -1, 0.999, true)   /* -1: as the model's configuration says */          \
    X(NUMBER, label_smoothing_factor, 0, 0, 0.999, true)                                           \
    X(COUNT, max_length, 0, 0, 65536, true)      /* tokens; 0: the task's */                       \
    X(COUNT, eval_steps, 0, 0, 1000000000, true) /* protocol dev; 0: once an epoch */              \
    X(COUNT, per_device_eval_batch_size, 8, 1, 65536, false)                                       \
    X(COUNT, logging_steps, 500, 1, 1000000000, false)                                             \
    X(COUNT, save_steps, 0, 0, 1000000000, false)    /* 0: the final weights only */               \
    X(COUNT, save_total_limit, 0, 0, 1000000, false) /* checkpoints kept; 0: all */

#define RECIPE_TYPE_COUNT uint32_t
#define RECIPE_TYPE_NUMBER double

typedef struct recipe {
    char name[64]; /* "course", or the file's name */
#define X(kind, key, value, low, high, recorded) RECIPE_TYPE_##kind key;
    RECIPE_FIELDS(X)
#undef X
    schedule_kind lr_scheduler_type;
} recipe;

/* transformers' defaults. */
void recipe_defaults(recipe *r);

/* A built-in recipe, or the JSON file of that path. Errors: ERR_USAGE listing the built-in ones;
 * ERR_FORMAT naming file, key, found and allowed. */
err recipe_load(recipe *r, const char *name_or_file) MUST_CHECK;

/* "trainer, course, ..." */
const char *recipe_names(void);

/* Sets one value by its key; lr_scheduler_type takes text, the others numbers.
 * Errors: ERR_USAGE listing keys or naming the range. */
err recipe_set_number(recipe *r, const char *key, double value) MUST_CHECK;
err recipe_set_text(recipe *r, const char *key, const char *value) MUST_CHECK;

/* Calls the functions for each recorded key in order, whichever its kind. */
typedef struct recipe_visitor {
    void *context;
    err (*number)(void *context, const char *key, double value);
    err (*text)(void *context, const char *key, const char *value);
} recipe_visitor;
err recipe_visit(const recipe *r, const recipe_visitor *visitor) MUST_CHECK;

/* SHA-256 over the recorded keys and values: tells recipes apart on resuming. */
err recipe_digest(const recipe *r, char hex[65]) MUST_CHECK;

/* Optimizer steps of a run on rows training rows (at most 10^9, 0 for no epochs), of an epoch, and
 * of the warmup. */
uint32_t recipe_epoch_steps(const recipe *r, size_t rows);
uint32_t recipe_total_steps(const recipe *r, size_t rows);
uint32_t recipe_warmup(const recipe *r, uint32_t total_steps);

#endif
