/* From a finished run to its record, and what a person reads of it. */
#ifndef HARNESS_CLI_RUN_RECORD_H
#define HARNESS_CLI_RUN_RECORD_H

#include "metric/interval.h"
#include "result/record.h"
#include "train/run/run.h"

/* Fills a fresh record (record_init is done here) from a run that was trained and evaluated, and
 * scores it. command is the command line that repeats it. Free with record_free, also after an
 * error. */
err run_record(record *out, const run *r, const char *command) MUST_CHECK;

/* The same of an opened run that is yet to be trained: its task alone. */
err run_record_task(record *out, const run *r) MUST_CHECK;

/* What the machine told of a run at its moments (RUN_MOMENTS); r's device is set. */
void run_cost(record_cost *out, const power_sample *at, const record *r);

/* Whether the record goes to the results folder: it is not partial, and the task has a manifest. */
bool run_is_result(const record *rec, const run *r);
/* Writes the record to the output folder and, if it is a result, to the results folder.
 *   *local   its file, owned
 *   *stored  that among the results, owned; NULL where there is none
 *   *stays   another worker, whom no lock has kept out, has put its own there meanwhile: nothing was
 *            written
 * Errors: those of record_write and of the store. */
err run_store(char **local, char **stored, bool *stays, record *rec, const run *r,
              const char *results) MUST_CHECK;

/* The row's first row of equal text: first[i] <= i. first (row_count) is the caller's. */
err first_rows(uint32_t *first, const dataset_split *split) MUST_CHECK;

/* Tokens of each row without [CLS] and [SEP], and how many of all are [UNK]. (rows->count) each. */
void count_tokens(uint32_t *tokens, uint32_t *unknown, const encoded *rows,
                  const dataset_split *split, uint32_t unknown_id);

/* Adds a target's labels to counts (classes): numbers have none, trees those of the words that hang
 * from the next one, as every word does in what they stand against. */
void count_labels(uint64_t *counts, answer_kind kind, size_t classes, example_target target);

/* Headline of a record with what puts it in proportion. */
typedef struct run_summary {
    double score, dedup;
    interval range;  /* 95 %, over test rows */
    double majority; /* headline of always answering the training majority */
    score_caution caution;
} run_summary;
err run_summarise(run_summary *s, const record *r) MUST_CHECK;

#endif
