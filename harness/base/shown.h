/* The one door for text that leaves: what comes from outside (names, texts, paths, messages of
 * servers) is written by the rule of its medium, so that a reader sees characters and nothing acts
 * on them.
 *
 * In every medium but SHOWN_URL and SHOWN_SHELL, characters that act stand as text: controls (C0,
 * DEL, C1) as \n, \t, \r, \x1b; marks of direction, line and paragraph separators and the byte
 * order mark as \u202e; a byte that is not UTF-8 becomes U+FFFD. JSON has its own rules
 * (base/json.h). */
#ifndef HARNESS_BASE_SHOWN_H
#define HARNESS_BASE_SHOWN_H

#include "base/err.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum shown_medium {
    SHOWN_TERMINAL, /* and messages: no more than the above */
    SHOWN_MARKDOWN, /* text within a line or a cell (never at the begin of a line, where - and 1.
                       are lists): markup, HTML and addresses are literal */
    SHOWN_HTML,     /* text, or an attribute in quotes */
    SHOWN_CSV,      /* a cell: quoted where needed; one that a spreadsheet would take for a formula
                       (it begins with = + - @ or their wide forms) gets ' in front, as OWASP advises;
                       numbers are not text and do not come through here */
    SHOWN_YAML,     /* the inside of a double-quoted string */
    SHOWN_URL,      /* a path in an address: %41, also for bytes that are not UTF-8 */
    SHOWN_SHELL     /* one word of a command, as a shell reads it back: bare, '...' or $'...' */
} shown_medium;

/* Appends text by the rule of the medium. Errors: ERR_MEMORY. */
err shown_add(strbuf *out, shown_medium medium, const char *text) MUST_CHECK;
err shown_add_bytes(strbuf *out, shown_medium medium, const char *text, size_t bytes) MUST_CHECK;

/* printf whose strings (%s) go by the rule of the medium; the format itself is written as it is.
 * A precision cuts before the rule, a width counts columns after it. One in digits (%.40s) takes no
 * part of a code point, one in an argument (%.*s) says how long the text is. No %n and no %ls.
 * Errors: ERR_MEMORY. */
err shown_printf(strbuf *out, shown_medium medium, const char *format, ...) MUST_CHECK
    PRINTF_LIKE(3, 4);
err shown_vprintf(strbuf *out, shown_medium medium, const char *format, va_list args) MUST_CHECK;

/* Takes SHOWN_MARKDOWN back, in place: what a reader of the markdown sees, for a terminal or a page.
 * Returns the bytes that are left. */
size_t shown_markdown_plain(char *text, size_t bytes);

/* A word of markdown set as code. Text that code could not hold, beyond letters, digits, blanks and
 * ._/+=:,'()@%-, is set plain. Errors: ERR_MEMORY. */
err shown_code(strbuf *out, const char *text) MUST_CHECK;

/* The same as snprintf, without memory: bytes beyond size are left out, whole code points only.
 * Returns the bytes of the whole. */
size_t shown_snprintf(char *out, size_t size, shown_medium medium, const char *format, ...)
    PRINTF_LIKE(4, 5);
size_t shown_vsnprintf(char *out, size_t size, shown_medium medium, const char *format,
                       va_list args);

/* Text of our own making on standard output, for people: strings (%s) by SHOWN_TERMINAL. */
void shown_out(const char *format, ...) PRINTF_LIKE(1, 2);

/* A line "<label><text>" on standard output. On a terminal that is too narrow for it the text is broken
 * at blanks, a word longer than a line between its parts (a path stays whole), further lines below the first; text is one for a terminal. */
void shown_wrapped(const char *label, const char *text);

/* A line of such text, without its line end: on a terminal it is broken as by shown_wrapped, behind
 * its first blanks and a dash. */
void shown_line(const char *format, ...) PRINTF_LIKE(1, 2);

/* The same on a stream (FILE *) of so many columns. */
void shown_wrap(void *stream, size_t columns, const char *label, const char *text);

/* Notes that text for standard output was left out for want of memory, as the functions above do; whether
 * any was, with which the program does not end well. */
void shown_cut(void);
bool shown_is_cut(void);

/* Columns of the terminal that standard output is, $COLUMNS before what the terminal says; SIZE_MAX
 * when it is none. */
size_t shown_columns(void);
/* $COLUMNS; 0 where it is not set, or no number. */
size_t shown_columns_wished(void);

/* Columns of text on a terminal, by SHOWN_TERMINAL. */
size_t shown_width(const char *text);

/* The shortest decimal that reads back as value: what a message about a bound has to show. */
enum { SHOWN_NUMBER_BYTES = 32 };
const char *shown_number(char text[SHOWN_NUMBER_BYTES], double value);
#define SHOWN_NUMBER(value) shown_number((char[SHOWN_NUMBER_BYTES]){""}, value)

/* The shortest decimal that is value in single precision: of 4.6 in a file, 4.6. */
const char *shown_single(char text[SHOWN_NUMBER_BYTES], float value);
#define SHOWN_SINGLE(value) shown_single((char[SHOWN_NUMBER_BYTES]){""}, value)

/* "812 bytes", "4.1 kB", "12.5 MB", "1.9 GB" or "3.2 TB", of a thousand each; returns text. */
enum { SHOWN_SIZE_BYTES = 32 };
const char *shown_size(char text[SHOWN_SIZE_BYTES], uint64_t bytes);
#define SHOWN_SIZE(bytes) shown_size((char[SHOWN_SIZE_BYTES]){""}, bytes)
/* Of memory: "812 bytes", "977 KiB" or "4096 MiB", rounded down; returns text. */
const char *shown_memory(char text[SHOWN_SIZE_BYTES], uint64_t bytes);
#define SHOWN_MEMORY(bytes) shown_memory((char[SHOWN_SIZE_BYTES]){""}, bytes)

/* A whole number with thousands separators, "150,000"; returns text. */
enum { SHOWN_COUNT_BYTES = 32 };
const char *shown_count(char text[SHOWN_COUNT_BYTES], uint64_t count);
#define SHOWN_COUNT(count) shown_count((char[SHOWN_COUNT_BYTES]){""}, (uint64_t)(count))

/* What a noun behind the count ends with: "" behind 1, else "s". */
const char *shown_plural(unsigned long long count);

/* Whether a spreadsheet would take the text for a formula: see SHOWN_CSV. */
bool shown_begins_formula(const char *text, size_t bytes);

/* A character that acts: see above. */
bool shown_acts(uint32_t point);
/* Whether SHOWN_SHELL leaves it without quotes. */
bool shown_is_bare(char c);

#endif
