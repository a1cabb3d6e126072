/* What a search found, for people, and as files. */
#ifndef HARNESS_CLI_TUNE_VIEW_H
#define HARNESS_CLI_TUNE_VIEW_H

#include "result/tune_space.h"
#include "result/tune_trial.h"

/* Where, in the folder of a search, the trial runs that is under way. */
#define SEARCH_WORK "work"

/* One recipe that was tried: of successive halving its last round. */
typedef struct tune_row {
    recipe recipe; /* with all its epochs */
    tune_trial trial;
    uint32_t round; /* the last that it was in, from 0 */
    double share;   /* of its epochs that it was trained for then */
} tune_row;

typedef struct tune_result {
    const char *task, *model; /* borrowed */
    const tune_space *space;
    const char *search; /* "random" or "grid" */
    const char *folder; /* where it is kept */
    uint32_t seed, halving;
    char metric[RECIPE_TEXT_BYTES];
    bool higher_is_better;
    tune_row *rows; /* (count), in the order of the trials */
    size_t count;
    double *mean, *deviation; /* (count) of the best of n trials; NULL under halving */
} tune_result;

/* The row that was chosen: the best of those trained longest, the earliest of equals; NULL when none
 * has a score. */
const tune_row *tune_best(const tune_result *t);

/* Whether trial a is better: by its score, a NaN never is, and of equal scores by the lower loss. */
bool tune_is_better(const tune_result *t, const tune_trial *a, const tune_trial *b);

/* The chosen recipe with all its values, and how many trials it took in tuning_trials, as a file for
 * --recipe. Errors: ERR_MEMORY. */
err tune_recipe_text(strbuf *out, const tune_result *t) MUST_CHECK;

/* All of it as JSON; *root is owned (cJSON_Delete). recipe: the file of the chosen one. */
err tune_json(cJSON **root, const tune_result *t, const char *recipe) MUST_CHECK;

/* The table of trials, the best first, and the expected best score by their number. */
err tune_print(const tune_result *t) MUST_CHECK;

#endif
