#include "metric/confusion_cells.h"

#include "base/memory.h"
#include "metric/score.h"

#include <stdlib.h>

static int by_place(const void *a, const void *b) {
    const confusion_cell *x = a, *y = b;
    if (x->gold != y->gold) return x->gold < y->gold ? -1 : 1;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

/* Of a matrix that has no more cells than there are rows: without sorting them. */
static err count_cells(confusion_cell *cells, size_t *count, const uint32_t *gold,
                       const uint32_t *predicted, size_t rows, size_t classes) {
    uint64_t *matrix = NULL;
    err e = confusion_matrix(&matrix, gold, predicted, rows, classes);
    for (size_t i = 0; i < classes * classes && !e; i++)
        if (matrix[i])
            cells[(*count)++] =
                (confusion_cell){(uint32_t)(i / classes), (uint32_t)(i % classes), matrix[i]};
    mem_free(matrix);
    return e;
}

err confusion_cells(confusion_cell **cells, size_t *count, const uint32_t *gold,
                    const uint32_t *predicted, size_t rows) {
    confusion_cell *list;
    size_t classes = 0;
    err e = mem_new(cells, rows);
    *count = 0;
    if (e) return e;
    list = *cells;
    for (size_t i = 0; i < rows; i++) {
        if (gold[i] >= classes) classes = gold[i] + (size_t)1;
        if (predicted[i] >= classes) classes = predicted[i] + (size_t)1;
    }
    if (rows && classes <= rows / classes)
        return count_cells(list, count, gold, predicted, rows, classes);
    for (size_t i = 0; i < rows; i++) list[i] = (confusion_cell){gold[i], predicted[i], 1};
    if (rows) qsort(list, rows, sizeof *list, by_place);
    for (size_t i = 0; i < rows; i++) {
        if (*count && !by_place(&list[*count - 1], &list[i]))
            list[*count - 1].rows++;
        else
            list[(*count)++] = list[i];
    }
    return ERR_OK;
}

static int commonest_first(const void *a, const void *b) {
    const confusion_cell *x = a, *y = b;
    if (x->rows != y->rows) return x->rows > y->rows ? -1 : 1;
    return by_place(a, b);
}

err confusion_mistakes(confusion_cell **cells, size_t *count, const uint32_t *gold,
                       const uint32_t *predicted, size_t rows) {
    size_t all = 0;
    err e = confusion_cells(cells, &all, gold, predicted, rows);
    *count = 0;
    if (e) return e;
    for (size_t i = 0; i < all; i++)
        if ((*cells)[i].gold != (*cells)[i].predicted) (*cells)[(*count)++] = (*cells)[i];
    if (*count) qsort(*cells, *count, sizeof **cells, commonest_first);
    return ERR_OK;
}
