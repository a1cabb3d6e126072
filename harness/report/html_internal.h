/* Shared by the HTML files: a page under construction, which keeps its first error so that what is
 * added after it does nothing. */
#ifndef HARNESS_REPORT_HTML_INTERNAL_H
#define HARNESS_REPORT_HTML_INTERNAL_H

#include "report/html.h"
#include "report/report_internal.h"
#include "report/words.h"

typedef struct page {
    strbuf *out;
    err e;
    page_language language;
    const char *const *labels; /* of a run's page: html__labels of its task */
} page;

/* A word of strings.def in the page's language. */
#define SAY(p, name) SAY_IN((p)->language, name)

/* What another floor names, in the page's language; as it is where strings.def lacks it. */
const char *html__term(const page *p, const char *english);

/* What the labels of a record's task are called on this page: on a Korean one, where they are Korean
 * in the data, so; else by the names for readers. Looks at all of them. Borrowed. */
const char *const *html__labels(const page *p, const record_task *t);

/* Adds text as it is: ours alone. From outside: text, also in attributes, by SHOWN_HTML; a path for
 * an href, by SHOWN_URL; a format, whose strings (%s) go by SHOWN_HTML: no markup among them. */
void html__add(page *p, const char *html);
void html__text(page *p, const char *text);
void html__link(page *p, const char *path);
void html__format(page *p, const char *format, ...) PRINTF_LIKE(2, 3);

/* What tells a row of the board from others, in the page's language; names of fields of the recipe
 * are the same in each. */
const char *html__row_words(const page *p, const board_row *row);
/* report__trained, in the page's language. */
void html__trained(page *p, double seconds, size_t beside, size_t runs);

/* Everything before the page's own header, and after what is in its <main>.
 *   root  the way to the index's folder, where style and script lie ("" or "../../"); NULL: they
 *         are not there, and the style is inside, allowed by its hash
 *   foot  markup of ours: which command wrote the page */
void html__begin(page *p, const char *title, const char *root);
void html__main(page *p);
void html__end(page *p, const char *foot);

/* A table that scrolls in itself, also by keys. The label is escaped. */
void html__table_begin(page *p, const char *label, const char *css_class);
void html__table_end(page *p);

/* Takes the error of a function that adds to p->out. */
void html__take(page *p, err e);

/* Charts, as inline SVG with the page's colours: a plot with what its axes count. */
enum {
    SVG_WIDTH = 560,
    SVG_HEIGHT = 240,
    SVG_LEFT = 76,
    SVG_RIGHT = 22,
    SVG_TOP = 18,
    SVG_BOTTOM = 50
};
typedef struct svg_scale {
    double x_low, x_high, y_low, y_high;
} svg_scale;
double svg__x(const svg_scale *s, double x);
double svg__y(const svg_scale *s, double y);
/* Opens it: lines and numbers of the y axis, both titles. */
void svg__begin(page *p, const svg_scale *s, const char *x_title, const char *y_title);
/* The same, with numbers below, where x counts something. */
void svg__begin_counted(page *p, const svg_scale *s, const char *x_title, const char *y_title);

/* Line: values (count > 0) at x = first + i * step; bars: heights (count > 0) over whole numbers
 * x. */
void svg__line(page *p, const float *values, size_t count, const char *x_title,
               const char *y_title);
/* The same of some steps alone, each with a dot; one of them is marked.
 *   x, y   (count > 0), x ascending
 *   marked its index; what that one is called */
void svg__marked_line(page *p, const double *x, const double *y, size_t count, size_t marked,
                      const char *called, const char *x_title, const char *y_title);
void svg__bars(page *p, const record_length *bars, size_t count, const char *x_title,
               const char *y_title);

/* The losses of all runs of the sides over each other, with a heading and what its lines are. */
struct compare_side;
void compare__loss_chart(page *p, const struct compare_side *sides, size_t count);

/* Reliability diagram: the share that is right of each bin of confidence, and the diagonal. */
void svg__reliability(page *p, const calibration *c);

/* A sentence's words with their arcs: gold above, predicted below.
 *   text        its words with blanks between
 *   gold, said  (words, ARC_WIDTH)
 *   relations   names, of ids below their number */
void svg__tree(page *p, const char *text, const uint32_t *gold, const uint32_t *said, size_t words,
               const char *const *relations);

/* A score with its interval on a scale from low to high (all in percent). */
void svg__interval(page *p, const board_row *row, double baseline, double low, double high);

#endif
