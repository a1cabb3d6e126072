#include "cli/task_groups.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/output.h"
#include "result/sweep.h"
#include "task/task.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_COLUMNS = 80 };

static int by_place(const void *a, const void *b) {
    const task *x = a, *y = b;
    int order = (x->group.place > y->group.place) - (x->group.place < y->group.place);
    return order ? order : strcmp(x->name, y->name);
}

static void free_tasks(task *tasks, size_t count) {
    for (size_t i = 0; tasks && i < count; i++) task_free(&tasks[i]);
    mem_free(tasks);
}

/* *tasks (count) in the order of their columns; free_tasks, also after an error. */
static err load_members(task **tasks, size_t *count, const char *group, const char *task_dir) {
    task_catalog c = {0};
    *tasks = NULL;
    *count = 0;
    err e = task_group_members(&c, group, task_dir);
    if (!e) e = mem_new(tasks, c.count);
    for (size_t i = 0; i < c.count && !e; i++)
        if (!(e = task_load(&(*tasks)[*count], c.paths[i]))) ++*count;
    task_catalog_free(&c);
    if (!e && *count) qsort(*tasks, *count, sizeof **tasks, by_place);
    return e;
}

static err list_one(const char *group, const char *task_dir) {
    task *tasks;
    size_t count;
    strbuf label = {0}, names = {0};
    err e = load_members(&tasks, &count, group, task_dir);
    for (size_t i = 0; i < count && !e; i++)
        e = shown_printf(&names, SHOWN_TERMINAL, "%s%s", i ? ", " : "", tasks[i].name);
    if (!e) e = shown_printf(&label, SHOWN_TERMINAL, "group %s: ", group);
    if (!e) shown_wrapped(label.text, names.text);
    strbuf_free(&label);
    strbuf_free(&names);
    free_tasks(tasks, count);
    return e;
}

static err collect(char ***names, size_t *count, const char *task_dir, bool with_recipe) {
    task_catalog all = {0};
    *names = NULL;
    *count = 0;
    err e = task_list(&all, task_dir);
    if (!e) e = mem_new(names, all.count);
    for (size_t i = 0; i < all.count && !e; i++) {
        task t = {0};
        size_t k = 0;
        e = err_unless_memory(task_load(&t, all.paths[i])); // what is wrong with it is said above
        const char *name = t.group.recipe || !with_recipe ? t.group.name : NULL;
        while (!e && name && k < *count && strcmp((*names)[k], name) != 0) k++;
        if (!e && name && k == *count && !(e = mem_strdup(&(*names)[k], name))) ++*count;
        task_free(&t);
    }
    task_catalog_free(&all);
    return e;
}

err task_groups_names(char ***names, size_t *count, const char *task_dir) {
    return collect(names, count, task_dir, false);
}

err task_groups_recipes(char ***names, size_t *count, const char *task_dir) {
    return collect(names, count, task_dir, true);
}

err task_groups_list(const char *task_dir) {
    char **groups;
    size_t count;
    err e = task_groups_names(&groups, &count, task_dir);
    if (count) puts("");
    for (size_t i = 0; i < count && !e; i++) e = list_one(groups[i], task_dir);
    words_free(groups, count);
    return e;
}

/* "UAS, LAS" */
static err metric_words(strbuf *out, const task_group *g) {
    err e = ERR_OK;
    for (size_t i = 0; i < g->metric_count && !e; i++)
        e = strbuf_printf(out, "%s%s", i ? ", " : "", g->metrics[i]->title);
    return e;
}

static err show_line(const task *t) {
    strbuf label = {0}, words = {0};
    err e = strbuf_add(&label, "  ");
    if (!e) e = text_column(&label, t->name, 18);
    if (!e) e = text_column(&label, t->group.column, 8);
    if (!e) e = metric_words(&words, &t->group);
    if (!e && shown_columns() < TABLE_COLUMNS) {
        shown_out("  %s\n", t->name);
        label.length = 0;
        e = shown_printf(&label, SHOWN_TERMINAL, "    %s: ", t->group.column);
    }
    if (!e) shown_wrapped(label.text, words.text);
    strbuf_free(&label);
    strbuf_free(&words);
    return e;
}

static err show_text(const char *group, const task *tasks, size_t count) {
    const task_group *first = &tasks[0].group, *published = NULL;
    bool has_recipe = false;
    err e = ERR_OK;
    shown_line("%s: %s", group, first->title);
    shown_line("%zu task%s that `harness run --task %s` runs, and one table of the board", count,
               shown_plural(count), group);
    puts("");
    for (size_t i = 0; i < count && !e; i++) {
        e = show_line(&tasks[i]);
        has_recipe = has_recipe || tasks[i].group.recipe;
        if (!published && tasks[i].group.source) published = &tasks[i].group;
    }
    if (e) return e;
    if (has_recipe) shown_line("\nrecipe    --recipe %s has hyperparameters for each", group);
    if (published) shown_wrapped("published ", published->source);
    return ERR_OK;
}

static err print_json(const char *group, const task *tasks, size_t count) {
    cJSON *root = cJSON_CreateObject(), *list = NULL, *o;
    err e = json_put(root, "group %s title %s", group, tasks[0].group.title);
    if (!e) e = json_add_array(&list, root, "tasks");
    for (size_t i = 0; i < count && !e; i++) {
        const task_group *g = &tasks[i].group;
        cJSON *metrics;
        if ((e = json_append_object(&o, list)) ||
            (e = json_put(o, "name %s column %s", tasks[i].name, g->column)) ||
            (e = json_add_array(&metrics, o, "metrics")))
            break;
        for (size_t m = 0; m < g->metric_count && !e; m++)
            e = json_append(metrics, cJSON_CreateString(g->metrics[m]->name));
    }
    return output_json_last(e, root, true);
}

err task_group_show(const char *group, const char *task_dir, bool json) {
    task *tasks;
    size_t count;
    err e = load_members(&tasks, &count, group, task_dir);
    if (!e) e = json ? print_json(group, tasks, count) : show_text(group, tasks, count);
    free_tasks(tasks, count);
    return e;
}
