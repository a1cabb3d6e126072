#include "cli/predict_kept.h"

#include "base/json.h"
#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_score(const cJSON *value, bool is_raw) {
    if (!value || !cJSON_IsNumber(value)) return false;
    return is_raw ? isfinite(value->valuedouble)
                  : value->valuedouble >= 0 && value->valuedouble <= 1;
}

/* Marks where a label may begin behind one that begins here. */
static void mark_next(bool *begins, const predictor *p, const char *list, size_t at) {
    char fallback[24];
    for (uint32_t k = 0; k < p->classes; k++) {
        const char *label = predictor_label(p, k, fallback);
        size_t n = strlen(label);
        if (strncmp(list + at, label, n) != 0) continue;
        if (!list[at + n] || list[at + n] == ',') begins[at + n + 1] = true;
    }
}

/* Whether the list is of labels with commas between, which labels may hold themselves. */
static err is_labels(bool *are, const predictor *p, const char *list) {
    size_t length = strlen(list);
    bool *begins = NULL; // (length + 2) one behind the end: all of it was read
    err e = mem_new(&begins, length + 2);
    *are = false;
    if (e) return e;
    begins[0] = true;
    for (size_t i = 0; i < length; i++)
        if (begins[i]) mark_next(begins, p, list, i);
    *are = begins[length + 1];
    mem_free(begins);
    return ERR_OK;
}

static bool is_label(const predictor *p, const char *text) {
    char fallback[24];
    for (uint32_t k = 0; text && k < p->classes; k++)
        if (!strcmp(predictor_label(p, k, fallback), text)) return true;
    return false;
}

/* Of a model of tags, "PER" of "B-PER". */
static bool is_group(const predictor *p, const char *text) {
    char fallback[24];
    for (uint32_t k = 0; text && k < p->classes; k++) {
        const char *label = predictor_label(p, k, fallback), *dash = strchr(label, '-');
        if (!strcmp(dash ? dash + 1 : label, text)) return true;
    }
    return false;
}

static bool are_scores(const cJSON *o, const predictor *p, bool is_raw) {
    const cJSON *item;
    size_t count = 0;
    if (!cJSON_IsObject(o)) return false;
    cJSON_ArrayForEach(item, o) {
        if (!is_label(p, item->string) || !is_score(item, is_raw)) return false;
        count++;
    }
    return count == p->classes;
}

static err is_sentence_answer(bool *is, const cJSON *o, const row_form *f, const predictor *p) {
    bool is_raw = p->scorer.base_model.config.scores == MODEL_SCORES_RAW;
    const cJSON *label = cJSON_GetArrayItem(o, 0), *score = cJSON_GetArrayItem(o, 1);
    const char *text = cJSON_GetStringValue(label);
    err e = ERR_OK;
    *is =
        is_score(score, is_raw) && (!f->scores || are_scores(cJSON_GetArrayItem(o, 2), p, is_raw));
    if (!*is) return ERR_OK;
    if (text && *text && predictor_says_several(p))
        e = is_labels(is, p, text);
    else
        *is = text && (predictor_says_several(p) || is_label(p, text));
    return e;
}

/* Whether a whole number of [0, most]. */
static bool is_place(const cJSON *value, double most) {
    double at = value && cJSON_IsNumber(value) ? value->valuedouble : -1;
    return at >= 0 && at <= most && at == floor(at);
}

static bool are_entities(const cJSON *list, const predictor *p) {
    const cJSON *item;
    if (!cJSON_IsArray(list)) return false;
    cJSON_ArrayForEach(item, list) {
        const cJSON *score = cJSON_GetObjectItemCaseSensitive(item, "score");
        const cJSON *end = cJSON_GetObjectItemCaseSensitive(item, "end");
        if (!is_group(p, json_text_at(item, "entity_group")) || !json_text_at(item, "word") ||
            (score && !is_score(score, false)) || !is_place(end, DBL_MAX) ||
            !is_place(cJSON_GetObjectItemCaseSensitive(item, "start"), end->valuedouble - 1))
            return false;
    }
    return true;
}

/* words, heads, labels and scores, one of each for every word. */
static bool is_tree(const cJSON *o, const predictor *p) {
    const cJSON *words = cJSON_GetArrayItem(o, 0), *heads = cJSON_GetArrayItem(o, 1);
    const cJSON *labels = cJSON_GetArrayItem(o, 2), *scores = cJSON_GetArrayItem(o, 3), *item;
    int count = cJSON_GetArraySize(words);
    for (const cJSON *list = words; list; list = list->next)
        if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count) return false;
    cJSON_ArrayForEach(item, words) {
        if (!cJSON_IsString(item)) return false;
    }
    cJSON_ArrayForEach(item, heads) {
        if (!is_place(item, count)) return false;
    }
    cJSON_ArrayForEach(item, labels) {
        const char *text = cJSON_GetStringValue(item);
        if (!text || (p->scorer.base_model.config.labels && !is_label(p, text))) return false;
    }
    cJSON_ArrayForEach(item, scores) {
        if (!is_score(item, false)) return false;
    }
    return true;
}

static err is_answer(bool *is, const cJSON *o, const row_form *f, const predictor *p) {
    const cJSON *item = o->child;
    *is = false;
    for (size_t i = 0; i < f->columns; i++, item = item->next)
        if (!item || strcmp(item->string, f->names[i]) != 0) return ERR_OK;
    if (item) return ERR_OK;
    if (!p->in_units) return is_sentence_answer(is, o, f, p);
    *is = f->columns == 1 ? are_entities(o->child, p) : is_tree(o, p);
    return ERR_OK;
}

/* *o is NULL where it is no JSON. Errors: ERR_MEMORY. */
static err parse(cJSON **o, const char *text, size_t length) {
    err e = json_parse(o, text, length, "row");
    return err_unless_memory(e);
}

static err read_keys(cJSON **o, text_span rest, bool is_first) {
    strbuf text = {0};
    size_t comma = is_first ? 0 : strlen(", ");
    *o = NULL;
    if (rest.bytes <= comma || strncmp(rest.text, ", ", comma) != 0) return ERR_OK;
    err e = strbuf_add(&text, "{");
    if (!e) e = strbuf_add_bytes(&text, rest.text + comma, rest.bytes - comma);
    if (!e) e = parse(o, text.text, text.length);
    strbuf_free(&text);
    return e;
}

/* What the next cell says, behind its delimiter: without the quotes that cell_add put around it. */
static err read_cell(strbuf *out, const row_form *f, text_span *rest) {
    size_t n = 1, end;
    bool inside = false;
    for (; n < rest->bytes && (inside || rest->text[n] != f->delimiter); n++)
        inside = inside != (f->quoted && rest->text[n] == '"');
    bool quoted = f->quoted && n > 2 && rest->text[1] == '"' && rest->text[n - 1] == '"';
    end = n - quoted;
    err e = strbuf_add(out, "");
    for (size_t i = 1 + (size_t)quoted; i < end && !e; i++) {
        e = strbuf_add_bytes(out, rest->text + i, 1);
        i += quoted && rest->text[i] == '"';
    }
    *rest = (text_span){rest->text + n, rest->bytes - n};
    return e;
}

/* The label whose cell reads so: of one that a spreadsheet would compute, or that has control
 * characters, the cell has more than the label. */
static err label_of_cell(const char **label, const row_form *f, const predictor *p,
                         const char *cell) {
    static char fallback[24];
    err e = ERR_OK;
    *label = NULL;
    for (uint32_t k = 0; k < p->classes && !e && !*label; k++) {
        const char *name = predictor_label(p, k, fallback);
        const char by[] = {f->delimiter, '\0'};
        strbuf written = {0}, said = {0};
        e = strbuf_add(&written, by);
        if (!e) e = cell_add(&written, f->delimiter, f->quoted, name);
        if (!e) e = read_cell(&said, f, &(text_span){written.text, written.length});
        if (!e && !strcmp(said.text, cell)) *label = name;
        strbuf_free(&written);
        strbuf_free(&said);
    }
    return e;
}

static err add_cell(cJSON *o, const row_form *f, const predictor *p, size_t i, const char *cell) {
    const char *label = NULL;
    cJSON *value = NULL;
    err e = ERR_OK;
    if (i || p->in_units) {
        e = parse(&value, cell, strlen(cell));
        return e || !value ? e : json_add_item(o, f->names[i], value);
    }
    if (!predictor_says_several(p)) e = label_of_cell(&label, f, p, cell);
    if (!e) e = json_add_string(o, f->names[i], label ? label : *cell == '\'' ? cell + 1 : cell);
    return e;
}

static err read_cells(cJSON **o, const row_form *f, const predictor *p, text_span rest) {
    err e = ERR_OK;
    *o = cJSON_CreateObject();
    for (size_t i = 0; i < f->columns && rest.bytes && *rest.text == f->delimiter && !e; i++) {
        strbuf cell = {0};
        e = read_cell(&cell, f, &rest);
        if (!e) e = add_cell(*o, f, p, i, cell.text);
        strbuf_free(&cell);
    }
    if (!e && !rest.bytes) return ERR_OK;
    cJSON_Delete(*o); // something is left
    *o = NULL;
    return e;
}

err row_answer_fits(bool *fits, const row_form *f, const predictor *p, text_span rest,
                    bool is_first) {
    cJSON *o = NULL;
    err e = f->kind == TASK_FORMAT_DELIMITED ? read_cells(&o, f, p, rest)
                                             : read_keys(&o, rest, is_first);
    *fits = false;
    if (!e && o) e = is_answer(fits, o, f, p);
    cJSON_Delete(o);
    return e;
}
