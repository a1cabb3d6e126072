/* Which rows a run got wrong. */
#include "base/memory.h"
#include "report/answer_items.h"
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

static uint32_t words_of(const record *r, size_t row) {
    return r->unit_begin[row + 1] - r->unit_begin[row];
}

/* Of labels those that gave their gold label least, as the record has them; of other kinds the
 * largest errors, among rows of at most `words` where that is not 0. */
static err worst_rows(wrong_row **out, size_t *count, const record *r, uint32_t words) {
    size_t rows = (size_t)r->task.test_rows;
    bool kept = answer_is_label(r->task.kind);
    err e = mem_new(out, kept ? r->worst_count : rows);
    *count = 0;
    if (e) return e;
    for (size_t i = 0; kept && i < r->worst_count; i++)
        (*out)[(*count)++] = (wrong_row){(size_t)r->worst[i].row, r->worst[i].probability};
    for (size_t i = 0; !kept && i < rows; i++) {
        double error = words && words_of(r, i) > words ? 0 : record_row_error(r, i);
        if (error > 0) (*out)[(*count)++] = (wrong_row){i, error};
    }
    if (kept) return ERR_OK;
    if (*count) qsort(*out, *count, sizeof **out, largest_first);
    if (*count > WORST_ROWS) *count = WORST_ROWS;
    return ERR_OK;
}

enum { GOLD, SAID, LINES_MOST = 8 };

typedef struct wrong_items {
    const char *const *labels; /* on the page, borrowed */
    const record *r;
    answer_items items;
    row_units units;
} wrong_items;

static err open_items(wrong_items *x, const page *p, const record *r, size_t row,
                      const char *text) {
    *x = (wrong_items){.r = r, .labels = p->labels};
    err e = answer_items_add(&x->items, r, row, true, GOLD);
    if (!e) e = answer_items_add(&x->items, r, row, false, SAID);
    answer_items_merge(&x->items);
    return e ? e : row_units_find(&x->units, r, row, text);
}

static void close_items(wrong_items *x) {
    answer_items_free(&x->items);
    row_units_free(&x->units);
}

static err name_item(strbuf *out, const wrong_items *x, const answer_item *item) {
    return answer_item_name(out, item, x->r->task.kind, x->labels, &x->units);
}
static err name_word(strbuf *out, const wrong_items *x, const answer_item *item) {
    return answer_item_word(out, item, &x->units);
}
static err name_head(strbuf *out, const wrong_items *x, const answer_item *item) {
    return answer_item_head(out, item, x->labels, &x->units);
}

/* A cell with a line for each item that `column` has and the other has not; of words these are as
 * many in either, in one order. */
static void add_lines(page *p, const wrong_items *x, int column,
                      err (*name)(strbuf *, const wrong_items *, const answer_item *)) {
    size_t count = 0;
    strbuf line = {0};
    html__add(p, "<td class=\"lines\">");
    for (size_t i = 0; i < x->items.count; i++) {
        const answer_item *item = &x->items.list[i];
        if (!item->in[column] || item->in[!column] || ++count > LINES_MOST) continue;
        line.length = 0;
        html__take(p, name(&line, x, item));
        html__add(p, count > 1 ? "<br>" : "");
        html__text(p, line.text ? line.text : "");
    }
    if (!count) html__add(p, "-");
    if (count > LINES_MOST && name != name_head) {
        html__add(p, "<br>");
        html__format(p, SAY(p, and_more), count - LINES_MOST);
    }
    html__add(p, "</td>");
    strbuf_free(&line);
}

/* The labels that a row has, or that it was answered with. */
static void add_labels(page *p, const wrong_items *x, int column) {
    bool any = false;
    html__add(p, x->r->task.kind == ANSWER_SET ? "<td class=\"wrap\">" : "<td>");
    for (size_t i = 0; i < x->items.count; i++) {
        if (!x->items.list[i].in[column]) continue;
        html__add(p, any ? ", " : "");
        html__text(p, p->labels[x->items.list[i].key[0]]);
        any = true;
    }
    html__add(p, any ? "</td>" : "-</td>");
}

static void add_answers(page *p, const record *r, size_t row, const char *text) {
    wrong_items x;
    html__take(p, open_items(&x, p, r, row, text));
    if (r->task.kind == ANSWER_NUMBER) {
        html__format(p, "<td>%.3f</td><td>%.3f</td>", (double)r->gold_numbers[row],
                     (double)r->predicted_numbers[row]);
    } else if (r->task.kind == ANSWER_TAGS) {
        add_lines(p, &x, GOLD, name_item);
        add_lines(p, &x, SAID, name_item);
    } else if (r->task.kind == ANSWER_ARCS) {
        add_lines(p, &x, GOLD, name_word);
        add_lines(p, &x, GOLD, name_head);
        add_lines(p, &x, SAID, name_head);
    } else {
        add_labels(p, &x, GOLD);
        add_labels(p, &x, SAID);
    }
    close_items(&x);
}

/* Trees of the rows that it got most wrong, of those whose arcs can be told apart. */
void run__add_trees(page *p, const record *r, const char *const *texts) {
    enum { TREES = 5, WORDS_MOST = 24 };
    wrong_row *list = NULL;
    size_t count = 0;
    if (r->task.kind != ANSWER_ARCS || !texts) return;
    html__take(p, worst_rows(&list, &count, r, WORDS_MOST));
    if (count) html__format(p, "<section><h2>%s</h2>\n", SAY(p, trees));
    for (size_t i = 0; i < count && i < TREES; i++) {
        size_t row = list[i].row, first = (size_t)r->unit_begin[row] * ARC_WIDTH;
        html__add(p, "<p class=\"soft\">");
        html__format(p, SAY(p, row_of_tree), row + 1);
        html__format(
            p, "</p><div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s %zu\">",
            SAY(p, tree), row + 1);
        svg__tree(p, texts[row], r->gold + first, r->predicted + first, words_of(r, row),
                  p->labels);
        html__add(p, "</div>\n");
    }
    if (count) html__add(p, "</section>\n");
    mem_free(list);
}

static void add_heads(page *p, const record *r, bool texts) {
    const char *const measures[ANSWER_KINDS] = {SAY(p, gold_probability), SAY(p, error),
                                                SAY(p, labels_wrong),     SAY(p, entities_wrong),
                                                SAY(p, words_wrong),      SAY(p, gold_probability)};
    const char *measure = measures[r->task.kind];
    bool tags = r->task.kind == ANSWER_TAGS;
    if (r->task.kind == ANSWER_ARCS)
        run__heads(p, texts ? "rlllrl" : "rlllr",
                   (const char *[]){SAY(p, row), SAY(p, word), SAY(p, gold_head),
                                    SAY(p, predicted_head), measure, SAY(p, text)});
    else
        run__heads(p, texts ? "rllrl" : "rllr",
                   (const char *[]){SAY(p, row), tags ? SAY(p, entities_missed) : SAY(p, gold),
                                    tags ? SAY(p, entities_none) : SAY(p, predicted), measure,
                                    SAY(p, text)});
}

/* What stands below the table. */
static void add_words(page *p, const record *r, bool texts) {
    bool units = answer_in_units(r->task.kind);
    if (texts && !units) return;
    html__add(p, "<p class=\"soft\">");
    if (units) html__add(p, SAY(p, units_words));
    if (!texts)
        html__format(p, SAY(p, rows_words), r->task.name, r->task.sample ? " --sample" : "");
    html__add(p, "</p>\n");
}

void run__add_worst(page *p, const record *r, const char *const *texts) {
    static const char *const digits[ANSWER_KINDS] = {"%.4f", "%.3f", "%.0f",
                                                     "%.0f", "%.0f", "%.4f"};
    wrong_row *list = NULL;
    size_t count = 0;
    html__take(p, worst_rows(&list, &count, r, 0));
    if (!count) goto done;
    run__table_begin(p, SAY(p, worst));
    add_heads(p, r, texts != NULL);
    for (size_t i = 0; i < count; i++) {
        size_t row = list[i].row;
        char error[40];
        snprintf(error, sizeof error, digits[r->task.kind], list[i].error);
        html__format(p, "<tr><th scope=\"row\" class=\"n\">%zu</th>", row + 1);
        add_answers(p, r, row, texts ? texts[row] : NULL);
        html__format(p, "<td class=\"n\">%s", error);
        if (r->task.kind == ANSWER_ARCS) html__format(p, " / %u", words_of(r, row));
        html__add(p, "</td>");
        if (texts) {
            html__add(p, "<td class=\"wrap\">");
            html__text(p, texts[row]);
            html__add(p, "</td>");
        }
        html__add(p, "</tr>\n");
    }
    run__table_end(p);
    add_words(p, r, texts != NULL);
done:
    mem_free(list);
}
