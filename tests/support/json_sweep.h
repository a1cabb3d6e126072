/* What a reader of JSON says of every wrong value at every place. */
#ifndef TESTS_SUPPORT_JSON_SWEEP_H
#define TESTS_SUPPORT_JSON_SWEEP_H

#include "base/memory.h"

/* Reads the file and frees what it read. */
typedef err (*json_sweep_reader)(const char *path);

/* Writes the text to path with one change, again and again: all of it another value, each key left out, each value replaced
 * by those of other types, an empty one, a negative and a broken number (of an array the first and
 * the last element). Appends a line for each change: the place, the change, and the reader's
 * message without the path, or "is read". Fails the test where blocks are left. */
void json_sweep(strbuf *out, const char *text, const char *path, json_sweep_reader reader);

#endif
