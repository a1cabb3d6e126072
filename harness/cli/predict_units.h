/* What a model that answers units of texts (words, characters) says of a window of them. */
#ifndef HARNESS_CLI_PREDICT_UNITS_H
#define HARNESS_CLI_PREDICT_UNITS_H

#include "cli/entities.h"
#include "cli/predictor.h"

typedef struct unit_answers {
    example *examples; /* (count) borrowed; their units are owned */
    size_t count;
    encoded rows;
    float *logits;
    answer_arrays said;
    double *scores; /* (units) of tags; NULL of trees */
} unit_answers;

/* Divides the texts into units and scores them. Stops between batches once `stops` says so, with
 * ERR_INTERRUPTED; NULL: never. Free with unit_answers_free, also after an error. */
err unit_answers_make(unit_answers *a, predictor *p, example *examples, size_t count,
                      bool (*stops)(void)) MUST_CHECK;
void unit_answers_free(unit_answers *a);

/* The tags of a row. pre: the model gives tags. Borrowed from a and p. */
tagged_text unit_answers_tagged(const unit_answers *a, const predictor *p, size_t row);

/* What columns beside a row of a file are called, (*count) in the order of the members below. */
const char *const *unit_answers_names(const predictor *p, size_t *count);

/* Adds a row's answer to an object, as predict --json prints it: entities; or words, heads, labels
 * and scores. */
err unit_answers_json(cJSON *o, const unit_answers *a, const predictor *p, size_t row) MUST_CHECK;

#endif
