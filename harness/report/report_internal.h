/* Shared by the report's files. */
#ifndef HARNESS_REPORT_REPORT_INTERNAL_H
#define HARNESS_REPORT_REPORT_INTERNAL_H

#include "report/board.h"
#include "report/language.h"

/* Fills mean, std, range, ranks and baselines of a table whose rows and runs are gathered. */
err report__table_statistics(const board *b, board_table *t) MUST_CHECK;

/* Fills overall_tables and overall once all tables have their statistics. */
err report__overall(board *b) MUST_CHECK;

/* Every model that has a row in one of the tables (NULL: none), in the order of its first row: the row
 * that stands for it in each table, and the run of its first. Neither complete nor mean is told. */
typedef struct board_models {
    board_overall *models; /* (count) owned */
    size_t count;
} board_models;
err report__models(board_models *out, const board_table *const *tables,
                   size_t table_count) MUST_CHECK;
void report__free_models(board_models *m);

void report__free_groups(board *b);

/* Fills each row's words, before rows are put in order of score: "3 epochs, lr 5e-05" and, where a
 * model has several rows, every value in which they differ and which has no column of its own. */
err report__row_words(board_table *t) MUST_CHECK;

/* "- max_steps: 30 in A, default in B" of each field of the recipe that two runs differ in, behind
 * an empty line, or nothing; the same as {key: [a, b]}. */
err report__recipe_differences(strbuf *out, const record *a, const record *b,
                               page_language language) MUST_CHECK;
/* The same within a line: "max_steps 30 and default, learning_rate ...", in English. */
err report__recipe_words(strbuf *out, const record *a, const record *b) MUST_CHECK;
err report__recipe_differences_json(cJSON *top, const record *a, const record *b) MUST_CHECK;

/* " (answers one label for every row: 2 of 3 seeds; ...)", or nothing; also what the corpus of a
 * pretrained model has to do with the task. */
err report__cautions(strbuf *out, const board_row *row) MUST_CHECK;

/* What the corpus of the record's pretrained model has to do with the task; NULL: nothing. */
const char *report__corpus_caution(const record *r);

/* "4.4M" from 4369539; "37 s", "12 min", "1.5 h" from seconds. */
err report__parameters(strbuf *out, int64_t parameters) MUST_CHECK;
err report__duration(strbuf *out, double seconds) MUST_CHECK;

/* A time of training, with its mark where `beside` of the `runs` that it is the mean of trained beside
 * others' work: "37 s (beside others: 2 of 3 seeds)". */
err report__trained(strbuf *out, double seconds, size_t beside, size_t runs,
                    page_language language) MUST_CHECK;

/* Fills apart of tables (count), which are in order. */
void report__mark_apart(board_table *tables, size_t count);

/* Whether a run's scores list this one: of its kind of answers, and telling something of them. */
bool report__shows(const metric *m, const record *r);

/* The rank, or a dash for a row in no test. */
err report__rank(strbuf *out, const board_row *row) MUST_CHECK;

/* value with six decimals, so that a last bit of libm does not reach a file. */
double report__rounded(double value);

#endif
