/* Shared by predict_file.c, which opens input and output, predict_maker.c, which says beside the output
 * what makes it, predict_window.c, which turns rows of the one into rows of the other, and
 * predict_flow.c, which has that done in the right order. */
#ifndef HARNESS_CLI_PREDICT_JOB_H
#define HARNESS_CLI_PREDICT_JOB_H

#include "cli/predict_row.h"
#include "cli/predict_units.h"
#include "data/table.h"

#include <stdio.h>

enum { WINDOW_COUNT = 3 }; /* one is read, one scored, one made rows of, at once */

/* A row of the window: its bytes lie in window.raw, its texts in window.texts. */
typedef struct window_row {
    size_t raw, raw_bytes, text[2], text_bytes[2];
    const char *line_end;
    bool is_bad;
} window_row;

/* Rows that are read, scored and written together. */
typedef struct window {
    strbuf raw, texts, out;
    window_row *rows;  /* (count) of (most) owned */
    example *examples; /* (good) of (most) owned */
    size_t count, good;
    size_t made, answered; /* rows of the output that are made, and of them those with an answer */
    bool is_read, is_made; /* whole */
    uint64_t behind;       /* byte of the input at which they end */
    encoded encoded;       /* of a model that answers once a text */
    float *logits;         /* likewise (good, classes) owned */
    unit_answers units;    /* of one that answers of a text's units */
} window;

typedef struct predict_job {
    predictor *p;
    const options *options;
    table table;
    row_form form;
    const char *text, *pair; /* names of columns */
    size_t text_column, pair_column;
    window windows[WINDOW_COUNT];
    size_t most;         /* rows of a window */
    int fd;              /* of the output; -1: standard output */
    size_t resumed;      /* rows that were there */
    size_t rows;         /* written, in this run and before */
    size_t bad;          /* read without being understood, likewise */
    label_counts labels; /* of their answers, likewise */
    label_counts found;  /* of rows that are there, those of no whole window too */
    double begin;
    bool ended;                       /* the input */
    bool converts;                    /* the output has another delimiter than the input */
    strbuf converted;                 /* the row that was read, as the output has it */
    strbuf rest;                      /* of a row that is there, what was added to it */
    char *state;                      /* path of what says who makes the output, owned */
    cJSON *maker;                     /* what it says, owned */
    sha256 written;                   /* of all that the output has */
    uint64_t written_bytes;           /* likewise */
    char kept_sha256[HASH_HEX_BYTES]; /* of its first kept_bytes, as its maker's name says */
    uint64_t kept_bytes;
    double kept_at;                    /* when it was said last */
    strbuf header;                     /* what stands before the first row */
    bool is_new, is_locked, has_begun; /* the output: was not there; is ours; has what is ours */
} predict_job;

err predict__window_init(window *w, size_t most) MUST_CHECK;
void predict__window_free(window *w);

/* Whether a window ends behind so many rows of so many bytes: long rows fill it early. */
bool predict__window_is_full(const predict_job *j, size_t rows, size_t bytes);

/* The next rows of the input and, of a model that answers once a text, their token ids; none at its
 * end. */
err predict__window_read(predict_job *j, window *w) MUST_CHECK;
/* Its parts: an empty window; up to `rows` more of its rows, until it is_read; then their token ids. */
void predict__window_empty(window *w);
err predict__window_rows(predict_job *j, window *w, size_t rows) MUST_CHECK;
err predict__window_encode(const predict_job *j, window *w) MUST_CHECK;
/* What the model says of them. Stops between batches when the run is interrupted. */
err predict__window_score(predict_job *j, window *w) MUST_CHECK;
/* Up to `rows` more of their rows of the output, into w->out, until it is_made. Then lets go of what
 * the model said. */
err predict__window_make(predict_job *j, window *w, size_t rows) MUST_CHECK;

/* The row that was read, or the names of the columns, as they stand in the output; borrowed until the
 * next. A row that could not be cut is one cell. */
err predict__row_kept(text_span *kept, predict_job *j, bool is_cut) MUST_CHECK;
err predict__names_kept(text_span *kept, predict_job *j) MUST_CHECK;

/* Whether the model is given the row that was cut last, and its text, borrowed. Errors: ERR_MEMORY. */
err predict__row_is_good(bool *is_good, text_span *text, const predict_job *j) MUST_CHECK;

/* A row that cannot be read ends the run, or passes: then row->is_bad. */
err predict__take_fault(const predict_job *j, window_row *row, err fault, bool more) MUST_CHECK;

/* Makes the output's place ready for the first rows: what stood there goes, and the header is written.
 * Does nothing the second time. */
err predict__begin(predict_job *j) MUST_CHECK;

/* All of it or nothing: what a full disk took of a window is taken back. */
err predict__write(predict_job *j, const char *bytes, size_t count) MUST_CHECK;

/* Whether the output's name still leads to the file that is open. */
bool predict__in_place(const predict_job *j);

/* What OUTPUT.unfinished.json says: who makes the rows, and how the rows begin that are on the disk.
 * Describes this run into j->maker. */
err predict__maker_describe(predict_job *j) MUST_CHECK;
/* What is there has to be made by the same. Errors: ERR_DATA naming what differs; ERR_FORMAT. */
err predict__maker_compare(predict_job *j) MUST_CHECK;
/* The first `end` bytes of the output, which are gone on with, and the first `seen`, which are whole
 * rows: as they were written, as far as that was said. Errors: ERR_DATA where they were changed, or are
 * fewer. */
err predict__maker_check_rows(predict_job *j, FILE *output, uint64_t end, uint64_t seen) MUST_CHECK;
/* Puts the rows that are written on the disk, then says so. What stands behind them goes. */
err predict__maker_write(predict_job *j) MUST_CHECK;
/* The same when it is some seconds that it was said. */
err predict__maker_keep_some(predict_job *j) MUST_CHECK;
/* The same of a run that ends with an error, where it can be said. Returns that error. */
err predict__maker_keep(predict_job *j, err e) MUST_CHECK;

/* Labels all rows that are left. Errors: ERR_INTERRUPTED behind a whole number of windows. */
err predict__flow(predict_job *j) MUST_CHECK;

#endif
