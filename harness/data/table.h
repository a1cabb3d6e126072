/* A file of rows that nobody described: CSV, TSV, JSON lines or a JSON array, told by its content
 * and read row by row in constant memory. What a run from own files and predictions on files are
 * made of; data sets with a manifest are read by data/dataset.h.
 *
 * Delimited files have the names of their columns in the first record. The delimiter (comma, tab,
 * semicolon or bar) and whether quotes quote (RFC 4180) are those under which the first rows have as
 * many columns as the names; a file of one column has none. Names of JSON are the keys of the first
 * object, and a.b is key b of the object at key a. A byte order mark is no part of the first name.
 *
 * A row that is at fault is an error that names file and line, after which reading goes on with the
 * row behind it: `raw` is then the line that the row began on. So is one of more than 1 MiB; behind a
 * line of more than 64 MiB nothing is read. */
#ifndef HARNESS_DATA_TABLE_H
#define HARNESS_DATA_TABLE_H

#include "base/hash.h"
#include "base/json.h"
#include "task/task.h"
#include "text/text_span.h"

typedef struct table {
    const char *path; /* for messages, borrowed */
    task_format_kind kind;
    char delimiter; /* delimited only, as the next */
    bool quoted;
    bool has_bom;
    char **columns; /* (column_count) names, owned */
    size_t column_count;
    text_span header; /* delimited: the record of the names, without mark and line end; owned */
    /* the row; good until the next one */
    text_span raw;        /* as it stands in the file, without its line end; not of a JSON array */
    const char *line_end; /* "\n", "\r\n", or "" at the end of the file */
    size_t line;          /* where it begins, or number of the element, from 1 */
    size_t rows;          /* read, those at fault too */
    size_t blank_lines;   /* between them: passed over */
    cJSON *object;        /* JSON */
    text_span *fields;    /* (column_count) delimited */
    uint64_t bytes, file_bytes; /* behind the row; 0: not known */
    struct table_reader *reader;
} table;

/* Opens a file, or standard input under the name "-", and tells what it is. Borrows path. Free with
 * table_close, also after an error. Errors: those of file_open; ERR_FORMAT for what is no text in
 * UTF-8, has no names, or names one twice. */
err table_open(table *t, const char *path) MUST_CHECK;
void table_close(table *t);

/* Nobody will ask for the file's hash: it is not computed. */
void table_unhashed(table *t);

/* The next row; *more is false at the end of the file. Errors: ERR_FORMAT naming the row that is at
 * fault: *more is true when reading can go on behind it. */
err table_next(table *t, bool *more) MUST_CHECK;

/* "CSV", "TSV", "JSON lines" or "JSON". */
const char *table_kind_name(const table *t);

/* " (2 blank lines passed over)" of what was read so far; "" where there are none. Returns out, or a
 * constant. */
enum { TABLE_BLANKS_BYTES = 60 };
const char *table_blanks_text(char out[TABLE_BLANKS_BYTES], const table *t);

/* Index of the column of that name, which `flag` named, also with its letters composed otherwise; of a
 * JSON key a.b column_count. Errors:
 * ERR_USAGE listing the columns and the nearest one. pre: no row was read yet. */
err table_find(size_t *index, const table *t, const char *name, const char *flag) MUST_CHECK;
/* What the file calls the column that table_find found by `name`. */
const char *table_own_name(const table *t, size_t index, const char *name);

/* The text of a column in the row, by name; index is that of table_find. Strings alone are texts.
 * Borrowed, with a 0 byte behind. Errors: ERR_FORMAT naming file, line and key. */
err table_text(text_span *text, const table *t, const char *name, size_t index) MUST_CHECK;

/* Whether a JSON row has nothing at the key: it is absent, or null. */
bool table_lacks(const table *t, const char *name);

/* The value of a label, "" where the row lacks it: in JSON also a whole number, a truth value, or of a score any number. */
err table_label(text_span *label, char number[32], const table *t, const char *name, size_t index,
                answer_kind kind) MUST_CHECK;

/* The list of labels at a key of JSON. Borrowed. */
err table_list(const cJSON **list, const table *t, const char *name) MUST_CHECK;

/* Reads what is left. SHA-256 of the whole file, and its size. */
err table_finish(table *t, char hex[HASH_HEX_BYTES], uint64_t *bytes) MUST_CHECK;

/* "'a', 'b'" of the columns, at most the first 40. *text is owned. */
err table_columns_text(char **text, const table *t) MUST_CHECK;

#endif
