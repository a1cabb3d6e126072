/* Lines of a file descriptor in windows: large reads at full speed, and no waiting for lines that
 * have not been written yet.
 *
 * A window ends when it is full, at the end of the input, or when nothing more arrives for a
 * moment: a person who types, or a program that writes now and then, is answered at once. Memory
 * is bounded: a window holds at most LINE_WINDOW_BYTES and one line more.
 *
 * A blank line of a file or pipe is a line, so that what is answered stands in the same line; one
 * that was typed is none. */
#ifndef HARNESS_CLI_LINE_READER_H
#define HARNESS_CLI_LINE_READER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { LINE_LIMIT_BYTES = 1 << 20, LINE_WINDOW_BYTES = 4 << 20, LINE_MOMENT_MS = 20 };

typedef struct line_reader {
    int fd;
    const char *name; /* for messages, borrowed */
    char *bytes;      /* (capacity) owned: what was read and not yet given out from `begin` on */
    size_t begin, end, capacity;
    size_t next;   /* number of the next line, from 1 */
    bool ended;    /* the descriptor has no more */
    bool begun;    /* a byte order mark was passed over */
    char end_byte; /* of a line: LF, or 0 */
    bool checked;  /* lines are UTF-8 without a 0 byte */
    bool is_typed; /* at a terminal: lines of blanks alone are passed over */
    char **lines;  /* (count) of the window, without their ends, terminated; borrowed */
    size_t *sizes; /* (count) bytes of each */
    size_t *starts;
    size_t count, lines_capacity, starts_capacity, sizes_capacity;
} line_reader;

/* Whether texts come from standard input: there is no argument, or - alone. */
bool line_reader_wanted(const char *const *arguments, size_t count);

/* Notes the first argument that names a file and is read as a text all the same; `how` reads what is
 * in the file: words before its name, for a shell. */
void line_reader_tell_file(const char *const *arguments, size_t count, const char *how);

/* Nothing is read yet. fd is borrowed. A byte order mark before the first line is no part of it.
 * Free with line_reader_free. */
void line_reader_init(line_reader *r, int fd, const char *name);
/* The same for lines that are taken as they are, 0 bytes too, and end with LF or CRLF, or each with
 * a 0 byte; then a byte order mark stays, too. */
void line_reader_init_raw(line_reader *r, int fd, const char *name, bool null_ended);
void line_reader_free(line_reader *r);

/* Reads the next window of at most `most` lines; count is 0 at the end of the input. A line ends
 * with LF or CRLF, the last one also with the input. The lines are good until the next call.
 * Errors: ERR_IO; ERR_FORMAT naming the line that has a 0 byte, is not UTF-8 or longer than
 * LINE_LIMIT_BYTES, once the lines before it were given out; ERR_FORMAT for an input that is UTF-16
 * or no text by its first bytes. */
err line_reader_window(line_reader *r, size_t most) MUST_CHECK;

/* What e says of a typed line is told, and the next one is waited for: ERR_OK. Else, and where the line
 * is not at fault, e. */
err line_reader_go_on(const line_reader *r, err e) MUST_CHECK;

#endif
