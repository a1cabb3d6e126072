/* The scores of a model on a task, as run and eval print them. */
#ifndef HARNESS_CLI_SCORE_TABLE_H
#define HARNESS_CLI_SCORE_TABLE_H

#include "metric/interval.h"
#include "metric/score.h"

#include <stddef.h>

typedef struct score_row {
    const metric *metric;
    double score, dedup;
} score_row;

typedef struct score_table {
    const char *label_1; /* readable name of label 1; NULL: the table names it by its number */
    score_row rows[METRIC_LIMIT]; /* (count) the headline first */
    size_t count;
    interval range; /* of the headline */
    answer_kind kind;
    const char *task; /* its name, borrowed */
    double majority;  /* headline of what metric_baseline_title names */
    score_caution caution;
} score_table;

/* Adds the headline, then all other metrics of t->kind and of so many classes that tell something
 * of the task.
 *   scores, dedup  by index of metric_at */
void score_table_add(score_table *t, const char *headline, size_t classes, const double *scores,
                     const double *dedup);

/* On standard output; on a narrow terminal the headline's interval and what it stands against come
 * below it. pre: a row */
void score_table_print(const score_table *t);

#endif
