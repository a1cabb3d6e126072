/* How rows of one model name their difference: in words, not as hashes. */
#include "base/json.h"
#include "base/shown.h"
#include "metric/score_text.h"
#include "report/compare.h"
#include "report/report_internal.h"
#include "report/words.h"
#include "train/recipe/recipe.h"
#include "train/run/model_corpus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 60 }; // of a key or a text that is shown whole
enum { SHOWN_KEYS = 12 };  // of a recipe and of a configuration

// a list of keys, borrowed from records
typedef struct key_list {
    const char **names;
    size_t count, capacity;
} key_list;

static bool has_key(const key_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->names[i], name)) return true;
    return false;
}

static err add_key(key_list *list, const char *name) {
    if (has_key(list, name)) return ERR_OK;
    err e = mem_grow((void **)&list->names, &list->capacity, list->count + 1, sizeof *list->names);
    if (!e) list->names[list->count++] = name;
    return e;
}

/* Whether two values differ. Lists and objects, which may be of any size, by their print: comparing
 * objects key by key takes the square of their size. */
static err differ(bool *out, const cJSON *a, const cJSON *b) {
    char *x = NULL, *y = NULL;
    err e = ERR_OK;
    *out = true;
    if (!b) return ERR_OK;
    if (!a->child && !b->child) {
        *out = !cJSON_Compare(a, b, true);
        return ERR_OK;
    }
    if (!(e = json_print(&x, a, false)) && !(e = json_print(&y, b, false))) *out = strcmp(x, y);
    mem_free(x);
    mem_free(y);
    return e;
}

// adds the keys that a has and b lacks or holds with another value
static err add_differing(key_list *list, const cJSON *a, const cJSON *b) {
    const cJSON *item;
    err e = ERR_OK;
    cJSON_ArrayForEach(item, a) {
        bool differs;
        if ((e = differ(&differs, item, cJSON_GetObjectItemCaseSensitive(b, item->string)))) break;
        if (differs && (e = add_key(list, item->string))) break;
    }
    return e;
}

static const cJSON *recipe_of(const board_row *row) {
    return row->runs[0]->recipe;
}

static const cJSON *config_of(const board_row *row) {
    return row->runs[0]->model.config;
}

// the keys whose value is not that of the first row in every row
static err varying_keys(key_list *list, const cJSON *(*part)(const board_row *),
                        const board_row *rows, size_t count) {
    err e = ERR_OK;
    for (size_t i = 1; i < count && !e; i++) {
        const cJSON *first = part(&rows[0]), *own = part(&rows[i]);
        if (!(e = add_differing(list, own, first))) e = add_differing(list, first, own);
    }
    return e;
}

static err add_value(strbuf *out, const char *key, const cJSON *item) {
    if (!item) return strbuf_add(out, "default"); // a recipe names what departs from it
    const char *word = cJSON_IsNumber(item) ? recipe_word(key, item->valuedouble) : NULL;
    if (word) return strbuf_add(out, word);
    if (cJSON_IsNumber(item)) return strbuf_printf(out, "%.10g", item->valuedouble);
    if (cJSON_IsBool(item)) return strbuf_add(out, cJSON_IsTrue(item) ? "yes" : "no");
    if (cJSON_IsString(item) && strlen(item->valuestring) <= SHOWN_BYTES)
        return strbuf_add(out, item->valuestring);
    return strbuf_add(out, "too long to show");
}

static err add_separator(strbuf *out) {
    return out->length ? strbuf_add(out, ", ") : ERR_OK;
}

static err add_words(strbuf *out, const char *key, const cJSON *value, page_language language) {
    static const char *const shorter[][2] = {{"learning_rate", "lr"},
                                             {"num_train_epochs", "epochs"},
                                             {"per_device_train_batch_size", "batch size"},
                                             {"lr_scheduler_type", "schedule"}};
    const char *name = key;
    err e = add_separator(out);
    for (size_t i = 0; i < sizeof shorter / sizeof *shorter; i++)
        if (!strcmp(key, shorter[i][0])) name = shorter[i][1];
    if (strlen(name) > SHOWN_BYTES) name = "a long key";
    strbuf words = {0}, text = {0};
    for (const char *p = name; *p && !e; p++) e = strbuf_add_bytes(&words, *p == '_' ? " " : p, 1);
    if (!e) e = add_value(&text, key, value);
    if (!e)
        e = strbuf_printf(out, "%s %s", language_term(language, words.text),
                          language_term(language, text.text));
    strbuf_free(&words);
    strbuf_free(&text);
    return e;
}

// what every row shows, the last where the recipe was searched for
static const char *const shown[] = {"num_train_epochs", "learning_rate", "tuning_trials"};

static bool is_shown(const char *key, const cJSON *values) {
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (!strcmp(key, shown[i]))
            return cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(values, key));
    return false;
}

static err add_key_words(strbuf *out, const char *key, const cJSON *values,
                         page_language language) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(values, key);
    bool epochs = !strcmp(key, shown[0]);
    if (!is_shown(key, values) || !strcmp(key, shown[1]))
        return add_words(out, key, value, language);
    err e = add_separator(out);
    if (e) return e;
    if (!epochs) return strbuf_printf(out, SAY_IN(language, row_trials), value->valuedouble);
    return strbuf_printf(out, SAY_IN(language, row_epochs), value->valuedouble,
                         language_plural(language, value->valuedouble == 1 ? 1 : 2));
}

static err add_shown(strbuf *out, const cJSON *values, page_language language) {
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof shown / sizeof *shown && !e; i++)
        if (is_shown(shown[i], values)) e = add_key_words(out, shown[i], values, language);
    return e;
}

/* `besides`: those that every row shows are left out. */
static err add_keys(strbuf *out, const key_list *keys, const cJSON *values, bool besides,
                    page_language language) {
    err e = ERR_OK;
    for (size_t i = 0; i < keys->count && i < SHOWN_KEYS && !e; i++)
        if (!besides || !is_shown(keys->names[i], values))
            e = add_key_words(out, keys->names[i], values, language);
    if (e || keys->count <= SHOWN_KEYS) return e;
    return strbuf_printf(out, SAY_IN(language, row_more), keys->count - SHOWN_KEYS);
}

/* The recipe's fields that two runs differ in, by their order. */
static err differing_keys(key_list *list, const record *a, const record *b) {
    err e = add_differing(list, a->recipe, b->recipe);
    return e ? e : add_differing(list, b->recipe, a->recipe);
}

err report__recipe_differences(strbuf *out, const record *a, const record *b,
                               page_language language) {
    key_list keys = {0};
    err e = differing_keys(&keys, a, b);
    for (size_t i = 0; i < keys.count && !e; i++) {
        const char *key = keys.names[i];
        strbuf values[2] = {{0}, {0}};
        e = add_value(&values[0], key, cJSON_GetObjectItemCaseSensitive(a->recipe, key));
        if (!e) e = add_value(&values[1], key, cJSON_GetObjectItemCaseSensitive(b->recipe, key));
        if (!e && !i) e = strbuf_add(out, "\n");
        if (!e)
            e = shown_printf(out, SHOWN_MARKDOWN, SAY_IN(language, recipe_differs),
                             strlen(key) > SHOWN_BYTES ? "a long key" : key,
                             language_term(language, values[0].text),
                             language_term(language, values[1].text));
        for (size_t k = 0; k < 2; k++) strbuf_free(&values[k]);
    }
    mem_free(keys.names);
    return e;
}

err compare_side_words(strbuf *out, const record *r, const record *other) {
    key_list keys = {0};
    strbuf words = {0};
    err e = differing_keys(&keys, r, other);
    if (!e) e = add_keys(&words, &keys, r->recipe, false, PAGE_EN);
    if (!e) e = strbuf_add(out, r->model.name);
    if (!e && words.length) e = strbuf_printf(out, ", %s", words.text);
    if (!e && strcmp(r->device.name, other->device.name) != 0)
        e = strbuf_printf(out, ", %s", r->device.name);
    if (!e && strcmp(r->device.precision, other->device.precision) != 0)
        e = strbuf_printf(out, ", %s", r->device.precision);
    if (!e && strcmp(r->protocol, other->protocol) != 0)
        e = strbuf_printf(out, ", %s", r->protocol);
    mem_free(keys.names);
    strbuf_free(&words);
    return e;
}

err report__recipe_words(strbuf *out, const record *a, const record *b) {
    key_list keys = {0};
    err e = differing_keys(&keys, a, b);
    for (size_t i = 0; i < keys.count && !e; i++) {
        const char *key = keys.names[i];
        e = strbuf_printf(out, "%s%s ", i ? ", " : "",
                          strlen(key) > SHOWN_BYTES ? "a long key" : key);
        if (!e) e = add_value(out, key, cJSON_GetObjectItemCaseSensitive(a->recipe, key));
        if (!e) e = strbuf_add(out, " and ");
        if (!e) e = add_value(out, key, cJSON_GetObjectItemCaseSensitive(b->recipe, key));
    }
    mem_free(keys.names);
    return e;
}

err report__recipe_differences_json(cJSON *top, const record *a, const record *b) {
    key_list keys = {0};
    cJSON *o = NULL, *pair;
    err e = differing_keys(&keys, a, b);
    if (!e) e = json_add_object(&o, top, "recipe_differences");
    for (size_t i = 0; i < keys.count && !e; i++) {
        const cJSON *values[] = {cJSON_GetObjectItemCaseSensitive(a->recipe, keys.names[i]),
                                 cJSON_GetObjectItemCaseSensitive(b->recipe, keys.names[i])};
        e = json_add_array(&pair, o, keys.names[i]);
        for (size_t k = 0; k < 2 && !e; k++)
            e = json_append(pair,
                            values[k] ? cJSON_Duplicate(values[k], true) : cJSON_CreateNull());
    }
    mem_free(keys.names);
    return e;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? !strcmp(a, b) : a == b;
}

// which of the fields that are no list of keys differ between rows of a model
typedef struct varying {
    key_list recipe, config;
    bool weights, vocab, drawn, label_map, numerics, kind;
} varying;

static void compare_fields(varying *v, const record *a, const record *b) {
    v->weights = v->weights || !same_text(a->model.weights_sha256, b->model.weights_sha256);
    v->vocab = v->vocab || !same_text(a->model.vocab_sha256, b->model.vocab_sha256);
    v->drawn =
        v->drawn || !cJSON_Compare(a->model.newly_initialised, b->model.newly_initialised, true);
    v->label_map = v->label_map || !same_text(a->model.label_map, b->model.label_map);
    v->numerics = v->numerics || a->numerics_version != b->numerics_version;
}

static int by_device_name(const void *a, const void *b) {
    const board_row *const *x = a, *const *y = b;
    return strcmp((*x)->runs[0]->device.name, (*y)->runs[0]->device.name);
}

// a kind shows by the device's name, unless two kinds share it
static err compare_kinds(varying *v, const board_row *rows, size_t count) {
    const board_row **by_name = NULL;
    err e = mem_new(&by_name, count);
    if (e) return e;
    for (size_t i = 0; i < count; i++) by_name[i] = &rows[i];
    qsort(by_name, count, sizeof *by_name, by_device_name);
    for (size_t i = 1; i < count && !v->kind; i++)
        v->kind = !by_device_name(&by_name[i - 1], &by_name[i]) &&
                  strcmp(by_name[i - 1]->runs[0]->device.kind, by_name[i]->runs[0]->device.kind);
    mem_free(by_name);
    return ERR_OK;
}

static err add_drawn(strbuf *out, int count, page_language language) {
    return strbuf_printf(out, SAY_IN(language, row_drawn), count,
                         language_plural(language, (unsigned)count));
}

static err add_label_map(strbuf *out, const char *map, page_language language) {
    if (!map) return strbuf_add(out, SAY_IN(language, row_no_map));
    if (strlen(map) > SHOWN_BYTES) return strbuf_add(out, SAY_IN(language, row_long_map));
    return strbuf_printf(out, SAY_IN(language, row_map), map);
}

static err add_fields(strbuf *out, const varying *v, const record *r, page_language language) {
    err e = ERR_OK;
    if (v->weights && !(e = add_separator(out)))
        e = r->model.weights_sha256
                ? strbuf_printf(out, SAY_IN(language, row_weights), r->model.weights_sha256)
                : strbuf_add(out, SAY_IN(language, from_scratch));
    if (!e && v->vocab && !(e = add_separator(out)))
        e = strbuf_printf(out, SAY_IN(language, row_vocabulary), r->model.vocab_sha256);
    if (!e && v->drawn && !(e = add_separator(out)))
        e = add_drawn(out, cJSON_GetArraySize(r->model.newly_initialised), language);
    if (!e && v->label_map && !(e = add_separator(out)))
        e = add_label_map(out, r->model.label_map, language);
    if (!e && v->numerics && !(e = add_separator(out)))
        e = strbuf_printf(out, SAY_IN(language, row_numerics), (long long)r->numerics_version);
    if (!e && v->kind && !(e = add_separator(out)))
        e = strbuf_printf(out, SAY_IN(language, row_device_kind),
                          language_term(language, r->device.kind));
    return e;
}

static bool same_program(const record *a, const record *b) {
    return same_text(a->harness_version, b->harness_version) && same_text(a->commit, b->commit);
}

/* First and last day, the newest run's program, and how many others made runs of the row. */
static err tell_origin(board_row *row) {
    const record *first = row->runs[0], *last = row->runs[0];
    size_t others = 0;
    strbuf out = {0};
    for (size_t i = 0; i < row->run_count; i++) {
        const record *r = row->runs[i];
        if (strcmp(r->created, first->created) < 0) first = r;
        if (strcmp(r->created, last->created) > 0) last = r;
    }
    for (size_t i = 0; i < row->run_count; i++) {
        bool counted = same_program(row->runs[i], last);
        for (size_t k = 0; k < i && !counted; k++)
            counted = same_program(row->runs[i], row->runs[k]);
        others += !counted;
    }
    err e = strbuf_printf(&out, "%.10s", first->created);
    if (!e && strncmp(first->created, last->created, 10) != 0)
        e = strbuf_printf(&out, " – %.10s", last->created);
    if (!e) e = strbuf_printf(&out, ", %s (%.8s)", last->harness_version, last->commit);
    if (!e && others) e = strbuf_printf(&out, " +%zu", others);
    if (e)
        strbuf_free(&out);
    else
        row->made = out.text;
    return e;
}

static err describe_in(char **words, const board_row *row, const varying *v,
                       page_language language) {
    strbuf out = {0};
    err e;
    if ((e = strbuf_add(&out, "")) || (e = add_shown(&out, recipe_of(row), language)) ||
        (e = add_keys(&out, &v->recipe, recipe_of(row), true, language)) ||
        (e = add_keys(&out, &v->config, config_of(row), true, language)) ||
        (e = add_fields(&out, v, row->runs[0], language)))
        strbuf_free(&out);
    else
        *words = out.text;
    return e;
}

static err tell_apart(char **words, const board_row *row, const varying *v,
                      page_language language) {
    strbuf out = {0};
    err e = strbuf_add(&out, "");
    if (!e) e = add_keys(&out, &v->recipe, recipe_of(row), false, language);
    if (e) strbuf_free(&out);
    *words = out.text;
    return e;
}

static err describe(board_row *row, const varying *v) {
    err e = describe_in(&row->words, row, v, PAGE_EN);
    if (!e) e = describe_in(&row->words_ko, row, v, PAGE_KO);
    if (!e) e = tell_apart(&row->apart, row, v, PAGE_EN);
    if (!e) e = tell_apart(&row->apart_ko, row, v, PAGE_KO);
    return e ? e : tell_origin(row);
}

// rows of one model
static err describe_model(board_row *rows, size_t count) {
    varying v = {0};
    err e = varying_keys(&v.recipe, recipe_of, rows, count);
    if (!e) e = varying_keys(&v.config, config_of, rows, count);
    for (size_t i = 1; i < count; i++) compare_fields(&v, rows[0].runs[0], rows[i].runs[0]);
    if (!e) e = compare_kinds(&v, rows, count);
    for (size_t i = 0; i < count && !e; i++) e = describe(&rows[i], &v);
    mem_free(v.recipe.names);
    mem_free(v.config.names);
    return e;
}

err report__row_words(board_table *t) {
    err e = ERR_OK;
    for (size_t i = 0, end; i < t->row_count && !e; i = end) {
        const char *name = t->rows[i].runs[0]->model.name;
        for (end = i; end < t->row_count && !strcmp(t->rows[end].runs[0]->model.name, name);) end++;
        e = describe_model(t->rows + i, end - i);
    }
    return e;
}

const char *report__corpus_caution(const record *r) {
    if (r->model.corpus && !model_corpus_leaves_out(r->model.corpus, r->task.name))
        return "its pretraining may have read these test rows";
    return r->model.corpus_is_source ? "pretrained on texts of the task's own source" : NULL;
}

err report__cautions(strbuf *out, const board_row *row) {
    const char *before = " (";
    err e = ERR_OK;
    for (int i = SCORE_FINE + 1; i < SCORE_CAUTIONS && !e; i++) {
        size_t count = row->cautions[i];
        if (!count) continue;
        e = strbuf_printf(out, "%s%s", before, score_caution_text((score_caution)i));
        if (!e && count < row->run_count)
            e = strbuf_printf(out, ": %zu of %zu seeds", count, row->run_count);
        before = "; ";
    }
    const char *words = report__corpus_caution(row->runs[0]);
    if (!e && words) {
        e = strbuf_printf(out, "%s%s", before, words);
        before = "; ";
    }
    return !e && before[0] == ';' ? strbuf_add(out, ")") : e;
}

bool report__shows(const metric *m, const record *r) {
    return metric_applies(m, r->task.kind, r->task.label_count) &&
           (!strcmp(m->name, r->headline) || metric_tells(m, r->task.name));
}
