/* Tables of classes for tests of intervals. */
#ifndef TESTS_SUPPORT_CLASS_TABLE_H
#define TESTS_SUPPORT_CLASS_TABLE_H

#include "metric/interval.h"

enum { CLASS_TABLE_RUNS = 64 };

/* A table of classes. answered is good as long as the table is.
 *   predicted  (runs) pointers to (rows) ids */
static inline test_table class_table(answers answered[CLASS_TABLE_RUNS], size_t rows,
                                     size_t classes, const uint32_t *gold,
                                     const uint32_t *first_row, const uint32_t **predicted,
                                     size_t runs) {
    for (size_t r = 0; r < runs; r++) answered[r] = (answers){.classes = predicted[r]};
    return (test_table){.rows = rows,
                        .classes = classes,
                        .gold = {.classes = gold},
                        .first_row = first_row,
                        .predicted = answered,
                        .runs = runs};
}

static inline err class_interval(interval *out, const metric *m, const uint32_t *gold,
                                 const uint32_t *predicted, const uint32_t *first_row, size_t rows,
                                 size_t classes) {
    answers answered[CLASS_TABLE_RUNS];
    test_table t = class_table(answered, rows, classes, gold, first_row, &predicted, 1);
    return interval_of_run(out, m, &t);
}

static inline err class_bootstrap(bootstrap *b, size_t rows, size_t classes, const uint32_t *gold,
                                  const uint32_t *first_row, const uint32_t **predicted,
                                  size_t runs) {
    answers answered[CLASS_TABLE_RUNS];
    test_table t = class_table(answered, rows, classes, gold, first_row, predicted, runs);
    return bootstrap_init(b, &t);
}

#endif
