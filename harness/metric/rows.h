/* Statistics of test rows: what each adds to the sum that metrics are scores of (score.h), of every
 * kind of answer in one place. A row counts as often as its weight says: once for a score, none for
 * a row that is left out, its unit's draws in a resample.
 *
 * Ranks are of the rows that take part: equal numbers share the mean of their ranks, as scipy's
 * rankdata; a row of weight w stands there w times.
 *
 * Relations: a label's curve is of the softmax of the logits, as KLUE's baseline has it: recall
 * from 0 to 1, precision 1 at recall 0, equal scores at once, the area by the trapezoid
 * (scikit-learn's precision_recall_curve and auc; a label that no row has gets 0.5 there). */
#ifndef HARNESS_METRIC_ROWS_H
#define HARNESS_METRIC_ROWS_H

#include "metric/score.h"

typedef struct row_statistics {
    answer_kind kind;
    size_t rows, classes;
    const float *gold, *predicted; /* numbers, borrowed */
    double shift[2];               /* means of predicted and gold */
    uint32_t *order[2];            /* (rows) by predicted and by gold, ascending */
    double *rank[2];               /* (rows) scratch */
    size_t *begin;                 /* sets: (rows + 1) of the row's places */
    uint32_t *places;              /* into (3, C) of the sum: one more each */
    uint32_t *amounts; /* tags: of each place, which is one of tag_counts, how many more */
    bool *exact;       /* (rows) */
    double *ranking;   /* (rows) label ranking average precision */
    const uint32_t *gold_class, *class; /* relations: (rows), borrowed */
    bool of_curves;                     /* relations: their curves are made too */
    double *scores;                     /* (C, rows) softmax */
    uint32_t *descending; /* (C, rows) rows by their scores, those with the label before equals */
} row_statistics;

/* Of any kind but ANSWER_CLASS, of relations with curves or without, which need no scores. Free with
 * row_statistics_free, also after an error. Errors: ERR_DATA naming a row whose number is not finite,
 * whose id is no class, or that has other units than gold or a tag that is none; ERR_MEMORY. */
err row_statistics_init(row_statistics *s, answer_kind kind, size_t classes, answers gold,
                        answers predicted, size_t rows, bool curves) MUST_CHECK;
void row_statistics_free(row_statistics *s);

/* Frees what lanes (row_lanes.h) that were made of it no longer read; row_statistics_sum would. */
void row_statistics_drop_places(row_statistics *s);

/* Replaces what c holds by the rows' sum; weights (rows), NULL: 1 each.
 * pre: c is of that kind and number of classes. Uses s's scratch: one thread at a time. */
void row_statistics_sum(confusion *c, row_statistics *s, const uint32_t *weights);

/* The area under a label's curve.
 *   sum    of what it rises by, in rows, times precision there and before
 *   right  weight of the rows that have the label; of none recall is 1 from the first row on
 *   total  of all rows */
double curve_area(double sum, double right, double total);

/* Numbers in a sum of that kind; classes as row_statistics_init has it. */
size_t row_sum_size(answer_kind kind, size_t classes);

/* The sum over rows of a test set, of any kind. Free with confusion_free.
 *   mask  (rows) those that take part, NULL: all
 * Errors: those of confusion_init_kind, confusion_add and row_statistics_init. */
err answers_sum(confusion *c, answer_kind kind, size_t classes, answers gold, answers predicted,
                const bool *mask, size_t rows) MUST_CHECK;

/* The same of several masks, which costs little more than of one: sums (count), masks (count). */
err answers_sums(confusion *sums, const bool *const *masks, size_t count, answer_kind kind,
                 size_t classes, answers gold, answers predicted, size_t rows) MUST_CHECK;

#endif
