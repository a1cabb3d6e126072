#include "train/checkpoint/marker.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MARK_LIMIT_BYTES = 1 << 16, FILE_LIMIT_BYTES = 256 << 20, NAME_LIMIT_BYTES = 200 };
static const char mark_name[] = "harness.json";
static const char state_name[] = "trainer_state.json";
static const char sums_name[] = "SHA256SUMS";
/* What tells that a folder is ours, in the order in which it goes when the folder is removed. */
static const char *const proofs[] = {sums_name, state_name, mark_name};
enum { PROOFS = sizeof proofs / sizeof *proofs };

static err io_error(const char *path, const char *what) {
    return err_set(ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

err marker_make(const char *folder, const char *run, const char *name) {
    char *text = NULL, path[PATH_MAX];
    err e = folder_make_new(folder);
    if (e) return e;
    cJSON *root = cJSON_CreateObject();
    e = json_put(root, "made_by %s version %s run %s model %s", "harness", HARNESS_VERSION, run,
                 name);
    if (!e) e = json_print(&text, root, true);
    if (!e) e = path_in(path, folder, mark_name);
    if (!e) e = file_write_in_place(path, text, strlen(text));
    cJSON_Delete(root);
    mem_free(text);
    return e;
}

/* The object in a regular file, NULL when there is none. */
static err read_object(cJSON **root, const char *folder, const char *name, size_t limit_bytes) {
    char path[PATH_MAX];
    *root = NULL;
    err e = path_in(path, folder, name);
    if (!e && file_is_own(path)) e = json_read(root, path, limit_bytes);
    e = err_forgive(e, ERR_FORMAT); // somebody's, or damaged: it tells nothing
    if (!cJSON_IsObject(*root)) {
        cJSON_Delete(*root);
        *root = NULL;
    }
    return e;
}

static bool is_mark(const cJSON *root) {
    const char *by = json_text_at(root, "made_by");
    return by && strcmp(by, "harness") == 0;
}

static bool is_record(const cJSON *root) {
    const cJSON *program = cJSON_GetObjectItemCaseSensitive(root, "harness");
    return json_text_at(program, "version") &&
           cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(program, "numerics_version"));
}

/* unfinished.json, run.json, or the state of a checkpoint. */
static bool is_identified(const cJSON *root) {
    return json_text_at(root, "run") &&
           cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "identity"));
}

err marker_is_run_file(bool *ours, const char *path) {
    cJSON *root = NULL;
    char *folder = NULL;
    *ours = false;
    err e = path_folder(&folder, path);
    if (!e) e = read_object(&root, folder, path_name(path), FILE_LIMIT_BYTES);
    *ours = is_record(root) || is_identified(root);
    cJSON_Delete(root);
    mem_free(folder);
    return e;
}

/* Nothing is in it, or a mark that a crash left without its text. */
static err is_empty(bool *empty, const char *folder) {
    folder_list list = {0};
    char path[PATH_MAX];
    err e = folder_list_read(&list, folder);
    *empty = !e && list.count == 0;
    if (!e && list.count == 1 && !strcmp(list.names[0], mark_name) &&
        !(e = path_in(path, folder, mark_name)))
        *empty = file_is_empty(path);
    folder_list_free(&list);
    return e;
}

/* Whether SHA256SUMS lists a file of that name. */
static bool lists(const char *text, const char *name) {
    size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += n)
        if (at - text >= 2 && at[-1] == ' ' && at[-2] == ' ' && (at[n] == '\n' || !at[n]))
            return true;
    return false;
}

/* Folders of programs that made no marks. */
static err is_older(bool *ours, const char *folder) {
    static const char *const saved[] = {"config.json", "model.safetensors", "vocab.txt"};
    static const char *const beside[] = {"../record.json", "../unfinished.json"};
    cJSON *state = NULL;
    char *text = NULL, path[PATH_MAX];
    size_t count = 0;
    err e = read_object(&state, folder, state_name, FILE_LIMIT_BYTES);
    *ours = is_identified(state);
    cJSON_Delete(state);
    if (e || *ours || (e = path_in(path, folder, sums_name))) goto done;
    if (!file_is_own(path)) goto done;
    if ((e = file_read((void **)&text, &count, path, MARK_LIMIT_BYTES))) goto done;
    bool whole = true;
    for (size_t i = 0; i < 3; i++) whole = whole && lists(text, saved[i]);
    *ours = whole && lists(text, state_name); // a checkpoint whose state is damaged
    for (size_t i = 0; i < 2 && whole && !e && !*ours; i++)
        if (!(e = path_in(path, folder, beside[i]))) e = marker_is_run_file(ours, path);
done:
    mem_free(text);
    return err_forgive(e, ERR_FORMAT); // SHA256SUMS of that size is none of ours
}

err marker_is_ours(bool *ours, const char *folder) {
    cJSON *mark = NULL;
    *ours = false;
    if (!file_named(folder)) {
        *ours = errno == ENOENT;
        return *ours ? ERR_OK : io_error(folder, "cannot read");
    }
    if (!folder_is_own(folder)) return ERR_OK;
    err e = read_object(&mark, folder, mark_name, MARK_LIMIT_BYTES);
    *ours = is_mark(mark);
    cJSON_Delete(mark);
    if (!e && !*ours) e = is_empty(ours, folder);
    if (!e && !*ours) e = is_older(ours, folder);
    return e;
}

err marker_check(const char *folder) {
    bool ours = false;
    err e = marker_is_ours(&ours, folder);
    return e || ours ? e : file_refuse_strange(folder);
}

/* A regular file of a name that this program writes. What SHA256SUMS lists proves nothing: whoever
 * puts a file into the folder can list it. */
static err is_written_here(bool *ours, const char *folder, const char *name) {
    static const char *const names[] = {"harness.json",
                                        "SHA256SUMS",
                                        "config.json",
                                        "model.safetensors",
                                        "README.md",
                                        "trainer_state.json",
                                        "optimizer.safetensors",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "vocab.txt",
                                        "special_tokens_map.json"};
    char path[PATH_MAX];
    bool known = file_is_temporary(name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        known = known || strcmp(name, names[i]) == 0;
    err e = path_in(path, folder, name);
    *ours = !e && known && file_is_own(path);
    return e;
}

/* The strangers among the list come first, count of them. */
static err find_strangers(folder_list *list, size_t *count, const char *folder) {
    *count = 0;
    *list = (folder_list){0};
    if (!folder_is_own(folder)) return ERR_OK;
    err e = folder_list_read(list, folder);
    for (size_t i = 0; !e && i < list->count; i++) {
        char *name = list->names[i];
        bool ours = false;
        if ((e = is_written_here(&ours, folder, name)) || ours) continue;
        list->names[i] = list->names[*count];
        list->names[(*count)++] = name;
    }
    return e;
}

err marker_stranger(char **name, const char *folder) {
    folder_list list;
    size_t count = 0;
    *name = NULL;
    err e = find_strangers(&list, &count, folder);
    if (!e && count) e = mem_strdup(name, list.names[0]);
    folder_list_free(&list);
    return e;
}

static err is_taken(bool *taken, const char *folder, const char *name) {
    char path[PATH_MAX];
    err e = path_in(path, folder, name);
    *taken = !e && file_named(path);
    return e;
}

/* A name in `to` for one of `from`: its own, or with ".1", ".2", ... behind it when that is taken
 * there; owned. */
static err free_name(char **out, const char *from, const char *to, const char *name) {
    bool there = false, comes = false;
    err e = mem_strdup(out, name);
    if (!e) e = is_taken(&there, to, name);
    for (int i = 1; !e && (there || comes); i++) {
        mem_free(*out);
        *out = NULL;
        e = mem_printf(out, "%s.%d", name, i);
        if (!e) e = is_taken(&there, to, *out);
        if (!e) e = is_taken(&comes, from, *out);
    }
    return e;
}

static err move_stranger(const char *from, const char *to, const char *name) {
    char *fresh = NULL, new[PATH_MAX], old[PATH_MAX];
    err e = path_in(old, from, name);
    if (!e) e = free_name(&fresh, from, to, name);
    if (!e) e = path_in(new, to, fresh);
    if (!e && rename(old, new)) e = io_error(old, "cannot move");
    if (!e && strcmp(fresh, name) != 0)
        log_warn("%s/%s: this program did not make it: it is now %s", to, name, new);
    mem_free(fresh);
    return e;
}

/* Strangers of `from` to `to`. One that has the name of a file of ours, as a folder README.md, goes
 * beside it. */
static err move_strangers(const char *from, const char *to) {
    folder_list list;
    size_t count = 0;
    err e = find_strangers(&list, &count, from);
    for (size_t i = 0; !e && i < count; i++) e = move_stranger(from, to, list.names[i]);
    folder_list_free(&list);
    return e;
}

static bool is_proof(const char *name) {
    for (int i = 0; i < PROOFS; i++)
        if (strcmp(name, proofs[i]) == 0) return true;
    return false;
}

/* Files alone: a folder in it is none of ours. What is killed here leaves a folder that is still known as ours. */
static err remove_all(const char *folder) {
    folder_list list = {0};
    char path[PATH_MAX];
    err e = folder_list_read(&list, folder);
    while (folder_next(&list, &e))
        if (!is_proof(list.name)) e = file_remove(list.path);
    for (int i = 0; !e && i < PROOFS; i++)
        if (!(e = path_in(path, folder, proofs[i]))) e = file_remove(path);
    if (!e) e = folder_remove_empty(folder);
    folder_list_free(&list);
    return e;
}

/* "<parent>/<prefix><name>", owned. */
static err sibling(char **out, const char *path, const char *prefix) {
    const char *name = path_name(path);
    return mem_printf(out, "%.*s%s%s", (int)(name - path), path, prefix, name);
}

err marker_remove(const char *folder) {
    static const char prefix[] = "partial-";
    char *away = NULL, *stranger = NULL;
    err e = marker_check(folder);
    if (e || !file_named(folder) || (e = marker_stranger(&stranger, folder))) return e;
    if (stranger) {
        log_warn("%s stays: this program did not make '%s' in it", folder, stranger);
        mem_free(stranger);
        return ERR_OK;
    }
    if (strncmp(path_name(folder), prefix, sizeof prefix - 1) == 0) return remove_all(folder);
    // half removed, it must not be taken for a whole one
    if ((e = sibling(&away, folder, prefix)) || (e = marker_remove(away))) goto done;
    e = rename(folder, away) ? io_error(folder, "cannot rename") : remove_all(away);
done:
    mem_free(away);
    return e;
}

/* Where two folders cannot change places at once. */
static err replace_by_steps(const char *fresh, const char *place) {
    char *aside = NULL;
    err e = sibling(&aside, place, "old-");
    if (!e) e = marker_remove(aside);
    if (!e) e = folder_rename_durable(place, aside);
    if (!e) e = folder_rename_durable(fresh, place);
    if (!e) e = move_strangers(aside, place);
    if (!e) e = marker_remove(aside);
    mem_free(aside);
    return e;
}

err marker_replace(const char *fresh, const char *place) {
    err e = marker_check(place);
    if (e) return e;
    e = folder_exchange(fresh, place);
    if (e == ERR_UNSUPPORTED) return replace_by_steps(fresh, place);
    if (e || !folder_is_own(fresh)) return e;
    e = move_strangers(fresh, place);
    return e ? e : remove_all(fresh);
}

err marker_recover(const char *place) {
    char *aside = NULL;
    err e = sibling(&aside, place, "old-");
    if (e || !file_named(aside)) goto done;
    e = file_named(place) ? marker_remove(aside) : folder_rename_durable(aside, place);
done:
    mem_free(aside);
    return e;
}

static bool is_fit(const char *name) {
    size_t n = name ? strlen(name) : 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) return false;
    return n > 0 && n <= NAME_LIMIT_BYTES;
}

err marker_model_name(char **name, const char *folder) {
    cJSON *mark = NULL, *record = NULL;
    *name = NULL;
    err e = read_object(&mark, folder, mark_name, MARK_LIMIT_BYTES);
    if (!e && is_mark(mark)) {
        const char *text = json_text_at(mark, "model");
        if (is_fit(text)) e = mem_strdup(name, text);
    } else if (!e && strcmp(path_name(folder), "model") == 0) {
        e = read_object(&record, folder, "../record.json", FILE_LIMIT_BYTES);
        const char *model = json_text_at(cJSON_GetObjectItemCaseSensitive(record, "model"), "name");
        const char *task = json_text_at(cJSON_GetObjectItemCaseSensitive(record, "task"), "name");
        if (!e && is_record(record) && is_fit(model) && is_fit(task))
            e = mem_printf(name, "%s-%s", model, task);
    }
    cJSON_Delete(mark);
    cJSON_Delete(record);
    return err_forgive(e, ERR_IO); // without permission to read it the folder's own name serves
}
