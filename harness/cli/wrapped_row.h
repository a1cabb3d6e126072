/* A row of a table whose first cell may be longer than its column: it goes on below itself, for
 * twenty lines at most. */
#ifndef HARNESS_CLI_WRAPPED_ROW_H
#define HARNESS_CLI_WRAPPED_ROW_H

#include "base/err.h"
#include "base/memory.h"

#include <stddef.h>

/* Appends two blanks, text as a terminal shows it, padded to so many columns, and behind its first
 * line `behind`, with line ends. Errors: ERR_MEMORY. */
err wrapped_row_add(strbuf *out, const char *text, size_t columns, const char *behind) MUST_CHECK;

#endif
