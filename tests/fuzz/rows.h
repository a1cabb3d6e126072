/* Data files under a manifest made for the occasion, for the targets of the readers. */
#ifndef TESTS_FUZZ_ROWS_H
#define TESTS_FUZZ_ROWS_H

#include "data/dataset.h"
#include "task/task.h"

/* Loads a manifest of one file with hash split, or of a train and a test file; `format` is the JSON
 * member of that name. */
void rows_task(task *t, const char *format, bool hashed, bool drop_invalid);

/* Loads the manifest that a format of a target's own makes, and a folder for its data. */
__attribute__((format(printf, 2, 3))) void rows_task_of(task *t, const char *manifest, ...);

/* Writes the bytes as the task's files, loads them and checks what a dataset promises. */
void rows_check(const task *t, const void *bytes, size_t size);

/* Writes and loads them likewise, and has each row that was read looked at. */
void rows_each(const task *t, const void *bytes, size_t size,
               void (*look)(const dataset_row *row, const task *t));

#endif
