/* A row of a file with what a model says of it behind: `predict --input` and `eval --predictions`.
 */
#ifndef HARNESS_CLI_PREDICT_ROW_H
#define HARNESS_CLI_PREDICT_ROW_H

#include "cli/predictor.h"
#include "data/table.h"

enum { ROW_NAMES = 4 };

typedef struct row_form {
    task_format_kind kind;
    char delimiter;
    bool quoted, scores;
    char *names[ROW_NAMES]; /* (count) of label, score and scores, or of other answers; owned */
    size_t count, columns;  /* columns: of them those that are written */
    strbuf *said;           /* (said_count) labels as they are written, once they were; owned */
    size_t said_count;
} row_form;

/* Names of labels, or of what bare (count) names, that the table has none of: "label", "predicted_label", "predicted_2_label" and so on.
 * Free with row_form_free, also after an error. */
err row_form_init(row_form *f, const table *t, bool scores) MUST_CHECK;
err row_form_init_of(row_form *f, const table *t, const char *const *bare, size_t count) MUST_CHECK;
void row_form_free(row_form *f);

/* Says what stands between several labels, unless that is a comma. */
void row_say_between(const char *between);
/* Appends the label of p's last rank, or those of a model that says several, with p->between. */
err row_label(strbuf *out, const predictor *p) MUST_CHECK;

/* Errors: ERR_FORMAT for a JSON row that has one of the names. */
err row_check(const row_form *f, const table *t) MUST_CHECK;

/* Bytes of the row that go out as they are, before what is added. */
size_t row_kept_bytes(const row_form *f, text_span raw);
/* Whether nothing but blanks follows the '{' of an object without its end. */
bool row_is_empty(const char *text, size_t bytes);

err row_add_header(strbuf *out, const row_form *f, text_span raw, const char *line_end) MUST_CHECK;
/* The row with the scores of p's last rank. */
err row_add(strbuf *out, row_form *f, const predictor *p, text_span raw,
            const char *line_end) MUST_CHECK;
/* The row with an object's members, in the order of the names, as JSON. */
err row_add_json(strbuf *out, const row_form *f, const cJSON *members, text_span raw,
                 const char *line_end) MUST_CHECK;
/* A row that could not be read: columns of nothing; of JSON as it is. */
err row_add_bad(strbuf *out, const row_form *f, text_span raw, const char *line_end) MUST_CHECK;

/* A cell, quoted where the file quotes and it has to be. A text that a spreadsheet would take for a
 * formula gets ' in front (SHOWN_CSV), a number does not. */
err cell_add(strbuf *out, char delimiter, bool quoted, const char *text) MUST_CHECK;
/* Whether a spreadsheet would compute such a cell. */
bool cell_is_computed(const char *text);

#endif
