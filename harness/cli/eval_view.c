#include "cli/eval_view.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/wrapped_row.h"
#include "compute/device.h"
#include "metric/confusion_cells.h"
#include "result/record.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_COLUMNS = 24, NAMES_COLUMNS = 60, LABEL_LEAST = 8, PAIRS_SHOWN = 10 };
enum { MATRIX_CLASSES = 60, MATRIX_COLUMNS = 100 };

static size_t label_width(const eval_view *v, size_t most) {
    size_t width = strlen("label");
    for (size_t k = 0; k < v->label_count; k++) {
        size_t own = shown_width(v->shown[k]);
        if (own > width) width = own;
    }
    return width < most ? width : most;
}

/* What a label's support counts. */
static const char *counted(const eval_view *v) {
    return v->kind == ANSWER_TAGS ? "entities" : v->kind == ANSWER_ARCS ? "words" : "rows";
}

static size_t digits(uint64_t number) {
    return strlen(SHOWN_COUNT(number));
}

/* The table of classes: label, precision, recall, F1 and what its support counts. */
typedef struct class_columns {
    const char *label, *precision, *count;
    size_t label_width, share_width, count_width;
} class_columns;

static class_columns columns_of(const eval_view *v) {
    bool tags = v->kind == ANSWER_TAGS;
    uint64_t most = 0;
    for (size_t k = 0; k < v->label_count; k++)
        if (v->official->gold[k] > most) most = v->official->gold[k];
    class_columns c = {.label = tags                     ? "entity"
                                : v->kind == ANSWER_ARCS ? "relation"
                                                         : "label",
                       .precision = "precision",
                       .count = tags ? "in all" : counted(v),
                       .share_width = 7,
                       .count_width = digits(most) > 7 ? digits(most) : 7};
    size_t columns = shown_columns(), figures = 2 + 10 + 8 + 8 + 1 + c.count_width;
    if (columns < LABEL_COLUMNS + figures) {
        c.precision = "prec.";
        c.share_width = 6;
        c.count_width = strlen(c.count) > digits(most) ? strlen(c.count) : digits(most);
        figures = 2 + 3 * 7 + 1 + c.count_width;
    }
    // whole names where there is room for them
    size_t room = columns < figures + LABEL_LEAST ? LABEL_LEAST : columns - figures;
    c.label_width = label_width(v, room < NAMES_COLUMNS ? room : NAMES_COLUMNS);
    if (c.label_width < strlen(c.label)) c.label_width = strlen(c.label);
    return c;
}

/* Precision, recall, F1 and rows of each label by itself. */
static err print_classes(const eval_view *v) {
    strbuf out = {0};
    class_columns c = columns_of(v);
    int share = (int)c.share_width, count = (int)c.count_width;
    int first = share > (int)strlen(c.precision) ? share : (int)strlen(c.precision);
    char figures[100];
    snprintf(figures, sizeof figures, " %*s %*s %*s %*s", first, c.precision, share, "recall",
             share, "F1", count, c.count);
    err e = strbuf_add(&out, "\n");
    if (!e) e = wrapped_row_add(&out, c.label, c.label_width, figures);
    for (size_t k = 0; k < v->label_count && !e; k++) {
        class_score s = metric_of_class(v->official, k);
        // of a treebank's relations those that occur
        if (v->kind == ANSWER_ARCS && !s.support && !v->official->predicted[k]) continue;
        snprintf(figures, sizeof figures, " %*.4f %*.4f %*.4f %*s", first, s.precision, share,
                 s.recall, share, s.f1, count, SHOWN_COUNT(s.support));
        e = wrapped_row_add(&out, v->shown[k], c.label_width, figures);
    }
    if (!e) fputs(out.text, stdout);
    strbuf_free(&out);
    return e;
}

/* A row a gold label, a column a predicted one, both by their numbers, which stand before the
 * names. */
static err add_matrix(strbuf *out, const eval_view *v, const uint64_t *counts, size_t width,
                      size_t cell) {
    size_t n = v->label_count, number = digits(n - 1);
    err e = strbuf_printf(out, "  %*s", (int)(number + 1 + width), "");
    for (size_t k = 0; k < n && !e; k++) e = strbuf_printf(out, " %*zu", (int)cell, k);
    if (!e) e = strbuf_add(out, "\n");
    for (size_t g = 0; g < n && !e; g++) {
        e = strbuf_printf(out, "  %*zu ", (int)number, g);
        if (!e) e = text_column(out, v->shown[g], width);
        for (size_t k = 0; k < n && !e; k++)
            e = strbuf_printf(out, " %*s", (int)cell, SHOWN_COUNT(counts[g * n + k]));
        if (!e) e = strbuf_add(out, "\n");
    }
    return e;
}

/* Where a matrix finds no room: what was taken for what, the commonest first. */
static err print_pairs(const eval_view *v) {
    confusion_cell *list = NULL;
    size_t count = 0;
    err e = confusion_mistakes(&list, &count, v->gold.classes, v->predicted.classes, v->rows);
    if (e) return e;
    shown_line("  most confused, of %s pair%s (all: --json)", SHOWN_COUNT(count),
               shown_plural(count));
    for (size_t i = 0; i < count && i < PAIRS_SHOWN; i++)
        shown_line("  %7s %s, taken for %s", SHOWN_COUNT(list[i].rows), v->shown[list[i].gold],
                   v->shown[list[i].predicted]);
    mem_free(list);
    return ERR_OK;
}

static err print_confusion(const eval_view *v) {
    uint64_t *counts = NULL, most = 0;
    strbuf out = {0};
    size_t n = v->label_count;
    puts("");
    if (n > MATRIX_CLASSES) return print_pairs(v);
    err e = confusion_matrix(&counts, v->gold.classes, v->predicted.classes, v->rows, n);
    for (size_t i = 0; i < n * n && !e; i++) most = counts[i] > most ? counts[i] : most;
    size_t cell = digits(most) > digits(n) ? digits(most) : digits(n);
    // in a file or a pipe no wider than is read
    size_t columns = shown_columns() == SIZE_MAX ? MATRIX_COLUMNS : shown_columns();
    size_t figures = 3 + digits(n - 1) + n * (cell + 1);
    bool fits = figures + LABEL_LEAST <= columns;
    size_t room = fits && columns - figures < LABEL_COLUMNS ? columns - figures : LABEL_COLUMNS;
    if (!e && !fits) e = print_pairs(v);
    if (!e && fits && !(e = add_matrix(&out, v, counts, label_width(v, room), cell))) {
        shown_line("  confusion: a line a gold label, a column a predicted one");
        fputs(out.text, stdout);
    }
    strbuf_free(&out);
    mem_free(counts);
    return e;
}

err eval_view_print(const eval_view *v) {
    score_table t = {.label_1 = v->label_1,
                     .range = v->range,
                     .kind = v->kind,
                     .task = v->task,
                     .majority = v->majority,
                     .caution = v->caution};
    bool is_test = !strcmp(v->split, "test");
    bool is_fp32 = !strcmp(v->precision, device_precision_name(PRECISION_FP32));
    shown_line("%s  %s  %s%s%s  %s row%s%s%s", v->task, v->from, v->device, is_fp32 ? "" : ", ",
               is_fp32 ? "" : v->precision, SHOWN_COUNT(v->rows), shown_plural(v->rows),
               is_test ? "" : " of ", is_test ? "" : v->split);
    score_table_add(&t, v->headline, v->official->classes, v->values, v->values_dedup);
    score_table_print(&t);
    if (!v->is_record)
        shown_line("  loss %.4f, %s sentences/s", v->loss, SHOWN_COUNT(v->sentences_per_s + 0.5));
    err e = v->label_count ? print_classes(v) : ERR_OK;
    return !e && answer_is_label(v->kind) ? print_confusion(v) : e;
}

static err add_labels(cJSON *root, const eval_view *v) {
    cJSON *list = NULL, *one;
    err e = json_add_array(&list, root, "per_label");
    for (size_t k = 0; !e && k < v->label_count; k++) {
        class_score s = metric_of_class(v->official, k);
        if (!(e = json_append_object(&one, list)))
            e = json_put(one, "label %s precision %f recall %f f1 %f", v->labels[k], s.precision,
                         s.recall, s.f1);
        if (!e) e = json_add_number(one, counted(v), (double)s.support);
    }
    return e;
}

static err add_confusion(cJSON *root, const eval_view *v) {
    cJSON *rows;
    err e = json_add_array(&rows, root, "confusion");
    return e ? e
             : record_confusion_json(rows, v->gold.classes, v->predicted.classes, v->rows,
                                     v->label_count);
}

static err add_metrics(cJSON *root, const char *key, const eval_view *v, const double *values) {
    cJSON *object = NULL;
    err e = json_add_object(&object, root, key);
    for (size_t i = 0; !e && i < metric_count(); i++)
        if (metric_applies(metric_at(i), v->kind, v->official->classes))
            e = json_add_number(object, metric_at(i)->name, values[i]);
    return e;
}

err eval_view_json(const eval_view *v) {
    cJSON *root = cJSON_CreateObject();
    const double range[] = {v->range.low, v->range.high};
    char *text = NULL;
    err e = json_add_string(root, "task", v->task);
    if (!e) e = json_add_string(root, v->is_record ? "record" : "checkpoint", v->from);
    if (!e)
        e = json_put(root, "device %s precision %s split %s rows %zu headline %s", v->device,
                     v->precision, v->split, v->rows, v->headline);
    if (!e) e = json_add_number(root, "score", metric_of(v->values, v->headline));
    if (!e) e = json_put_numbers(root, "interval", range, 2);
    if (!e)
        e = json_put(root, "majority %f caution %s", v->majority, score_caution_text(v->caution));
    if (!e && !v->is_record) e = json_add_number(root, "loss", v->loss);
    if (!e) e = add_metrics(root, "metrics", v, v->values);
    if (!e) e = add_metrics(root, "metrics_dedup", v, v->values_dedup);
    if (!e && v->label_count) e = add_labels(root, v);
    if (!e && answer_is_label(v->kind)) e = add_confusion(root, v);
    if (!e) e = json_print(&text, root, false);
    if (!e) puts(text);
    mem_free(text);
    cJSON_Delete(root);
    return e;
}
