/* The confusion matrix of many labels: the cells that are not empty, which are no more than rows. */
#ifndef HARNESS_METRIC_CONFUSION_CELLS_H
#define HARNESS_METRIC_CONFUSION_CELLS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Most labels of a task, of a model's head, and of a record: one limit, which a manifest is held to
 * (`harness tasks check`). */
enum { LABELS_MOST = 4096 };

/* Up to so many labels a matrix is written whole, with more its cells. */
enum { MATRIX_LABELS_MOST = 256 };

typedef struct confusion_cell {
    uint32_t gold, predicted;
    uint64_t rows;
} confusion_cell;

/* In the order of (gold, predicted); *cells is owned. Errors: ERR_MEMORY. */
err confusion_cells(confusion_cell **cells, size_t *count, const uint32_t *gold,
                    const uint32_t *predicted, size_t rows) MUST_CHECK;

/* Those off the diagonal: what was taken for what, the commonest first. */
err confusion_mistakes(confusion_cell **cells, size_t *count, const uint32_t *gold,
                       const uint32_t *predicted, size_t rows) MUST_CHECK;

#endif
