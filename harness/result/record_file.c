#include "base/json.h"
#include "base/memory.h"
#include "base/moment.h"
#include "base/name.h"
#include "base/shell_words.h"
#include "platform/file.h"
#include "result/other_kind.h"
#include "result/record_internal.h"
#include "task/task.h"
#include "text/unicode.h"

#include <string.h>

/* writing */

static err write_key(cJSON *object, const record_key *k, const record *r) {
    const void *field = (const char *)r + k->offset;
    switch (k->kind) {
    case RECORD_TEXT:
    case RECORD_TEXT_OR_NULL:
    case RECORD_HASH:
    case RECORD_MOMENT:
    case RECORD_HASH_OR_NULL: return json_add_string(object, k->key, *(char *const *)field);
    case RECORD_TEXT_IF_ANY:
    case RECORD_HASH_IF_ANY: {
        const char *text = *(char *const *)field;
        return text ? json_add_string(object, k->key, text) : ERR_OK;
    }
    case RECORD_WHOLE: return json_add_number(object, k->key, (double)*(const int64_t *)field);
    case RECORD_REAL: return json_add_number(object, k->key, *(const double *)field);
    case RECORD_BOOL: return json_add_bool(object, k->key, *(const bool *)field);
    case RECORD_OBJECT:
    case RECORD_ARRAY: return json_add_copy(object, k->key, *(cJSON *const *)field);
    case RECORD_PART: return k->write(object, k->key, r);
    }
    return ERR_OK;
}

err record__write_all(cJSON **out, const record *r) {
    cJSON *top = *out = cJSON_CreateObject();
    err e = ERR_OK;
    for (size_t i = 0; i < record__key_count && !e; i++) {
        const record_key *k = &record__keys[i];
        cJSON *object = top;
        if (*k->section) {
            object = cJSON_GetObjectItemCaseSensitive(top, k->section);
            if (!object && (e = json_add_object(&object, top, k->section))) return e;
        }
        e = write_key(object, k, r);
    }
    return e;
}

/* reading */

static err read_text(char **field, const cJSON *object, const record_key *k, const char *where) {
    const char *text = NULL;
    bool may_lack = k->kind == RECORD_TEXT_IF_ANY || k->kind == RECORD_HASH_IF_ANY;
    bool may_be_null = may_lack || k->kind == RECORD_TEXT_OR_NULL || k->kind == RECORD_HASH_OR_NULL;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, k->key);
    if (item ? may_be_null && cJSON_IsNull(item) : may_lack) return ERR_OK;
    err e = json_string(&text, object, k->key, where);
    if (e) return e;
    if (k->kind == RECORD_HASH || k->kind == RECORD_HASH_OR_NULL || k->kind == RECORD_HASH_IF_ANY) {
        if (!hash_is_hex(text, HASH_HEX_BYTES - 1)) {
            return err_set(ERR_FORMAT,
                           "%s: key '%s' is '%.80s', expected 64 lower-case hexadecimal digits",
                           where, k->key, text);
        }
    }
    if (!*text) return err_set(ERR_FORMAT, "%s: key '%s' is empty", where, k->key);
    if (k->kind == RECORD_MOMENT && !moment_read(NULL, text))
        return err_set(ERR_FORMAT,
                       "%s: key '%s' is '%.80s', expected a time like 2025-01-31T12:00:00Z", where,
                       k->key, text);
    bool known = !k->choices;
    size_t length = strlen(text);
    for (const char *c = k->choices; c && !known; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL) {
        known = strcspn(c, "|") == length && !strncmp(c, text, length);
    }
    if (!known) {
        return err_set(ERR_FORMAT, "%s: key '%s' is '%.80s', expected one of %s", where, k->key,
                       text, k->choices);
    }
    return mem_strdup(field, text);
}

static err read_real(double *field, const cJSON *object, const record_key *k, const char *where) {
    err e = json_number(field, object, k->key, where);
    return e ? e
             : record__amount(field, cJSON_GetObjectItemCaseSensitive(object, k->key),
                              (double)k->high, k->key, where);
}

static err read_tree(cJSON **field, const cJSON *object, const record_key *k, const char *where) {
    const cJSON *item = NULL;
    err e = k->kind == RECORD_OBJECT ? record__object(&item, object, k->key, where)
                                     : json_array(&item, object, k->key, where);
    if (e) return e;
    for (const cJSON *i = k->kind == RECORD_ARRAY ? item->child : NULL; i; i = i->next)
        if (!cJSON_IsString(i))
            return err_set(ERR_FORMAT, "%s: key '%s' holds something that is no string", where,
                           k->key);
    return json_copy(field, item);
}

static err read_key(record *r, const cJSON *object, const record_key *k, const char *where) {
    void *field = (char *)r + k->offset;
    switch (k->kind) {
    case RECORD_TEXT:
    case RECORD_TEXT_OR_NULL:
    case RECORD_HASH:
    case RECORD_MOMENT:
    case RECORD_HASH_OR_NULL:
    case RECORD_TEXT_IF_ANY:
    case RECORD_HASH_IF_ANY: return read_text((char **)field, object, k, where);
    case RECORD_WHOLE: return json_whole((int64_t *)field, object, k->key, k->low, k->high, where);
    case RECORD_REAL: return read_real((double *)field, object, k, where);
    case RECORD_BOOL: return json_bool((bool *)field, object, k->key, where);
    case RECORD_OBJECT:
    case RECORD_ARRAY: return read_tree((cJSON **)field, object, k, where);
    case RECORD_PART: return k->read ? k->read(r, object, k->key, where) : ERR_OK;
    }
    return ERR_OK;
}

// walks the table once: reading, or checking what follows from the rest
static err walk(record *r, const cJSON *top, const char *path, bool checking) {
    const char *section = NULL; // of `object` and `where`
    const cJSON *object = top;
    char *where = NULL;
    err e = ERR_OK;
    for (size_t i = 0; i < record__key_count && !e; i++) {
        const record_key *k = &record__keys[i];
        if (checking && !k->check) continue;
        if (!section || strcmp(k->section, section) != 0) {
            section = k->section;
            object = top;
            mem_free(where);
            where = NULL;
            if (*section && (e = json_object(&object, top, section, path))) break;
            if ((e = mem_printf(&where, *section ? "%s: %s" : "%s", path, section))) break;
        }
        e = checking ? k->check(r, object, k->key, where) : read_key(r, object, k, where);
    }
    mem_free(where);
    return e;
}

/* Folders of results, pages and tasks are called so: a path would lead elsewhere, and what looks like
 * another task's name would stand among its records. */
static err check_task_name(const record *r, const char *path) {
    const char *name = r->task.name ? r->task.name : "";
    char *seen = NULL, *whole = NULL;
    if (!*name || *name == '.' || strpbrk(name, "/\\"))
        return err_set(ERR_FORMAT,
                       "%s: task: key 'name' is '%s', a task's name is expected, no path", path,
                       name);
    err e = unicode_visible(&seen, name);
    if (!e) e = unicode_compose(&whole, name);
    if (!e && strcmp(seen, whole) != 0)
        e = err_set(ERR_FORMAT, "%s: task: key 'name' is '%s', which has letters that do not show",
                    path, name);
    mem_free(seen);
    mem_free(whole);
    if (e) return e;
    // "Own-x" is no "own-x", which a board leaves out
    if (!name_is_word(name))
        return err_set(
            ERR_FORMAT,
            "%s: task: key 'name' is '%s', which no task is called: a-z, letters of other "
            "scripts, 0-9, '_' and '-' are allowed, and no alphabets that look alike in "
            "one word",
            path, name);
    // and what no manifest may be called no record is of
    const char *meaning = NULL;
    if ((e = task_name_meaning(&meaning, name)) || !meaning) return e;
    return err_set(ERR_FORMAT,
                   "%s: task: key 'name' is '%s', which no task is called, for it means something "
                   "else: %s",
                   path, name, meaning);
}

static err check_counts(const record *r, const char *path) {
    if ((size_t)r->timing.steps != r->loss_count) {
        return err_set(ERR_FORMAT, "%s: key 'loss' holds %zu values, timing says %lld steps", path,
                       r->loss_count, (long long)r->timing.steps);
    }
    const struct {
        const char *key;
        int64_t rows;
    } parts[] = {{"leaked_rows", r->task.leaked_rows}, {"duplicate_rows", r->task.duplicate_rows}};
    for (size_t i = 0; i < 2; i++) {
        if (parts[i].rows <= r->task.test_rows) continue;
        return err_set(ERR_FORMAT, "%s: task: key '%s' is %lld, there are %lld test rows", path,
                       parts[i].key, (long long)parts[i].rows, (long long)r->task.test_rows);
    }
    if (r->task.label_count && (size_t)r->task.majority_class >= r->task.label_count) {
        return err_set(ERR_FORMAT, "%s: task: key 'majority_class' is %lld, there are %zu labels",
                       path, (long long)r->task.majority_class, r->task.label_count);
    }
    const metric *m;
    err e = metric_lookup(&m, r->headline, r->task.kind, r->task.label_count);
    return err_wrap(e == ERR_USAGE ? ERR_FORMAT : e, "%s: key 'headline'", path);
}

static err check_kind(const cJSON *json, const char *path) {
    const char *kind = json_text_at(json, "kind"), *what = other_kind(json);
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(json, "schema");
    if (!what) return ERR_OK;
    // named as a run's, and beside its model as that is
    if (kind && !strcmp(kind, "pretraining"))
        return err_set(ERR_UNSUPPORTED,
                       "%s: the record of a pretraining (schema %.0f), which has no test rows: the "
                       "record of a fine-tuning is expected",
                       path, cJSON_IsNumber(schema) ? schema->valuedouble : 0);
    return err_set(ERR_UNSUPPORTED, "%s: %s, and no record of a run", path, what);
}

/* Pages show it, to be typed again. */
static err check_command(const record *r, const char *path) {
    if (!r->command) return ERR_OK;
    if (strncmp(r->command, "harness ", strlen("harness ")) != 0)
        return err_set(ERR_FORMAT, "%s: key 'command' is none of this program: %.80s", path,
                       r->command);
    if (shell_is_words(r->command)) return ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: key 'command' has what a shell would act on, expected words alone: %.80s",
                   path, r->command);
}

/* Boards and pages show all texts but these: numbers packed into one, and what was typed. */
static bool may_be_long(const char *key) {
    return key && (!strcmp(key, "data") || !strcmp(key, "loss") || !strcmp(key, "command"));
}

static err check_texts(const cJSON *parent, const char *path) {
    const cJSON *item;
    err e = ERR_OK;
    cJSON_ArrayForEach(item, parent) {
        size_t length = cJSON_IsString(item) ? strlen(item->valuestring) : 0;
        if (length > RECORD_TEXT_LIMIT && !may_be_long(item->string))
            return err_set(ERR_FORMAT,
                           "%s: a text of %zu bytes%s%.80s, at most %d are allowed: %.40s ...",
                           path, length, item->string ? " in key " : "",
                           item->string ? item->string : "", RECORD_TEXT_LIMIT, item->valuestring);
        if ((e = check_texts(item, path))) return e;
    }
    return e;
}

static err read_json(record *r, const cJSON *json, const char *path) {
    err e;
    *r = (record){0};
    if (!cJSON_IsObject(json)) {
        return err_set(ERR_FORMAT, "%s: not a run record: expected an object", path);
    }
    if ((e = check_kind(json, path)) || (e = check_texts(json, path)) ||
        (e = walk(r, json, path, false)) || (e = check_task_name(r, path)) ||
        (e = check_counts(r, path)) || (e = check_command(r, path)))
        goto done;
    if ((e = record_score(r))) {
        e = err_wrap(e == ERR_DATA ? ERR_FORMAT : e, "%s: predictions", path);
        goto done;
    }
    e = walk(r, json, path, true);
done:
    if (e) record_free(r);
    return e;
}

err record_parse(record *r, const char *text, size_t length, const char *path) {
    mem_arena values = {0};
    const cJSON *json = NULL;
    *r = (record){0};
    err e = json_parse_in(&values, &json, text, length, path);
    if (!e && !(e = read_json(r, json, path))) {
        if (r->schema > 1) e = record__checksums_hold(json, text, length, path);
        // of what is read alone: a run of hours is written, whatever its machine's clock says
        if (!e) e = record__check_sense(r, path);
        if (e) record_free(r);
    }
    mem_arena_free(&values);
    return e;
}

err record_read(record *r, const char *path) {
    void *text = NULL;
    size_t length = 0;
    *r = (record){0};
    err e = file_read_given(&text, &length, path, RECORD_LIMIT_BYTES);
    if (!e) e = record_parse(r, text, length, file_given_name(path));
    mem_free(text);
    return e;
}

static err make_folder_of(const char *path) {
    size_t length = (size_t)(path_name(path) - path);
    if (!length) return ERR_OK;
    char *folder;
    err e = mem_strndup(&folder, path, length > 1 ? length - 1 : length);
    if (e) return e;
    e = folder_make(folder);
    mem_free(folder);
    return e;
}

/* stays: NULL, or as record_write_new has it. */
static err write_at(record *r, const char *path, bool *stays) {
    record again = {0};
    err e;
    if ((e = record_score(r))) return err_wrap(e, "%s", path);
    cJSON *json = NULL;
    if ((e = record__write_all(&json, r))) goto done;
    // what could not be read back is not written
    if ((e = read_json(&again, json, path))) goto done;
    if ((e = make_folder_of(path))) goto done;
    e = stays ? json_write_new(stays, path, json) : json_write(path, json);
done:
    record_free(&again);
    cJSON_Delete(json);
    return e;
}

err record_write(record *r, const char *path) {
    return write_at(r, path, NULL);
}

err record_write_new(bool *stays, record *r, const char *path) {
    return write_at(r, path, stays);
}
