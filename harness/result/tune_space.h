/* What a search for a recipe tries: for some hyperparameters the values that they may have.
 *
 * A point of the space is a function of the space, the seed and the trial's number alone, so that a
 * search can be stopped, gone on with and made longer. */
#ifndef HARNESS_RESULT_TUNE_SPACE_H
#define HARNESS_RESULT_TUNE_SPACE_H

#include "base/memory.h"
#include "train/recipe/recipe.h"

enum { TUNE_AXES_MOST = 64, TUNE_TRIALS_MOST = 10000 };

/* One hyperparameter with its values, or with a range. */
typedef struct tune_axis {
    const hyperparameter *row;
    uint32_t index;      /* of the row */
    char **words;        /* (count) the values as they were given, owned; NULL: a range */
    size_t count;        /* 0: a range */
    double low, high;    /* the range, both ends in it */
    bool is_logarithmic; /* drawn evenly by its logarithm */
} tune_axis;

typedef struct tune_space {
    tune_axis axes[TUNE_AXES_MOST];
    size_t count;
    size_t points; /* combinations of values, at most TUNE_TRIALS_MOST + 1; 0: there is a range */
} tune_space;

void tune_space_init(tune_space *s);
void tune_space_free(tune_space *s);

/* Adds the hyperparameter of row `index` (recipe_row): one value, several with commas (of
 * class_weights with semicolons), or of numbers a range "a..b", which is drawn evenly by its
 * logarithm where a is above 0 and b at least 10 times as much, else evenly; switches are yes or no.
 * One value is set in every trial and is no choice. Errors: ERR_USAGE naming `flag` and what is wrong
 * with the value: a word or a number that the hyperparameter does not take, a value twice, a range
 * upside down, several values of what changes no score, or what scores are compared by. */
err tune_space_add(tune_space *s, uint32_t index, const char *flag, const char *text) MUST_CHECK;

/* Puts one point into the recipe: drawn, trial counting from 0, or of the grid, its last axis
 * fastest. Numbers of a range have three digits. Errors: those of recipe_set_number. */
err tune_space_draw(recipe *r, const tune_space *s, uint32_t seed, uint32_t trial) MUST_CHECK;
err tune_space_point(recipe *r, const tune_space *s, size_t point) MUST_CHECK;

/* Whether the axis is a choice, and no single value. */
static inline bool tune_axis_varies(const tune_axis *a) {
    return a->count != 1;
}

/* Appends "learning_rate 1e-05..0.0001 (by logarithm)". Errors: ERR_MEMORY. */
err tune_axis_text(strbuf *out, const tune_axis *a) MUST_CHECK;

#endif
