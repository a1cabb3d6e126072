/* Shared by the files of a run's page. */
#ifndef HARNESS_REPORT_HTML_RUN_INTERNAL_H
#define HARNESS_REPORT_HTML_RUN_INTERNAL_H

#include "metric/confusion_cells.h"
#include "report/html_internal.h"

enum { MATRIX_CLASSES = 64 }; /* a page of more would be megabytes that nobody reads */

/* A section with a heading and a table. columns: 'l' or 'r' (numbers) for each title; NULL: two
 * columns of names and values, without heads. */
void run__table_begin(page *p, const char *title);
void run__heads(page *p, const char *columns, const char *const *titles);
void run__table_end(page *p);

/* The name of a class of the sum: a label, or the type of entities. */
const char *run__class(const page *p, const record *r, size_t k);

/* Rows of a table: what was taken for what, and of how much of the gold label's rows. */
void run__confused_heads(page *p);
void run__confused_rows(page *p, const record *r, const confusion_cell *list, size_t count);

/* The rows that are most wrong, what goes wrong, trees. */
void run__add_worst(page *p, const record *r, const char *const *texts);
void run__add_errors(page *p, const record *r, const char *const *texts);
void run__add_trees(page *p, const record *r, const char *const *texts);

/* Protocol dev: its curves and the step that was chosen. */
void run__add_dev(page *p, const record *r);
/* Recipe, data, device, cost. */
void run__add_facts(page *p, const record *r);

/* A cell of a count: "1,734". */
void run__count(page *p, uint64_t count);

#endif
