#include "train/run/kept_task.h"

#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "task/task_shipped.h"
#include "train/run/run_parts.h"

#include <stdlib.h>
#include <string.h>

/* What a run keeps, and from where: of the user's own files, or of a manifest that lies somewhere. */
static const struct keys {
    const char *manifest, *from;
} own_keys = {"own_files", "own_files_from"}, task_keys = {"manifest", "manifest_from"};
static const char places_key[] = "manifest_files"; // where the run read that manifest's

void kept_task_free(kept_task *k) {
    mem_free(k->name);
    mem_free(k->manifest);
    mem_free(k->folder);
    mem_free(k->where);
    cJSON_Delete(k->places);
    *k = (kept_task){0};
}

static err add(cJSON *root, const struct keys *keys, const char *manifest, const char *folder) {
    char *here = path_real(folder ? folder : ".");
    err e = json_add_string(root, keys->manifest, manifest);
    if (!e) e = json_add_string(root, keys->from, here ? here : ".");
    free(here); // the C library's
    return e;
}

err kept_task_add(cJSON *root, const char *manifest, const char *folder) {
    return manifest ? add(root, &own_keys, manifest, folder) : ERR_OK;
}

static err add_places(cJSON *root, char *const *paths, size_t count) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, places_key);
    for (size_t i = 0; i < count && !e; i++) {
        char *here = path_real(paths[i]);
        e = json_append(list, cJSON_CreateString(here ? here : paths[i]));
        free(here);
    }
    return e;
}

err kept_task_add_file(cJSON *root, const task *t, char *const *paths, size_t count) {
    char hex[HASH_HEX_BYTES];
    void *text = NULL;
    size_t bytes = 0;
    bool ours = false;
    err e = task_is_shipped(&ours, t);
    if (e || ours || (e = file_read(&text, &bytes, t->path, RUN_FILE_LIMIT_BYTES))) goto done;
    hash_bytes_hex(text, bytes, hex);
    e = strcmp(hex, t->manifest_sha256)
            ? err_set(ERR_DATA, "%s: changed while the run began from it", t->path)
            : add(root, &task_keys, text, t->folder);
    if (!e && count) e = add_places(root, paths, count);
done:
    mem_free(text);
    return e;
}

/* In the folder that the program is in paths stay as they were given. */
static err place(char **folder, const char *from) {
    char *here = path_real(".");
    err e = mem_strdup(folder, here && !strcmp(here, from) ? "." : from);
    free(here);
    return e;
}

static err take(kept_task *k, bool *found, const cJSON *root) {
    const cJSON *identity = NULL;
    const struct keys *keys =
        cJSON_GetObjectItemCaseSensitive(root, own_keys.manifest) ? &own_keys : &task_keys;
    const char *text = json_text_at(root, keys->manifest);
    const char *name, *digest, *from;
    char hex[HASH_HEX_BYTES];
    if (!text) return ERR_OK;
    k->is_own = keys == &own_keys;
    err e = json_object(&identity, root, "identity", k->where);
    if (!e) e = json_string(&name, identity, "task", k->where);
    if (!e) e = json_string(&digest, identity, "manifest", k->where);
    if (!e) e = json_string(&from, root, keys->from, k->where);
    if (e) return e;
    hash_bytes_hex(text, strlen(text), hex);
    if (strcmp(hex, digest) != 0)
        return err_set(ERR_DATA, "%s: key '%s': SHA-256 is %.12s..., the run's is %.12s...",
                       k->where, keys->manifest, hex, digest);
    *found = true;
    if ((e = mem_strdup(&k->name, name)) || (e = mem_strdup(&k->manifest, text)) ||
        (e = json_copy(&k->places, cJSON_GetObjectItemCaseSensitive(root, places_key))))
        return e;
    return place(&k->folder, from);
}

err kept_task_read(kept_task *k, bool *found, const char *folder) {
    char *parent = NULL;
    cJSON *root = NULL;
    *k = (kept_task){0};
    *found = false;
    err e = path_join(&k->where, folder, RUN_FINISHED);
    if (!e && !file_exists(k->where) && !strcmp(path_name(folder), "model")) {
        mem_free(k->where);
        k->where = NULL;
        if (!(e = path_folder(&parent, folder))) e = path_join(&k->where, parent, RUN_FINISHED);
    }
    if (!e && file_exists(k->where) && !(e = json_read(&root, k->where, RUN_FILE_LIMIT_BYTES)))
        e = take(k, found, root);
    cJSON_Delete(root);
    mem_free(parent);
    return e;
}

/* A run's folder may be a stranger's: what it keeps fetches nothing, and own files go by place and
 * hash and by no other task's name. */
static err check_own(const task *t, const kept_task *k) {
    const char *where = k->where, *key = own_keys.manifest;
    if (strncmp(t->name, KEPT_TASK_PREFIX, strlen(KEPT_TASK_PREFIX)) != 0)
        return err_set(ERR_FORMAT,
                       "%s: key '%s': task '%s', the name of a task of own files begins with '%s'",
                       where, key, t->name, KEPT_TASK_PREFIX);
    for (size_t i = 0; i < t->file_count; i++) {
        const task_file *f = &t->files[i];
        if (f->path && f->sha256 && !f->url) continue;
        return err_set(ERR_FORMAT,
                       "%s: key '%s': file %zu of the task has %s: own files have a path and a "
                       "SHA-256, and no url",
                       where, key, i + 1,
                       f->url    ? "a url"
                       : f->path ? "no SHA-256"
                                 : "no path");
    }
    return ERR_OK;
}

err kept_task_place(task *t, const cJSON *places) {
    err e = json_copy((cJSON **)&t->places, places);
    for (size_t i = 0; i < t->file_count && !e; i++) {
        t->files[i].url = NULL;
        t->files[i].place = cJSON_GetStringValue(cJSON_GetArrayItem(t->places, (int)i));
    }
    return e;
}

err kept_task_text(task *t, const char *name, const char *manifest, const char *folder,
                   const char *where) {
    char *path = NULL;
    *t = (task){0};
    err e = folder && strcmp(folder, ".") ? mem_printf(&path, "%s/%s.json", folder, name)
                                          : mem_printf(&path, "%s.json", name);
    if (!e) e = task_parse(t, manifest, path);
    mem_free(path);
    if (e || !where) return e;
    mem_free(t->path); // no file has that name
    t->path = NULL;
    return mem_strdup(&t->path, where);
}

err kept_task_parse(task *t, const kept_task *k) {
    err e = err_wrap(kept_task_text(t, k->name, k->manifest, k->folder, k->where), "%s", k->where);
    if (e) return e;
    return k->is_own ? check_own(t, k) : kept_task_place(t, k->places);
}
