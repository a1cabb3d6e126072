/* Recipes: every hyperparameter of a run, by the names that Trainer users know.
 *
 * A recipe starts from a built-in one or from a JSON file (an object of the keys below, and
 * optionally "base": the name of a built-in recipe that it departs from), and flags win over it.
 * Built in: `trainer` (transformers' defaults, for pretrained models), `course`, `course-loop`, and
 * one for each preset trained from scratch, named after it (tiny's and mini's tried on a held-out
 * part of train). */
#ifndef HARNESS_TRAIN_RECIPE_RECIPE_H
#define HARNESS_TRAIN_RECIPE_RECIPE_H

#include "base/err.h"
#include "base/json.h"
#include "base/shown.h"
#include "train/recipe/schedule.h"

#include <stdbool.h>
#include <stdint.h>

enum { RECIPE_TEXT_BYTES = 512 };

/* C type of each kind of hyperparameter. WEIGHTS: factors of the classes in the loss, "" for none,
 * "balanced", or one number a class with commas. METRIC: "loss" or a metric's name; "": the task's
 * headline. */
typedef uint32_t recipe_WHOLE, recipe_STEPS;
typedef double recipe_REAL;
typedef bool recipe_SWITCH;
typedef schedule_kind recipe_SCHEDULE;
typedef char recipe_WEIGHTS[RECIPE_TEXT_BYTES], recipe_METRIC[RECIPE_TEXT_BYTES];

typedef struct recipe {
    char name[64]; /* "course", or the file's name */
#define HYPERPARAMETER(kind, key, value, low, high, recorded, word, ...) recipe_##kind key;
#include "train/recipe/hyperparameters.def"
} recipe;

typedef enum recipe_kind {
    RECIPE_WHOLE,
    RECIPE_STEPS,
    RECIPE_REAL,
    RECIPE_SWITCH,
    RECIPE_SCHEDULE, /* from here on text */
    RECIPE_WEIGHTS,
    RECIPE_METRIC
} recipe_kind;

typedef enum recipe_recorded { RECORDED_ALWAYS, RECORDED_CHANGED, RECORDED_NEVER } recipe_recorded;

/* A row of hyperparameters.def. */
typedef struct hyperparameter {
    const char *key;
    recipe_kind kind;
    size_t offset; /* in a recipe */
    double value, low, high;
    recipe_recorded recorded;
    const char *word;
} hyperparameter;

/* The rows in order; NULL behind the last. */
const hyperparameter *recipe_row(size_t i);

/* transformers' defaults. */
void recipe_defaults(recipe *r);

/* A built-in recipe, or the JSON file of that path. Errors: ERR_USAGE listing the built-in ones;
 * ERR_FORMAT naming file, key, found and allowed. */
err recipe_load(recipe *r, const char *name_or_file) MUST_CHECK;

/* An object of hyperparameters, as a file has it; where names its place in messages. Errors:
 * ERR_FORMAT naming key, found and allowed. */
err recipe_read(recipe *r, const char *name, const cJSON *object, const char *where) MUST_CHECK;

/* "trainer, course, ..." */
const char *recipe_names(void);

/* Sets one value by its key; "none" and "headline" are the defaults of texts; metric_for_best_model
 * may begin with "eval_"; a switch is 0 or 1. Errors: ERR_USAGE listing keys or values, or naming
 * the range. */
err recipe_set_number(recipe *r, const char *key, double value) MUST_CHECK;
err recipe_set_text(recipe *r, const char *key, const char *value) MUST_CHECK;

/* The numbers of class_weights when it is a list. *count of them, at most `most`, are written to
 * weights. Errors: ERR_USAGE. */
err recipe_class_weights(double *weights, size_t *count, size_t most, const char *text) MUST_CHECK;

/* Adds each recorded key in order, a number, a text or a truth; recipe_json_rest those that are
 * never recorded. Errors: ERR_MEMORY. */
err recipe_json(cJSON *object, const recipe *r) MUST_CHECK;
err recipe_json_rest(cJSON *object, const recipe *r) MUST_CHECK;
/* Such a value as people read it; borrowed from item or number. */
const char *recipe_item_text(char number[SHOWN_NUMBER_BYTES], const cJSON *item);

/* The value of a row that is no text. */
double recipe_value(const recipe *r, const hyperparameter *h);

/* The value of this key as people read it; false when the key is unknown. */
bool recipe_shown(char out[RECIPE_TEXT_BYTES], const recipe *r, const char *key);

/* What a value means that is no number in itself ("the model's own" for a dropout of -1), or
 * NULL. */
const char *recipe_word(const char *key, double value);

/* SHA-256 over the recorded keys and values: tells recipes apart on resuming. */
err recipe_digest(const recipe *r, char hex[65]) MUST_CHECK;

/* Optimizer steps of a run on rows training rows (at most 10^9, 0 for no epochs), of an epoch, and
 * of the warmup (none under a constant schedule). */
uint32_t recipe_epoch_steps(const recipe *r, size_t rows);
uint32_t recipe_total_steps(const recipe *r, size_t rows);
uint32_t recipe_warmup(const recipe *r, uint32_t total_steps);

#endif
