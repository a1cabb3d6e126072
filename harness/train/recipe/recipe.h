/* Recipes: every hyperparameter of a run, by the names that Trainer users know.
 *
 * A recipe starts from a built-in one or from a JSON file (an object of the keys below, and
 * optionally "base": the name of a built-in recipe that it departs from), and flags win over it.
 * Built in: `trainer` (transformers' defaults, for pretrained models), `course`, `course-loop`, and
 * one for each preset trained from scratch, named after it (tiny's and mini's tried on a held-out
 * part of train).
 */
#ifndef HARNESS_TRAIN_RECIPE_RECIPE_H
#define HARNESS_TRAIN_RECIPE_RECIPE_H

#include "base/err.h"
#include "base/json.h"
#include "train/recipe/schedule.h"

#include <stdbool.h>
#include <stdint.h>

/* X(kind, key, default, low, high, recorded)
 *   kind      COUNT: uint32_t; NUMBER: double; SWITCH: bool
 *   recorded  part of the run record's recipe, as what changes the numbers has to be: ALWAYS, or
 *             CHANGED: only when it departs from the default, so that the recipe of a run that does
 *             not use an option is the same as before there was the option; NEVER */
#define RECIPE_FIELDS(X)                                                                           \
    X(NUMBER, learning_rate, 5e-5, 0, 10, ALWAYS)                                                  \
    X(NUMBER, num_train_epochs, 3, 0, 10000, ALWAYS)                                               \
    X(COUNT, max_steps, 0, 0, 1000000000, ALWAYS) /* 0: by epochs */                               \
    X(COUNT, per_device_train_batch_size, 8, 1, 65536, ALWAYS)                                     \
    X(COUNT, gradient_accumulation_steps, 1, 1, 4096, ALWAYS)                                      \
    X(COUNT, warmup_steps, 0, 0, 1000000000, ALWAYS) /* set between 0 and 1: warmup_ratio */       \
    X(NUMBER, warmup_ratio, 0, 0, 1, ALWAYS)         /* used when warmup_steps is 0 */             \
    X(NUMBER, weight_decay, 0, 0, 10, ALWAYS)                                                      \
    X(NUMBER, adam_beta1, 0.9, 0, 0.999999, ALWAYS)                                                \
    X(NUMBER, adam_beta2, 0.999, 0, 0.9999999, ALWAYS)                                             \
    X(NUMBER, adam_epsilon, 1e-8, 1e-30, 1, ALWAYS) /* at 0 a gradient of 0 gives 0 / 0 */         \
    X(NUMBER, max_grad_norm, 1, 0, 1e9, ALWAYS)     /* 0: no clipping */                           \
    X(NUMBER, dropout, -1, -1, 0.999, ALWAYS)       /* -1: as the model's configuration says */    \
    X(NUMBER, label_smoothing_factor, 0, 0, 0.999, ALWAYS)                                         \
    X(COUNT, max_length, 0, 0, 65536, ALWAYS)      /* tokens; 0: the task's */                     \
    X(COUNT, eval_steps, 0, 0, 1000000000, ALWAYS) /* protocol dev; 0: once an epoch */            \
    X(SWITCH, group_by_length, 0, 0, 1, CHANGED)   /* batches of sentences of like length */       \
    X(SWITCH, freeze_embeddings, 0, 0, 1, CHANGED)                                                 \
    X(COUNT, freeze_layers, 0, 0, 1000, CHANGED) /* the first layers of the encoder */             \
    X(COUNT, early_stopping_patience, 0, 0, 1000000, CHANGED) /* protocol dev; 0: never */         \
    X(NUMBER, early_stopping_threshold, 0, 0, 1e9, CHANGED)                                        \
    X(COUNT, per_device_eval_batch_size, 8, 1, 65536, NEVER)                                       \
    X(COUNT, logging_steps, 500, 1, 1000000000, NEVER)                                             \
    X(COUNT, save_steps, 0, 0, 1000000000, NEVER)    /* 0: the final weights only */               \
    X(COUNT, save_total_limit, 0, 0, 1000000, NEVER) /* checkpoints kept; 0: all */

#define RECIPE_TYPE_COUNT uint32_t
#define RECIPE_TYPE_NUMBER double
#define RECIPE_TYPE_SWITCH bool

enum { RECIPE_TEXT_BYTES = 512 };

typedef struct recipe {
    char name[64]; /* "course", or the file's name */
#define X(kind, key, value, low, high, recorded) RECIPE_TYPE_##kind key;
    RECIPE_FIELDS(X)
#undef X
    schedule_kind lr_scheduler_type;
    /* Factors of the classes in the loss: "" for none, "balanced", or one number a class with
     * commas. Recorded when given. */
    char class_weights[RECIPE_TEXT_BYTES];
    /* Protocol dev: "loss" or a metric's name; "": the task's headline. Recorded when given. */
    char metric_for_best_model[RECIPE_TEXT_BYTES];
} recipe;

/* transformers' defaults. */
void recipe_defaults(recipe *r);

/* A built-in recipe, or the JSON file of that path. Errors: ERR_USAGE listing the built-in ones;
 * ERR_FORMAT naming file, key, found and allowed. */
err recipe_load(recipe *r, const char *name_or_file) MUST_CHECK;

/* "trainer, course, ..." */
const char *recipe_names(void);

/* Sets one value by its key; lr_scheduler_type, class_weights and metric_for_best_model take text,
 * the others numbers (of a switch: 0 or 1). "none" and "headline" are the defaults of the latter
 * two; metric_for_best_model may begin with "eval_". Errors: ERR_USAGE listing keys or values, or
 * naming the range. */
err recipe_set_number(recipe *r, const char *key, double value) MUST_CHECK;
err recipe_set_text(recipe *r, const char *key, const char *value) MUST_CHECK;

/* The numbers of class_weights when it is a list. *count of them, at most `most`, are written to
 * weights. Errors: ERR_USAGE. */
err recipe_class_weights(double *weights, size_t *count, size_t most, const char *text) MUST_CHECK;

/* Calls the functions for each recorded key in order, whichever its kind. */
typedef struct recipe_visitor {
    void *context;
    err (*number)(void *context, const char *key, double value);
    err (*text)(void *context, const char *key, const char *value);
    err (*truth)(void *context, const char *key, bool value);
} recipe_visitor;
err recipe_visit(const recipe *r, const recipe_visitor *visitor) MUST_CHECK;

/* The number of this key, recorded or not; false when the key is unknown or takes text. */
bool recipe_get_number(double *out, const recipe *r, const char *key);

/* What a value means that is no number in itself ("the model's own" for a dropout of -1), or NULL.
 */
const char *recipe_word(const char *key, double value);

/* SHA-256 over the recorded keys and values: tells recipes apart on resuming. */
err recipe_digest(const recipe *r, char hex[65]) MUST_CHECK;

/* Optimizer steps of a run on rows training rows (at most 10^9, 0 for no epochs), of an epoch, and
 * of the warmup (none under a constant schedule). */
uint32_t recipe_epoch_steps(const recipe *r, size_t rows);
uint32_t recipe_total_steps(const recipe *r, size_t rows);
uint32_t recipe_warmup(const recipe *r, uint32_t total_steps);

#endif
