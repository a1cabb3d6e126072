/* What one run gets wrong (result/errors.h): rows by their numbers, parts of the test set, labels. */
#include "base/shown.h"
#include "report/html_run_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void subtable_begin(page *p, const char *title) {
    html__format(p, "<h3>%s</h3>\n", title);
    html__table_begin(p, title, "");
}

static void subtable_end(page *p) {
    html__add(p, "</tbody>");
    html__table_end(p);
}

static void add_suspects(page *p, const record *r, const char *const *texts) {
    char suspects[SHOWN_COUNT_BYTES], digits[SHOWN_COUNT_BYTES];
    size_t wrong = 0;
    for (int64_t i = 0; i < r->task.test_rows; i++) wrong += r->gold[i] != r->predicted[i];
    html__format(p, "<h3>%s</h3>\n<p class=\"soft\">", SAY(p, suspects));
    html__format(p, SAY(p, suspects_words), shown_count(suspects, (uint64_t)r->suspect_rows),
                 shown_count(digits, wrong));
    html__add(p, "</p>\n");
    if (!r->suspect_count) return;
    html__table_begin(p, SAY(p, suspects), "");
    run__heads(p, texts ? "rllrrl" : "rllrr",
               (const char *[]){SAY(p, row), SAY(p, gold), SAY(p, answer),
                                SAY(p, answer_probability), SAY(p, gold_probability),
                                SAY(p, text)});
    for (size_t i = 0; i < r->suspect_count; i++) {
        const record_suspect *s = &r->suspects[i];
        html__format(p,
                     "<tr><th scope=\"row\" class=\"n\">%lld</th><td>%s</td><td>%s</td>"
                     "<td class=\"n\">%.3f</td><td class=\"n\">%.3f</td>",
                     (long long)s->row + 1, p->labels[r->gold[s->row]], p->labels[s->answer],
                     s->probability, s->gold_probability);
        if (texts) html__format(p, "<td class=\"wrap\">%s</td>", texts[s->row]);
        html__add(p, "</tr>\n");
    }
    subtable_end(p);
}

/* "8 to 12 tokens" and the like in the page's language. */
static void add_slice_name(page *p, const char *name) {
    unsigned low = 0, high = 0;
    if (sscanf(name, "%u to %u tokens", &low, &high) == 2)
        html__format(p, SAY(p, slice_range), low, high);
    else if (sscanf(name, "%u tokens", &low) == 1)
        html__format(p, SAY(p, slice_tokens), low);
    else
        html__text(p, html__term(p, name));
}

static void add_slices(page *p, const record *r) {
    bool other = strcmp(r->headline, "accuracy") != 0;
    subtable_begin(p, SAY(p, slices));
    run__heads(p, other ? "llrrr" : "llrr",
               (const char *[]){SAY(p, slice_by), SAY(p, slice), SAY(p, test_rows),
                                html__term(p, "accuracy"),
                                html__term(p, metric_said(r->headline))});
    for (size_t i = 0; i < r->slice_count; i++) {
        const errors_slice *s = &r->slices[i];
        html__format(p, "<tr><td>%s</td><th scope=\"row\">", html__term(p, s->by));
        add_slice_name(p, s->name);
        html__add(p, "</th>");
        run__count(p, s->rows);
        html__format(p, "<td class=\"n\">%.2f</td>", 100 * s->accuracy);
        if (other) html__format(p, "<td class=\"n\">%.2f</td>", 100 * s->headline);
        html__add(p, "</tr>\n");
    }
    subtable_end(p);
}

void run__confused_heads(page *p) {
    run__heads(p, "llrr",
               (const char *[]){SAY(p, gold), SAY(p, predicted), SAY(p, test_rows),
                                SAY(p, share_of_gold)});
}

void run__confused_rows(page *p, const record *r, const confusion_cell *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        html__format(p, "<tr><td class=\"model\">%s</td><td class=\"model\">%s</td>",
                     p->labels[list[i].gold], p->labels[list[i].predicted]);
        run__count(p, list[i].rows);
        html__format(p, "<td class=\"n\">%.1f %%</td></tr>\n",
                     100 * (double)list[i].rows / (double)r->confusion.gold[list[i].gold]);
    }
}

/* Beside the matrix; where it would be too large, the longer list stands in its place. */
static err add_pairs(page *p, const record *r) {
    enum { SHOWN = 10 };
    confusion_cell *list = NULL;
    size_t count = 0;
    if (r->confusion.classes > MATRIX_CLASSES) return ERR_OK;
    err e = confusion_mistakes(&list, &count, r->gold, r->predicted, (size_t)r->task.test_rows);
    if (!e && count) {
        subtable_begin(p, SAY(p, confused));
        run__confused_heads(p);
        run__confused_rows(p, r, list, count < SHOWN ? count : SHOWN);
        subtable_end(p);
    }
    mem_free(list);
    return e;
}

void run__add_errors(page *p, const record *r, const char *const *texts) {
    if (!r->slice_count) return;
    html__format(p, "<section><h2>%s</h2>\n<p class=\"soft\">", SAY(p, errors));
    html__add(p, SAY(p, errors_seeds));
    html__add(p, "</p>\n");
    add_suspects(p, r, texts);
    html__add(p, "<div class=\"columns\">\n<div>");
    add_slices(p, r);
    html__add(p, "</div>\n<div>");
    html__take(p, add_pairs(p, r));
    html__add(p, "</div>\n</div>\n</section>\n");
}
