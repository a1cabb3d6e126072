/* What a manifest says of its group: tasks that are run and shown together. */
#include "task/task_internal.h"

#include "base/memory.h"
#include "task/task_shipped.h"

#include <string.h>

enum { PLACE_MOST = 1000, PLAIN_BYTES = 128 };

static err load_metrics(task_group *g, const task *t, const cJSON *object, const char *where) {
    const cJSON *list;
    size_t count;
    err e = task__bounded_array(&list, &count, object, "metrics", 1, GROUP_METRICS_MAX, where);
    for (const cJSON *item = e ? NULL : list->child; item && !e; item = item->next) {
        const metric **m = &g->metrics[g->metric_count];
        if (!cJSON_IsString(item))
            return err_set(ERR_FORMAT, "%s: key 'metrics[%zu]' is not a string", where,
                           g->metric_count);
        if ((e = metric_lookup(m, item->valuestring, t->kind, t->label_count)))
            return err_wrap(e == ERR_MEMORY ? e : ERR_FORMAT, "%s: key 'metrics[%zu]'", where,
                            g->metric_count);
        for (size_t i = 0; i < g->metric_count; i++)
            if (g->metrics[i] == *m)
                return err_set(ERR_FORMAT, "%s: key 'metrics' has '%s' twice", where, (*m)->name);
        g->metric_count++;
    }
    return e;
}

/* Whether it is a list of what each metric can be, in percent. */
static bool are_scores(const cJSON *list, const task_group *g) {
    size_t count = 0;
    if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) != g->metric_count) return false;
    for (const cJSON *item = list->child; item; item = item->next) {
        const metric *m = g->metrics[count];
        count += cJSON_IsNumber(item) && item->valuedouble >= 100 * m->least &&
                 item->valuedouble <= 100 * m->most;
    }
    return count == g->metric_count;
}

/* A list of scores for each model, in the order of metrics. */
static err check_scores(const task_group *g, const char *where) {
    size_t models = 0;
    for (const cJSON *model = g->published->child; model; model = model->next) {
        if (!*model->string) return err_set(ERR_FORMAT, "%s: a model has no name", where);
        if (strlen(model->string) > TASK_PUBLISHED_NAME_BYTES)
            return err_set(ERR_FORMAT, "%s: a model's name has %zu bytes, at most %d are allowed",
                           where, strlen(model->string), TASK_PUBLISHED_NAME_BYTES);
        if (!are_scores(model, g))
            return err_set(ERR_FORMAT, "%s: '%s' has to be a list of %zu scores in percent", where,
                           model->string, g->metric_count);
        for (const cJSON *o = g->published->child; o != model; o = o->next)
            if (!strcmp(o->string, model->string))
                return err_set(ERR_FORMAT, "%s: '%s' stands there twice", where, model->string);
        if (++models > TASK_PUBLISHED_MOST)
            return err_set(ERR_FORMAT, "%s: more than %d models", where, TASK_PUBLISHED_MOST);
    }
    return ERR_OK;
}

static err load_published(task_group *g, const cJSON *object, const char *path) {
    const cJSON *published;
    char *where = NULL;
    if (!json_has(object, "published")) return ERR_OK;
    err e = mem_printf(&where, "%s: group: published", path);
    if (e || (e = json_object(&published, object, "published", where)) ||
        (e = CHECK_KEYS(published, where, "source", "scores")) ||
        (e = task__filled_string(&g->source, published, "source", where)) ||
        (e = json_object(&g->published, published, "scores", where)))
        goto done;
    e = check_scores(g, where);
done:
    mem_free(where);
    return e;
}

err task__load_group(task *t, const cJSON *root) {
    const cJSON *object;
    task_group *g = &t->group;
    char *where = NULL;
    int64_t place = 0;
    if (!json_has(root, "group")) return ERR_OK;
    err e = json_object(&object, root, "group", t->path);
    if (e || (e = mem_printf(&where, "%s: group", t->path)) ||
        (e = CHECK_KEYS(object, where, "name", "title", "column", "place", "metrics", "recipe",
                        "published")) ||
        (e = task__plain_name(&g->name, object, "name", where)) ||
        (e = task__filled_string(&g->title, object, "title", where)) ||
        (e = task__filled_string(&g->column, object, "column", where)) ||
        (e = json_whole(&place, object, "place", 0, PLACE_MOST, where)) ||
        (e = load_metrics(g, t, object, where)) ||
        (json_has(object, "recipe") && (e = json_object(&g->recipe, object, "recipe", where))))
        goto done;
    g->place = (uint32_t)place;
    e = load_published(g, object, t->path);
done:
    mem_free(where);
    return e;
}

err task_group_members(task_catalog *members, const char *group, const char *extra_dir) {
    task_catalog all = {0};
    *members = (task_catalog){0};
    err e = task_list(&all, extra_dir);
    if (!e) e = mem_new(&members->names, all.count);
    if (!e) e = mem_new(&members->paths, all.count);
    for (size_t i = 0; i < all.count && !e; i++) {
        task t;
        // what is wrong with it is told where it is asked for
        e = err_unless_memory(task_load(&t, all.paths[i]));
        if (!e && t.group.name && !strcmp(t.group.name, group)) {
            e = mem_strdup(&members->names[members->count], t.name);
            if (!e) e = mem_strdup(&members->paths[members->count], t.path);
            members->count++;
        }
        task_free(&t);
    }
    task_catalog_free(&all);
    if (e) task_catalog_free(members);
    return e;
}

bool task_name_is_folder(const char *name) {
    static const char *const folders[] = {"baselines", "performance", "pages"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!strcmp(name, folders[i])) return true;
    return false;
}

err task_name_meaning(const char **meaning, const char *name) {
    // the last one that means nothing: thousands of records are of one task, and groups do not change
    static _Thread_local char plain[PLAIN_BYTES];
    task_catalog members = {0};
    *meaning = task_name_is_folder(name) ? "a folder of other files in results"
               : strcmp(name, "all")     ? NULL
                                         : "every task";
    if (*meaning || !strcmp(plain, name)) return ERR_OK;
    err e = task_group_members(&members, name, NULL);
    if (!e && members.count) *meaning = "a group of tasks";
    if (!e && !members.count && strlen(name) < sizeof plain) memcpy(plain, name, strlen(name) + 1);
    task_catalog_free(&members);
    return e;
}

err task_check_name(const task *t) {
    const char *meaning = NULL;
    bool is_shipped = false;
    err e = task_is_shipped(&is_shipped, t);
    if (e || is_shipped || (e = task_name_meaning(&meaning, t->name)) || !meaning) return e;
    return err_set(ERR_FORMAT, "%s: key 'name' is '%s', which means something else: %s", t->path,
                   t->name, meaning);
}
