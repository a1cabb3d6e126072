/* Records made up for tests: complete and valid, with predictions that are right with a given
 * chance. */
#ifndef TESTS_SUPPORT_FAKE_RECORD_H
#define TESTS_SUPPORT_FAKE_RECORD_H

#include "result/record.h"
#include "result/record_strict.h"

typedef struct fake_record {
    const char *task;     /* NULL: "fake_task" */
    const char *model;    /* NULL: "tiny" */
    const char *headline; /* NULL: "macro_f1" */
    size_t rows, classes; /* 0: 60 rows, 3 classes */
    answer_kind kind;     /* of another than classes headline has to be given */
    bool is_whole;        /* with every key: of a run by dev scores, on a GPU in fp16 */
    bool is_constant;     /* numbers: every row is answered with the same */
    double right;         /* chance that a prediction is right, beyond luck */
    uint32_t seed;
    size_t steps; /* of the loss list; 0: 20 */
} fake_record;

/* Fills r, which record_free frees; fails the test on an error. The test set is the same for all
 * records of the same rows and classes: row 7 repeats row 3, and row 5 is left out of the dedup
 * score. */
void fake_record_make(record *r, const fake_record *f);
/* Lets parameters, labels of the configuration, speeds, learning rates and the command follow from
 * what else the record says by now, as records have to: after a change of task, model, recipe or
 * times. */
void fake_record_follow(record *r);
/* Makes it one of protocol dev, with two evaluations. */
void fake_record_by_dev(record *r, const char *by);
/* Drops calibration, slices and rows that are told of, where answers become others. */
void fake_record_forget(record *r);

/* Set one hyperparameter; keys keep the order of their first setting. */
void fake_recipe_number(record *r, const char *key, double value);
void fake_recipe_text(record *r, const char *key, const char *value);
void fake_recipe_bool(record *r, const char *key, bool value);

/* A fresh folder below the system's temporary one; *path is owned. The other removes it with all
 * that is in it, and frees path. */
void fake_folder(char **path);
void fake_folder_end(char *path);
/* One for a suite's test, which ends with no block left. */
extern char *fake_results;
void fake_results_begin(void);
void fake_results_end(void);

/* Writes what a test made of a record's JSON, with the checksums of a program that wrote it so. */
void fake_record_seal(const char *path, cJSON *json);

/* record_test_answers of classes. */
err fake_record_test(record *r, const uint32_t *gold, const uint32_t *predicted,
                     const uint32_t *first_row, const bool *scored_dedup, size_t rows) MUST_CHECK;

#endif
