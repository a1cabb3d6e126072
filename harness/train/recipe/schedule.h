/* Learning rates and the table that AdamW reads (compute/ops.h, struct adamw).
 *
 * Factors are those of transformers' get_scheduler: optimizer step t (1-based) uses factor(t -
 * 1). */
#ifndef HARNESS_TRAIN_RECIPE_SCHEDULE_H
#define HARNESS_TRAIN_RECIPE_SCHEDULE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* name as in --lr-scheduler-type; constant has no warmup */
#define SCHEDULES(X)                                                                               \
    X(linear)                                                                                      \
    X(cosine)                                                                                      \
    X(constant)                                                                                    \
    X(constant_with_warmup)

typedef enum schedule_kind {
#define X(name) SCHEDULE_##name,
    SCHEDULES(X)
#undef X
} schedule_kind;

typedef struct schedule {
    schedule_kind kind;
    double learning_rate;   /* peak */
    uint32_t warmup, steps; /* warmup counts for nothing under SCHEDULE_constant */
} schedule;

const char *schedule_name(schedule_kind kind);
/* Errors: ERR_USAGE listing the names. */
err schedule_find(schedule_kind *out, const char *name) MUST_CHECK;

bool schedule_has_warmup(schedule_kind kind);

/* Learning rate of optimizer step t, 1 <= t <= steps. */
double schedule_rate(const schedule *s, uint32_t t);

/* Rows 0 to s->steps of AdamW's table.
 *   table  (steps + 1, 4): 1 - rate * weight_decay, rate / (1 - beta1^t), sqrt(1 - beta2^t), 0 */
void schedule_table(double *table, const schedule *s, double weight_decay, double beta1,
                    double beta2);

#endif
