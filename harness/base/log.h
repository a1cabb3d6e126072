/* Messages for people, on stderr: notes, warnings and one progress line. Data never goes here. */
#ifndef HARNESS_BASE_LOG_H
#define HARNESS_BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Quiet drops notes and progress; warnings stay. */
void log_set_quiet(bool quiet);
bool log_is_quiet(void);

void log_note(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2); /* "warning: ..." */

/* Replaces the progress line; only on a terminal, and not when quiet. A later note, warning or
 * log_progress_end clears it first. Calls within 100 ms of the last shown one are dropped. */
void log_progress(const char *format, ...) PRINTF_LIKE(1, 2);
void log_progress_end(void);
/* What every progress line begins with (copied; "": nothing), such as how far a sweep is. */
void log_set_progress_prefix(const char *text);

/* stderr is a terminal (progress and width make sense there). */
bool log_is_terminal(void);
/* Columns of the terminal on stderr or stdout, 80 when unknown. */
size_t log_columns(void);
/* Colour is wanted on stdout: a terminal, NO_COLOR unset, TERM not "dumb". */
bool log_wants_color(void);

/* Monotonic seconds. */
double clock_seconds(void);

#endif
