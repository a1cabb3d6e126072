#include "result/store.h"

#include "base/ascii.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "result/record_strict.h"
#include "result/store_internal.h"
#include "task/task.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool is_record_name(const char *name) {
    return name[0] != '.' && ascii_ends(name, ".json");
}

/* A folder that is being read. */
typedef struct reading {
    store *store;
    const store_lean *lean; // NULL: full records
    store__cache known;
    size_t kept_bytes; // of answers
    err failed;        // of `takes` or `each`: no record is to blame
} reading;

/* Small test sets keep their answers, so that the board need not read them again. */
static err thin(record *r, reading *w) {
    enum { KEPT_BYTES = 64 << 20 };
    err e = record_pool(r, &w->store->pool);
    size_t bytes = e ? 0 : record_answer_bytes(r);
    if (w->kept_bytes + bytes > KEPT_BYTES)
        record_drop_answers(r);
    else
        w->kept_bytes += bytes;
    return e;
}

/* Whether a board has a row of it. */
static err joins(bool *taken, reading *w, const record *r) {
    bool any = w->store->keeps_all || (!r->partial && !r->dirty);
    *taken = any;
    return any && w->lean && w->lean->takes ? w->failed = w->lean->takes(taken, w->lean->of, r)
                                            : ERR_OK;
}

/* From the cache where it is known; else from its bytes, which are given to `each`. */
static err read_lean(record *r, store_file *from, store *s, reading *w, const char *path,
                     const char *relative) {
    void *text = NULL;
    size_t length = 0;
    file_stamp stamp = file_stamp_of(path);
    const store__known *k = store__find(&w->known, relative);
    bool taken = false;
    *from = k ? k->source : (store_file){0};
    if (k && file_stamp_same(&from->stamp, &stamp)) return store__take(r, s, &w->known, k);
    *from = (store_file){.stamp = file_stamp_settled(stamp)};
    err e = file_read(&text, &length, path, RECORD_LIMIT_BYTES);
    if (e) return e;
    hash_bytes(text, length, from->sha256);
    if (k && !memcmp(from->sha256, k->source.sha256, sizeof from->sha256)) {
        from->page = k->source.page;
        taken = true;
        e = store__take(r, s, &w->known, k);
    } else if (!(e = record_parse(r, text, length, path)) && !(e = joins(&taken, w, r)) && taken) {
        if (w->lean->each) e = w->failed = w->lean->each(w->lean->of, r, relative, from);
        if (!e) e = w->failed = thin(r, w);
    }
    if (!e && taken) s->changed = true;
    mem_free(text);
    return e;
}

static void leave_out(store *s, const record *r, const char *path) {
    s->partial += r->partial;
    s->dirty += !r->partial && r->dirty;
    if (r->partial || r->dirty) return;
    bool told = s->unkept++ > 0;
    log_warn("%s is left out: task '%s' is one of somebody's own files, without a manifest%s%s%s",
             path, r->task.name, told ? "" : " (harness tasks new makes one",
             told ? "" : err_advice("task-dir", "; --task-dir names its folder"), told ? "" : ")");
}

err store_add(store *s, record *r, const char *relative, const store_file *from) {
    err e;
    // the lists grow together
    if (s->count == s->capacity) {
        size_t wanted = s->capacity ? 2 * s->capacity : 16;
        if ((e = mem_resize((void **)&s->records, wanted, sizeof *s->records)) ||
            (e = mem_resize((void **)&s->paths, wanted, sizeof *s->paths)) ||
            (e = mem_resize((void **)&s->files, wanted, sizeof *s->files)))
            return e;
        s->capacity = wanted;
    }
    if ((e = mem_strdup(&s->paths[s->count], relative))) return e;
    s->files[s->count] = *from;
    s->records[s->count++] = *r;
    *r = (record){0};
    return ERR_OK;
}

static err add_record(void *of, const char *path, const char *relative) {
    reading *w = of;
    store *s = w->store;
    record r = {0};
    store_file from = {0};
    bool taken;
    err e = w->lean ? read_lean(&r, &from, s, w, path, relative) : record_read(&r, path);
    if (e == ERR_UNSUPPORTED && !w->failed) {
        e = other_files_pass(&s->others, e);
        goto done;
    }
    if (e && e != ERR_MEMORY && !w->failed) {
        log_warn("%s", err_message(e));
        s->damaged++;
        e = ERR_OK;
        goto done;
    }
    if (e) goto done;
    if ((e = joins(&taken, w, &r))) goto done;
    if (!taken) {
        leave_out(s, &r, path);
        goto done;
    }
    e = store_add(s, &r, relative, &from);
done:
    record_free(&r);
    return e;
}

/* Records of the folder of a task, or of one with folders of tasks, a contributor's. */
static err walk_task(const char *place, const char *of_task, int depth, store_visit *visit,
                     void *of) {
    char relative[PATH_MAX];
    folder_list list = {0};
    err e = folder_exists(place) ? folder_list_read(&list, place) : ERR_OK;
    while (folder_next(&list, &e)) {
        if (*list.name == '.' || (e = path_in(relative, of_task, list.name))) continue;
        if (is_record_name(list.name))
            e = visit(of, list.path, relative);
        else if (depth < 1 && folder_is_own(list.path))
            e = walk_task(list.path, relative, depth + 1, visit, of);
    }
    folder_list_free(&list);
    return e;
}

static err walk(const char *folder, store_visit *visit, void *of) {
    folder_list list = {0};
    err e = folder_list_read(&list, folder);
    while (folder_next(&list, &e))
        if (*list.name != '.' && !task_name_is_folder(list.name))
            e = walk_task(list.path, list.name, 0, visit, of);
    folder_list_free(&list);
    return e;
}

/* A file beside the tasks' folders: a record there is no part of the store, and is told of. */
static err note_stray(size_t *strays, const char *folder, const folder_list *at) {
    record r = {0};
    char *own = NULL;
    err e = folder_exists(at->path) ? ERR_OK : record_read(&r, at->path);
    e = err_unless_memory(e); // a file of any other kind may lie there
    if (!e) e = path_real_name(&own, folder);
    if (!e && r.task.name && !strcmp(r.task.name, own))
        e = err_set(ERR_DATA, "%s: the folder of one task: name the folder that it lies in",
                    folder);
    else if (!e && r.task.name && !(*strays)++)
        log_warn("%s is passed over: records lie in a folder of their task, as %s/%s/%s", at->path,
                 folder, r.task.name, at->name);
    mem_free(own);
    record_free(&r);
    return e;
}

static err note_strays(const char *folder) {
    folder_list list = {0};
    size_t strays = 0;
    err e = folder_list_read(&list, folder);
    while (folder_next(&list, &e)) // what `report` writes is large, and none
        if (is_record_name(list.name) && strcmp(list.name, "report.json") != 0)
            e = note_stray(&strays, folder, &list);
    if (strays > 1)
        log_warn("%s: so %s %zu more record%s", folder, strays > 2 ? "are" : "is", strays - 1,
                 strays > 2 ? "s" : "");
    folder_list_free(&list);
    return e;
}

err store_walk(const char *folder, store_visit *visit, void *of) {
    err e = walk(folder, visit, of);
    return e ? e : note_strays(folder);
}

static err read_folder(store *s, const char *folder, const store_lean *lean) {
    reading w = {.store = s, .lean = lean};
    if (!folder_exists(folder)) return ERR_OK;
    task_catalog tasks;
    err e = task_list(&tasks, NULL); // that the program's files are missing is no record's fault
    task_catalog_free(&tasks);
    if (!e) e = mem_strdup(&s->folder, folder);
    if (!e && lean && lean->cache) e = store__cache_read(&w.known, lean->cache);
    if (!e) e = store_walk(folder, add_record, &w);
    if (!e) other_files_tell(&s->others, folder);
    if (s->count < w.known.count) s->changed = true;
    s->known = w.known.bytes; // records borrow from it
    w.known.bytes = NULL;
    store__cache_free(&w.known);
    if (e) store_free(s);
    return e;
}

err store_read(store *s, const char *folder) {
    *s = (store){0};
    return read_folder(s, folder, NULL);
}

err store_read_lean(store *s, const char *folder, const store_lean *how) {
    *s = (store){0};
    return read_folder(s, folder, how);
}

err store_read_full(record *out, const store *s, const char *path) {
    char full[PATH_MAX];
    *out = (record){0};
    if (!s->folder) return record_read(out, path);
    err e = path_in(full, s->folder, path);
    return e ? e : record_read(out, full);
}

err store_read_all(store *s, const char *folder) {
    *s = (store){.keeps_all = true};
    return read_folder(s, folder, NULL);
}

void store_free(store *s) {
    for (size_t i = 0; i < s->count; i++) {
        record_free(&s->records[i]);
        mem_free(s->paths[i]);
    }
    mem_free(s->records);
    mem_free(s->paths);
    mem_free(s->files);
    mem_free(s->folder);
    lean_pool_free(&s->pool);
    mem_free(s->known);
    *s = (store){0};
}

bool record_model_is_there(const char *output_folder) {
    static const char *const names[] = {"model/config.json", "model/model.safetensors"};
    bool there = true;
    for (size_t i = 0; i < 2 && there; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", output_folder, names[i]);
        there = file_exists(path);
    }
    return there;
}

/* What a record's name does not tell apart: the run, or of records of older programs, which do not
 * say it, what they say of it. *text is owned. */
static err rest_of_name(char **text, const record *r) {
    // those of others stand beside it: their numbers are rounded otherwise
    if (r->run_sha256 && r->ranks > 1)
        return mem_printf(text, "%s\n%lld\n%s", r->run_sha256, (long long)r->ranks,
                          r->rank_devices ? r->rank_devices : "");
    if (r->run_sha256) return mem_strdup(text, r->run_sha256);
    return mem_printf(text, "%s\n%s\n%s\n%s\n%lld\n", r->task.name, r->model.name, r->device.name,
                      r->device.driver ? r->device.driver : "", (long long)r->numerics_version);
}

err store_run(char **text, const record *r) {
    char *name = NULL, *rest = NULL;
    *text = NULL;
    err e = record_file_name(&name, r);
    if (!e) e = rest_of_name(&rest, r);
    if (!e) e = mem_printf(text, "%s\n%s", name, rest);
    mem_free(name);
    mem_free(rest);
    return e;
}

/* What stands near the beginning of every record. */
static const char record_mark[] = "\"schema\"";

/* Whether a record of another run lies there, or what is no record. One that is damaged is replaced. */
static err is_taken(bool *taken, const char *path, const char *rest) {
    record other = {0};
    char *text = NULL;
    *taken = false;
    err e = file_check_own(path, record_mark);
    *taken = e == ERR_DATA || e == ERR_IO;
    if (*taken) err_clear();
    if (e || !file_named(path)) return *taken ? ERR_OK : e;
    e = record_read(&other, path);
    if (e && e != ERR_MEMORY) {
        err_clear();
        return ERR_OK;
    }
    if (!e) e = rest_of_name(&text, &other);
    if (!e) *taken = strcmp(text, rest) != 0;
    mem_free(text);
    record_free(&other);
    return e;
}

/* Makes "<...>-s42.json" of another run "<...>-<8 digits>-s42.json". */
static err make_room(char **path, const char *rest, bool taken) {
    char hex[HASH_HEX_BYTES], *longer = NULL;
    err e = taken ? ERR_OK : is_taken(&taken, *path, rest);
    if (e || !taken) return e;
    const char *seed = strrchr(*path, '-');
    hash_bytes_hex(rest, strlen(rest), hex);
    if ((e = mem_printf(&longer, "%.*s-%.8s%s", (int)(seed - *path), *path, hex, seed))) return e;
    mem_free(*path);
    *path = longer;
    return ERR_OK;
}

err store_place(char **path, const char *folder, record *r, bool apart) {
    char *name = NULL, *rest = NULL;
    *path = NULL;
    if (r->partial) return err_set(ERR_ARG, "a partial run does not go to the results folder");
    err e = record_score(r);
    if (!e) e = record_file_name(&name, r);
    if (!e) e = path_join(path, folder, name);
    if (!e) e = rest_of_name(&rest, r);
    if (!e) e = make_room(path, rest, apart);
    mem_free(name);
    mem_free(rest);
    return e;
}

err store_check_writable(const char *folder, char *const *tasks, size_t count) {
    char path[PATH_MAX];
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++)
        if (!(e = path_in(path, folder, tasks[i])) && !(e = folder_check_below(folder, path)))
            e = folder_check_writable(path);
    return e;
}

err store_make_folder(const char *folder, const char *path) {
    char *of = NULL;
    err e = path_folder(&of, path);
    if (!e) e = folder_make_below(folder, of);
    mem_free(of);
    return e;
}

/* A record may be replaced by the same run's, and nothing else is. */
static err check_replaced(const char *path) {
    err e = file_check_own(path, record_mark);
    if (!e || e == ERR_MEMORY) return e;
    return err_set(ERR_DATA,
                   "%s: no record of this program, and one would replace it: move it away and run "
                   "again (what was trained is kept)",
                   path);
}

err store_write(const char *folder, record *r, char **path) {
    char *full = NULL;
    err e = store_place(&full, folder, r, false);
    if (!e) e = store_make_folder(folder, full);
    if (!e) e = check_replaced(full);
    if (!e) e = record_write(r, full);
    if (!e && path) {
        *path = full;
        full = NULL;
    }
    mem_free(full);
    return e;
}

err store_write_missing(const char *folder, record *r, char **path, bool *is_new) {
    bool stays = false;
    *is_new = false;
    err e = store_place(path, folder, r, false);
    if (!e) e = store_make_folder(folder, *path);
    if (!e && !file_exists(*path) && !(e = record_write_new(&stays, r, *path))) *is_new = !stays;
    return e;
}

static bool is_same_moment(const record *a, const record *b) {
    return !strcmp(a->created, b->created) && a->seed == b->seed &&
           !strcmp(a->task.name, b->task.name) && !strcmp(a->recipe_sha256, b->recipe_sha256);
}

/* The rest stays as it is, whatever program wrote it. */
static err mark_file(const char *path) {
    cJSON *top = NULL;
    err e = json_read(&top, path, RECORD_LIMIT_BYTES);
    if (!e && !json_has(top, "model_gone") && !(e = json_add_bool(top, "model_gone", true))) {
        if (json_has(top, "checksums")) {
            cJSON_DeleteItemFromObjectCaseSensitive(top, "checksums");
            e = record_checksums_write(top);
        }
        if (!e) e = json_write(path, top);
    }
    cJSON_Delete(top);
    return e;
}

err store_mark_gone(const char *folder, const record *gone) {
    store s = {0};
    err e = store_read(&s, folder);
    for (size_t i = 0; i < s.count && !e; i++) {
        char path[PATH_MAX];
        if (!is_same_moment(&s.records[i], gone)) continue;
        if (!(e = path_in(path, folder, s.paths[i]))) e = mark_file(path);
    }
    store_free(&s);
    return e;
}
