#include "cli/find_run.h"

#include "base/ascii.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "model/config.h"
#include "model/head/head.h"
#include "net/hub.h"
#include "platform/file.h"
#include "platform/stamp.h"
#include "result/store.h"
#include "train/checkpoint/checkpoint.h"
#include "train/run/base_model.h"
#include "train/run/kept_task.h"
#include "train/run/run_parts.h"
#include "train/run/shipped.h"

#include <string.h>

enum { CONFIG_LIMIT_BYTES = 1 << 20, RUNS_SHOWN = 8, LABELS_SHOWN = 8 };

/* Where a walk goes from an entry: past it, into the folder that it is, or nowhere. */
typedef enum step { STEP_PAST, STEP_IN, STEP_END } step;
/* *next: STEP_IN of a folder, else STEP_PAST, until the visitor sets another. deep: of folders below
 * this one that are still walked. */
typedef err visitor(step *next, void *of, const folder_list *at, int deep);

static err walk(step *next, visitor *visit, void *of, const char *folder, int deep) {
    folder_list names = {0};
    err e = folder_list_read(&names, folder);
    while (*next != STEP_END && folder_next(&names, &e)) {
        *next = folder_exists(names.path) ? STEP_IN : STEP_PAST;
        e = visit(next, of, &names, deep);
        if (!e && deep && *next == STEP_IN) e = walk(next, visit, of, names.path, deep - 1);
    }
    folder_list_free(&names);
    return e;
}

/* Of runs/<task>/<run>: every entry of `folder`, and of folders in it. */
static err walk_runs(visitor *visit, void *of, const char *folder) {
    step next = STEP_PAST;
    return walk(&next, visit, of, folder, 1);
}

/* Newest of the finished runs. */
typedef struct search_state {
    char *best;            /* owned */
    const char *task_name; /* NULL: of any */
    uint64_t newest;       /* ns */
    bool of_own_files;
    bool unfinished;       /* of those that are not, by when they were begun */
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

/* Whether the run keeps files of the user's own. What cannot be read is told by who reads it. */
static err keeps_own(bool *keeps, const char *folder) {
    kept_task k = {0};
    bool found = false;
    err e = kept_task_read(&k, &found, folder);
    *keeps = e || (found && k.is_own);
    kept_task_free(&k);
    return err_unless_memory(e);
}

/* A run is finished when its record and its model are there. */
static err consider(search_state *s, const char *folder) {
    char path[PATH_MAX];
    bool passes = false;
    err e = path_in(path, folder, s->unfinished ? RUN_UNFINISHED : RUN_RECORD);
    bool is_there = !e && file_exists(path) && (s->unfinished || record_model_is_there(folder));
    if (is_there && !s->takes_pretrained && !(e = is_pretrained(&passes, folder)) && passes)
        s->has_pretrained = true;
    if (!e && is_there && s->of_own_files) {
        bool keeps = false;
        e = keeps_own(&keeps, folder);
        passes = !keeps;
    }
    if (!e && is_there && !passes) {
        uint64_t changed = file_stamp_of(path).modified_ns;
        if (!s->best || changed > s->newest) {
            s->newest = changed;
            mem_free(s->best);
            s->best = NULL;
            e = mem_strdup(&s->best, folder);
        }
    }
    return e;
}

static err visit_newest(step *next, void *of, const folder_list *at, int deep) {
    search_state *s = of;
    if (*next != STEP_IN) return ERR_OK;
    if (!deep) return consider(s, at->path);
    if (s->task_name && strcmp(s->task_name, at->name) != 0) *next = STEP_PAST;
    return ERR_OK;
}

static err search(search_state *s) {
    return folder_exists(RUN_TOP) ? walk_runs(visit_newest, s, RUN_TOP) : ERR_OK;
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

typedef struct named_runs {
    strbuf list; /* owned */
    size_t count;
} named_runs;

static err visit_named(step *next, void *of, const folder_list *at, int deep) {
    named_runs *n = of;
    bool is = false;
    (void)deep;
    if (checkpoint_is_name(at->name)) *next = STEP_PAST; // an unfinished run's
    if (*next != STEP_IN) return ERR_OK;
    err e = is_run(&is, at->path);
    if (e || !is) return e;
    *next = STEP_PAST;
    if (++n->count > RUNS_SHOWN) return ERR_OK;
    return shown_printf(&n->list, SHOWN_SHELL, n->count > 1 ? ", %s" : "%s", at->path);
}

err find_run_check(const char *folder, bool several) {
    named_runs n = {0};
    bool is = false;
    if (!folder_exists(folder)) return ERR_OK;
    err e = is_run(&is, folder);
    if (!e && !is) e = walk_runs(visit_named, &n, folder);
    const char *more = n.count > RUNS_SHOWN ? ", ..." : "";
    if (!e && n.count == 1)
        e = err_set(ERR_DATA, "%s is not a run's folder; the run below it is %s", folder,
                    n.list.text);
    else if (!e && n.count && several)
        e = err_set(ERR_DATA, "%s is not a run's folder; name the runs, as FOLDER/*: %s%s", folder,
                    n.list.text, more);
    else if (!e && n.count)
        e = err_set(ERR_DATA, "%s is not a run's folder; name one of the %zu runs below it: %s%s",
                    folder, n.count, n.list.text, more);
    strbuf_free(&n.list);
    return e;
}

/* The first finished run, unless a file of JSON stands in a folder beside it, as records do. */
typedef struct first_run {
    char *path; /* owned */
    bool has_files;
} first_run;

static err look_at(first_run *s, bool *is, const char *folder) {
    char finished[PATH_MAX], path[PATH_MAX];
    err e = path_in(finished, folder, RUN_FINISHED);
    if (!e) e = path_in(path, folder, RUN_RECORD);
    *is = !e && file_exists(finished) && file_exists(path);
    return *is && !s->path ? mem_strdup(&s->path, folder) : e;
}

static err visit_first(step *next, void *of, const folder_list *at, int deep) {
    first_run *s = of;
    bool is = false;
    err e = ERR_OK;
    if (*next == STEP_IN)
        e = look_at(s, &is, at->path);
    else
        s->has_files = !deep && ascii_ends(at->name, ".json");
    if (is) *next = STEP_PAST;
    if (s->has_files) *next = STEP_END;
    return e;
}

err find_run_not_records(const char *folder) {
    first_run s = {0};
    bool is = false;
    err e = look_at(&s, &is, folder);
    // what cannot be listed is named by who reads it
    if (!e && !is) e = err_unless_memory(walk_runs(visit_first, &s, folder));
    if (!e && s.path && !s.has_files)
        e = err_set(ERR_DATA,
                    "%s: a folder of runs, as %s is one: expected a folder of records, as "
                    "`harness run` and `harness results add` fill it",
                    folder, s.path);
    mem_free(s.path);
    return e;
}

err find_run_record(char **path, const char *given, bool several) {
    *path = NULL;
    if (file_is_input(given) || !folder_exists(given)) return mem_strdup(path, given);
    err e = find_run_check(given, several);
    if (!e) e = path_join(path, given, RUN_RECORD);
    if (!e && !file_named(*path))
        e = err_set(ERR_DATA, "%s: no record.json in it: not the output folder of a finished run",
                    given);
    return e;
}

static err refuse(const search_state *s) {
    const char *task_name = s->task_name;
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

/* The names of the model's labels, as its configuration has them. */
static err add_labels(strbuf *said, const char *folder) {
    char path[PATH_MAX];
    cJSON *root = NULL;
    const cJSON *item;
    size_t count = 0;
    err e = path_in(path, folder, "model/config.json");
    if (!e) e = err_unless_memory(json_read(&root, path, CONFIG_LIMIT_BYTES));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "id2label")) {
        const char *label = cJSON_GetStringValue(item);
        if (!e && label && count++ < LABELS_SHOWN)
            e = strbuf_printf(said, "%s%.40s", count > 1 ? ", " : "; labels ", label);
    }
    if (!e && count > LABELS_SHOWN) e = strbuf_printf(said, ", ... (%zu)", count);
    cJSON_Delete(root);
    return e;
}

/* Which run nobody named: of which task and, where it is asked, whether that says little. What cannot be
 * read is told by who loads it. */
static err tell(const char *folder, bool is_asked) {
    char path[PATH_MAX];
    cJSON *root = NULL;
    strbuf said = {0};
    err e = path_in(path, folder, RUN_RECORD);
    if (!e) e = err_unless_memory(json_read(&root, path, 0));
    const cJSON *of = cJSON_GetObjectItemCaseSensitive(root, "task");
    const char *name = json_text_at(of, "name");
    if (!e && name) e = strbuf_printf(&said, " (task %s", name);
    if (!e && name) e = add_labels(&said, folder);
    if (!e && name) e = strbuf_add(&said, ")");
    if (!e) log_note("model   %s%s", folder, said.text ? said.text : "");
    if (!e && is_asked && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "partial")))
        log_warn("%s is of a partial run (%s): its answers are worth little; --model names another",
                 folder,
                 cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(of, "sample"))
                     ? "--sample"
                     : "--limit or --max-steps");
    strbuf_free(&said);
    cJSON_Delete(root);
    return e;
}

static err find(char **folder, const char *task_name, bool takes_pretrained) {
    search_state s = {.task_name = task_name, .takes_pretrained = takes_pretrained};
    *folder = NULL;
    err e = search(&s);
    if (!e && !s.best) e = refuse(&s);
    if (e) {
        mem_free(s.best);
        return e;
    }
    *folder = s.best;
    return tell(s.best, !takes_pretrained);
}

err find_run_newest(char **folder, const char *task_name, bool of_own_files) {
    search_state s = {
        .task_name = task_name, .of_own_files = of_own_files, .takes_pretrained = true};
    err e = search(&s);
    if (e) mem_free(s.best);
    *folder = e ? NULL : s.best;
    return e;
}

err find_run_unfinished(char **folder, const char *task_name) {
    search_state s = {.task_name = task_name, .unfinished = true, .takes_pretrained = true};
    err e = search(&s);
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
