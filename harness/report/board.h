/* The board: records gathered into tables, with their uncertainty, and its printed forms.
 *
 * One table per (task, task version, data hash, protocol). A row of a table is one (weights, recipe,
 * precision, device); its seeds are averaged. Rows are ordered by the headline metric, then by name.
 * Nothing printed depends on a clock or a path, so the same records give the same bytes. */
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
    const record **runs;   /* (run_count) by seed; list owned, records borrowed */
    size_t *store_index;   /* (run_count) of the runs in the store, owned */
    size_t run_count;
    double mean, std;      /* headline over seeds; std 0 with one seed */
    double dedup_mean;
    interval range;        /* 95 % */
    bool rows_only;        /* one seed: the interval knows nothing of seeds */
    double train_s;        /* mean */
    size_t rank;           /* 1 + number of rows significantly better */
} board_row;

typedef struct board_table {
    const record *example; /* any record of the table; borrowed */
    board_row *rows;       /* (row_count) best first, owned */
    size_t row_count;
    double baseline;       /* headline of always predicting the training majority */
    double baseline_dedup;
    bool superseded;       /* another table of this task and protocol has a newer version */
} board_table;

typedef struct board {
    board_table *tables;   /* (table_count) by task, version, data, protocol; owned */
    size_t table_count;
    const store *store;    /* borrowed: it must outlive the board */
} board;

/* Gathers and computes. Free with board_free. Errors: ERR_MEMORY; ERR_DATA when records of one table
 * do not agree on the test labels. */
err board_init(board *b, const store *s) MUST_CHECK;
void board_free(board *b);

/* Each appends its whole file to out. */
err board_markdown(strbuf *out, const board *b) MUST_CHECK;
err board_csv(strbuf *out, const board *b) MUST_CHECK;
err board_json(strbuf *out, const board *b) MUST_CHECK;

#endif
