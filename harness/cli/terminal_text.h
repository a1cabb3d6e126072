/* Markdown of ours on standard output. */
#ifndef HARNESS_CLI_TERMINAL_TEXT_H
#define HARNESS_CLI_TERMINAL_TEXT_H

#include "base/err.h"

/* Into a file or pipe the text goes as it is. On a terminal what was escaped for markdown is plain
 * again, text is broken at blanks and a table's columns stand in line; one that is wider than the
 * window comes in parts, each with its first columns, or row by row where not even two columns fit.
 * Errors: ERR_MEMORY. */
err terminal_text(const char *markdown) MUST_CHECK;

#endif
