/* A table of many rows for `predict --input`, more than it labels at once. */
#ifndef TESTS_SUPPORT_LONG_TABLE_H
#define TESTS_SUPPORT_LONG_TABLE_H

#include <stdbool.h>

enum { LONG_TABLE_ROWS = 6000 };

/* Writes "id,text" and so many rows below the test's temporary folder: rows of several lines, some of
 * them without an end; or, plain, each on a line of its own. */
void long_table_put(const char *name, bool plain);

#endif
