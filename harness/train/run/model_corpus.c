#include "train/run/model_corpus.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"

#include <string.h>

/* A record holds a loss for each step. */
enum { RECORD_LIMIT_BYTES = 64 << 20 };

static err check_text(const cJSON *o, const char *key, bool may_lack, const char *where) {
    const char *text = NULL;
    if (may_lack && !json_has(o, key)) return ERR_OK;
    err e = json_string(&text, o, key, where);
    if (!e && strlen(text) > MODEL_CORPUS_TEXT_BYTES)
        e = err_set(ERR_FORMAT, "%s: corpus: %s has %zu bytes, expected at most %d", where, key,
                    strlen(text), MODEL_CORPUS_TEXT_BYTES);
    return e;
}

static err check_texts(const cJSON *o, const char *where) {
    err e = check_text(o, "name", false, where);
    if (!e) e = check_text(o, "sha256", false, where);
    if (!e) e = check_text(o, "licence", true, where);
    return e ? e : check_text(o, "source", true, where);
}

static err check_before(const cJSON *o, const char *where) {
    const cJSON *list = NULL, *item = NULL;
    if (!json_has(o, "before")) return ERR_OK;
    err e = json_array(&list, o, "before", where);
    if (!e && cJSON_GetArraySize(list) > MODEL_CORPUS_TASKS)
        e = err_set(ERR_FORMAT, "%s: corpus: before has %d corpora, expected at most %d", where,
                    cJSON_GetArraySize(list), MODEL_CORPUS_TASKS);
    cJSON_ArrayForEach(item, list) {
        if (!e) e = check_texts(item, where);
    }
    return e;
}

err model_corpus_check(const cJSON *o, const char *where) {
    const cJSON *list = NULL, *item = NULL;
    err e = check_texts(o, where);
    if (!e) e = check_before(o, where);
    if (!e) e = json_array(&list, o, "left_out", where);
    if (e) return e;
    if (cJSON_GetArraySize(list) > MODEL_CORPUS_TASKS)
        return err_set(ERR_FORMAT, "%s: corpus: left_out has %d tasks, expected at most %d", where,
                       cJSON_GetArraySize(list), MODEL_CORPUS_TASKS);
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsString(item) || strlen(item->valuestring) > MODEL_CORPUS_TEXT_BYTES)
            return err_set(ERR_FORMAT, "%s: corpus: left_out holds what is no task's name", where);
    }
    return ERR_OK;
}

bool model_corpus_leaves_out(const cJSON *o, const char *task) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(o, "left_out")) {
        if (strcmp(item->valuestring, task) == 0) return true;
    }
    return false;
}

static bool is_from(const cJSON *o, const char *task_source) {
    const char *own = json_text_at(o, "source");
    if (!own || !task_source) return false;
    size_t n = strcspn(own, " "), m = strcspn(task_source, " ");
    return n && n == m && !memcmp(own, task_source, n);
}

bool model_corpus_same_source(const cJSON *o, const char *task_source) {
    const cJSON *item = NULL;
    bool same = is_from(o, task_source);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(o, "before")) {
        same |= is_from(item, task_source);
    }
    return same;
}

err model_corpus_names(strbuf *out, const cJSON *o) {
    const cJSON *item = NULL;
    err e = ERR_OK;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(o, "before")) {
        if (!e) e = strbuf_printf(out, "%s + ", json_text_at(item, "name"));
    }
    return e ? e : strbuf_add(out, json_text_at(o, "name"));
}

static err add_left_out(cJSON *to, const cJSON *tasks, const char *where) {
    const cJSON *task = NULL;
    cJSON *list = NULL;
    err e = json_add_array(&list, to, "left_out");
    cJSON_ArrayForEach(task, tasks) {
        const char *name = NULL;
        bool at_hand = false;
        if (!e) e = json_string(&name, task, "task", where);
        if (!e) e = json_bool(&at_hand, task, "at_hand", where);
        if (!e && at_hand) e = json_append(list, cJSON_CreateString(name));
        if (e) return e;
    }
    return e;
}

static err copy_text(cJSON *to, const char *key, const cJSON *from, const char *there,
                     const char *where) {
    const char *text = NULL;
    err e = json_string(&text, from, there, where);
    return e ? e : json_add_string(to, key, text);
}

/* Puts the corpora of the model that a pretraining went on from before its own. */
static err join(cJSON *o, const cJSON *parent) {
    cJSON *last = NULL, *left_out = cJSON_GetObjectItemCaseSensitive(o, "left_out");
    for (cJSON *task = left_out->child, *next; task; task = next) {
        next = task->next;
        if (!model_corpus_leaves_out(parent, task->valuestring))
            cJSON_Delete(cJSON_DetachItemViaPointer(left_out, task));
    }
    err e = json_copy(&last, parent);
    if (e) return e;
    cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(last, "before");
    cJSON_DeleteItemFromObjectCaseSensitive(last, "left_out");
    if (!list) list = cJSON_CreateArray();
    if ((e = json_add_item(o, "before", list)))
        cJSON_Delete(last);
    else
        e = json_append(list, last);
    return e;
}

/* The corpus of a pretraining's own record, behind those of the model that it went on from. */
static err take_pretraining(cJSON **out, const cJSON *root, const cJSON *parent,
                            const char *where) {
    const cJSON *from = NULL, *tasks = NULL;
    err e = json_object(&from, root, "corpus", where);
    if (!e) e = json_array(&tasks, from, "tasks", where);
    if (e) return e;
    *out = cJSON_CreateObject();
    if ((e = copy_text(*out, "name", from, "corpus", where))) return e;
    if ((e = copy_text(*out, "sha256", from, "corpus_sha256", where))) return e;
    if (json_has(from, "licence") && (e = copy_text(*out, "licence", from, "licence", where)))
        return e;
    if (json_has(from, "source") && (e = copy_text(*out, "source", from, "source", where)))
        return e;
    e = add_left_out(*out, tasks, where);
    if (!e && parent) e = model_corpus_check(parent, where);
    return e || !parent ? e : join(*out, parent);
}

static err take(cJSON **out, const cJSON *root, const char *where) {
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(root, "kind");
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(root, "model");
    const cJSON *corpus = cJSON_GetObjectItemCaseSensitive(model, "corpus");
    err e = ERR_OK;
    if (cJSON_IsString(kind) && !strcmp(kind->valuestring, "pretraining"))
        e = take_pretraining(out, root, corpus, where);
    else if (cJSON_IsObject(corpus))
        e = json_copy(out, corpus);
    cJSON_DeleteItemFromObjectCaseSensitive(*out, "same_source"); // of that run's task
    return !e && *out ? model_corpus_check(*out, where) : e;
}

/* "<folder>/record.json", or that of the run whose model or checkpoint it is; *path is owned, NULL:
 * none. */
static err find_record(char **path, const char *folder) {
    char *above = NULL;
    err e = path_join(path, folder, "record.json");
    if (e || file_exists(*path)) return e;
    mem_free(*path);
    *path = NULL;
    if (strcmp(path_name(folder), "model") != 0 &&
        strncmp(path_name(folder), "checkpoint-", 11) != 0)
        return ERR_OK;
    if (!(e = path_folder(&above, folder))) e = path_join(path, above, "record.json");
    if (!e && !file_exists(*path)) {
        mem_free(*path);
        *path = NULL;
    }
    mem_free(above);
    return e;
}

err model_corpus_read(cJSON **out, const char *folder) {
    char *path = NULL;
    cJSON *root = NULL;
    *out = NULL;
    err e = find_record(&path, folder);
    if (!e && path) e = json_read(&root, path, RECORD_LIMIT_BYTES);
    if (!e && root) e = take(out, root, path);
    if (e) {
        cJSON_Delete(*out);
        *out = NULL;
    }
    if (e && e != ERR_MEMORY)
        log_warn("what the model was pretrained on is not known: %s", err_message(e));
    cJSON_Delete(root);
    mem_free(path);
    return err_unless_memory(e);
}
