/* Tables of the comparisons: markdown whose columns also stand in line on a terminal. */
#ifndef HARNESS_REPORT_GRID_H
#define HARNESS_REPORT_GRID_H

#include "base/err.h"
#include "base/memory.h"

/* Cells are added row after row, the first row being the heads. The first error is kept: what is
 * added after it does nothing, and grid_end returns it. */
typedef struct grid {
    const char *columns; /* one letter for each: 'l' or 'r', borrowed */
    char **cells;        /* (count) owned */
    size_t count, capacity;
    err e;
} grid;

grid grid_begin(const char *columns);
/* A cell: text, by SHOWN_MARKDOWN. */
void grid_text(grid *g, const char *text);
void grid_cell(grid *g, const char *format, ...) PRINTF_LIKE(2, 3);
/* Appends the table to out and frees the grid. pre: whole rows */
err grid_end(strbuf *out, grid *g) MUST_CHECK;

#endif
