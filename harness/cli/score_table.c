#include "cli/score_table.h"

#include "base/memory.h"
#include "base/shown.h"
#include "cli/wrapped_row.h"
#include "metric/score_text.h"

#include <stdio.h>
#include <string.h>

enum { TITLE_LEAST = 20, TITLE_MOST = 40, OTHER_COLUMNS = 54, NARROW_COLUMNS = 18 };

static bool is_told(const score_table *t, const metric *m, size_t classes) {
    return metric_applies(m, t->kind, classes) && metric_tells(m, t->task);
}

void score_table_add(score_table *t, const char *headline, size_t classes, const double *scores,
                     const double *dedup) {
    for (int others = 0; others < 2; others++) {
        for (size_t i = 0; i < metric_count(); i++) {
            const metric *m = metric_at(i);
            bool is_headline = !strcmp(m->name, headline);
            if (is_headline != others && (is_headline || is_told(t, m, classes)))
                t->rows[t->count++] = (score_row){m, scores[i], dedup[i]};
        }
    }
}

/* Title and figures of a row; the headline's has more behind it. */
static void print_row(const score_table *t, size_t i, size_t columns, bool is_narrow) {
    char named[METRIC_TITLE_BYTES], shares[2][SCORE_TEXT_BYTES], figures[100];
    strbuf row = {0};
    const score_row *r = &t->rows[i];
    const char *score = score_share(shares[0], r->score), *dedup = score_share(shares[1], r->dedup);
    if (is_narrow)
        snprintf(figures, sizeof figures, " %7s %7s", score, dedup);
    else if (i)
        snprintf(figures, sizeof figures, " %9s %19s %9s", score, "", dedup);
    else
        snprintf(figures, sizeof figures, " %9s %10.4f - %.4f %9s %9.4f", score, t->range.low,
                 t->range.high, dedup, t->majority);
    if (wrapped_row_add(&row, metric_title(named, r->metric, t->label_1), columns, figures))
        err_clear(); // a row less
    else
        fputs(row.text, stdout);
    strbuf_free(&row);
}

void score_table_print(const score_table *t) {
    size_t width = TITLE_LEAST, columns = shown_columns();
    for (size_t i = 0; i < t->count; i++) {
        char named[METRIC_TITLE_BYTES];
        size_t own = shown_width(metric_title(named, t->rows[i].metric, t->label_1));
        if (own > width) width = own;
    }
    if (width > TITLE_MOST) width = TITLE_MOST;
    bool is_narrow = columns < width + OTHER_COLUMNS;
    if (is_narrow && columns < width + NARROW_COLUMNS)
        width = columns > TITLE_LEAST + NARROW_COLUMNS ? columns - NARROW_COLUMNS : TITLE_LEAST;
    if (is_narrow)
        printf("  %*s %7s %7s\n", (int)width, "", "score", "dedup");
    else
        printf("  %*s %9s %19s %9s %9s\n", (int)width, "", "score", "95 % interval", "dedup",
               t->kind == ANSWER_NUMBER ? "constant"
               : t->kind == ANSWER_ARCS ? "next word"
                                        : "majority");
    for (size_t i = 0; i < t->count; i++) {
        print_row(t, i, width, is_narrow);
        if (is_narrow && !i)
            printf("    95 %% interval %.4f - %.4f\n    %s %.4f\n", t->range.low, t->range.high,
                   metric_baseline_title(t->kind), t->majority);
    }
    if (t->caution) shown_line("  the model %s", score_caution_text(t->caution));
}
