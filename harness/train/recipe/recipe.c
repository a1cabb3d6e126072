#include "train/recipe/recipe.h"

#include "base/hash.h"
#include "base/memory.h"
#include "metric/score.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECIPE_LIMIT_BYTES = 1 << 20,
    STEPS_MAX = 1000000000,
    WEIGHT_MOST = 1000000, /* one class over another */
    WEIGHTS_MOST = 256     /* as many labels as a run takes */
};

static const hyperparameter table[] = {
#define HYPERPARAMETER(kind, key, value, low, high, recorded, word, ...)                           \
    {#key, RECIPE_##kind, offsetof(recipe, key), value, low, high, RECORDED_##recorded, word},
#include "train/recipe/hyperparameters.def"
};
enum { ROWS = sizeof table / sizeof *table };

const hyperparameter *recipe_row(size_t i) {
    return i < ROWS ? &table[i] : NULL;
}

static const hyperparameter *row_find(const char *key) {
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].key, key) == 0) return &table[i];
    return NULL;
}

double recipe_value(const recipe *r, const hyperparameter *h) {
    const void *at = (const char *)r + h->offset;
    switch (h->kind) {
    case RECIPE_WHOLE:
    case RECIPE_STEPS: return *(const uint32_t *)at;
    case RECIPE_REAL: return *(const double *)at;
    case RECIPE_SWITCH: return *(const bool *)at;
    default: return 0;
    }
}

static void number_put(recipe *r, const hyperparameter *h, double value) {
    void *at = (char *)r + h->offset;
    switch (h->kind) {
    case RECIPE_WHOLE:
    case RECIPE_STEPS: *(uint32_t *)at = (uint32_t)value; break;
    case RECIPE_REAL: *(double *)at = value; break;
    case RECIPE_SWITCH: *(bool *)at = value > 0; break;
    default: break;
    }
}

/* NULL of numbers. */
static const char *text_get(const recipe *r, const hyperparameter *h) {
    const void *at = (const char *)r + h->offset;
    if (h->kind < RECIPE_SCHEDULE) return NULL;
    return h->kind == RECIPE_SCHEDULE ? schedule_name(*(const schedule_kind *)at) : at;
}

void recipe_defaults(recipe *r) {
    *r = (recipe){.name = "trainer"};
    for (size_t i = 0; i < ROWS; i++) number_put(r, &table[i], table[i].value);
}

static void course(recipe *r) {
    r->num_train_epochs = 1;
    r->per_device_train_batch_size = 32;
    r->per_device_eval_batch_size = 64;
    r->warmup_steps = 500;
    r->weight_decay = 0.01;
    r->save_steps = 500;
    r->save_total_limit = 2;
}

static void course_loop(recipe *r) {
    r->per_device_train_batch_size = 32;
    r->per_device_eval_batch_size = 64;
    r->lr_scheduler_type = SCHEDULE_constant;
    r->max_grad_norm = 0;
}

/* Of the small models. The rates were tried on the dev hold-out: of tiny on kor_hate and kor_sarcasm (5e-4,
 * 7e-4, 1e-3, 2e-3), of ko-tiny there with two seeds (3e-4 to 2e-3), of mini and ko-mini there and on kor_sae
 * with two seeds (2e-4 and 1e-3 on the first two alone, 3e-4, 5e-4); those of the larger presets follow them
 * downwards, untried. */
static void small_model(recipe *r, double rate) {
    r->learning_rate = rate;
    r->per_device_train_batch_size = 32;
    r->per_device_eval_batch_size = 64;
    r->warmup_ratio = 0.1;
    r->weight_decay = 0.01;
    r->logging_steps = 50;
}

/* X(name, what it changes of transformers' defaults, the rate of a small model) */
#define BUILT_IN(X)                                                                                \
    X("trainer", NULL, 0)                                                                          \
    X("course", course, 0)                                                                         \
    X("course-loop", course_loop, 0)                                                               \
    X("tiny", NULL, 7e-4)                                                                          \
    X("mini", NULL, 5e-4)                                                                          \
    X("small", NULL, 2e-4)                                                                         \
    X("medium", NULL, 1e-4)                                                                        \
    X("base", NULL, 5e-5)                                                                          \
    X("ko-tiny", NULL, 1e-3)                                                                       \
    X("ko-mini", NULL, 3e-4)

static const struct {
    const char *name;
    void (*change)(recipe *r);
    double rate;
} built_in[] = {
#define X(name, change, rate) {name, change, rate},
    BUILT_IN(X)
#undef X
};

const char *recipe_names(void) {
#define X(name, change, rate) ", " name
    return &BUILT_IN(X)[2];
#undef X
}

static bool load_built_in(recipe *r, const char *name) {
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
        if (strcmp(built_in[i].name, name) != 0) continue;
        recipe_defaults(r);
        snprintf(r->name, sizeof r->name, "%s", name);
        if (built_in[i].change) built_in[i].change(r);
        if (built_in[i].rate > 0) small_model(r, built_in[i].rate);
        return true;
    }
    return false;
}

static err unknown_key(const char *key) {
    strbuf known = {0};
    err e = ERR_OK;
    for (size_t i = 0; !e && i < ROWS; i++)
        e = strbuf_printf(&known, "%s%s", i ? ", " : "", table[i].key);
    if (!e) e = err_set(ERR_USAGE, "unknown hyperparameter '%s' (known: %s)", key, known.text);
    strbuf_free(&known);
    return e;
}

err recipe_set_number(recipe *r, const char *key, double value) {
    const hyperparameter *h = row_find(key);
    if (!h) return unknown_key(key);
    if (h->kind >= RECIPE_SCHEDULE)
        return err_set(ERR_USAGE, "%s is %g, expected text", key, value);
    // as transformers reads it: below 1 it is a share of all steps
    if (h->kind == RECIPE_STEPS && value > 0 && value < 1) {
        r->warmup_steps = 0;
        r->warmup_ratio = value;
        return ERR_OK;
    }
    // a default below 0 says that another place decides; between it and 0 nothing is allowed
    double low = h->value < 0 && value != h->value ? 0 : h->low;
    bool is_whole = h->kind != RECIPE_REAL;
    if (!(value >= low && value <= h->high) || (is_whole && value != floor(value)))
        return err_set(ERR_USAGE, "%s is %s, expected a %snumber from %s to %s", key,
                       SHOWN_NUMBER(value), is_whole ? "whole " : "", SHOWN_NUMBER(low),
                       SHOWN_NUMBER(h->high));
    number_put(r, h, value);
    return ERR_OK;
}

const char *recipe_word(const char *key, double value) {
    const hyperparameter *h = row_find(key);
    return h && h->kind < RECIPE_SCHEDULE && value == h->low ? h->word : NULL;
}

bool recipe_shown(char out[RECIPE_TEXT_BYTES], const recipe *r, const char *key) {
    const hyperparameter *h = row_find(key);
    if (!h) return false;
    char number[SHOWN_NUMBER_BYTES];
    double value = recipe_value(r, h);
    const char *text = text_get(r, h), *word = recipe_word(key, value);
    if (!text)
        text = word ? word : shown_number(number, value);
    else if (!*text)
        text = h->word;
    snprintf(out, RECIPE_TEXT_BYTES, "%s", text);
    return true;
}

err recipe_class_weights(double *weights, size_t *count, size_t most, const char *text) {
    *count = 0;
    for (const char *at = text; *at;) {
        char *end = NULL;
        double value = strtod(at, &end);
        if (end == at || !(value > 0 && value <= WEIGHT_MOST) || (*end && *end != ',') ||
            (*end && !end[1]))
            return err_set(ERR_USAGE,
                           "class_weights is '%s', expected balanced, none, or a number above 0 "
                           "for each label with commas",
                           text);
        if (*count == most)
            return err_set(ERR_USAGE, "class_weights has more than %zu numbers", most);
        weights[(*count)++] = value;
        at = *end ? end + 1 : end;
    }
    return ERR_OK;
}

/* Kept as every way of writing the same numbers has it. */
static err set_class_weights(recipe *r, const char *value) {
    double weights[WEIGHTS_MOST];
    size_t count = 0;
    strbuf text = {0};
    if (!*value || strcmp(value, "balanced") == 0) {
        snprintf(r->class_weights, sizeof r->class_weights, "%s", value);
        return ERR_OK;
    }
    err e = recipe_class_weights(weights, &count, WEIGHTS_MOST, value);
    for (size_t i = 0; !e && i < count; i++)
        e = strbuf_printf(&text, "%s%.9g", i ? "," : "", weights[i]);
    if (!e && text.length >= sizeof r->class_weights)
        e = err_set(ERR_USAGE, "class_weights takes %zu bytes, expected at most %zu", text.length,
                    sizeof r->class_weights - 1);
    if (!e) snprintf(r->class_weights, sizeof r->class_weights, "%s", text.text);
    strbuf_free(&text);
    return e;
}

static err set_metric(recipe *r, const char *value) {
    const metric *found = NULL;
    if (strncmp(value, "eval_", 5) == 0) value += 5;
    err e = *value && strcmp(value, "loss") != 0 ? metric_lookup(&found, value, ANSWER_CLASS, 0)
                                                 : ERR_OK;
    if (e) return err_wrap(e, "metric_for_best_model (beside loss)");
    snprintf(r->metric_for_best_model, sizeof r->metric_for_best_model, "%s", value);
    return ERR_OK;
}

err recipe_set_text(recipe *r, const char *key, const char *value) {
    const hyperparameter *h = row_find(key);
    if (!h) return unknown_key(key);
    const char *text =
        h->word && strcmp(value, h->word) == 0 && h->kind != RECIPE_SCHEDULE ? "" : value;
    switch (h->kind) {
    case RECIPE_SCHEDULE: return schedule_find(&r->lr_scheduler_type, text);
    case RECIPE_WEIGHTS: return set_class_weights(r, text);
    case RECIPE_METRIC: return set_metric(r, text);
    default: return err_set(ERR_USAGE, "%s is '%s', expected a number", key, value);
    }
}

static err set_truth(recipe *r, const char *key, bool truth) {
    const hyperparameter *h = row_find(key);
    if (!h || h->kind == RECIPE_SWITCH) return recipe_set_number(r, key, truth);
    return err_set(ERR_USAGE, "%s is %s, expected %s", key, truth ? "true" : "false",
                   h->kind >= RECIPE_SCHEDULE ? "text" : "a number");
}

static err load_base(recipe *r, const cJSON *root, const char *path) {
    const char *name = NULL;
    recipe_defaults(r);
    if (!json_has(root, "base")) return ERR_OK;
    err e = json_string(&name, root, "base", path);
    if (e) return e;
    if (!load_built_in(r, name))
        return err_set(ERR_FORMAT, "%s: base is '%s', expected one of %s", path, name,
                       recipe_names());
    return ERR_OK;
}

err recipe_read(recipe *r, const char *name, const cJSON *object, const char *where) {
    const cJSON *item = NULL;
    err e = load_base(r, object, where);
    if (e) return e;
    cJSON_ArrayForEach(item, object) {
        for (const cJSON *before = object->child; before != item; before = before->next)
            if (strcmp(before->string, item->string) == 0)
                return err_set(ERR_FORMAT, "%s: key '%s' stands there twice", where, item->string);
        if (strcmp(item->string, "base") == 0) continue;
        if (cJSON_IsNumber(item))
            e = recipe_set_number(r, item->string, item->valuedouble);
        else if (cJSON_IsBool(item))
            e = set_truth(r, item->string, cJSON_IsTrue(item));
        else if (cJSON_IsString(item))
            e = recipe_set_text(r, item->string, item->valuestring);
        else
            e = err_set(ERR_FORMAT, "%s is neither a number nor text", item->string);
        if (e) return err_wrap(e == ERR_MEMORY ? e : ERR_FORMAT, "%s", where);
    }
    snprintf(r->name, sizeof r->name, "%s", name);
    return ERR_OK;
}

static err load_file(recipe *r, const char *path) {
    cJSON *root = NULL;
    void *text = NULL;
    size_t length = 0;
    err e = file_read(&text, &length, path, RECIPE_LIMIT_BYTES);
    if (!e) e = json_parse_part(&root, text, length, path, 1, 1); // a key may stand there twice
    mem_free(text);
    if (e) return e;
    e = cJSON_IsObject(root)
            ? recipe_read(r, path_name(path), root, path)
            : err_set(ERR_FORMAT, "%s: expected an object of hyperparameters", path);
    cJSON_Delete(root);
    return e;
}

err recipe_load(recipe *r, const char *name_or_file) {
    if (load_built_in(r, name_or_file)) return ERR_OK;
    if (file_is_input(name_or_file))
        return err_set(ERR_USAGE, "a recipe from standard input (-) is not read: every run of a "
                                  "sweep reads it anew; name a file");
    if (file_exists(name_or_file)) return load_file(r, name_or_file);
    const char *other = file_other_kind(name_or_file);
    if (other)
        return err_set(ERR_USAGE, "recipe '%s': is %s, a file was expected", name_or_file, other);
    return err_set(ERR_USAGE, "unknown recipe '%s': neither a file nor one of %s", name_or_file,
                   recipe_names());
}

static err add_item(cJSON *object, const recipe *r, const hyperparameter *h) {
    double value = recipe_value(r, h);
    const char *text = text_get(r, h);
    bool is_default = text ? !*text : value == h->value;
    if (h->recorded == RECORDED_CHANGED && is_default) return ERR_OK;
    if (text) return json_add_string(object, h->key, text);
    if (h->kind == RECIPE_SWITCH) return json_add_bool(object, h->key, value > 0);
    return json_add_number(object, h->key, value);
}

/* Those that are never recorded, or the others. */
static err add_items(cJSON *object, const recipe *r, bool never) {
    err e = ERR_OK;
    for (size_t i = 0; !e && i < ROWS; i++)
        if ((table[i].recorded == RECORDED_NEVER) == never) e = add_item(object, r, &table[i]);
    return e;
}

err recipe_json(cJSON *object, const recipe *r) {
    return add_items(object, r, false);
}

err recipe_json_rest(cJSON *object, const recipe *r) {
    return add_items(object, r, true);
}

const char *recipe_item_text(char number[SHOWN_NUMBER_BYTES], const cJSON *item) {
    if (cJSON_IsNumber(item)) return shown_number(number, item->valuedouble);
    return cJSON_IsString(item) ? item->valuestring : cJSON_IsTrue(item) ? "true" : "false";
}

err recipe_digest(const recipe *r, char hex[65]) {
    strbuf text = {0};
    char number[SHOWN_NUMBER_BYTES];
    cJSON *object = cJSON_CreateObject();
    const cJSON *item = NULL;
    err e = recipe_json(object, r);
    cJSON_ArrayForEach(item, object) {
        if (e) break;
        e = cJSON_IsNumber(item)
                ? strbuf_printf(&text, "%s=%.17g\n", item->string, item->valuedouble)
                : strbuf_printf(&text, "%s=%s\n", item->string, recipe_item_text(number, item));
    }
    if (!e) hash_bytes_hex(text.text, text.length, hex);
    cJSON_Delete(object);
    strbuf_free(&text);
    return e;
}

uint32_t recipe_epoch_steps(const recipe *r, size_t rows) {
    size_t batch = (size_t)r->per_device_train_batch_size * r->gradient_accumulation_steps;
    return (uint32_t)((rows + batch - 1) / batch);
}

uint32_t recipe_total_steps(const recipe *r, size_t rows) {
    if (r->max_steps) return r->max_steps;
    double steps = ceil(r->num_train_epochs * recipe_epoch_steps(r, rows));
    return steps < STEPS_MAX ? (uint32_t)steps : STEPS_MAX;
}

uint32_t recipe_warmup(const recipe *r, uint32_t total_steps) {
    if (!schedule_has_warmup(r->lr_scheduler_type)) return 0;
    return r->warmup_steps ? r->warmup_steps : (uint32_t)ceil(r->warmup_ratio * total_steps);
}
