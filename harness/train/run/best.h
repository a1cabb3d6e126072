/* Which evaluation is the best so far, and when to stop early: Trainer's metric_for_best_model with
 * load_best_model_at_end, and its EarlyStoppingCallback. */
#ifndef HARNESS_TRAIN_RUN_BEST_H
#define HARNESS_TRAIN_RUN_BEST_H

#include <stdbool.h>
#include <stdint.h>

typedef struct best_tracker {
    bool higher_is_better;
    uint32_t patience; /* early_stopping_patience; 0: never stop */
    double threshold;  /* early_stopping_threshold */
    uint32_t step;     /* of the best evaluation; 0: none yet */
    double score;
    uint32_t stale; /* evaluations in a row that were not better by more than the threshold */
} best_tracker;

/* Takes an evaluation in; true when it is the best so far, of equals the earliest. */
bool best_add(best_tracker *b, uint32_t step, double score);

/* As many stale evaluations in a row as there is patience. */
bool best_stops(const best_tracker *b);

#endif
