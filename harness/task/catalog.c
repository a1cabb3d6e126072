#include "task/task_internal.h"

#include "base/ascii.h"
#include "base/memory.h"
#include "platform/assets.h"
#include "platform/file.h"
#include "platform/places.h"
#include "task/task_shipped.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

static bool is_manifest(const char *file) {
    return file[0] != '.' && ascii_ends(file, ".json");
}

/* A manifest that was found; of those with one name the folder that was looked into first counts.
 */
typedef struct entry {
    char *name, *path; /* owned until they go to the catalog */
    size_t folder;
} entry;

typedef struct entries {
    entry *list;
    size_t count, capacity;
} entries;

/* below: a folder in top that holds the manifests and may lack; NULL: top does. */
static err add_folder(entries *all, const char *top, const char *below, size_t number) {
    folder_list list = {0};
    char *folder = NULL;
    err e = below ? path_join(&folder, top, below) : mem_strdup(&folder, top);
    if (!e && !(below && folder_exists(top) && !file_named(folder)))
        e = folder_list_read(&list, folder);
    for (size_t i = 0; i < list.count && !e; i++) {
        const char *file = list.names[i];
        entry found = {.folder = number};
        if (!is_manifest(file)) continue;
        e = mem_grow((void **)&all->list, &all->capacity, all->count + 1, sizeof *all->list);
        if (e || (e = mem_strndup(&found.name, file, strlen(file) - 5))) break;
        if ((e = path_join(&found.path, folder, file))) mem_free(found.name);
        if (!e) all->list[all->count++] = found;
    }
    folder_list_free(&list);
    mem_free(folder);
    return e;
}

static int by_name_and_folder(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->folder > y->folder) - (x->folder < y->folder);
}

/* Moves the first entry of each name to the catalog. */
static err fill(task_catalog *c, entries *all) {
    err e = mem_new(&c->names, all->count);
    if (e || (e = mem_new(&c->paths, all->count))) return e;
    if (all->count) qsort(all->list, all->count, sizeof *all->list, by_name_and_folder);
    for (size_t i = 0; i < all->count; i++) {
        entry *found = &all->list[i];
        if (c->count && !strcmp(c->names[c->count - 1], found->name)) continue;
        c->names[c->count] = found->name;
        c->paths[c->count++] = found->path;
        found->name = found->path = NULL;
    }
    return ERR_OK;
}

/* Each folder of HARNESS_TASKS; *number counts on. */
static err add_named_folders(entries *all, const char *below, size_t *number) {
    const char *at = environment("HARNESS_TASKS");
    while (at && *at) {
        size_t n = strcspn(at, ":");
        char *folder = NULL;
        err e = n ? mem_strndup(&folder, at, n) : ERR_OK;
        if (!e && n) e = err_wrap(add_folder(all, folder, below, (*number)++), "HARNESS_TASKS");
        mem_free(folder);
        if (e) return e;
        at += n + (at[n] == ':');
    }
    return ERR_OK;
}

err task__list(task_catalog *c, const char *extra_dir, const char *below, const char *asset) {
    *c = (task_catalog){0};
    entries all = {0};
    size_t number = 0;
    char *shipped = NULL;
    err e = extra_dir ? add_folder(&all, extra_dir, below, number++) : ERR_OK;
    if (!e) e = add_named_folders(&all, below, &number);
    if (!e) e = asset_folder(&shipped, asset);
    if (!e) e = add_folder(&all, shipped, NULL, number);
    if (!e) e = fill(c, &all);
    for (size_t i = 0; i < all.count; i++) {
        mem_free(all.list[i].name);
        mem_free(all.list[i].path);
    }
    mem_free(all.list);
    if (!e && !c->count) e = err_set(ERR_IO, "%s holds no manifest", shipped);
    mem_free(shipped);
    if (e) task_catalog_free(c);
    return e;
}

err task_list(task_catalog *c, const char *extra_dir) {
    return task__list(c, extra_dir, NULL, "tasks");
}

err task_is_there(bool *is, const char *name, const char *extra_dir) {
    task_catalog c = {0};
    err e = task_list(&c, extra_dir);
    *is = false;
    for (size_t i = 0; i < c.count; i++) *is = *is || !strcmp(c.names[i], name);
    task_catalog_free(&c);
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

err task_is_shipped(bool *is, const task *t) {
    char *shipped = NULL;
    err e = asset_folder(&shipped, "tasks");
    *is = !e && file_is_same(shipped, t->folder);
    mem_free(shipped);
    return e;
}

/* No manifest has the name: what names there are, and which files would have some. */
static err unknown_name(const task_catalog *c, const char *name, const char *what,
                        task__loader *load, const char *advice) {
    strbuf known = {0}, wrong = {0};
    const char **names = NULL;
    size_t count = 0;
    err e = mem_new(&names, c->count);
    for (size_t i = 0; i < c->count && !e; i++) {
        task t;
        bool good = !(e = load(&t, c->paths[i]));
        task_free(&t);
        if (good) names[count++] = c->names[i];
        if (!(e = err_unless_memory(e)))
            e = strbuf_printf(good ? &known : &wrong, "%s%s",
                              good           ? count > 1 ? ", " : ""
                              : wrong.length ? ", "
                                             : "; not valid: ",
                              good ? c->names[i] : c->paths[i]);
    }
    if (!e) e = strbuf_add(&wrong, "");
    if (!e)
        e = err_set(ERR_USAGE, "unknown %s '%s'%s (known: %s%s%s)", what, name,
                    text_suggestion(name, names, count), known.text, wrong.text, advice);
    strbuf_free(&known);
    strbuf_free(&wrong);
    mem_free(names);
    return e;
}

err task__look_up(task *t, const task_catalog *c, const char *name, const char *what,
                  task__loader *load, const char *advice) {
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->names[i], name)) return load(t, c->paths[i]);
    return unknown_name(c, name, what, load, advice);
}

err task_load_named(task *t, const char *path) {
    err e = task_load(t, path);
    if (!e && (e = task_check_name(t))) task_free(t);
    return e;
}

err task_find(task *t, const char *name, const char *extra_dir) {
    task_catalog c = {0};
    *t = (task){0};
    err e = task_list(&c, extra_dir);
    if (e) return e;
    const char *advice =
        extra_dir ? "" : err_advice("task-dir", "; --task-dir names a folder of further ones");
    e = task__look_up(t, &c, name, "task", task_load_named, advice);
    task_catalog_free(&c);
    return e;
}
