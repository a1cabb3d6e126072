#include "task/corpus_manifest.h"

#include "base/memory.h"
#include "task/task_internal.h"

static err load_format(task *t, const cJSON *root) {
    const cJSON *object;
    char *where = NULL;
    size_t kind = 0;
    err e = json_object(&object, root, "format", t->path);
    if (e || (e = mem_printf(&where, "%s: format", t->path))) return e;
    if ((e = CHOICE(&kind, object, "kind", where, "lines", "jsonl"))) goto done;
    t->format.kind = kind ? TASK_FORMAT_JSONL : TASK_FORMAT_LINES;
    e = kind ? CHECK_KEYS(object, where, "kind", "text") : CHECK_KEYS(object, where, "kind");
    if (!e && kind) e = json_string(&t->format.text, object, "text", where);
done:
    mem_free(where);
    return e;
}

static err load(task *t, const cJSON *root) {
    err e = CHECK_KEYS(root, t->path, "schema", "name", "version", "title", "source", "licence",
                       "citation", "data_folder", "files", "format");
    if (!e) e = task__load_heading(t, root);
    if (!e) e = task__load_files(t, root, false);
    return e ? e : load_format(t, root);
}

err corpus_manifest_load(task *t, const char *path) {
    return task__read(t, path, load);
}

err corpus_manifest_list(task_catalog *c, const char *extra_dir) {
    return task__list(c, extra_dir, "corpora", "corpora");
}

err corpus_manifest_find(task *t, const char *name, const char *extra_dir) {
    task_catalog c = {0};
    *t = (task){0};
    err e = corpus_manifest_list(&c, extra_dir);
    if (e) return e;
    e = task__look_up(t, &c, name, "corpus", corpus_manifest_load,
                      "; stats, text and pretrain take files too, as in ./FILE");
    task_catalog_free(&c);
    return e;
}
