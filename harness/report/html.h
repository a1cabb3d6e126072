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
 *   texts  (test rows) texts for the list of rows most wrong, or NULL for row numbers alone */
err html_run(strbuf *out, const record *r, const char *const *texts,
             page_language language) MUST_CHECK;

/* "pages/<task>/<name>.html" of the record in the file <task>/<name>.json, and
 * "pages/<task>/<who>--<name>.html" of that in <who>/<task>/<name>.json, so that no two records share
 * a page. *out is owned. */
err html_run_name(char **out, const char *path) MUST_CHECK;

#endif
