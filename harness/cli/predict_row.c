#include "cli/predict_row.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"

#include <stdlib.h>
#include <string.h>

static bool has_column(const table *t, const char *name) {
    for (size_t i = 0; i < t->column_count; i++)
        if (!strcmp(t->columns[i], name)) return true;
    return false;
}

err row_form_init_of(row_form *f, const table *t, const char *const *bare, size_t count) {
    *f = (row_form){.kind = t->kind,
                    .delimiter = t->delimiter,
                    .quoted = t->quoted,
                    .count = count,
                    .columns = count};
    bool taken = true;
    err e = ERR_OK;
    for (unsigned n = 0; taken && !e; n++) {
        taken = false;
        for (size_t i = 0; i < count && !e; i++) {
            mem_free(f->names[i]);
            f->names[i] = NULL;
            e = n < 2 ? mem_printf(&f->names[i], "%s%s", n ? "predicted_" : "", bare[i])
                      : mem_printf(&f->names[i], "predicted_%u_%s", n, bare[i]);
            taken = taken || (!e && has_column(t, f->names[i]));
        }
    }
    return e;
}

err row_form_init(row_form *f, const table *t, bool scores) {
    static const char *const bare[] = {"label", "score", "scores"};
    err e = row_form_init_of(f, t, bare, sizeof bare / sizeof *bare);
    f->scores = scores;
    f->columns -= !scores;
    return e;
}

void row_form_free(row_form *f) {
    for (size_t i = 0; i < f->count; i++) mem_free(f->names[i]);
    for (size_t i = 0; i < f->said_count; i++) strbuf_free(&f->said[i]);
    mem_free(f->said);
    *f = (row_form){0};
}

err row_check(const row_form *f, const table *t) {
    for (size_t i = 0; t->object && i < f->count; i++)
        if (cJSON_GetObjectItemCaseSensitive(t->object, f->names[i]))
            return err_set(ERR_FORMAT,
                           "%s:%zu: key '%s' is there already, in earlier rows it was "
                           "not",
                           t->path, t->line, f->names[i]);
    return ERR_OK;
}

size_t row_kept_bytes(const row_form *f, text_span raw) {
    size_t n = raw.bytes;
    if (f->kind == TASK_FORMAT_DELIMITED) return n;
    while (n && strchr(" \t\r", raw.text[n - 1])) n--;
    return n && raw.text[n - 1] == '}' ? n - 1 : raw.bytes;
}

/* Digits with a sign, which no spreadsheet takes for a formula. */
static bool is_number(const char *text) {
    char *end;
    (void)strtod(text, &end);
    return *text && !*end && strspn(text, "+-.0123456789eE") == strlen(text);
}

bool cell_is_computed(const char *text) {
    return shown_begins_formula(text, strlen(text)) && !is_number(text);
}

err cell_add(strbuf *out, char delimiter, bool quoted, const char *text) {
    if (is_number(text)) return strbuf_add(out, text);
    if (!quoted)
        return shown_printf(out, SHOWN_TERMINAL, "%s%s",
                            shown_begins_formula(text, strlen(text)) ? "'" : "", text);
    size_t begin = out->length;
    err e = shown_add(out, SHOWN_CSV, text);
    if (e || out->text[begin] == '"' || !strchr(out->text + begin, delimiter)) return e;
    // quoted for another delimiter than the comma
    char *cell = NULL;
    if ((e = mem_strdup(&cell, out->text + begin))) return e;
    out->length = begin;
    e = strbuf_printf(out, "\"%s\"", cell);
    mem_free(cell);
    return e;
}

/* The scores of all labels as one JSON object. */
static err scores_text(char **text, const predictor *p) {
    cJSON *root = cJSON_CreateObject();
    err e = ERR_OK;
    for (uint32_t k = 0; k < p->classes && !e; k++) {
        char fallback[24];
        e = json_add_exact(root, predictor_label(p, k, fallback), p->values[k]);
    }
    if (!e) e = json_print(text, root, false);
    cJSON_Delete(root);
    return e;
}

void row_say_between(const char *between) {
    if (*between != ',')
        log_note("labels  '%s' stands between those of a row: a label's name holds a comma",
                 between);
}

err row_label(strbuf *out, const predictor *p) {
    char fallback[24];
    bool several = predictor_says_several(p);
    uint32_t count = several ? predictor_said(p) : 1;
    err e = strbuf_add(out, "");
    for (uint32_t k = 0; k < count && !e; k++) {
        if (k) e = strbuf_add(out, p->between);
        if (!e) e = strbuf_add(out, predictor_label(p, p->scores[k].id, fallback));
    }
    return e;
}

/* A label as it is written: a cell, or a text of JSON. */
static err label_written(strbuf *out, const row_form *f, const char *label) {
    if (f->kind == TASK_FORMAT_DELIMITED) return cell_add(out, f->delimiter, f->quoted, label);
    char *text = NULL;
    cJSON *value = cJSON_CreateString(label);
    err e = json_print(&text, value, false);
    if (!e) e = strbuf_add(out, text);
    cJSON_Delete(value);
    mem_free(text);
    return e;
}

/* What is said of the row that was ranked, in *text, which is f's. One label is written the same
 * way in every row. */
static err said_written(const char **text, row_form *f, const predictor *p) {
    bool several = predictor_says_several(p);
    if (!f->said) {
        err e = mem_new(&f->said, p->classes + 1);
        if (e) return e;
        f->said_count = p->classes + 1;
    }
    strbuf *one = &f->said[several ? p->classes : p->scores[0].id], label = {0};
    *text = one->text;
    if (!several && one->length) return ERR_OK;
    one->length = 0;
    err e = row_label(&label, p);
    if (!e) e = label_written(one, f, label.text);
    strbuf_free(&label);
    *text = one->text;
    return e;
}

static err add_cells(strbuf *out, const row_form *f, const predictor *p, const char *label) {
    const char by[2] = {f->delimiter, '\0'};
    char *scores = NULL;
    err e = strbuf_add(out, by);
    if (!e) e = strbuf_add(out, label);
    if (!e) e = strbuf_add(out, by);
    if (!e) e = strbuf_add(out, SHOWN_NUMBER(p->scores[0].value));
    if (e || !f->scores) return e;
    if (!(e = strbuf_add(out, by)) && !(e = scores_text(&scores, p)))
        e = cell_add(out, f->delimiter, f->quoted, scores);
    mem_free(scores);
    return e;
}

static err add_keys(strbuf *out, const row_form *f, const predictor *p, const char *label,
                    bool is_first) {
    char *scores = NULL;
    err e = strbuf_printf(out, "%s\"%s\": %s, \"%s\": %s", is_first ? "" : ", ", f->names[0], label,
                          f->names[1], SHOWN_NUMBER(p->scores[0].value));
    if (!e && f->scores && !(e = scores_text(&scores, p)))
        e = strbuf_printf(out, ", \"%s\": %s", f->names[2], scores);
    if (!e) e = strbuf_add(out, "}");
    mem_free(scores);
    return e;
}

bool row_is_empty(const char *text, size_t bytes) {
    while (bytes && strchr(" \t\r", text[bytes - 1])) bytes--;
    return bytes && text[bytes - 1] == '{';
}

static err end_line(strbuf *out, const char *line_end) {
    return strbuf_add(out, *line_end ? line_end : "\n");
}

err row_add_header(strbuf *out, const row_form *f, text_span raw, const char *line_end) {
    err e = strbuf_add_bytes(out, raw.text, raw.bytes);
    for (size_t i = 0; i < f->columns && !e; i++)
        e = strbuf_printf(out, "%c%s", f->delimiter, f->names[i]);
    return e ? e : end_line(out, line_end);
}

err row_add(strbuf *out, row_form *f, const predictor *p, text_span raw, const char *line_end) {
    const char *label = NULL;
    size_t kept = row_kept_bytes(f, raw);
    err e = said_written(&label, f, p);
    if (!e) e = strbuf_add_bytes(out, raw.text, kept);
    if (!e)
        e = f->kind == TASK_FORMAT_DELIMITED
                ? add_cells(out, f, p, label)
                : add_keys(out, f, p, label, row_is_empty(raw.text, kept));
    return e ? e : end_line(out, line_end);
}

err row_add_json(strbuf *out, const row_form *f, const cJSON *members, text_span raw,
                 const char *line_end) {
    const cJSON *item = members->child;
    size_t kept = row_kept_bytes(f, raw);
    bool cells = f->kind == TASK_FORMAT_DELIMITED, first = row_is_empty(raw.text, kept);
    err e = strbuf_add_bytes(out, raw.text, kept);
    for (size_t i = 0; i < f->columns && item && !e; i++, item = item->next) {
        char *text = NULL;
        if ((e = json_print(&text, item, false))) break;
        if (cells) {
            e = strbuf_add_bytes(out, &f->delimiter, 1);
            if (!e) e = cell_add(out, f->delimiter, f->quoted, text);
        } else {
            e = strbuf_printf(out, "%s\"%s\": %s", first && !i ? "" : ", ", f->names[i], text);
        }
        mem_free(text);
    }
    if (!e && !cells) e = strbuf_add(out, "}");
    return e ? e : end_line(out, line_end);
}

err row_add_bad(strbuf *out, const row_form *f, text_span raw, const char *line_end) {
    err e = strbuf_add_bytes(out, raw.text, raw.bytes);
    for (size_t i = 0; f->kind == TASK_FORMAT_DELIMITED && i < f->columns && !e; i++)
        e = strbuf_add_bytes(out, &f->delimiter, 1);
    return e ? e : end_line(out, line_end);
}
