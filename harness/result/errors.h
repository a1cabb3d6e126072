/* Where several runs on the same rows go wrong: which rows, which labels, which kinds of text. Of
 * tasks with one label a row.
 *
 *   wrong    rows that every run answers wrongly, by the mean of their probabilities. A label is
 *            suspect where confident learning says so (Northcutt, Jiang, Chuang 2021): another class
 *            is the mean's answer, and its mean probability is at least what rows of that label get
 *            for it on average. Suspect ones first, then the least probability of the gold label,
 *            that paper's self-confidence.
 *   parted   rows that the runs answer differently, by the entropy of their votes (Dagan and Engelson
 *            1995), the largest first, of equals those whose probabilities are furthest apart.
 *   slices   the rows by something that is known of them, and the scores of each part, means over
 *            the runs; macro averages are of the classes that the part has (metric_of_seen).
 *   confused pairs of labels by how often, on average over the runs, the first was answered as the
 *            second. */
#ifndef HARNESS_RESULT_ERRORS_H
#define HARNESS_RESULT_ERRORS_H

#include "base/memory.h"
#include "metric/calibration.h"
#include "metric/score.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the runs said. */
typedef struct errors_input {
    size_t runs, rows, classes;
    answer_kind kind;           /* one label a row (answer_is_label) */
    const float *const *logits; /* (runs) of (rows, classes) */
    const calibration_chance
        *chances; /* (rows) of one run, whose logits then serve relations alone */
    const uint32_t *const *predicted; /* (runs) of (rows) */
    const uint32_t *gold;             /* (rows) */
    const uint32_t *first_row;        /* (rows) first row of equal text */
    const bool *leaked;               /* (rows) its text is among those trained on */
    const uint32_t *tokens, *unknown; /* (rows) tokens without special ones; [UNK] among them */
    const metric *headline;
} errors_input;

typedef struct errors_row {
    size_t row;
    uint32_t answer;                 /* of the mean of the probabilities */
    double probability, gold_chance; /* of the answer and of the gold label, means over the runs */
    double entropy;                  /* of the runs' votes, nats */
    double distance;                 /* of rows that part: total variation between a run's
                                        probabilities and their mean, the mean over the runs */
    bool is_suspect;
} errors_row;

typedef struct errors_slice {
    const char *by; /* "length", "[UNK]", "text" */
    char name[40];  /* "8 to 12 tokens" */
    size_t rows;
    double accuracy, headline; /* means over the runs; NaN of no rows */
} errors_slice;

typedef struct errors_pair {
    uint32_t gold, said;
    double rows;  /* mean over the runs */
    double share; /* of the gold label's rows */
} errors_pair;

enum { ERRORS_SLICES = 12 };

typedef struct errors {
    errors_row *wrong, *parted; /* owned */
    size_t wrong_count, parted_count, suspect_count;
    errors_slice slices[ERRORS_SLICES];
    size_t slice_count;
    errors_pair *pairs; /* (pair_count) owned, none of 0 rows */
    size_t pair_count;
} errors;

/* Free with errors_free, also after an error. Errors: ERR_MEMORY. */
err errors_find(errors *out, const errors_input *in) MUST_CHECK;
void errors_free(errors *e);

#endif
