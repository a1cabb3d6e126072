#include "base/memory.h"
#include "base/shown.h"
#include "cli/help_pages.h"
#include "cli/options.h"
#include "cli/own_files.h"
#include "cli/task_groups.h"
#include "compute/device.h"
#include "compute/ops.h"
#include "metric/score.h"
#include "model/config.h"
#include "model/encoder/family.h"
#include "platform/file.h"
#include "report/language.h"
#include "result/sweep.h"
#include "task/corpus_manifest.h"
#include "text/unicode.h"
#include "train/recipe/recipe.h"
#include "train/run/device_check.h"
#include "train/run/kept_task.h"
#include "train/run/run.h"
#include "train/run/run_parts.h"
#include "train/run/shipped.h"

#include <string.h>

struct flag_values {
    const char *name,
        *argument;         /* the second: as verbs.def writes the argument of a verb, or NULL */
    bool is_list, has_all; /* the second: "all" is one, too */
    err (*print)(void);
    err (*groups)(char ***names, size_t *count, const char *extra_dir); /* in manifests, before */
    err (*list)(task_catalog *c, const char *extra_dir); /* of names in manifests, before these */
    const char *words; /* "a, b, c", where nothing else makes the list */
};

static err print_catalog(const flag_values *v, const char *extra_dir) {
    task_catalog c = {0};
    err e = v->list(&c, extra_dir);
    for (size_t i = 0; !e && i < c.count; i++) shown_out("%s\n", c.names[i]);
    task_catalog_free(&c);
    return e;
}

static err print_collected(err (*collect)(char ***, size_t *, const char *), const char *dir) {
    char **names = NULL;
    size_t count = 0;
    err e = collect(&names, &count, dir);
    for (size_t i = 0; !e && i < count; i++) shown_out("%s\n", names[i]);
    words_free(names, count);
    return e;
}

/* The tasks of own files that runs below the usual folder are of. */
static err print_own_tasks(void) {
    folder_list runs = {0};
    err e = folder_exists(RUN_TOP) ? folder_list_read(&runs, RUN_TOP) : ERR_OK;
    for (size_t i = 0; !e && i < runs.count; i++)
        if (!strncmp(runs.names[i], KEPT_TASK_PREFIX, strlen(KEPT_TASK_PREFIX)))
            shown_out("%s\n", runs.names[i]);
    folder_list_free(&runs);
    return e;
}

/* "a, b, c" */
static void print_names(const char *names) {
    for (size_t n; *names; names += names[n] ? n + 2 : n) {
        n = strcspn(names, ",");
        shown_out("%.*s\n", (int)n, names);
    }
}

static err print_models(void) {
    print_names(model_preset_names());
    print_names(shipped_names());
    return ERR_OK;
}

static err print_shipped(void) {
    print_names(shipped_names());
    return ERR_OK;
}

static err print_recipes(void) {
    print_names(recipe_names());
    return ERR_OK;
}

static err print_families(void) {
    print_names(family_names());
    return ERR_OK;
}

static err print_devices(void) {
    device_info *list = NULL;
    size_t count = 0;
    const char *note;
    err e = device_list(&list, &count, &note);
    for (size_t i = 0; !e && i < count; i++)
        shown_out("%s\n", list[i].kind == DEVICE_VULKAN ? list[i].name
                          : list[i].kind == DEVICE_CPU  ? "cpu"
                                                        : "reference");
    mem_free(list);
    return e;
}

static err print_ops(void) {
    for (size_t i = 0; i < OP_COUNT; i++) shown_out("%s\n", op_name((op_kind)i));
    return ERR_OK;
}

static err print_metrics(void) {
    shown_out("loss\n");
    for (size_t i = 0; i < metric_count(); i++) shown_out("%s\n", metric_at(i)->name);
    return ERR_OK;
}

static err print_schedules(void) {
#define X(name) shown_out("%s\n", #name);
    SCHEDULES(X)
#undef X
    return ERR_OK;
}

static err print_languages(void) {
    for (page_language i = 0; i < PAGE_LANGUAGES; i++) shown_out("%s\n", page_language_name(i));
    return ERR_OK;
}

static err print_lists(void);

static const flag_values table[] = {
    {"task", "TASK", .is_list = true, .print = print_own_tasks, .list = task_list},
    {"run-task", .is_list = true, .has_all = true, .print = print_own_tasks,
     .groups = task_groups_names, .list = task_list},
    {"model", .is_list = true, .print = print_models},
    {"shipped", .is_list = true, .print = print_shipped},
    {"device", "DEVICE", .print = print_devices},
    {"recipe", .print = print_recipes, .groups = task_groups_recipes},
    {"corpus", "NAME", .is_list = true, .list = corpus_manifest_list},
    {"arch", .print = print_families},
    {"op", "OP", .print = print_ops},
    {"lang", .print = print_languages},
    {"lr-scheduler-type", .print = print_schedules},
    {"metric-for-best-model", .print = print_metrics},
    {"precision", .words = PRECISION_WORDS},
    {"check-device", .words = DEVICE_CHECK_WORDS},
    {"protocol", .words = PROTOCOL_WORDS},
    {"kind", .words = OWN_KIND_WORDS},
    {"split", .words = SPLIT_WORDS},
    {"search", .words = SEARCH_WORDS},
    {"format", .words = REPORT_FORMAT_WORDS},
    {"compare-format", .words = COMPARE_FORMAT_WORDS},
    {"help-format", .words = HELP_FORMAT_WORDS},
    {"values", .print = print_lists},
};
enum { VALUES_COUNT = sizeof table / sizeof *table };

static err print_lists(void) {
    for (size_t i = 0; i < VALUES_COUNT; i++) shown_out("%s\n", table[i].name);
    return ERR_OK;
}

const flag_values *flag_values_find(const char *flag) {
    for (size_t i = 0; i < VALUES_COUNT; i++)
        if (!strcmp(table[i].name, flag) || (table[i].argument && !strcmp(table[i].argument, flag)))
            return &table[i];
    return NULL;
}

const char *flag_values_name(const flag_values *v) {
    return v->name;
}

bool flag_values_is_list(const flag_values *v) {
    return v->is_list;
}

err flag_values_print(const char *flag, const char *extra_dir) {
    const flag_values *v = flag_values_find(flag);
    if (v) {
        if (v->words) print_names(v->words);
        err e = v->list ? print_catalog(v, extra_dir) : ERR_OK;
        if (!e && v->groups) e = print_collected(v->groups, extra_dir);
        if (!e && v->has_all) shown_out("all\n");
        return e || !v->print ? e : v->print();
    }
    const char *known[VALUES_COUNT];
    strbuf names = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < VALUES_COUNT; i++) {
        known[i] = table[i].name;
        if (!e) e = strbuf_printf(&names, "%s%s", i ? ", " : "", known[i]);
    }
    if (!e)
        e = err_set(ERR_USAGE, "--values knows no list for '%s'%s (known: %s)", flag,
                    text_suggestion(flag, known, VALUES_COUNT), names.text);
    strbuf_free(&names);
    return e;
}
