/* HTML pages of the board: one index and a page for each run. Every page is one file that needs no
 * network: style, script and SVG charts are inside. Light and dark follow the reader's system. */
#ifndef HARNESS_REPORT_HTML_H
#define HARNESS_REPORT_HTML_H

#include "report/board.h"

/* Stands near the beginning of every page: file_check_own tells them by it. */
#define HTML_PAGE_MARK ":root{color-scheme:light dark;--page:"

/* Appends the whole index. Links lead to run pages at html_run_name below the same folder. */
err board_html(strbuf *out, const board *b) MUST_CHECK;

/* Appends the whole page of one run.
 *   texts  (test rows) texts for the list of rows most wrong, or NULL for row numbers alone */
err html_run(strbuf *out, const record *r, const char *const *texts) MUST_CHECK;

/* "pages/<task>/<name>.html" of the record in the file <task>/<name>.json, and
 * "pages/<task>/<who>@<name>.html" of that in <who>/<task>/<name>.json, so that no two records share
 * a page. *out is owned. */
err html_run_name(char **out, const char *path) MUST_CHECK;

#endif
