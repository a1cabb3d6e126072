/* eval_view_predictions. */
#include "base/ascii.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/name.h"
#include "base/shown.h"
#include "cli/eval_view.h"
#include "cli/output.h"
#include "cli/predict_row.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    const eval_view *v;
    bool is_json, with_texts;
    char delimiter, between[2]; /* of cells; of several labels */
    strbuf line;
} writer;

/* Of each unit its tag, or of each word its head and relation, with a blank between. */
static err add_units(strbuf *out, const eval_view *v, const answers *from, size_t row) {
    err e = strbuf_add(out, "");
    for (size_t u = from->begin[row]; u < from->begin[row + 1] && !e; u++) {
        const uint32_t *said = from->classes + u * answer_unit_width(v->kind);
        const char *between = u > from->begin[row] ? " " : "";
        if (v->kind == ANSWER_ARCS)
            e = strbuf_printf(out, "%s%u:%s", between, said[ARC_HEAD],
                              v->labels[said[ARC_RELATION]]);
        else if (*said == 2 * v->label_count)
            e = strbuf_printf(out, "%sO", between);
        else
            e = strbuf_printf(out, "%s%c-%s", between, *said % 2 ? 'I' : 'B', v->labels[*said / 2]);
    }
    return e;
}

/* What a row is answered with, in words: a label, a number, labels with w->between, or its units. */
static err answer_text(strbuf *out, const writer *w, const answers *from, size_t row,
                       bool is_gold) {
    const eval_view *v = w->v;
    bool any = false;
    out->length = 0;
    if (answer_is_label(v->kind)) return strbuf_add(out, v->labels[from->classes[row]]);
    if (answer_in_units(v->kind)) return add_units(out, v, from, row);
    if (v->kind == ANSWER_NUMBER && is_gold) // the file's digits
        return strbuf_add(out, SHOWN_SINGLE(from->numbers[row]));
    if (v->kind == ANSWER_NUMBER) return strbuf_add(out, SHOWN_NUMBER((double)from->numbers[row]));
    err e = strbuf_add(out, "");
    for (size_t k = 0; k < v->label_count && !e; k++) {
        float said = from->numbers[row * v->label_count + k];
        if (!(is_gold ? said > 0.5f : said > 0)) continue;
        e = strbuf_printf(out, "%s%s", any ? w->between : "", v->labels[k]);
        any = true;
    }
    return e;
}

static err add_cell(writer *w, const char *text) {
    err e = w->line.length ? strbuf_add_bytes(&w->line, &w->delimiter, 1) : ERR_OK;
    return e ? e : cell_add(&w->line, w->delimiter, true, text);
}

static err add_header(writer *w) {
    static const char *const names[] = {"row", "gold", "predicted", "text", "text_pair"};
    enum { NAMES = sizeof names / sizeof *names };
    const eval_view *v = w->v;
    size_t texts = w->with_texts && v->rows ? v->split_rows->rows[0].example.text_count : 0;
    char *name = NULL;
    err e = ERR_OK;
    for (size_t i = 0; i < 3 && !e; i++) e = add_cell(w, names[i]);
    for (size_t k = 0; v->scores && k < v->label_count && !e; k++) {
        if (!(e = mem_printf(&name, "score:%s", v->labels[k]))) e = add_cell(w, name);
        mem_free(name);
        name = NULL;
    }
    for (size_t i = 3; i < NAMES && i - 3 < texts && !e; i++) e = add_cell(w, names[i]);
    return e ? e : strbuf_add(&w->line, "\n");
}

static err add_line(writer *w, size_t row, const char *gold, const char *predicted) {
    const eval_view *v = w->v;
    char number[SHOWN_NUMBER_BYTES];
    snprintf(number, sizeof number, "%zu", row + 1);
    err e = add_cell(w, number);
    if (!e) e = add_cell(w, gold);
    if (!e) e = add_cell(w, predicted);
    for (size_t k = 0; v->scores && k < v->label_count && !e; k++)
        e = add_cell(w, SHOWN_NUMBER(v->scores[row * v->label_count + k]));
    const example *x = w->with_texts ? &v->split_rows->rows[row].example : NULL;
    for (uint32_t i = 0; x && i < x->text_count && !e; i++) e = add_cell(w, x->texts[i].text);
    return e ? e : strbuf_add(&w->line, "\n");
}

static err add_answer(cJSON *root, const eval_view *v, const char *key, const char *answer) {
    if (v->kind == ANSWER_NUMBER) return json_add_number(root, key, strtod(answer, NULL));
    return json_add_string(root, key, answer);
}

static err add_object(writer *w, size_t row, const char *gold, const char *predicted) {
    const eval_view *v = w->v;
    cJSON *root = cJSON_CreateObject(), *scores = NULL;
    char *text = NULL;
    err e = json_put(root, "row %zu", row + 1);
    if (!e) e = add_answer(root, v, "gold", gold);
    if (!e) e = add_answer(root, v, "predicted", predicted);
    if (!e && v->scores) e = json_add_object(&scores, root, "scores");
    for (size_t k = 0; scores && k < v->label_count && !e; k++)
        e = json_add_exact(scores, v->labels[k], v->scores[row * v->label_count + k]);
    const example *x = w->with_texts ? &v->split_rows->rows[row].example : NULL;
    if (!e && x) e = json_add_string(root, "text", x->texts[0].text);
    if (!e && x && x->text_count > 1) e = json_add_string(root, "text_pair", x->texts[1].text);
    if (!e) e = json_print(&text, root, false);
    if (!e) e = strbuf_printf(&w->line, "%s\n", text);
    mem_free(text);
    cJSON_Delete(root);
    return e;
}

err eval_view_writable(const char *path, bool overwrite) {
    if (!ascii_ends(path, ".csv") && !ascii_ends(path, ".tsv") && !ascii_ends(path, ".jsonl"))
        return err_set(ERR_USAGE,
                       "--predictions %s: a name that ends with .csv, .tsv or .jsonl is expected, "
                       "which chooses the form",
                       path);
    return output_replaces(path, overwrite);
}

err eval_view_predictions(const eval_view *v, const char *path, bool with_texts) {
    writer w = {.v = v,
                .is_json = ascii_ends(path, ".jsonl"),
                .with_texts = with_texts,
                .delimiter = ascii_ends(path, ".tsv") ? '\t' : ',',
                .between = {name_between(v->labels, v->label_count)}};
    strbuf gold = {0}, predicted = {0};
    file_writer file = {0};
    if (v->kind == ANSWER_SET) row_say_between(w.between);
    err e = file_writer_begin(&file, path);
    if (!e && !w.is_json && !(e = add_header(&w)))
        e = file_writer_add(&file, w.line.text, w.line.length);
    for (size_t row = 0; row < v->rows && !e; row++) {
        w.line.length = 0;
        if ((e = answer_text(&gold, &w, &v->gold, row, true)) ||
            (e = answer_text(&predicted, &w, &v->predicted, row, false)))
            break;
        e = w.is_json ? add_object(&w, row, gold.text, predicted.text)
                      : add_line(&w, row, gold.text, predicted.text);
        if (!e) e = file_writer_add(&file, w.line.text, w.line.length);
    }
    if (!e) e = file_writer_commit(&file);
    file_writer_abort(&file);
    strbuf_free(&gold);
    strbuf_free(&predicted);
    strbuf_free(&w.line);
    return e;
}
