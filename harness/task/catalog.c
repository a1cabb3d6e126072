#include "task/task.h"

#include "base/memory.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

static bool is_manifest(const char *file) {
    size_t n = strlen(file);
    return n > 5 && file[0] != '.' && !strcmp(file + n - 5, ".json");
}

static bool has_name(const task_catalog *c, const char *name, size_t bytes) {
    for (size_t i = 0; i < c->count; i++) {
        if (strlen(c->names[i]) == bytes && !memcmp(c->names[i], name, bytes)) return true;
    }
    return false;
}

static err add_folder(task_catalog *c, size_t *capacity, const char *folder) {
    folder_list list = {0};
    err e = folder_list_read(&list, folder);
    for (size_t i = 0; i < list.count && !e; i++) {
        const char *file = list.names[i];
        size_t n = strlen(file);
        if (!is_manifest(file) || has_name(c, file, n - 5)) continue;
        if (c->count == *capacity) {
            // the two lists grow together; *capacity follows once both have
            size_t bigger = *capacity ? *capacity * 2 : 16;
            if ((e = mem_resize((void **)&c->names, bigger, sizeof(char *)))) break;
            if ((e = mem_resize((void **)&c->paths, bigger, sizeof(char *)))) break;
            *capacity = bigger;
        }
        char *name = NULL, *path = NULL;
        if ((e = mem_strndup(&name, file, n - 5)) || (e = path_join(&path, folder, file))) {
            mem_free(name);
            break;
        }
        c->names[c->count] = name;
        c->paths[c->count++] = path;
    }
    folder_list_free(&list);
    return e;
}

static void sort(task_catalog *c) {
    for (size_t i = 1; i < c->count; i++) {
        for (size_t j = i; j && strcmp(c->names[j - 1], c->names[j]) > 0; j--) {
            char *name = c->names[j], *path = c->paths[j];
            c->names[j] = c->names[j - 1];
            c->paths[j] = c->paths[j - 1];
            c->names[j - 1] = name;
            c->paths[j - 1] = path;
        }
    }
}

err task_list(task_catalog *c, const char *extra_dir) {
    static const char *const folders[] = {HARNESS_SOURCE_TASKS, HARNESS_INSTALLED_TASKS};
    *c = (task_catalog){0};
    size_t capacity = 0;
    err e = extra_dir ? add_folder(c, &capacity, extra_dir) : ERR_OK;
    for (size_t i = 0; i < 2 && !e; i++) {
        if (folder_exists(folders[i])) e = add_folder(c, &capacity, folders[i]);
    }
    if (!e && !c->count) {
        e = err_set(ERR_IO, "no task manifests in %s or %s: is the program installed?", folders[0],
                    folders[1]);
    }
    if (e) {
        task_catalog_free(c);
    } else {
        sort(c);
    }
    return e;
}

void task_catalog_free(task_catalog *c) {
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->names[i]);
        mem_free(c->paths[i]);
    }
    mem_free(c->names);
    mem_free(c->paths);
    *c = (task_catalog){0};
}

static err unknown_task(const task_catalog *c, const char *name) {
    const char *nearest = text_nearest(name, (const char *const *)c->names, c->count);
    strbuf known = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < c->count && !e; i++) {
        e = strbuf_printf(&known, "%s%s", i ? ", " : "", c->names[i]);
    }
    if (!e && nearest) {
        e = err_set(ERR_USAGE, "unknown task '%s'; did you mean '%s'? (known: %s)", name, nearest,
                    known.text);
    } else if (!e) {
        e = err_set(ERR_USAGE, "unknown task '%s' (known: %s)", name, known.text);
    }
    strbuf_free(&known);
    return e;
}

err task_find(task *t, const char *name, const char *extra_dir) {
    task_catalog c = {0};
    *t = (task){0};
    err e = task_list(&c, extra_dir);
    if (e) return e;
    const char *path = NULL;
    for (size_t i = 0; i < c.count; i++) {
        if (!strcmp(c.names[i], name)) path = c.paths[i];
    }
    e = path ? task_load(t, path) : unknown_task(&c, name);
    task_catalog_free(&c);
    return e;
}
