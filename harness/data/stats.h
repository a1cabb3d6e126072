/* What a person asks of a data set before training on it: how many rows, which labels, how long the
 * texts are, what is empty, repeated or leaked. Counts come from data/dataset.h; here are lengths,
 * histograms, and the whole as text, JSON and a chart. */
#ifndef HARNESS_DATA_STATS_H
#define HARNESS_DATA_STATS_H

#include "base/json.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "text/tokenizer.h"

enum { DATA_BINS = 20 };

/* Lengths of the texts of one split, over all of its rows. */
typedef struct data_lengths {
    double mean;
    size_t max;
    size_t cut;       /* texts longer than the limit, 0 without one */
    size_t bin_width; /* 1, 2 or 5 times a power of ten, so that DATA_BINS bins hold the longest */
    size_t bins[DATA_BINS]; /* texts of length [i * bin_width, (i + 1) * bin_width) */
    size_t bin_count;       /* bins up to that of the longest */
} data_lengths;

typedef struct data_split_stats {
    const char *name;           /* "file", "train" or "test" */
    const dataset_split *split; /* borrowed */
    data_lengths characters;    /* Unicode code points */
    data_lengths tokens;        /* with [CLS] and [SEP]; zero without a tokenizer */
} data_split_stats;

typedef struct data_stats {
    const task *task; /* borrowed, as dataset and tokenizer */
    const dataset *dataset;
    const tokenizer *tokenizer; /* NULL: no lengths in tokens */
    bool sample;
    size_t max_length; /* tokens */
    data_split_stats splits[3];
    size_t split_count;
} data_stats;

/* Measures a dataset. The pointers are kept, not owned; there is nothing to free.
 *   t           NULL: characters alone
 *   max_length  tokens a model takes; 0: the task's own
 * Errors: ERR_MEMORY, and what tokenizer_encode reports. */
err data_stats_measure(data_stats *s, const task *of, const dataset *d, const tokenizer *t,
                       size_t max_length, bool sample) MUST_CHECK;

/* Tables and a histogram for a terminal. Errors: ERR_MEMORY. */
err data_stats_text(strbuf *out, const data_stats *s) MUST_CHECK;

/* The same as one JSON object; the caller frees *out with cJSON_Delete. */
err data_stats_json(cJSON **out, const data_stats *s) MUST_CHECK;

/* The histogram of lengths in characters as an SVG document; the mark stands near its beginning:
 * file_check_own tells the chart by it. */
#define DATA_STATS_SVG_MARK ": text lengths in characters"
err data_stats_svg(strbuf *out, const data_stats *s) MUST_CHECK;

#endif
