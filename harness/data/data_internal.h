/* Shared inside harness/data only: reading one file, and orders by hash. */
#ifndef HARNESS_DATA_DATA_INTERNAL_H
#define HARNESS_DATA_DATA_INTERNAL_H

#include "base/json.h"
#include "data/dataset.h"

/* A line, a record, an element or a sentence longer than this is a fault of the file: a quote that
 * never closes, or no line ends. Such a line is refused once so much of it was read. The end of a
 * line or record (LF, CR LF) is not counted, so that a last line without one may be as long. */
enum { DATA_TEXT_LIMIT_BYTES = 1 << 20 };

/* How many of these bytes stand before the line end, if there is one. */
size_t data__without_end(const char *line, size_t bytes);

/* Whether nothing but blanks stands on a line. Its delimiter (0: none) is no blank: tabs alone are
 * empty fields of TSV. */
bool data__is_blank(const char *line, size_t bytes, char delimiter);

/* What a line is read for, and what of it earlier lines hold. */
typedef struct data__piece {
    const char *what; /* for messages, as in "a record" */
    bool quoted;      /* it may have quotes, with line ends within */
    size_t line;      /* where it began; 0: it begins with the line */
    size_t bytes;     /* of its earlier lines, with their ends */
} data__piece;

/* The error of a piece that takes more than the limit; line: the one that was read for it. */
err data__too_long(const char *path, size_t line, const data__piece *piece) MUST_CHECK;

/* A sentence of more units is one too: records count them in two bytes. */
enum { DATA_UNITS_MAX = 65535 };

/* A data file, read in one pass: at most one block and one line of it are in memory. */
typedef struct data__source {
    const char *path; /* borrowed */
    int fd;
    /* where bytes come from instead, with `from`; then nothing is hashed here */
    err (*read)(void *from, void *bytes, size_t size, size_t *count);
    void *from;
    uint64_t file_bytes; /* its size when it was opened */
    char *bytes;         /* (capacity) owned: what was read and not yet given out from `begin` on */
    size_t begin, end, capacity;
    bool ended;            /* there is no more to read */
    size_t line, column;   /* of the byte at `begin`, from 1; the column counts characters */
    size_t line_bytes;     /* of its line, before it */
    bool unhashed;         /* nobody will ask for the hash */
    sha256 hash;           /* of all that was read */
    uint64_t hashed_bytes; /* how much that was */
} data__source;

/* Opens a file and passes over a byte order mark unless it is kept. Free with data__source_close,
 * also after an error. Errors: those of file_open; ERR_FORMAT for what is no text in UTF-8 by its
 * first bytes. */
err data__source_open(data__source *s, const char *path, bool keep_bom) MUST_CHECK;
/* The same of bytes that `read` gives; path names them. */
err data__source_open_from(data__source *s, const char *path,
                           err (*read)(void *from, void *bytes, size_t size, size_t *count),
                           void *from) MUST_CHECK;
void data__source_close(data__source *s);

/* Reads on, so that more bytes follow `begin`; ended when there are none. May move all bytes. */
err data__source_more(data__source *s) MUST_CHECK;

/* Gives out bytes: the place moves over them. */
void data__source_skip(data__source *s, size_t bytes);

/* The next line of a piece, with its end; *bytes is 0 at the end of the file. *line is good until the
 * next call and may be written to; data__source_skip gives it out. Errors: ERR_FORMAT naming line and
 * place for one that has a NUL byte or is not UTF-8, and naming where the piece begins when it grows
 * too long by the line. */
err data__source_line(data__source *s, char **line, size_t *bytes,
                      const data__piece *piece) MUST_CHECK;

/* Reads what is left. hex: SHA-256 of the whole file. */
err data__source_finish(data__source *s, char hex[HASH_HEX_BYTES]) MUST_CHECK;

/* Fails unless the next bytes (count) are UTF-8 without a NUL byte. Errors: ERR_FORMAT with line
 * and position. */
err data__check_text(const data__source *s, size_t count) MUST_CHECK;
/* The same of bytes that stand in a line behind `before` others. */
err data__check_bytes(const char *path, size_t line, size_t before, const char *bytes,
                      size_t count) MUST_CHECK;

/* Where rows are read to. */
typedef struct data__reader {
    uint8_t *set;  /* (labels) scratch, owned by who reads, as the next */
    strbuf marked; /* a text with markers around its entities */
    const task *task;
    const char *path; /* of the file being read */
    uint32_t file;
    dataset_texts *texts; /* take the rows' texts */
    dataset_split *split; /* rows are added here */
    size_t *row_capacity;
    size_t file_rows;     /* rows of this file, dropped ones too */
    size_t file_invalid;  /* of these, dropped */
    char **invalid_first; /* the dataset's */
} data__reader;

/* Adds the rows of a file. */
err data__read_delimited(data__reader *r, data__source *s) MUST_CHECK;
err data__read_jsonl(data__reader *r, data__source *s) MUST_CHECK;
err data__read_json(data__reader *r, data__source *s) MUST_CHECK;
err data__read_tagged(data__reader *r, data__source *s) MUST_CHECK;
err data__read_conll(data__reader *r, data__source *s) MUST_CHECK;

/* The next object of an array, the number-th from 1; *object is owned, NULL once the array and the
 * file have ended. Errors: ERR_FORMAT naming line and column. */
err data__json_next(cJSON **object, data__source *s, uint32_t number) MUST_CHECK;
/* The bytes at the source's place as one JSON value, owned; the byte behind them is put back. */
err data__json_line(cJSON **out, const data__source *s, char *text, size_t bytes) MUST_CHECK;
/* The value of a key, which stands there once; a.b is key b of the object at key a, unless there is
 * a key of that very name. Borrowed. */
err data__json_value(const cJSON **value, const cJSON *object, const char *key,
                     const char *where) MUST_CHECK;
/* Text of a label's value: a string as it is, a whole number or a truth value as written; of a
 * score any number. Borrowed from v or number. */
err data__json_label(text_span *label, char number[32], const cJSON *v, answer_kind kind,
                     const char *key, const char *where) MUST_CHECK;

/* A row as it stands in a file. Borrowed. */
typedef struct data__row {
    const char *where; /* "PATH:LINE" */
    uint32_t line;
    text_span texts[EXAMPLE_TEXTS_MAX]; /* the second alone where the task has pairs */
    text_span label;     /* a label's value, a number, or values with the separator between; unused
                           where the file has a label */
    const uint8_t *set;  /* (labels) of labels that have columns of their own, else NULL */
    example_units units; /* where these are answered */
    const char *fault;   /* what is wrong with the row's labels, or NULL */
} data__row;

/* Adds one row. A label or number outside the manifest, and a pair with one text, is dropped and
 * counted, or an error, as the task says. */
err data__add_row(data__reader *r, const data__row *row) MUST_CHECK;

/* What labels the manifest has, for messages, the first of them. Errors: ERR_MEMORY. */
err data__known_labels(strbuf *out, const task *t) MUST_CHECK;

/* Marks a label of a list in r->set. Errors: ERR_FORMAT for one that is unknown or there twice. */
err data__mark_label(data__reader *r, const char *where, const char *label,
                     size_t bytes) MUST_CHECK;

/* Characters of a text, from 0. */
typedef struct data__range {
    size_t first, last;
} data__range;

/* Puts a text with markers (text/markers.h) around subject and object into out. Errors: ERR_FORMAT
 * for places that the text has not, entities that share some, or a text with a marker of its own. */
err data__mark_entities(strbuf *out, const char *where, text_span text, data__range subject,
                        data__range object) MUST_CHECK;

/* Divides d->file_rows into train and test by the hash rule. */
err data__split_by_hash(dataset *d, uint32_t one_in) MUST_CHECK;

/* Sets flags and counts of train (cleaning) and of test (against cleaned train). */
err data__mark(dataset *d, const task *t) MUST_CHECK;

/* Sets d->cleaned of marked rows. */
void data__count_cleaned(dataset *d, const task *t);

/* Keeps the `limit` rows that the hash rule chooses; with only_kept, of those with `kept`. */
err data__limit(dataset_split *s, size_t limit, bool only_kept) MUST_CHECK;

/* Whether one place alone is known of a file that nothing fetches: its manifest's, or a run's. */
bool data__is_placed(const task_file *f, const dataset_options *o);

/* The error of such a file that is not there. ERR_DATA. */
err data__moved(const task *t, const task_file *f, const char *path) MUST_CHECK;

#endif
