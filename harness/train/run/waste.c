#include "train/run/waste.h"

#include "base/memory.h"
#include "platform/file.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/marker.h"
#include "train/log/train_log.h"
#include "train/run/run_internal.h"

#include <string.h>

void run_waste_free(run_waste *w) {
    for (size_t i = 0; i < w->count; i++) mem_free(w->paths[i]);
    mem_free(w->paths);
    mem_free(w->stranger);
    *w = (run_waste){0};
}

static err add_path(run_waste *w, const char *path) {
    err e = mem_grow((void **)&w->paths, &w->capacity, w->count + 1, sizeof *w->paths);
    if (!e) e = mem_strdup(&w->paths[w->count], path);
    if (e) return e;
    w->count++;
    return folder_add_bytes(&w->bytes, path);
}

/* A folder that runs make goes if all in it is ours. */
static err add_folder(run_waste *w, const char *path, bool is_checkpoint) {
    char *stranger = NULL;
    bool ours = false;
    err e = marker_is_ours(&ours, path);
    if (!e && ours) e = marker_stranger(&stranger, path);
    if (!e && ours && !stranger) {
        w->checkpoints += is_checkpoint;
        return add_path(w, path);
    }
    w->kept += !e;
    if (!e && !w->stranger)
        e = stranger ? path_join(&w->stranger, path, stranger) : mem_strdup(&w->stranger, path);
    mem_free(stranger);
    return e;
}

/* Of an unfinished run alone. */
static err add_of_unfinished(run_waste *w, const char *path, const char *name) {
    bool ours = false;
    err e = ERR_OK;
    if (run__is_folder_name(name)) {
        bool is_model = !strcmp(name, "model") || !strcmp(name, "old-model");
        return is_model && w->keeps_result ? ERR_OK : add_folder(w, path, false);
    }
    if (!strcmp(name, RUN_FINISHED) || !strcmp(name, RUN_RECORD))
        e = w->keeps_result ? ERR_OK : marker_is_run_file(&ours, path);
    else if (!strcmp(name, "log.jsonl") || file_is_temporary(name))
        ours = file_is_own(path);
    else if (!strcmp(name, "tensorboard"))
        e = train_log_owns_events(&ours, path);
    return e || !ours ? e : add_path(w, path);
}

static err holds_run_file(bool *found, const char *folder, const char *name) {
    char path[PATH_MAX];
    *found = false;
    err e = path_in(path, folder, name);
    return e ? e : marker_is_run_file(found, path);
}

static err add_all(run_waste *w, const char *folder, bool whole) {
    folder_list names = {0};
    err e = folder_list_read(&names, folder);
    while (folder_next(&names, &e))
        if (checkpoint_is_name(names.name))
            e = add_folder(w, names.path, true);
        else if (whole)
            e = add_of_unfinished(w, names.path, names.name);
    folder_list_free(&names);
    return e;
}

/* The file that says that the run can go on: last, so that what is killed on its way still can. */
static err add_unfinished(run_waste *w, const char *folder) {
    char path[PATH_MAX];
    err e = path_in(path, folder, RUN_UNFINISHED);
    return e ? e : add_path(w, path);
}

err run_waste_find(run_waste *w, const char *folder, bool whole) {
    bool unfinished = false;
    *w = (run_waste){0};
    err e = holds_run_file(&unfinished, folder, RUN_UNFINISHED);
    if (!e && unfinished != whole)
        e = err_set(ERR_DATA, "%s: the run there is %s since it was listed", folder,
                    whole ? "no longer unfinished" : "begun anew");
    if (!e && whole) e = holds_run_file(&w->keeps_result, folder, RUN_RECORD);
    if (!e) e = add_all(w, folder, whole);
    if (e || !whole) return e;
    if (!w->kept) return add_unfinished(w, folder);
    // without its other parts what stays could not be resumed
    run_waste stays = {.stranger = w->stranger, .kept = w->kept};
    w->stranger = NULL;
    run_waste_free(w);
    *w = stays;
    return ERR_OK;
}

err run_waste_remove(const run_waste *w) {
    err e = ERR_OK;
    for (size_t i = 0; i < w->count && !e; i++) {
        const char *path = w->paths[i], *name = path_name(path);
        if (!folder_is_own(path))
            e = file_remove(path);
        else if (checkpoint_is_name(name) || run__is_folder_name(name))
            e = marker_remove(path);
        else
            e = folder_remove(path);
    }
    return e;
}
