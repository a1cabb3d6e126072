/* The board: records gathered into tables, with their uncertainty, and its printed forms.
 *
 * One table per (task, task version, data hash, protocol, headline). A row of a table is one
 * (model, weights, vocabulary, configuration, recipe_sha256, precision, device kind and name,
 * number of ranks and their devices, numerics version); its seeds are averaged. Rows are ordered by the mean of the headline metric,
 * then by name. Nothing printed depends on a clock or a folder, so the same records give the same
 * bytes.
 *
 * No record stops the board. What cannot stand on it is left out and named by a note: of records
 * that name the same data but differ in what follows from it, all but the largest group that agrees
 * (of groups of one size, the one with the first path); of records of several seeds that have the
 * final weights or every loss in common, which no two seeds can, those of other seeds than the
 * first path's; of several records of one row and seed, all but the first path. The note says
 * whether the record repeats or contradicts the one that stays.
 *
 * Uncertainty: rows are resampled by one bootstrap per table (metric/interval.h), the same draws
 * for all runs. A row with several seeds gets mean -+ t * sqrt(bootstrap variance of the mean + s^2
 * / S); a row with one seed gets the interval of its resamples, which knows nothing of seeds, and
 * takes part in no test. Every pair of rows with several seeds is tested by the paired difference
 * of their means; Holm's adjustment covers all pairs of the table, at the 5 % level. */
#ifndef HARNESS_REPORT_BOARD_H
#define HARNESS_REPORT_BOARD_H

#include "base/err.h"
#include "base/memory.h"
#include "metric/interval.h"
#include "result/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct board_row {
    const record **runs; /* (run_count) by seed; list owned, records borrowed */
    const char **paths;  /* (run_count) of the runs' files; list owned, texts borrowed */
    size_t run_count;
    double mean, std; /* headline over seeds; std 0 with one seed */
    double dedup_mean;
    interval range;                  /* 95 % */
    bool rows_only;                  /* one seed: the interval knows nothing of seeds */
    size_t cautions[SCORE_CAUTIONS]; /* runs of which score_judge says so */
    char *words;    /* recipe, and what tells the row from others of its model, owned */
    char *words_ko; /* the same in Korean, for pages */
    char *apart,
        *apart_ko;  /* of the words those of the recipe in which rows of its model differ, or
                               ""; owned */
    char *made;     /* dates and program: "2026-11-22 – 2026-11-24, 0.1.0 (4b79fbbe) +1", owned */
    size_t order;   /* of the rows by what tells them apart; among equal means it decides */
    double train_s; /* mean */
    size_t beside;  /* runs that trained beside others' work (record_had_company) */
    size_t rank;    /* 1 + number of rows significantly better; 0: one seed, in no test */
} board_row;

/* Of tables of one task: a newer version of this protocol; other data or another protocol of this
 * version; another protocol, or another version, of any. */
typedef enum board_apart {
    APART_VERSION = 1,
    APART_DATA = 2,
    APART_PROTOCOL = 4,
    APART_ANY_PROTOCOL = 8,
    APART_ANY_VERSION = 16
} board_apart;

typedef struct board_table {
    board_row *rows; /* (row_count > 0) best first, owned */
    size_t row_count;
    const metric *headline;
    double baseline, baseline_dedup; /* headline of always predicting the training majority */
    unsigned apart; /* of board_apart: what other tables have that this one is kept apart from */
} board_table;

/* One model on a device in a precision, over all tasks. */
typedef struct board_overall {
    const board_row **rows; /* (task_count) one per task in table order, NULL where the model was
                               not run; owned list */
    const record *any;      /* of its runs, that of its first row */
    size_t place;           /* of that row among those of the tables */
    bool complete;          /* ran every task */
    double mean;            /* of its rows' headline means; complete ones alone have it */
} board_overall;

/* A table of a group of tasks (task_group): a column a metric, a row a model on a device in a
 * precision, and in a table of its own below what others published. Of a model's rows the one of the overall stands here. Nothing is ranked. */
struct task;

typedef struct board_column {
    const struct task *task;
    const metric *metric;
} board_column;

typedef struct board_group_row {
    const char *model;
    const record *run; /* any of the model's; NULL: published */
    double *scores;    /* (column_count) owned; NaN where there is none */
    const board_row *
        *rows; /* (column_count) what they are of, or NULL; list owned, rows borrowed */
} board_group_row;

typedef struct board_group {
    const char *name, *title;
    board_column *columns; /* (column_count) owned */
    size_t column_count;
    board_group_row *rows; /* (row_count) owned: models by name, then the published ones */
    size_t model_count, row_count, row_capacity;
    char *sources, *sources_ko; /* of what is published, owned */
} board_group;

/* A record that was left out. */
typedef struct board_note {
    char *text;       /* a sentence, owned */
    bool contradicts; /* it cannot be true beside the records that stay; else it repeats one */
} board_note;

typedef struct board {
    const store *records; /* that it was made of */
    const char *cache;    /* folder of what is known of tables already; NULL: none */
    board_table *tables;  /* (table_count) by task, version, data, protocol; owned */
    size_t table_count;
    size_t *overall_tables; /* (task_count) the tables of the overall: newest of each task, protocol
                               last */
    size_t task_count;
    board_overall *overall; /* (overall_count) complete ones first and best first, others by name */
    size_t overall_count;
    double overall_baseline; /* mean of the tables' baselines */
    board_group *groups;     /* (group_count) of board_add_groups; without models: not shown */
    size_t group_count;
    struct task *grouped; /* (grouped_count) owned: tasks of groups, by group and place */
    size_t grouped_count;
    double dev_score; /* that times are told until (cost.h); NaN: what every run reached. Of whoever
                         made the board; board_init gives NaN */
    board_note *notes; /* (note_count) owned */
    size_t note_count, note_capacity;
} board;

/* Gathers rows and tables, without a figure, and says what is left out. The store must outlive the board.
 * Free with board_free. Errors: ERR_MEMORY; those of reading a record again. */
err board_gather(board *b, const store *s) MUST_CHECK;

/* Gathers and computes. The store must outlive the board. Free with board_free.
 *   cache  a folder (cache_file.h) that spares the resamples of rows that it knows, of a lean store:
 *          it gets what is new. NULL: none
 * Errors: ERR_MEMORY; with a cache also those of reading a record again. */
err board_init(board *b, const store *s, const char *cache) MUST_CHECK;
void board_free(board *b);

/* Adds the tables of the groups that manifests name (task_list). Errors: those of task_list;
 * ERR_MEMORY. */
err board_add_groups(board *b, const char *task_dir) MUST_CHECK;

/* Each appends its whole file to out. */
err board_markdown(strbuf *out, const board *b) MUST_CHECK;
err board_csv(strbuf *out, const board *b) MUST_CHECK;
err board_json(strbuf *out, const board *b) MUST_CHECK;

#endif
