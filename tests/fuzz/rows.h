/* Data files under a manifest made for the occasion, for the targets of the readers. */
#ifndef TESTS_FUZZ_ROWS_H
#define TESTS_FUZZ_ROWS_H

#include "task/task.h"

/* Loads a manifest of one file with hash split, or of a train and a test file; `format` is the JSON
 * member of that name. */
void rows_task(task *t, const char *format, bool hashed, bool drop_invalid);

/* Writes the bytes as the task's files, loads them and checks what a dataset promises. */
void rows_check(const task *t, const void *bytes, size_t size);

#endif
