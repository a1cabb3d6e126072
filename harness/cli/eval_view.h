/* What `eval` says of answers to rows, whether a model has just given them or a record holds them:
 * scores, classes, confusion, and one line a row. */
#ifndef HARNESS_CLI_EVAL_VIEW_H
#define HARNESS_CLI_EVAL_VIEW_H

#include "cli/score_table.h"
#include "data/dataset.h"

typedef struct eval_view {
    const char *task, *from, *device, *split; /* from: the model's folder or the record's file */
    const char *precision;                    /* device_precision_name */
    bool is_record;
    answer_kind kind;
    const char **labels; /* (label_count) names, for programs and rows; borrowed, as the next */
    const char **shown;  /* (label_count) what people read */
    size_t label_count;
    const char *label_1; /* for people; NULL: there is none */
    const char *headline;
    const confusion *official, *dedup;
    const double *values, *values_dedup; /* by index of metric_at */
    interval range;
    double majority;
    score_caution caution;
    double loss, sentences_per_s; /* of a model */
    size_t rows;
    answers gold, predicted;
    const double *scores; /* (rows, label_count) of a model: what it gives each label; NULL: none */
    const dataset_split *split_rows; /* texts; NULL: none */
} eval_view;

err eval_view_print(const eval_view *v) MUST_CHECK;
err eval_view_json(const eval_view *v) MUST_CHECK;

/* Whether rows may be written there, to be asked before they are made. Errors: ERR_USAGE for a name
 * that does not tell the form; ERR_DATA for a file that is there, without `overwrite`. */
err eval_view_writable(const char *path, bool overwrite) MUST_CHECK;

/* Writes a line a row: row (from 1), gold, predicted, the scores of all labels where they are known,
 * and with_texts the texts. Entities are the tags of the text's units, trees head:relation of its
 * words, with blanks between. The form is told by the name: .jsonl, .tsv or .csv. Errors: ERR_IO. */
err eval_view_predictions(const eval_view *v, const char *path, bool with_texts) MUST_CHECK;

#endif
