#include "cli/task_flag.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/find_run.h"
#include "cli/own_flags.h"
#include "platform/file.h"

#include <string.h>

/* Whether a manifest has the name. */
static err is_described(bool *is, const options *o, const char *name) {
    task_catalog c = {0};
    err e = task_list(&c, o->task_dir);
    *is = false;
    for (size_t i = 0; i < c.count; i++) *is = *is || !strcmp(c.names[i], name);
    task_catalog_free(&c);
    return e;
}

err task_flag_kept(kept_task *k, bool *found, const options *o, const char *name) {
    bool described = false;
    char *folder = NULL;
    *k = (kept_task){0};
    *found = false;
    err e = is_described(&described, o, name);
    if (!e && !described) e = find_run_newest(&folder, name);
    if (!e && folder) e = kept_task_read(k, found, folder);
    *found = *found && !strcmp(k->name, name);
    if (!e && *found) log_note("task    %s: the files that %s was trained on", name, folder);
    mem_free(folder);
    return e;
}

/* Beside what task_find says of a name that such runs have. */
static err not_kept(const char *name, err e) {
    char *file = NULL;
    char word[300], output[300];
    if (e != ERR_USAGE || strncmp(name, "own-", 4) != 0) return e;
    if ((e = mem_printf(&file, "%s.json", name))) return e;
    shown_snprintf(word, sizeof word, SHOWN_SHELL, "%s", name);
    shown_snprintf(output, sizeof output, SHOWN_SHELL, "%s", file);
    mem_free(file);
    return err_set(ERR_USAGE,
                   "unknown task '%s': no finished run under ./runs keeps such files of your own; "
                   "name them again (--train-file FILE ...), or keep a manifest: harness tasks new "
                   "FILE... --output %s, then --task %s --task-dir .",
                   name, output, word);
}

err task_flag_find(task *t, const options *o, const char *name, const char *folder) {
    kept_task k = {0};
    bool found = false;
    *t = (task){0};
    err e = folder && !o->task_dir ? kept_task_read(&k, &found, folder) : ERR_OK;
    if (!e && name && !(found && !strcmp(k.name, name))) {
        kept_task_free(&k);
        e = task_flag_kept(&k, &found, o, name);
    }
    if (!e && found)
        e = kept_task_parse(t, &k);
    else if (!e && name)
        e = not_kept(name, task_find(t, name, o->task_dir));
    else if (!e)
        e = err_set(ERR_USAGE,
                    "%s: no folder of a run from files of your own: name the task with --task (see "
                    "`harness tasks`)",
                    folder);
    kept_task_free(&k);
    return e;
}

err task_flag_read(task *t, const options *o, const char *name, const char *folder) {
    own_files own;
    char *called = NULL, *manifest = NULL, *path = NULL;
    *t = (task){0};
    err e = own_flags_read(&own, o);
    if (e || !own_flags_given(o)) return e ? e : task_flag_find(t, o, name, folder);
    e = own_files_manifest(&called, &manifest, &own);
    if (!e) e = mem_printf(&path, "%s.json", called);
    if (!e) e = task_parse(t, manifest, path);
    mem_free(called);
    mem_free(manifest);
    mem_free(path);
    return e;
}
