#include "cli/predict_kept.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "base/utf8.h"
#include "cli/entities.h"
#include "metric/tags.h"
#include "metric/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_score(const cJSON *value, bool is_raw) {
    if (!value || !cJSON_IsNumber(value)) return false;
    return is_raw ? isfinite(value->valuedouble)
                  : value->valuedouble >= 0 && value->valuedouble <= 1;
}

/* What may be read at one place of a list of labels with p->between. */
typedef struct reading {
    uint32_t label;        /* one that begins here, and behind which the rest can be read */
    size_t next;           /* where that begins */
    bool is_one, is_other; /* there is such a label; there are several */
} reading;

/* *k is a label that stands so within a text: of JSON as it is, of a cell with its controls escaped.
 * p's classes: there is none. */
static err find_written(uint32_t *k, const row_form *f, const predictor *p, text_span text) {
    const bool is_escaped = f->kind == TASK_FORMAT_DELIMITED;
    strbuf written = {0};
    err e = ERR_OK;
    *k = predictor_find(p, text);
    if (!is_escaped || !memchr(text.text, '\\', text.bytes)) return ERR_OK;
    bool is = false;
    for (uint32_t i = 0; i < p->classes && !e && !is; i++) {
        char fallback[24];
        written.length = 0;
        e = strbuf_add(&written, "");
        if (!e) e = shown_add(&written, SHOWN_TERMINAL, predictor_label(p, i, fallback));
        is = !e && written.length == text.bytes && !memcmp(written.text, text.text, text.bytes);
        if (is) *k = i;
    }
    strbuf_free(&written);
    return e;
}

/* Reads the list from its end on; at its own begin no label stands twice, unless it can be read in
 * several ways. at (length + 2) is zeroed. */
static err read_list(bool *is, label_counts *counts, reading *at, const row_form *f,
                     const predictor *p, text_span list) {
    bool *used = NULL; // (classes)
    err e = mem_new(&used, p->classes);
    at[list.bytes + 1].is_one = true;
    for (size_t i = list.bytes + 1; i-- && !e;) {
        if (i && list.text[i - 1] != *p->between) continue;
        size_t end = i;
        for (size_t held = 0; held <= p->betweens_most && end <= list.bytes && !e; held++, end++) {
            const char *stop = memchr(list.text + end, *p->between, list.bytes - end);
            end = stop ? (size_t)(stop - list.text) : list.bytes;
            if (!at[end + 1].is_one) continue;
            uint32_t k = p->classes;
            e = find_written(&k, f, p, (text_span){list.text + i, end - i});
            if (e || k == p->classes) continue;
            at[i] = (reading){k, end + 1, true, at[i].is_one || at[end + 1].is_other};
        }
    }
    *is = !e && at[0].is_one;
    for (size_t i = 0; *is && !at[0].is_other && i <= list.bytes; i = at[i].next) {
        *is = !used[at[i].label];
        used[at[i].label] = true;
    }
    for (size_t i = 0; *is && i <= list.bytes; i = at[i].next) counts->of[at[i].label]++;
    mem_free(used);
    return e;
}

/* Whether labels, each once, with p->between are all of the list. Labels may hold it themselves. */
static err is_set(bool *is, label_counts *counts, const row_form *f, const predictor *p,
                  const char *list) {
    enum { ESCAPED = 4 }; // bytes of what one byte is escaped with, \x7f
    size_t length = strlen(list);
    reading *at = NULL;
    *is = length <= ESCAPED * p->names_bytes + p->classes - 1;
    if (!*is) return ERR_OK;
    err e = mem_new(&at, length + 2);
    if (!e) e = read_list(is, counts, at, f, p, (text_span){list, length});
    mem_free(at);
    return e;
}

/* The same of a cell, which has ' in front where a spreadsheet would compute the list. */
static err is_set_cell(bool *is, label_counts *counts, const row_form *f, const predictor *p,
                       const char *cell) {
    err e = ERR_OK;
    *is = false;
    if (!cell_is_computed(cell)) e = is_set(is, counts, f, p, cell);
    if (!e && !*is && *cell == '\'' && cell_is_computed(cell + 1))
        e = is_set(is, counts, f, p, cell + 1);
    return e;
}

static bool is_label(const predictor *p, const char *text) {
    return text && predictor_find(p, (text_span){text, strlen(text)}) < p->classes;
}

/* Scores of all labels in their order, into p's values. */
static bool are_scores(const predictor *p, const cJSON *o, bool is_raw) {
    char fallback[24];
    uint32_t k = 0;
    if (!cJSON_IsObject(o) || (uint32_t)cJSON_GetArraySize(o) != p->classes) return false;
    for (const cJSON *item = o->child; item; item = item->next, k++) {
        if (strcmp(predictor_label(p, k, fallback), item->string) != 0 || !is_score(item, is_raw))
            return false;
        p->values[k] = item->valuedouble;
    }
    return true;
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

/* Whether a label is written so: the text of JSON, or what its cell says. */
static err reads_so(bool *is, const row_form *f, const char *label, const char *text) {
    const char by[] = {f->delimiter, '\0'};
    strbuf written = {0}, said = {0};
    if (f->kind != TASK_FORMAT_DELIMITED) {
        *is = !strcmp(label, text);
        return ERR_OK;
    }
    err e = strbuf_add(&written, by);
    if (!e) e = cell_add(&written, f->delimiter, f->quoted, label);
    if (!e) e = read_cell(&said, f, &(text_span){written.text, written.length});
    *is = !e && !strcmp(said.text, text);
    strbuf_free(&written);
    strbuf_free(&said);
    return e;
}

/* Whether a label is written so: of one that a spreadsheet would compute, or that has control
 * characters, the cell has more than the label. */
static err is_label_written(bool *is, label_counts *counts, const row_form *f, const predictor *p,
                            const char *text) {
    char fallback[24];
    const char *bare = *text == '\'' ? text + 1 : text;
    const bool escaped = strchr(text, '\\'); // which control characters are written with
    const uint32_t near[] = {predictor_find(p, (text_span){text, strlen(text)}),
                             predictor_find(p, (text_span){bare, strlen(bare)})};
    const uint32_t tries = 2 + (escaped ? p->classes : 0);
    err e = ERR_OK;
    *is = false;
    for (uint32_t i = 0; i < tries && !e && !*is; i++) {
        const uint32_t k = i < 2 ? near[i] : i - 2;
        if (k < p->classes) e = reads_so(is, f, predictor_label(p, k, fallback), text);
        if (*is) counts->of[k]++;
    }
    return e;
}

/* Whether label and score are what is said of these scores. */
static err follow(bool *is, label_counts *counts, const row_form *f, const predictor *p,
                  const cJSON *o, bool is_raw) {
    const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(o, 0));
    const double score = cJSON_GetArrayItem(o, 1)->valuedouble;
    predictor said = *p;
    strbuf label = {0};
    said.scores = NULL;
    err e = mem_new(&said.values, p->classes);
    if (!e) e = mem_new(&said.scores, p->classes);
    *is = !e && are_scores(&said, cJSON_GetArrayItem(o, 2), is_raw);
    if (*is) {
        predictor_order(&said);
        e = row_label(&label, &said);
        if (!e) e = reads_so(is, f, label.text, text);
        *is = !e && *is && said.scores[0].value == score;
        if (*is) predictor_count(counts, &said);
    }
    strbuf_free(&label);
    mem_free(said.values);
    mem_free(said.scores);
    return e;
}

static err is_sentence_answer(bool *is, label_counts *counts, const cJSON *o, const row_form *f,
                              const predictor *p) {
    enum { ROUNDING = 1000000 }; // one part in so many
    model_scores kind = p->scorer.base_model.config.scores;
    bool is_raw = kind == MODEL_SCORES_RAW, several = predictor_says_several(p);
    const cJSON *score = cJSON_GetArrayItem(o, 1);
    const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(o, 0));
    *is = text && is_score(score, is_raw);
    if (!*is) return ERR_OK;
    if (f->scores) return follow(is, counts, f, p, o, is_raw);
    if (!several) {
        // the largest of scores whose sum is one
        double least = kind == MODEL_SCORES_SOFTMAX ? 1.0 / p->classes : 0;
        *is = is_raw || score->valuedouble >= least - least / ROUNDING;
        return *is ? is_label_written(is, counts, f, p, text) : ERR_OK;
    }
    *is = (score->valuedouble > 0.5) == (*text != '\0');
    counts->none += *is && !*text;
    if (!*is || !*text) return ERR_OK;
    return f->kind == TASK_FORMAT_DELIMITED ? is_set_cell(is, counts, f, p, text)
                                            : is_set(is, counts, f, p, text);
}

/* Whether a whole number of [0, most]. */
static bool is_place(const cJSON *value, double most) {
    double at = value && cJSON_IsNumber(value) ? value->valuedouble : -1;
    return at >= 0 && at <= most && at == floor(at);
}

/* The type of an entity, or how many there are of one that has no such type or no score. */
static uint32_t type_of(const cJSON *entity, const predictor *p) {
    const char *group = json_text_at(entity, "entity_group");
    const uint32_t types = (uint32_t)tag_types(p->classes);
    uint32_t k = 0;
    if (!group || !is_score(cJSON_GetObjectItemCaseSensitive(entity, "score"), false)) return types;
    while (k < types && strcmp(p->scorer.base_model.config.labels[2 * k] + 2, group) != 0) k++;
    return k;
}

/* Of the units that entities of a list begin with and go on over their tags, and the score at the
 * first; of all others none. */
static void tag_units(uint32_t *tags, double *scores, const cJSON *list, const predictor *p,
                      const example *x) {
    const char *text = x->texts[0].text;
    const cJSON *item = list->child;
    const uint32_t types = (uint32_t)tag_types(p->classes);
    size_t done = 0, place = 0; // bytes, and characters of them
    bool inside = false;
    for (uint32_t u = 0; u < x->target.units.count; u++) {
        const text_unit *unit = &x->target.units.list[u];
        uint32_t type = item ? type_of(item, p) : types;
        place += utf8_count(text + done, unit->begin - done);
        bool begins = type < types && !inside && json_number_at(item, "start") == (double)place;
        place += utf8_count(text + unit->begin, unit->end - unit->begin);
        done = unit->end;
        inside = inside || begins;
        tags[u] = inside ? 2 * type + !begins : tag_outside(p->classes);
        scores[u] = begins ? json_number_at(item, "score") : (double)NAN;
        if (!inside || json_number_at(item, "end") > (double)place) continue;
        inside = false;
        item = item->next;
    }
}

static err is_same(bool *is, const cJSON *a, const cJSON *b) {
    char *text[2] = {0};
    err e = json_print(&text[0], a, false);
    if (!e) e = json_print(&text[1], b, false);
    *is = !e && !strcmp(text[0], text[1]);
    mem_free(text[0]);
    mem_free(text[1]);
    return e;
}

/* Whether the text's units could be tagged so that this list is said of them. */
static err is_entities(bool *is, const cJSON *list, const predictor *p, const example *x) {
    const uint32_t count = x->target.units.count;
    uint32_t *tags = NULL;
    double *scores = NULL;
    cJSON *said = cJSON_CreateObject();
    err e = mem_new(&tags, count);
    if (!e) e = mem_new(&scores, count);
    if (e) goto done;
    tag_units(tags, scores, list, p, x);
    const tagged_text t = {.of = x,
                           .tags = tags,
                           .labels = (const char *const *)p->scorer.base_model.config.labels,
                           .classes = p->classes,
                           .scores = scores};
    if (!(e = entities_json(said, &t))) e = is_same(is, said->child, list);
done:
    cJSON_Delete(said);
    mem_free(tags);
    mem_free(scores);
    return e;
}

static bool is_word(const cJSON *word, text_span text, const text_unit *unit) {
    const char *said = cJSON_GetStringValue(word);
    size_t bytes = unit->end - unit->begin;
    return said && strlen(said) == bytes && !memcmp(said, text.text + unit->begin, bytes);
}

/* Whether they are what the model's rule lets it say: such a tree, or a head for each word. Words that
 * no token answers for, whose score is 0, hang where no rule looked. */
static err are_heads(bool *are, const cJSON *list, const cJSON *scores, const predictor *p,
                     uint32_t words) {
    uint32_t rule = p->scorer.base_model.config.tree_rule;
    uint32_t *heads = NULL, w = 0;
    const cJSON *item;
    tree_fault fault = {0};
    err e = mem_new(&heads, words);
    *are = !e;
    if (e) return e;
    cJSON_ArrayForEach(item, list) {
        *are = *are && is_place(item, words) && (heads[w] = (uint32_t)item->valuedouble) != w + 1;
        w++;
    }
    bool is_free = rule == TREE_ANY;
    cJSON_ArrayForEach(item, scores) {
        if (item->valuedouble == 0) rule = TREE_ANY;
    }
    if (*are && !is_free) e = tree_check(&fault, heads, words, rule);
    *are = *are && fault.kind == TREE_FINE;
    mem_free(heads);
    return e;
}

/* words, heads, labels and scores, one of each for every word. */
static err is_tree(bool *is, const cJSON *o, const predictor *p, const example *x) {
    const cJSON *words = cJSON_GetArrayItem(o, 0), *heads = cJSON_GetArrayItem(o, 1);
    const cJSON *labels = cJSON_GetArrayItem(o, 2), *scores = cJSON_GetArrayItem(o, 3), *item;
    const example_units *units = &x->target.units;
    const text_unit *unit = units->list;
    for (const cJSON *list = words; list; list = list->next)
        if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != (int)units->count) return ERR_OK;
    cJSON_ArrayForEach(item, words) {
        if (!is_word(item, x->texts[0], unit++)) return ERR_OK;
    }
    cJSON_ArrayForEach(item, labels) {
        const char *text = cJSON_GetStringValue(item);
        if (!text || (p->scorer.base_model.config.labels && !is_label(p, text))) return ERR_OK;
    }
    cJSON_ArrayForEach(item, scores) {
        if (!is_score(item, false)) return ERR_OK;
    }
    return are_heads(is, heads, scores, p, units->count);
}

static err is_units_answer(bool *is, const cJSON *o, const row_form *f, const predictor *p,
                           text_span text) {
    example x = {.texts = {text}, .text_count = 1};
    text_unit *list = NULL;
    err e = units_find(&list, &x.target.units.count, p->unit, text.text, text.bytes);
    x.target.units.list = list;
    if (!e) e = f->columns == 1 ? is_entities(is, o->child, p, &x) : is_tree(is, o, p, &x);
    mem_free(list);
    return e;
}

static err is_answer(bool *is, label_counts *counts, const cJSON *o, const row_form *f,
                     const predictor *p, text_span text) {
    const cJSON *item = o->child;
    *is = false;
    for (size_t i = 0; i < f->columns; i++, item = item->next)
        if (!item || strcmp(item->string, f->names[i]) != 0) return ERR_OK;
    if (item) return ERR_OK;
    return p->in_units ? is_units_answer(is, o, f, p, text)
                       : is_sentence_answer(is, counts, o, f, p);
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

/* A label stays as it is written, all else is JSON. */
static err add_cell(cJSON *o, const row_form *f, const predictor *p, size_t i, const char *cell) {
    cJSON *value = NULL;
    if (!i && !p->in_units) return json_add_string(o, f->names[i], cell);
    err e = parse(&value, cell, strlen(cell));
    return e || !value ? e : json_add_item(o, f->names[i], value);
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

err row_answer_fits(bool *fits, label_counts *counts, const row_form *f, const predictor *p,
                    text_span text, text_span rest, bool is_first) {
    cJSON *o = NULL;
    *fits = false;
    if (memchr(rest.text, 0, rest.bytes)) return ERR_OK; // texts end at it
    err e = f->kind == TASK_FORMAT_DELIMITED ? read_cells(&o, f, p, rest)
                                             : read_keys(&o, rest, is_first);
    if (!e && o) e = is_answer(fits, counts, o, f, p, text);
    cJSON_Delete(o);
    return e;
}

err row_label_unknown(strbuf *label, const row_form *f, const predictor *p, text_span rest,
                      bool is_first) {
    cJSON *o = NULL;
    label_counts counts = {0};
    bool is = true;
    if (p->in_units || memchr(rest.text, 0, rest.bytes)) return ERR_OK;
    err e = label_counts_init(&counts, p->classes);
    if (!e)
        e = f->kind == TASK_FORMAT_DELIMITED ? read_cells(&o, f, p, rest)
                                             : read_keys(&o, rest, is_first);
    const char *text = json_text_at(o, *f->names);
    if (!e && text && !predictor_says_several(p)) e = is_label_written(&is, &counts, f, p, text);
    if (!e && !is) e = strbuf_add(label, text);
    label_counts_free(&counts);
    cJSON_Delete(o);
    return e;
}
