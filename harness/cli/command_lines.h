/* A command of a shell, to be copied, where it is wider than the lines that there are: broken as
 * people type it, with \ at a line's end and the next one further in. */
#ifndef HARNESS_CLI_COMMAND_LINES_H
#define HARNESS_CLI_COMMAND_LINES_H

#include "base/err.h"
#include "base/memory.h"

#include <stddef.h>

/* Appends indent and command in lines of so many columns, each with its line end. A line is broken
 * at a blank outside of quotes, before a flag if there is one, so that a value stays beside its flag;
 * a word that is wider than a line has one of its own. A shell reads the same words.
 * Errors: ERR_MEMORY. */
err command_lines_add(strbuf *out, const char *indent, const char *command,
                      size_t columns) MUST_CHECK;

/* Commands, a line each, further in on standard output: broken on a terminal alone. */
void command_lines_print(const char *commands);

#endif
