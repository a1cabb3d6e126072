/* Scores of a classifier, all from one confusion matrix over the whole test set (never averaged
 * over batches). They equal scikit-learn's with labels=0..C-1 and zero_division=0: a class that is
 * absent from gold and predictions counts as 0 in macro averages.
 *
 * Terms: C classes; counts[gold * C + predicted]. A test row with gold id g and predicted id p adds
 * one to that cell. Scores of real-valued tasks (Pearson, Spearman) are not here yet. */
#ifndef HARNESS_METRIC_SCORE_H
#define HARNESS_METRIC_SCORE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Goes into every record; a change of any score's definition raises it. */
enum { METRIC_VERSION = 1 };

/* Most metrics that metric_table may hold: sizes arrays of one value per metric. */
enum { METRIC_LIMIT = 16 };

typedef struct confusion {
    size_t classes;   /* C */
    uint64_t *counts; /* (C, C), rows are gold; owned */
    uint64_t total;   /* sum of counts */
} confusion;

/* An empty matrix. Free with confusion_free. Errors: ERR_ARG for no class; ERR_MEMORY. */
err confusion_init(confusion *c, size_t classes) MUST_CHECK;
void confusion_free(confusion *c);

/* Adds one count per row.
 *   gold, predicted  (count) class ids
 *   mask             (count) rows that take part, or NULL for all
 * Errors: ERR_DATA naming the first row whose id is not below C; the matrix is then undefined. */
err confusion_add(confusion *c, const uint32_t *gold, const uint32_t *predicted, const bool *mask,
                  size_t count) MUST_CHECK;

/* One metric of the table. A binary metric is of label 1 and only for two classes. */
typedef struct metric {
    const char *name;
    double (*fn)(const confusion *c); /* of an empty matrix: 0 */
    bool higher_is_better;
    bool binary;
    const char *title; /* "macro F1" */
} metric;

size_t metric_count(void);
const metric *metric_at(size_t index);

/* The metric of that name, or NULL. */
const metric *metric_find(const char *name);

/* The same with an error: ERR_USAGE listing the known names; also for a binary metric when classes
 * is not 2 (classes 0: not checked). */
err metric_lookup(const metric **out, const char *name, size_t classes) MUST_CHECK;

/* metric_find(name)->fn(c); NaN for an unknown name. */
double metric_value(const char *name, const confusion *c);

/* The metrics that a task with that many classes records, in table order: all, or all but the
 * binary. */
bool metric_applies(const metric *m, size_t classes);

typedef struct class_score {
    double precision, recall, f1;
    uint64_t support; /* gold rows of the class */
} class_score;

/* pre: class_id < c->classes */
class_score metric_of_class(const confusion *c, size_t class_id);

/* The first of the largest counts: the class that the majority baseline predicts.
 *   counts  (classes) rows per class of training; classes > 0 */
size_t majority_class(const uint64_t *counts, size_t classes);

/* Makes the confusion matrix of always predicting `predicted` on the gold rows of c. Free with
 * confusion_free. Errors: ERR_ARG when predicted is no class; ERR_MEMORY. */
err majority_baseline(confusion *out, const confusion *c, size_t predicted) MUST_CHECK;

#endif
