#include "cli/run_list.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/listed_search.h"
#include "cli/tune_view.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "platform/stamp.h"
#include "platform/stream.h"
#include "result/record_strict.h"
#include "result/store.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/marker.h"
#include "train/run/kept_task.h"
#include "train/run/run_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDERS_DEEP = 3 };

const char *run_state_name(run_state state) {
    static const char *const names[] = {"finished", "unfinished", "at work", "record only",
                                        "damaged"};
    return names[state];
}

static void free_run(listed_run *r) {
    mem_free(r->folder);
    mem_free(r->task);
    mem_free(r->model);
    mem_free(r->device);
    mem_free(r->headline);
    mem_free(r->worker);
    *r = (listed_run){0};
}

void run_list_free(run_list *l) {
    for (size_t i = 0; i < l->count; i++) free_run(&l->runs[i]);
    mem_free(l->runs);
    *l = (run_list){0};
}

/* What is wrong with one thing is said, and hides none of the others. */
static err pass_over(err e) {
    if (!e || e == ERR_MEMORY) return e;
    log_warn("%s: passed over", err_message(e));
    return err_forgive(e, e);
}

static err add_run(run_list *l, listed_run **out) {
    err e = mem_grow((void **)&l->runs, &l->capacity, l->count + 1, sizeof *l->runs);
    if (e) return e;
    *out = &l->runs[l->count++];
    **out = (listed_run){.seed = -1, .score = NAN};
    return ERR_OK;
}

/* Opens the lock and takes it, until *fd is closed; *fd is -1 where there is none. *held: another
 * process has it. */
static err take_lock(int *fd, bool *held, const char *folder) {
    char path[PATH_MAX];
    *held = false;
    err e = path_in(path, folder, ".lock");
    if (e) return e;
    *fd = lock_open(path, LOCK_OPEN);
    *held = *fd >= 0 && lock_take(*fd) == LOCK_HELD;
    return ERR_OK;
}

/* Its bytes, and when it was changed last. */
static err measure(listed_run *r, const char *folder) {
    folder_list names = {0};
    err e = folder_list_read(&names, folder);
    while (folder_next(&names, &e)) {
        time_t changed = (time_t)path_changed(names.path);
        if (changed > r->changed) r->changed = changed;
        e = pass_over(folder_add_bytes(&r->bytes, names.path));
    }
    folder_list_free(&names);
    return e;
}

static void set_date(listed_run *r, time_t when) {
    struct tm t;
    if (clock_utc(&t, when)) strftime(r->date, sizeof r->date, "%Y-%m-%d", &t);
}

static const char *part_of(const record *rec) {
    double steps = json_number_at(rec->recipe, "max_steps");
    if (!rec->partial) return NULL;
    return rec->task.sample ? "sample" : steps > 0 ? "max-steps" : "limit";
}

static err take_record(listed_run *r, const record *rec) {
    r->seed = rec->seed;
    r->score = record_metric(rec, rec->headline);
    r->part = part_of(rec);
    r->step = (uint32_t)rec->timing.steps;
    snprintf(r->date, sizeof r->date, "%.10s", rec->created);
    err e = mem_strdup(&r->task, rec->task.name);
    if (!e) e = mem_strdup(&r->model, rec->model.name);
    if (!e) e = mem_strdup(&r->device, RECORD_DEVICE(rec));
    return e ? e : mem_strdup(&r->headline, rec->headline);
}

static err copy_text(char **out, const cJSON *from, const char *key, const char *other) {
    const char *text = json_text_at(from, key);
    if (!text) text = json_text_at(from, other);
    return text ? mem_strdup(out, text) : ERR_OK;
}

/* Those of the ranks that began it. */
static err take_devices(listed_run *r, const cJSON *root, const char *name) {
    char text[RECORD_DEVICE_BYTES];
    double ranks = json_number_at(root, RUN_RANKS_KEY);
    int64_t count = ranks > 1 && ranks <= UINT32_MAX ? (int64_t)ranks : 1;
    if (!name) return ERR_OK;
    return mem_strdup(&r->device,
                      record_device_text(text, count, name, json_text_at(root, RUN_DEVICES_KEY)));
}

/* Who a run is that has no record. */
static err take_identity(listed_run *r, const char *path) {
    cJSON *root = NULL;
    err e = json_read(&root, path, RUN_FILE_LIMIT_BYTES);
    if (e && e != ERR_MEMORY) { // it is listed all the same
        err_clear();
        r->state = RUN_STATE_DAMAGED;
        return ERR_OK;
    }
    const cJSON *identity = cJSON_GetObjectItemCaseSensitive(root, "identity");
    const char *seed = json_text_at(identity, "seed");
    if (seed) r->seed = strtoll(seed, NULL, 10);
    if (!e) e = copy_text(&r->task, identity, "task", "corpus");
    if (!e) e = copy_text(&r->model, identity, "model", "model");
    if (!e) e = take_devices(r, root, json_text_at(identity, "device"));
    cJSON_Delete(root);
    return e;
}

/* The step of the newest checkpoint; what only has the name of one is named. */
static err find_step(listed_run *r, const char *folder) {
    folder_list names = {0};
    err e = folder_list_read(&names, folder);
    while (folder_next(&names, &e)) {
        if (strncmp(names.name, "checkpoint-", 11) || !checkpoint_is_name(names.name)) continue;
        uint32_t step = (uint32_t)strtoul(names.name + 11, NULL, 10);
        if (!folder_exists(names.path))
            log_warn("%s: no folder, so no checkpoint: passed over", names.path);
        else if (step > r->step)
            r->step = step;
    }
    folder_list_free(&names);
    return e;
}

/* Of the held-out sentences the last evaluation, if there is one, and whether --max-steps ended it. */
static void take_pretraining(listed_run *r, const cJSON *root) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "heldout");
    const cJSON *last = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
    double step = json_number_at(last, "step");
    r->score = json_number_at(last, RUN_LIST_PERPLEXITY);
    if (step > 0 && step <= UINT32_MAX) r->step = (uint32_t)step;
    if (json_number_at(cJSON_GetObjectItemCaseSensitive(root, "recipe"), "max_steps") > 0)
        r->part = "max-steps";
}

/* The record of a pretraining has a corpus in place of a task. Those of schema 1 have no checksums.
 * Errors: ERR_MEMORY. */
static err find_pretraining(listed_run *r, bool *found, const char *path) {
    cJSON *root = NULL;
    err e = json_read(&root, path, RUN_FILE_LIMIT_BYTES);
    *found = !e && json_has(root, "corpus");
    if (*found && json_has(root, "checksums")) *found = !record_checksums_check(root, path);
    if (*found) take_pretraining(r, root);
    cJSON_Delete(root);
    e = err_unless_memory(e);
    return !e && !isnan(r->score) ? mem_strdup(&r->headline, RUN_LIST_PERPLEXITY) : e;
}

/* The record, as far as the folder has a whole one. */
static err read_result(listed_run *r, record *rec, bool *has_record, const char *folder) {
    char path[PATH_MAX];
    *has_record = false;
    err e = path_in(path, folder, RUN_RECORD);
    if (!e && file_exists(path)) {
        e = record_read(rec, path);
        *has_record = !e;
        if (e && e != ERR_MEMORY) {
            bool pretraining = false;
            err_clear();
            e = find_pretraining(r, &pretraining, path);
            if (!pretraining) r->state = RUN_STATE_DAMAGED;
        }
    }
    return e;
}

/* Whether a run of this program was in the folder; *name is its first file. */
static err find_file(char **path, const char *folder, const char *const *names, size_t count) {
    *path = NULL;
    for (size_t i = 0; i < count; i++) {
        bool ours = false;
        err e = path_join(path, folder, names[i]);
        if (!e) e = marker_is_run_file(&ours, *path);
        if (ours) return e;
        mem_free(*path);
        *path = NULL;
        if (e) return e;
    }
    return ERR_OK;
}

/* Looks up the run's record in the results, and takes it off the list of those that are alone. */
static bool is_stored(const store *s, bool *seen, const record *rec) {
    bool found = false;
    for (size_t i = 0; i < s->count; i++) {
        const record *x = &s->records[i];
        if (strcmp(x->created, rec->created) || x->seed != rec->seed ||
            strcmp(x->task.name, rec->task.name) || strcmp(x->recipe_sha256, rec->recipe_sha256))
            continue;
        seen[i] = found = true;
    }
    return found;
}

static err read_run(listed_run *r, const char *folder, const char *state, const store *s,
                    bool *seen) {
    bool unfinished = !strcmp(path_name(state), RUN_UNFINISHED), has_record = false, held = false;
    record rec = {0};
    r->state = unfinished ? RUN_STATE_UNFINISHED : RUN_STATE_FINISHED;
    err e = mem_strdup(&r->folder, folder);
    if (!e) e = run_at_work(&held, &r->worker, folder);
    if (!e) e = measure(r, folder);
    if (!e) e = checkpoint_usage(folder, NULL, &r->checkpoints, &r->checkpoint_bytes);
    if (!e) e = find_step(r, folder);
    set_date(r, r->changed);
    r->has_model = record_model_is_there(folder);
    if (!e && !unfinished) e = read_result(r, &rec, &has_record, folder);
    if (!e) e = has_record ? take_record(r, &rec) : take_identity(r, state);
    if (has_record) r->on_board = is_stored(s, seen, &rec);
    record_free(&rec);
    if (held) r->state = RUN_STATE_AT_WORK;
    return e;
}

/* Unfinished goes first: a run that replaces another has files of both. */
static const char *const state_files[] = {RUN_UNFINISHED, RUN_FINISHED, RUN_RECORD};
enum { STATE_FILES = sizeof state_files / sizeof *state_files };

/* Runs lie so deep below runs/, and trials of a search that was stopped one deeper. */
static bool is_deep(const char *folder, int deep) {
    return deep > FOLDERS_DEEP || (deep == FOLDERS_DEEP && strcmp(path_name(folder), SEARCH_WORK));
}

/* *is: `tune` searched in the folder, which is on the list then. */
static err add_search(bool *is, run_list *l, const char *folder) {
    listed_run read = {.seed = -1, .score = NAN}, *r;
    char work[PATH_MAX];
    uint64_t under_way = 0;
    err e = listed_search_read(&read, folder);
    *is = !e && read.trials;
    if (*is) e = mem_strdup(&read.folder, folder);
    if (*is && !e) e = measure(&read, folder);
    if (*is && !e) e = path_in(work, folder, SEARCH_WORK);
    if (*is && !e && folder_is_own(work)) e = folder_add_bytes(&under_way, work);
    if (*is && !e) e = add_run(l, &r);
    if (!*is || e) {
        free_run(&read);
        return e;
    }
    read.bytes -= under_way < read.bytes ? under_way : read.bytes;
    set_date(&read, read.changed);
    *r = read;
    return ERR_OK;
}

/* The folder itself, if it is a run's, or those in it. */
static err add_folder(run_list *l, const char *folder, int deep, const store *s, bool *seen) {
    folder_list names = {0};
    listed_run *r;
    char *state = NULL;
    bool is_search = false;
    err e = find_file(&state, folder, state_files, STATE_FILES);
    if (!e && state) {
        if (!(e = add_run(l, &r))) e = pass_over(read_run(r, folder, state, s, seen));
        mem_free(state);
        return e;
    }
    if (!e) e = pass_over(add_search(&is_search, l, folder));
    if (e || is_deep(folder, deep)) return e;
    e = folder_list_read(&names, folder);
    while (folder_next(&names, &e))
        if ((!is_search || !strcmp(path_name(names.path), SEARCH_WORK)) &&
            folder_is_own(names.path))
            e = pass_over(add_folder(l, names.path, deep + 1, s, seen));
    folder_list_free(&names);
    return e;
}

/* Records that no folder was found for. */
static err add_records(run_list *l, const store *s, const bool *seen, const char *results) {
    err e = ERR_OK;
    for (size_t i = 0; i < s->count && !e; i++) {
        listed_run *r;
        if (seen[i]) continue;
        if ((e = add_run(l, &r)) || (e = path_join(&r->folder, results, s->paths[i]))) break;
        r->state = RUN_STATE_RECORD;
        r->on_board = true;
        r->bytes = file_stamp_of(r->folder).size;
        e = take_record(r, &s->records[i]);
    }
    return e;
}

err run_list_read(run_list *l, const char *const *roots, size_t count, const char *results,
                  bool alone) {
    store s = {0};
    bool *seen = NULL;
    *l = (run_list){0};
    err e = store_read_all(&s, results);
    if (!e) e = mem_new(&seen, s.count);
    for (size_t i = 0; i < count && !e; i++) e = add_folder(l, roots[i], 0, &s, seen);
    if (!e && alone) e = add_records(l, &s, seen, results);
    mem_free(seen);
    store_free(&s);
    return e;
}

/* The folder that a search makes for the trial that is under way, when that was the last. */
static void drop_work(const char *trial) {
    char *folder = NULL;
    if (path_folder(&folder, trial))
        err_clear(); // an empty folder more
    else if (!strcmp(path_name(folder), SEARCH_WORK))
        (void)folder_drop(folder);
    mem_free(folder);
}

err listed_run_clean(run_waste *w, const listed_run *r, bool whole, bool deletes) {
    bool held = false;
    int fd = -1;
    char lock[PATH_MAX];
    *w = (run_waste){0};
    err e = deletes ? take_lock(&fd, &held, r->folder) : ERR_OK;
    if (!e && held) e = err_set(ERR_IO, "%s: a run is at work in this folder", r->folder);
    if (!e) e = run_waste_find(w, r->folder, whole);
    if (!e && deletes) e = run_waste_remove(w);
    if (!e && deletes && whole && w->count && !w->keeps_result &&
        !(e = path_in(lock, r->folder, ".lock"))) {
        // while it is held: whoever waits for it looks whether the file is still the one of the name
        bool ours = fd >= 0 && !run_lock_check(r->folder);
        err_clear(); // another's stays
        e = ours ? file_remove(lock) : ERR_OK;
        (void)folder_drop(r->folder);
        drop_work(r->folder);
    }
    if (fd >= 0) stream_close(fd);
    return e;
}
