#include "cli/group_flag.h"

#include "base/memory.h"
#include "platform/file.h"

#include <string.h>

err group_known(bool *is_group, const char *name, const char *task_dir) {
    task_catalog list = {0};
    bool is_task = false;
    err e = task_is_there(&is_task, name, task_dir);
    // most names are a task's: no manifest is read
    if (!e && !is_task) e = task_group_members(&list, name, task_dir);
    *is_group = !e && list.count > 0;
    task_catalog_free(&list);
    return e;
}

static err recipe_of(recipe *r, const char *group, const run_request *q) {
    task t = {0};
    char *where = NULL;
    err e = q->manifest ? ERR_OK : task_find(&t, q->task, q->task_dir); // own files have no group
    if (!e && (!t.group.recipe || strcmp(t.group.name, group) != 0))
        e = err_set(
            ERR_USAGE,
            "recipe '%s' is for the tasks of that group, which %s is not: leave --recipe out, or "
            "name another",
            group, q->task);
    if (!e) e = mem_printf(&where, "%s: group: recipe", t.path);
    if (!e) e = recipe_read(r, group, t.group.recipe, where);
    mem_free(where);
    task_free(&t);
    return e;
}

/* Appends ", nor 'klue', the one of klue_ner's group", where it has one. */
static err add_own_recipe(strbuf *said, const run_request *q) {
    task t = {0};
    err e = q->manifest ? ERR_OK : task_find(&t, q->task, q->task_dir);
    if (!e && t.group.recipe)
        e = strbuf_printf(said, ", nor '%s', which the group of %s has", t.group.name, q->task);
    task_free(&t);
    return e;
}

err group_recipe(recipe *r, const char *name, const run_request *q) {
    strbuf said = {0};
    bool is_group = false;
    err e = recipe_load(r, name);
    if (e != ERR_USAGE) return e; // no file, and none of the program's
    if ((e = strbuf_add(&said, err_message(e)))) return e;
    e = group_known(&is_group, name, q->task_dir);
    if (!e && !is_group && !file_named(name)) e = add_own_recipe(&said, q);
    if (!e) e = is_group ? recipe_of(r, name, q) : err_set(ERR_USAGE, "%s", said.text);
    strbuf_free(&said);
    return e;
}
