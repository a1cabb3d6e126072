/* Tasks that are made of the same files. */
#include "data/dataset.h"

#include "base/memory.h"

#include <string.h>

/* Those of one group are run together anyway. */
static bool is_kin(const task *a, const task *b) {
    if (strcmp(a->data_folder, b->data_folder) != 0) return false;
    if (a->group.name && b->group.name && !strcmp(a->group.name, b->group.name)) return false;
    for (size_t i = 0; i < a->file_count; i++)
        for (size_t k = 0; k < b->file_count; k++)
            if (!strcmp(a->files[i].name, b->files[k].name)) return true;
    return false;
}

/* A whole word between commas. */
static bool names_it(const strbuf *names, const char *name) {
    size_t n = strlen(name);
    for (const char *at = names->length ? names->text : ""; *at; at += *at == ',') {
        size_t word = strcspn(at, ",");
        if (word == n && !memcmp(at, name, n)) return true;
        at += word;
    }
    return false;
}

err dataset_kin(strbuf *names, const task *t, const char *task_dir,
                const dataset_options *options) {
    task_catalog all = {0};
    err e = task_list(&all, task_dir);
    for (size_t i = 0; i < all.count && !e; i++) {
        task other = {0};
        bool here = false;
        if (!strcmp(all.names[i], t->name) || names_it(names, all.names[i])) continue;
        e = task_load(&other, all.paths[i]);
        if (!e && is_kin(t, &other)) e = dataset_is_here(&here, &other, options);
        if (!e && here) e = strbuf_printf(names, "%s%s", names->length ? "," : "", other.name);
        task_free(&other);
        e = err_unless_memory(e); // its own fault is told where it is asked for
    }
    task_catalog_free(&all);
    return e;
}
