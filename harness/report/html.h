/* HTML pages of the board: one index and a page for each run, in English or Korean (strings.def).
 * Their style and script are two files beside the index, so that pages work where a policy lets no
 * inline style or script through (default-src 'self'); SVG charts are inside. No page needs a
 * network, and none needs its script to be read. Light and dark follow the reader's system. */
#ifndef HARNESS_REPORT_HTML_H
#define HARNESS_REPORT_HTML_H

#include "report/board.h"
#include "report/language.h"

/* Stand near the beginning of every page, and of those of older programs: file_check_own tells them
 * by it. */
#define HTML_PAGE_MARK "<meta name=\"generator\" content=\"harness\">"
#define HTML_OLD_INDEX_MARK "<title>harness leaderboard</title>"
#define HTML_OLD_PAGE_MARK ":root{color-scheme:light dark;--page:"

/* Of a run's page with texts, which no page without them replaces unasked; also near its beginning. */
#define HTML_TEXTS_MARK "<!-- made with texts -->"

/* The files beside the index, and the words that begin them. */
#define HTML_STYLE_FILE "harness.css"
#define HTML_SCRIPT_FILE "harness.js"
#define HTML_FILE_MARK "/* Written by `harness report`, for the pages beside it. */"
err html_style(strbuf *out) MUST_CHECK;
err html_script(strbuf *out) MUST_CHECK;

/* Appends the whole index. Links lead to run pages at html_run_name below the same folder. */
err board_html(strbuf *out, const board *b, page_language language) MUST_CHECK;

/* Appends the whole page of one run.
 *   texts       (test rows) texts for the list of rows most wrong, or NULL for row numbers alone
 *   confusions  the name of a file beside the page that holds them all, or NULL: none does */
err html_run(strbuf *out, const record *r, const char *const *texts, const char *confusions,
             page_language language) MUST_CHECK;

/* Whether a run's labels are too many for a matrix: its page shows the commonest confusions. */
bool html_run_is_of_many_labels(const record *r);

/* Appends all confusions of such a run as CSV, the commonest first, labels as on the page; how the file
 * begins, and how it is called beside a page that is called so with ".html". */
#define HTML_CONFUSIONS_MARK "gold,predicted,test_rows,share_of_gold\n"
#define HTML_CONFUSIONS_END ".confusions.csv"
err html_run_confusions(strbuf *out, const record *r, page_language language) MUST_CHECK;

/* "pages/<task>/<name>.html" of the record in the file <task>/<name>.json, and
 * "pages/<task>/<who>--<name>.html" of that in <who>/<task>/<name>.json, so that no two records share
 * a page. *out is owned. */
err html_run_name(char **out, const char *path) MUST_CHECK;

#endif
