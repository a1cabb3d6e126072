/* Messages for people, on stderr: notes, warnings and one progress line. Data never goes here, and
 * no colours. Each comes behind what standard output held back until then, so that in a file of both
 * lines stand whole and in order. What is put into a message (%s) goes by SHOWN_TERMINAL (base/shown.h). */
#ifndef HARNESS_BASE_LOG_H
#define HARNESS_BASE_LOG_H

#include "base/err.h"
#include "platform/clock.h"

#include <stdbool.h>
#include <stddef.h>

/* Quiet drops notes and progress; warnings stay. */
void log_set_quiet(bool quiet);

void log_note(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2); /* "warning: ..." */
/* The same of what each rank of a group finds by itself, such as its device or its host's cache. */
void log_warn_here(const char *format, ...) PRINTF_LIKE(1, 2);
/* A note of several lines, made for a terminal already (base/shown.h). */
void log_lines(const char *text);
/* "harness: " and the message of e: what the program ends with. */
void log_error(err e);
/* The same at once and on any rank; log_error then shows nothing more. */
void log_error_early(err e);

/* Of a group's ranks (train/group) one talks: with another rank than 0, notes, warnings, progress and
 * errors of this thread are not shown, and log_warn_here names the rank. */
void log_set_rank(unsigned rank);

/* From now on what is printed stays in memory (4 MiB) until the next line of here, which is outside
 * (base/outside.h) as it lets it out, or the program's end: whoever watches this thread does not take
 * it for one that hangs where nobody reads, or a terminal is held. pre: nothing is printed yet. */
void log_hold_output(void);

/* Replaces the progress line; only on a terminal, and not when quiet. A later note, warning or
 * log_progress_end clears it first. Calls within 100 ms of the last shown one are dropped.
 * The parts of a line are set apart by two blanks, the most telling first: those that the terminal
 * has no columns for are left out, from the end, so that a line never wraps. The width is asked
 * for each time: a window may change. */
void log_progress(const char *format, ...) PRINTF_LIKE(1, 2);
void log_progress_end(void);
/* What every progress line begins with (copied; "": nothing), such as how far a sweep is. */
void log_set_progress_prefix(const char *text);

/* stderr is a terminal (progress and width make sense there). */
bool log_is_terminal(void);

/* "40 s", "7 min" or "2.5 h". */
enum { LOG_DURATION_BYTES = 24 };
const char *log_duration(char text[LOG_DURATION_BYTES], double seconds);

#endif
