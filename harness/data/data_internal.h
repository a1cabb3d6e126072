/* Shared inside harness/data only: reading one file, and orders by hash. */
#ifndef HARNESS_DATA_DATA_INTERNAL_H
#define HARNESS_DATA_DATA_INTERNAL_H

#include "data/dataset.h"

/* A sentence longer than this is a fault of the file: a quote that never closes, or no line ends.
 */
enum { DATA_TEXT_LIMIT_BYTES = 1 << 20 };

/* Where rows are read to. The text block has to have room for the bytes of every file and two more
 * for each; then no text ever moves. */
typedef struct data__reader {
    const task *task;
    const char *path; /* of the file being read */
    uint32_t file;
    dataset_split *split; /* rows are added here */
    size_t *row_capacity;
    char *text_end;       /* first free byte of the text block */
    size_t file_rows;     /* rows of this file, dropped ones too */
    size_t invalid_count; /* of these, dropped for their label */
} data__reader;

/* Fails unless bytes (count) are UTF-8 without a NUL byte. Errors: ERR_FORMAT with line and
 * position. */
err data__check_text(const char *path, const char *bytes, size_t count) MUST_CHECK;

/* Adds the rows of a file's bytes (count; a 0 byte follows them), which data__check_text has
 * passed. */
err data__read_delimited(data__reader *r, const char *bytes, size_t count) MUST_CHECK;
err data__read_jsonl(data__reader *r, const char *bytes, size_t count) MUST_CHECK;
err data__read_json(data__reader *r, const char *bytes, size_t count) MUST_CHECK;

/* Adds one row. where is "PATH:LINE". A label outside the manifest is dropped and counted, or an
 * error, as the task says. */
err data__add_row(data__reader *r, const char *where, uint32_t line, const char *text,
                  size_t text_bytes, const char *label, size_t label_bytes) MUST_CHECK;

/* Divides d->file_rows into train and test by the hash rule. */
err data__split_by_hash(dataset *d, uint32_t one_in) MUST_CHECK;

/* Sets flags and counts of train (cleaning) and of test (against cleaned train). */
err data__mark(dataset *d, const task *t) MUST_CHECK;

/* Counts rows, empties, duplicates and labels of one split, and sets `first`. */
err data__count(dataset_split *s, size_t label_count) MUST_CHECK;

/* Keeps the `limit` rows that the hash rule chooses; with only_kept, of those with `kept`. */
err data__limit(dataset_split *s, size_t limit, bool only_kept) MUST_CHECK;

#endif
