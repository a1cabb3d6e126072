/* Which rows a run got wrong. */
#include "base/memory.h"
#include "metric/tags.h"
#include "report/html_run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORST_ROWS = 20 };

typedef struct wrong_row {
    size_t row;
    double error;
} wrong_row;

static int largest_first(const void *a, const void *b) {
    const wrong_row *x = a, *y = b;
    if (x->error != y->error) return x->error > y->error ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

// classes: those that gave their gold label least, as the record has them; others: largest errors
static err worst_rows(wrong_row **out, size_t *count, const record *r) {
    size_t rows = (size_t)r->task.test_rows;
    bool kept = answer_is_label(r->task.kind);
    err e = mem_new(out, kept ? r->worst_count : rows);
    *count = 0;
    if (e) return e;
    for (size_t i = 0; kept && i < r->worst_count; i++)
        (*out)[(*count)++] = (wrong_row){(size_t)r->worst[i].row, r->worst[i].probability};
    for (size_t i = 0; !kept && i < rows; i++) {
        double error = record_row_error(r, i);
        if (error > 0) (*out)[(*count)++] = (wrong_row){i, error};
    }
    if (kept) return ERR_OK;
    if (*count) qsort(*out, *count, sizeof **out, largest_first);
    if (*count > WORST_ROWS) *count = WORST_ROWS;
    return ERR_OK;
}

static uint32_t words_of(const record *r, size_t row) {
    return r->unit_begin[row + 1] - r->unit_begin[row];
}

/* "person 0-2": by places of units, since texts may be kept from the page. */
static void add_entities(page *p, const record *r, answers of, size_t row, bool is_gold) {
    const uint32_t *tags = of.classes + of.begin[row];
    size_t count = of.begin[row + 1] - of.begin[row], at = 0;
    tag_entity one;
    for (bool any = false; tag_next(&one, &at, tags, count, r->task.label_count, !is_gold);
         any = true) {
        html__add(p, any ? ", " : "");
        html__text(p, run__class(r, one.type));
        html__format(p, " %u-%u", one.begin + 1, one.end);
    }
}

/* "3: 5 nsubj": of the words whose answer is wrong the place, and what `of` has there. */
static void add_wrong_arcs(page *p, const record *r, answers of, size_t row) {
    const size_t first = (size_t)r->unit_begin[row] * ARC_WIDTH;
    bool any = false;
    for (uint32_t k = 0; k < words_of(r, row); k++) {
        size_t at = first + (size_t)k * ARC_WIDTH;
        if (!memcmp(r->gold + at, r->predicted + at, ARC_PUNCTUATION * sizeof *r->gold)) continue;
        html__format(p, "%s%u: %u %s", any ? ", " : "", k + 1, of.classes[at + ARC_HEAD],
                     run__label(r, of.classes[at + ARC_RELATION]));
        any = true;
    }
}

static void add_answer(page *p, const record *r, answers of, size_t row, bool is_gold) {
    bool any = false;
    html__add(p, answer_in_units(r->task.kind) ? "<td class=\"wrap\">" : "<td>");
    if (r->task.kind == ANSWER_TAGS) add_entities(p, r, of, row, is_gold);
    if (answer_is_label(r->task.kind)) html__text(p, run__label(r, of.classes[row]));
    if (r->task.kind == ANSWER_NUMBER) html__format(p, "%.3f", (double)of.numbers[row]);
    for (size_t k = 0; r->task.kind == ANSWER_SET && k < r->task.label_count; k++) {
        if (!(of.numbers[row * r->task.label_count + k] > 0)) continue;
        html__add(p, any ? ", " : "");
        html__text(p, run__label(r, k));
        any = true;
    }
    if (r->task.kind == ANSWER_ARCS) add_wrong_arcs(p, r, of, row);
    html__add(p, "</td>");
}

/* Trees of the rows that it got most wrong, of those that fit a page. */
void run__add_trees(page *p, const record *r, const char *const *texts) {
    enum { TREES = 5, WORDS_MOST = 60 };
    wrong_row *list = NULL;
    size_t count = 0, shown = 0;
    if (r->task.kind != ANSWER_ARCS || !texts) return;
    html__take(p, worst_rows(&list, &count, r));
    if (count) html__format(p, "<section><h2>%s</h2>\n", SAY(p, trees));
    for (size_t i = 0; i < count && shown < TREES; i++) {
        size_t row = list[i].row, first = (size_t)r->unit_begin[row] * ARC_WIDTH;
        if (words_of(r, row) > WORDS_MOST) continue;
        html__add(p, "<p class=\"soft\">");
        html__format(p, SAY(p, row_of_tree), row + 1);
        html__format(
            p, "</p><div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s %zu\">",
            SAY(p, tree), row + 1);
        svg__tree(p, texts[row], r->gold + first, r->predicted + first, words_of(r, row),
                  (const char *const *)r->task.labels);
        html__add(p, "</div>\n");
        shown++;
    }
    if (count) html__add(p, "</section>\n");
    mem_free(list);
}

void run__add_worst(page *p, const record *r, const char *const *texts) {
    const char *const measures[ANSWER_KINDS] = {SAY(p, gold_probability), SAY(p, error),
                                                SAY(p, labels_wrong),     SAY(p, entities_wrong),
                                                SAY(p, words_wrong),      SAY(p, gold_probability)};
    static const char *const digits[ANSWER_KINDS] = {"%.4f", "%.3f", "%.0f",
                                                     "%.0f", "%.0f", "%.4f"};
    wrong_row *list = NULL;
    size_t count = 0;
    html__take(p, worst_rows(&list, &count, r));
    if (!count) goto done;
    run__table_begin(p, SAY(p, worst));
    run__heads(p, texts ? "rllrl" : "rllr",
               (const char *[]){SAY(p, row), SAY(p, gold), SAY(p, predicted),
                                measures[r->task.kind], SAY(p, text)});
    for (size_t i = 0; i < count; i++) {
        size_t row = list[i].row;
        char error[40];
        snprintf(error, sizeof error, digits[r->task.kind], list[i].error);
        html__format(p, "<tr><th scope=\"row\" class=\"n\">%zu</th>", row + 1);
        add_answer(p, r, record_gold(r), row, true);
        add_answer(p, r, record_answers(r), row, false);
        html__format(p, "<td class=\"n\">%s</td>", error);
        if (texts) {
            html__add(p, "<td class=\"wrap\">");
            html__text(p, texts[row]);
            html__add(p, "</td>");
        }
        html__add(p, "</tr>\n");
    }
    run__table_end(p);
    if (!texts) html__format(p, "<p class=\"soft\">");
    if (!texts) html__add(p, SAY(p, rows_words));
    if (!texts) html__add(p, "</p>\n");
done:
    mem_free(list);
}
