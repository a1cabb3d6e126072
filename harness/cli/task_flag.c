#include "cli/task_flag.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/name.h"
#include "base/shown.h"
#include "cli/find_run.h"
#include "cli/own_flags.h"
#include "data/dataset.h"
#include "platform/file.h"
#include "text/unicode.h"

#include <string.h>

static bool has_own_name(const char *name) {
    return !strncmp(name, KEPT_TASK_PREFIX, strlen(KEPT_TASK_PREFIX));
}

err task_flag_unkept(bool *is, const options *o, const char *name) {
    bool described = true;
    err e = has_own_name(name) ? task_is_there(&described, name, o->task_dir) : ERR_OK;
    *is = !e && !described;
    return e;
}

/* The name of the task that a file of that name makes, where a run has it; else NULL. The name may
 * be the file's own, without what such names begin with. */
static err plain_name(char **out, const char *name) {
    const char *file = name + (has_own_name(name) ? strlen(KEPT_TASK_PREFIX) : 0);
    strbuf plain = {0};
    char *composed = NULL, *folder = NULL;
    *out = NULL;
    err e = unicode_compose(&composed, file);
    if (!e) e = strbuf_add(&plain, KEPT_TASK_PREFIX);
    if (!e) e = name_plain(&plain, composed, strlen(composed));
    if (!e && strcmp(plain.text, name) != 0) e = find_run_newest(&folder, plain.text, true);
    if (!e && folder) e = mem_strdup(out, plain.text);
    mem_free(composed);
    mem_free(folder);
    strbuf_free(&plain);
    return e;
}

/* Of a name that such runs have. */
static err not_kept(const char *name) {
    char *file = NULL, *meant = NULL, *begun = NULL;
    char word[300], output[300];
    err e = plain_name(&meant, name);
    if (!e && meant) e = err_set(ERR_USAGE, "unknown task '%s'; did you mean '%s'?", name, meant);
    mem_free(meant);
    if (!e) e = find_run_unfinished(&begun, name);
    if (!e && begun)
        e = err_set(ERR_USAGE,
                    "task '%s' is of files whose run is not finished: %s; its own `harness run` "
                    "goes on with --resume, and from then on the name is known",
                    name, begun);
    mem_free(begun);
    if (!e) e = mem_printf(&file, "%s.json", name);
    if (e) return e;
    shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", name);
    shown_snprintf(output, sizeof output, SHOWN_SHELL, "%s", file);
    mem_free(file);
    return err_set(ERR_USAGE,
                   "unknown task '%s': no finished run under ./runs keeps such files of your own; "
                   "name them again (--train-file FILE ...), or keep a manifest: harness tasks new "
                   "FILE... --output %s, then --task %s --task-dir .",
                   name, output, word);
}

/* What the newest run of the name has kept, or the newest from own files alone. */
static err find_newest(kept_task *k, bool *found, const options *o, const char *name,
                       bool own_alone) {
    bool described = false;
    char *folder = NULL;
    *k = (kept_task){0};
    *found = false;
    err e = task_is_there(&described, name, o->task_dir);
    if (!e && !described) e = find_run_newest(&folder, name, own_alone);
    if (!e && folder) e = kept_task_read(k, found, folder);
    *found = *found && !strcmp(k->name, name);
    if (!e && *found)
        log_note("task    %s: the %s that %s was trained %s", name,
                 k->is_own ? "files" : "manifest", folder, k->is_own ? "on" : "by");
    mem_free(folder);
    bool is_own = !described && has_own_name(name) && !strchr(name, ',');
    return !e && !*found && is_own ? not_kept(name) : e;
}

err task_flag_kept(kept_task *k, bool *found, const options *o, const char *name) {
    // to train by a manifest its folder is named again
    return find_newest(k, found, o, name, true);
}

/* What the folder's run has kept, or the newest of the name; that goes behind a manifest that is here. */
static err find_kept(kept_task *k, bool *found, const options *o, const char *name,
                     const char *folder, bool own_alone) {
    *k = (kept_task){0};
    *found = false;
    err e = folder && !o->task_dir ? kept_task_read(k, found, folder) : ERR_OK;
    if (e || !name || (*found && !strcmp(k->name, name))) return e;
    kept_task_free(k);
    // a manifest that another run was trained by may describe other rows than this folder's
    return find_newest(k, found, o, name, own_alone || folder);
}

/* No manifest has that name: perhaps it is that of a file that a run is of. */
static err suggest_own(err e, const char *name) {
    char *meant = NULL, *said = NULL;
    if (has_own_name(name) || mem_strdup(&said, err_message(e))) return e;
    err looked = plain_name(&meant, name);
    e = !looked && meant ? err_set(e, "unknown task '%s'; did you mean '%s'?", name, meant)
                         : err_set(e, "%s", said);
    mem_free(meant);
    mem_free(said);
    return e;
}

err task_flag_check(const options *o, const char *name) {
    task t = {0};
    bool described = false;
    err e = task_is_there(&described, name, o->task_dir);
    if (e || described) return e;
    e = task_find(&t, name, o->task_dir);
    task_free(&t);
    return e == ERR_USAGE ? suggest_own(e, name) : e;
}

err task_flag_find(task *t, const options *o, const char *name, const char *folder) {
    kept_task k = {0};
    bool found = false;
    *t = (task){0};
    err e = find_kept(&k, &found, o, name, folder, false);
    if (!e && found)
        e = kept_task_parse(t, &k);
    else if (!e)
        e = task_find(t, name, o->task_dir);
    if (e == ERR_USAGE && name && !found && !folder) e = suggest_own(e, name);
    if (e == ERR_USAGE && !found && folder && !o->task_dir)
        e = err_wrap(e,
                     "%s was trained by a manifest that is not here: name its folder again, "
                     "--task-dir DIR or $HARNESS_TASKS",
                     folder);
    kept_task_free(&k);
    return e;
}

static err parse_files(task *t, const own_files *w) {
    char *called = NULL, *manifest = NULL, *path = NULL;
    err e = own_files_manifest(&called, &manifest, w);
    if (!e) e = mem_printf(&path, "%s.json", called);
    if (!e) e = task_parse(t, manifest, path);
    mem_free(called);
    mem_free(manifest);
    mem_free(path);
    return e;
}

/* The first file: that of training, whole where the test set is a part of it. */
static err check_trained(const task *t, const task *old, const char *path) {
    const char *now = t->files[0].sha256, *then = old->files[0].sha256;
    if (then && !strcmp(now, then)) return ERR_OK;
    return err_set(ERR_DATA, "%s: SHA-256 is %s, of what %s was trained on %s", path, now,
                   old->path, then ? then : "none");
}

/* Of a run's files, but for another test file, read in the same way. */
static err read_retest(task *t, const options *o, const char *name, const char *folder) {
    kept_task k = {0};
    task old = {0};
    char *train = NULL;
    bool found = false;
    err e = find_kept(&k, &found, o, name, folder, true);
    if (!e && !(found && k.is_own)) e = err_set(ERR_USAGE, "--test-file needs --train-file");
    if (!e) e = kept_task_parse(&old, &k);
    if (!e) e = dataset_path(&train, &old, &old.files[0], NULL);
    if (!e) {
        own_files w = {.paths = {train, o->test_file},
                       .text = old.format.text,
                       .text_pair = old.format.text_pair,
                       .label = old.format.label,
                       .kind = answer_kind_name(old.kind),
                       .label_separator = old.format.label_separator,
                       .skips_bad_rows = o->skip_bad_rows || old.drop_invalid_labels,
                       .name = old.name};
        e = parse_files(t, &w);
    }
    if (!e) e = check_trained(t, &old, train);
    mem_free(train);
    task_free(&old);
    kept_task_free(&k);
    return e;
}

err task_flag_read(task *t, const options *o, const char *name, const char *folder) {
    own_files own;
    bool again = false;
    *t = (task){0};
    err e = name || folder ? own_flags_retest(&again, o) : ERR_OK;
    if (e || again) return e ? e : read_retest(t, o, name, folder);
    if ((e = own_flags_read(&own, o))) return e;
    return own_flags_given(o) ? parse_files(t, &own) : task_flag_find(t, o, name, folder);
}
