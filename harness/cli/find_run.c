#include "cli/find_run.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "model/config.h"
#include "model/head/head.h"
#include "net/hub.h"
#include "platform/file.h"
#include "result/store.h"
#include "train/checkpoint/checkpoint.h"
#include "train/run/base_model.h"
#include "train/run/shipped.h"

#include <string.h>
#include <sys/stat.h>

enum { CONFIG_LIMIT_BYTES = 1 << 20, RUNS_SHOWN = 8 };

/* Newest of the finished runs. */
typedef struct search_state {
    char *best; /* owned */
    struct timespec newest;
    bool takes_pretrained; /* models without a classifier as well */
    bool has_pretrained;   /* one was passed over */
} search_state;

/* Whether the run's model is a pretrained one. What cannot be read is judged by who loads it. */
static err is_pretrained(bool *is, const char *folder) {
    char path[PATH_MAX];
    cJSON *root = NULL;
    *is = false;
    err e = path_in(path, folder, "model/config.json");
    if (!e) e = err_unless_memory(json_read(&root, path, CONFIG_LIMIT_BYTES));
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "architectures");
    const char *class = cJSON_GetStringValue(cJSON_GetArrayItem(list, 0));
    *is = class && strstr(class, head_masked_lm.class_name);
    cJSON_Delete(root);
    return e;
}

/* A run is finished when its record and its model are there. */
static err consider(search_state *s, const char *folder) {
    char path[PATH_MAX];
    bool passes = false;
    struct stat st;
    err e = path_in(path, folder, "record.json");
    bool is_there = !e && record_model_is_there(folder) && stat(path, &st) == 0;
    if (is_there && !s->takes_pretrained && !(e = is_pretrained(&passes, folder)) && passes)
        s->has_pretrained = true;
    if (!e && is_there && !passes) {
        const struct timespec *newest = &s->newest;
        bool later = st.st_mtim.tv_sec != newest->tv_sec ? st.st_mtim.tv_sec > newest->tv_sec
                                                         : st.st_mtim.tv_nsec > newest->tv_nsec;
        if (!s->best || later) {
            s->newest = st.st_mtim;
            mem_free(s->best);
            s->best = NULL;
            e = mem_strdup(&s->best, folder);
        }
    }
    return e;
}

static err search_task(search_state *s, const char *folder) {
    folder_list runs = {0};
    err e = folder_list_read(&runs, folder);
    while (folder_next(&runs, &e))
        if (folder_exists(runs.path)) e = consider(s, runs.path);
    folder_list_free(&runs);
    return e;
}

static err search(search_state *s, const char *task_name) {
    folder_list tasks = {0};
    if (!folder_exists("runs")) return ERR_OK;
    err e = folder_list_read(&tasks, "runs");
    while (folder_next(&tasks, &e))
        if ((!task_name || !strcmp(task_name, tasks.name)) && folder_exists(tasks.path))
            e = search_task(s, tasks.path);
    folder_list_free(&tasks);
    return e;
}

/* A folder of runs in place of one. */

static err is_run(bool *is, const char *folder) {
    static const char *const names[] = {"record.json", "config.json", "model"};
    char path[PATH_MAX];
    *is = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !*is; i++) {
        err e = path_in(path, folder, names[i]);
        if (e) return e;
        *is = file_named(path);
    }
    return ERR_OK;
}

/* The runs below it, two folders deep at most: runs/<task>/<run>. */
static err add_below(strbuf *list, size_t *count, const char *folder, int deep) {
    folder_list names = {0};
    err e = folder_list_read(&names, folder);
    while (folder_next(&names, &e)) {
        bool is = false;
        // a checkpoint is an unfinished run's
        if (checkpoint_is_name(names.name) || !folder_exists(names.path)) continue;
        if ((e = is_run(&is, names.path))) break;
        if (!is && deep) e = add_below(list, count, names.path, deep - 1);
        if (is && ++*count <= RUNS_SHOWN)
            e = shown_printf(list, SHOWN_SHELL, *count > 1 ? ", %s" : "%s", names.path);
    }
    folder_list_free(&names);
    return e;
}

err find_run_check(const char *folder, bool several) {
    strbuf list = {0};
    bool is = false;
    size_t count = 0;
    if (!folder_exists(folder)) return ERR_OK;
    err e = is_run(&is, folder);
    if (!e && !is) e = add_below(&list, &count, folder, 1);
    const char *more = count > RUNS_SHOWN ? ", ..." : "";
    if (!e && count == 1)
        e = err_set(ERR_DATA, "%s is not a run's folder; the run below it is %s", folder,
                    list.text);
    else if (!e && count && several)
        e = err_set(ERR_DATA, "%s is not a run's folder; name the runs, as FOLDER/*: %s%s", folder,
                    list.text, more);
    else if (!e && count)
        e = err_set(ERR_DATA, "%s is not a run's folder; name one of the %zu runs below it: %s%s",
                    folder, count, list.text, more);
    strbuf_free(&list);
    return e;
}

static err refuse(const search_state *s, const char *task_name) {
    char word[200];
    shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", task_name ? task_name : "kor_hate");
    return err_set(ERR_DATA,
                   "no finished run%s%s under ./runs%s: make one with `harness run --task %s`, "
                   "or name a fine-tuned model with --model",
                   task_name ? " of " : "", task_name ? word : "",
                   s->has_pretrained ? " (pretrained models there have no classifier)" : "", word);
}

/* What is no folder here. */
static err find_named(char **folder, const char *model, bool offline) {
    err e = base_model_check_name(model);
    if (!e && (model_preset_known(model) || shipped_known(model)))
        return err_set(ERR_DATA,
                       "%s '%s' has no classifier before it is fine-tuned: `harness run --task T "
                       "--model %s` makes one, in the folder of its run",
                       shipped_known(model) ? "model" : "preset", model, model);
    return e ? e : hub_model(folder, model, offline);
}

static err find(char **folder, const char *task_name, bool takes_pretrained) {
    search_state s = {.takes_pretrained = takes_pretrained};
    *folder = NULL;
    err e = search(&s, task_name);
    if (!e && !s.best) e = refuse(&s, task_name);
    if (e) {
        mem_free(s.best);
        return e;
    }
    *folder = s.best;
    log_note("model   %s", *folder);
    return ERR_OK;
}

err find_run_newest(char **folder, const char *task_name) {
    search_state s = {.takes_pretrained = true};
    err e = search(&s, task_name);
    if (e) mem_free(s.best);
    *folder = e ? NULL : s.best;
    return e;
}

err find_run(char **folder, const char *given, const char *task_name, bool offline) {
    *folder = NULL;
    if (!given) return find(folder, task_name, false);
    if (shipped_known(given) || !folder_exists(given)) return find_named(folder, given, offline);
    err e = find_run_check(given, false);
    return e ? e : mem_strdup(folder, given);
}

bool find_run_is_hub(const char *given) {
    bool known = !given || shipped_known(given) || model_preset_known(given) || file_named(given);
    bool is = !known && !base_model_check_name(given);
    if (!known && !is) err_clear(); // told by who opens it
    return is;
}

err find_run_words(char **folder, const char *given) {
    *folder = NULL;
    if (!given) return find(folder, NULL, true);
    err e = find_run_check(given, false);
    return e ? e : mem_strdup(folder, given);
}
