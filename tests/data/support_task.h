/* A task made for one test: a manifest and files in a fresh folder. */
#ifndef TESTS_DATA_SUPPORT_TASK_H
#define TESTS_DATA_SUPPORT_TASK_H

#include "data/dataset.h"

typedef struct made_task {
    char folder[64]; /* holds made.json and the data folder made/ */
    task task;
    dataset_options options;
} made_task;

/* Writes made.json; `format`, `labels` and `rest` are JSON members that stand in for the default.
 * NULL takes: comma, standard quoting, header text,label; labels 0 and 1; errors for invalid
 * labels; files train.csv and test.csv. */
void made_task_begin(made_task *m, const char *format, const char *labels, const char *rest);
/* The default with forty rows to train on, and no file of test rows. */
void made_task_begin_training(made_task *m);
/* Writes one data file of `count` bytes. */
void made_task_file(const made_task *m, const char *name, const char *bytes, size_t count);
/* Removes the folder and frees the task. */
void made_task_end(made_task *m);

#endif
