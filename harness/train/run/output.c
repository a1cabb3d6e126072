/* The output folder: its name, whose it is, and the lock that keeps other runs out of it. */
#include "base/log.h"
#include "base/name.h"
#include "platform/file.h"
#include "platform/host.h"
#include "platform/lock.h"
#include "platform/stream.h"
#include "train/run/run_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    MODEL_NAME_BYTES = 60,
    DEVICE_NAME_BYTES = 30,
    LOCK_TRIES = 100,
    LOCK_BYTES = 128 /* at most, of a lock file */
};
static const char lock_name[] = ".lock";
/* What a lock that is held, or was when its process was killed, begins with. */
static const char lock_mark[] = "harness ";
/* Files at the top, and folders that a run makes beside its checkpoints. */
static const char *const run_files[] = {RUN_UNFINISHED, RUN_FINISHED, RUN_RECORD};
static const char *const folders[] = {"model",         "best",         "old-model",
                                      "partial-model", "partial-best", "old-best"};
enum { RUN_FILES = sizeof run_files / sizeof *run_files };
enum { FOLDERS = sizeof folders / sizeof *folders };

/* Length of the path without its last name. */
static size_t parent_bytes(const char *path, size_t n) {
    while (n && path[n - 1] != '/') n--;
    while (n && path[n - 1] == '/') n--;
    return n;
}

/* Length of the part of the path that is there already: what a failed run leaves alone. */
static size_t existing_bytes(const char *path) {
    char copy[PATH_MAX];
    size_t n = (size_t)snprintf(copy, sizeof copy, "%s", path);
    while (n && n < sizeof copy && !file_named(copy)) {
        n = parent_bytes(copy, n);
        copy[n] = '\0';
    }
    return n;
}

/* <root>/<model>-<device>-s<seed>[-sample]-<8 hex of all that makes it this run>. */
err run_output_name(run *r) {
    const device_info *d = &r->device.info;
    strbuf path = {0};
    if (r->request.output) return ERR_OK;
    err e = strbuf_printf(&path, "%s/", r->output);
    if (!e) e = name_plain(&path, r->base_model.name, MODEL_NAME_BYTES);
    if (!e) e = strbuf_add(&path, "-");
    if (!e && d->kind == DEVICE_VULKAN)
        e = name_plain(&path, d->name, DEVICE_NAME_BYTES);
    else if (!e)
        e = strbuf_add(&path, d->kind == DEVICE_CPU ? "cpu" : "reference");
    if (!e)
        e = strbuf_printf(&path, "-s%u%s-%.8s", r->request.seed, r->request.sample ? "-sample" : "",
                          r->identity_sha256);
    mem_free(r->output);
    r->output = NULL;
    if (!e) e = mem_strdup(&r->output, path.text);
    strbuf_free(&path);
    return e;
}

static bool is_among(const char *name, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0) return true;
    return false;
}

bool run__is_folder_name(const char *name) {
    return is_among(name, folders, FOLDERS);
}

/* A lock of ours is absent, empty or signed (sign_lock), and no more than that. */
static err check_lock(const char *path) {
    void *text = NULL;
    size_t count = 0;
    if (!file_named(path)) return ERR_OK;
    err e = file_is_own(path) ? file_read(&text, &count, path, LOCK_BYTES) : ERR_DATA;
    bool fine = !e && (!count || !strncmp(text, lock_mark, sizeof lock_mark - 1));
    mem_free(text);
    return fine || e == ERR_MEMORY ? e : file_refuse_strange(path);
}

err run_lock_check(const char *folder) {
    char path[PATH_MAX];
    err e = path_in(path, folder, lock_name);
    return e ? e : check_lock(path);
}

/* One name in the folder; `ours` when one of the run files proves that a run was here. */
static err guard_name(const char *path, const char *name, bool ours, bool has_checkpoint) {
    bool fine = true;
    err e = ERR_OK;
    if (checkpoint_is_name(name) || run__is_folder_name(name))
        e = marker_check(path);
    else if (strcmp(name, "log.jsonl") == 0 && !ours && has_checkpoint)
        e = err_set(
            ERR_DATA,
            "%s: it is not known whose it is, nor are the checkpoints beside it: " RUN_UNFINISHED
            ", which says so of a run that was stopped, is missing there: "
            "put it back, or move them away%s",
            path, err_advice("output-dir", ", or name another folder with --output-dir"));
    else if (strcmp(name, "log.jsonl") == 0)
        fine = ours && file_is_own(path);
    else if (strcmp(name, lock_name) == 0)
        e = check_lock(path);
    else if (strcmp(name, "tensorboard") == 0)
        e = train_log_owns_events(&fine, path);
    return e || fine ? e : file_refuse_strange(path);
}

/* Refuses a folder with anything in it that a run would replace and that no run of this program
 * made; writes nothing. */
static err guard(run *r) {
    folder_list list = {0};
    err e = ERR_OK;
    r->is_ours = false;
    if (!folder_exists(r->output)) return ERR_OK;
    // first, so that a damaged one is named and not what it would have proved
    for (int i = 0; !e && i < RUN_FILES; i++) {
        char path[PATH_MAX];
        bool ours = false;
        if (!(e = path_in(path, r->output, run_files[i])) && file_named(path) &&
            !(e = marker_is_run_file(&ours, path)) && !ours)
            e = file_refuse_strange(path);
        r->is_ours = r->is_ours || ours;
    }
    if (!e) e = folder_list_read(&list, r->output);
    bool has_checkpoint = false;
    for (size_t i = 0; !e && i < list.count; i++)
        has_checkpoint = has_checkpoint || checkpoint_is_name(list.names[i]);
    while (folder_next(&list, &e)) e = guard_name(list.path, list.name, r->is_ours, has_checkpoint);
    folder_list_free(&list);
    return e;
}

/* The folder that a person named, or the first of the program's own; below it no link is followed. */
static const char *top_of(const run *r) {
    const run_request *q = &r->request;
    return q->output ? r->output : q->root ? q->root : RUN_TOP;
}

/* Before the lock is had: what another run is writing may look like a stranger's, and it is the lock that
 * tells of that run. */
static err guard_early(run *r) {
    bool held = false;
    err e = guard(r);
    return !e || run_at_work(&held, NULL, r->output) || !held ? e : err_forgive(e, e);
}

err run_output_prepare(run *r) {
    const char *given = r->request.output;
    size_t n = given ? strlen(given) : 0;
    while (n > 1 && given[n - 1] == '/') n--;
    err e = given             ? mem_strndup(&r->output, given, n)
            : r->request.root ? mem_strdup(&r->output, r->request.root)
                              : mem_printf(&r->output, "%s/%s", RUN_TOP, r->task.name);
    if (e) return e;
    r->existing_bytes = existing_bytes(r->output);
    if ((e = folder_check_below(top_of(r), r->output))) return e;
    e = folder_check_writable(r->output);
    // of another user, perhaps, and what is finished there needs no writing
    if (e == ERR_IO && folder_exists(r->output)) e = err_forgive(e, ERR_IO);
    if (e) return e;
    return given ? guard_early(r) : ERR_OK; // before data and model are read
}

/* A folder that a run begun anew removes, and a file of another's in it. */
static err check_strangers(const char *folder) {
    char *stranger = NULL, path[PATH_MAX];
    err e = marker_stranger(&stranger, folder);
    if (!e && stranger && !(e = path_in(path, folder, stranger))) e = file_refuse_strange(path);
    mem_free(stranger);
    return e;
}

err run_output_check(const run *r) {
    folder_list list = {0};
    if (r->request.resume && !r->request.overwrite) return ERR_OK;
    err e = folder_list_read(&list, r->output);
    while (folder_next(&list, &e))
        if (checkpoint_is_name(list.name) || run__is_folder_name(list.name))
            e = check_strangers(list.path);
    folder_list_free(&list);
    return e;
}

/* What a crash left half done. */
static err tidy(run *r) {
    static const char *const kept[] = {"model", "best"};
    folder_list list = {0};
    char path[PATH_MAX];
    err e = r->is_ours ? folder_clear_temporary(r->output) : ERR_OK;
    for (int i = 0; !e && i < 2; i++)
        if (!(e = path_in(path, r->output, kept[i]))) e = marker_recover(path);
    if (!e) e = folder_list_read(&list, r->output);
    while (folder_next(&list, &e))
        if (!strncmp(list.name, "partial-", 8) &&
            (checkpoint_is_name(list.name) || run__is_folder_name(list.name)))
            e = marker_remove(list.path);
    folder_list_free(&list);
    return e;
}

/* Opens and locks the file; *gone when it was removed meanwhile, and with it the folder perhaps. */
static err try_lock(run *r, const char *path, bool *gone) {
    *gone = false;
    err e = folder_make_below(top_of(r), r->output);
    // of the run alone, not of the place
    if (e == ERR_IO && file_named(r->output) && !folder_is_own(r->output))
        e = file_refuse_strange(r->output);
    if (e) return e;
    r->lock = lock_open(path, LOCK_MAKE);
    if (r->lock < 0) {
        int fault = errno;
        *gone = fault == ENOENT;
        if (*gone || (e = check_lock(path))) return e;
        return err_set(ERR_IO, "%s: cannot write: %s", path, strerror(fault));
    }
    lock_state state = lock_take(r->lock);
    if (state == LOCK_HELD) {
        stream_close(r->lock);
        r->lock = -1;
        r->is_busy = r->request.is_swept;
        if (r->is_busy) return ERR_OK;
        return err_set(ERR_IO, "%s: another run is at work in this folder; wait for it%s",
                       r->output,
                       err_advice("output-dir", ", or name another one with --output-dir"));
    }
    // a file system without locks is used without
    if (state == LOCK_NONE && r->request.is_swept)
        log_warn("%s: no locks there (%s): other workers would do the same runs%s", r->output,
                 strerror(errno), err_advice("shard", " (--shard I/N divides them)"));
    // a run that failed may have removed the file between our opening and locking it
    *gone = !stream_is_named(r->lock, path);
    if (*gone) {
        stream_close(r->lock);
        r->lock = -1;
    }
    return ERR_OK;
}

/* Who has it, for people: the file is empty where nobody has. pre: it is ours. */
static void sign_lock(const run *r) {
    char host[64], text[96];
    host_name(host, sizeof host);
    snprintf(text, sizeof text, "%s%s %ld\n", lock_mark, host, host_process());
    lock_sign(r->lock, text); // a disk that is full is found by what matters
}

err run_at_work(bool *held, char **who, const char *folder) {
    char *path = NULL, text[96] = "";
    size_t n = 0;
    *held = false;
    if (who) *who = NULL;
    err e = path_join(&path, folder, lock_name);
    if (e) return e;
    int fd = lock_open(path, LOCK_LOOK);
    mem_free(path);
    if (fd < 0) return ERR_OK;
    *held = lock_is_held(fd);
    if (*held && who) (void)stream_read(&n, fd, text, sizeof text - 1);
    stream_close(fd);
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    size_t mark = strncmp(text, lock_mark, sizeof lock_mark - 1) ? 0 : sizeof lock_mark - 1;
    return text[mark] ? mem_strdup(who, text + mark) : ERR_OK;
}

/* A lock file of another's is let go as it is: neither signed nor emptied. */
static err sign_own_lock(run *r, const char *path) {
    err e = check_lock(path);
    if (!e) sign_lock(r);
    if (e) stream_close(r->lock);
    if (e) r->lock = -1;
    return e;
}

/* Two runs that write one folder would ruin each other's checkpoints. The lock ends with the
 * process, however that ends. */
static err lock(run *r) {
    char path[PATH_MAX];
    bool gone = true;
    err e = path_in(path, r->output, lock_name);
    for (int i = 0; !e && gone && i < LOCK_TRIES; i++) e = try_lock(r, path, &gone);
    if (!e && !gone && !r->is_busy) e = sign_own_lock(r, path);
    if (!e && gone)
        e = err_set(ERR_IO, "%s: cannot be locked: it is removed again and again", path);
    return e;
}

/* A record that comes later is another worker's, whom no lock has kept out. */
static err note_record(run *r) {
    char path[PATH_MAX];
    err e = path_in(path, r->output, RUN_RECORD);
    if (!e) r->had_record = file_named(path);
    return e;
}

err run_output_open(run *r) {
    err e = ERR_OK;
    // a folder of our own name may be another worker's, who is changing it
    bool is_shared = r->request.is_swept && !r->request.output;
    if ((!is_shared && (e = guard_early(r))) || r->request.is_dry || (e = lock(r)) || r->is_busy)
        return e;
    // what was there before the lock may have changed
    if ((e = guard(r)) || (e = note_record(r))) return e;
    return tidy(r);
}

/* Removes a file of the run that nobody needs, unless it holds something. Nothing here changes the
 * message of the error that ended the run. */
static void drop_empty(const run *r, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", r->output, name);
    if (file_is_empty(path)) file_drop(path);
}

/* True when the run has made nothing that is worth going on with. */
static bool left_nothing(const run *r) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/log.jsonl", r->output);
    return !r->is_ended && !r->saved_at && (!r->id || !file_named(path) || file_is_empty(path));
}

/* Folders that were made for the run and hold nothing. */
static void remove_empty_folders(const run *r) {
    char path[PATH_MAX];
    size_t n = (size_t)snprintf(path, sizeof path, "%s", r->output);
    while (n < sizeof path && n > r->existing_bytes && folder_drop(path)) {
        n = parent_bytes(path, n);
        path[n] = '\0';
    }
}

/* The lock file is removed while the lock is held: see try_lock. */
static void take_back(const run *r) {
    char path[PATH_MAX];
    if (r->id) {
        drop_empty(r, "log.jsonl");
        train_log_remove_events(r->output);
        snprintf(path, sizeof path, "%s/%s", r->output, RUN_UNFINISHED);
        file_drop(path);
    }
    if (r->lock >= 0) drop_empty(r, lock_name);
}

void run__output_close(run *r) {
    if (!r->output) return;
    bool nothing = left_nothing(r);
    if (r->lock >= 0) lock_sign(r->lock, "");
    if (nothing && r->lock >= 0) take_back(r);
    if (r->lock >= 0) stream_close(r->lock); // gives the lock back
    if (nothing) remove_empty_folders(r);
    mem_free(r->output);
    r->lock = -1;
    r->output = NULL;
}
