#include "cli/own_flags.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/command_lines.h"
#include "cli/output.h"
#include "data/dataset.h"
#include "platform/file.h"
#include "task/task.h"
#include "task/task_shipped.h"

#include <stdio.h>
#include <string.h>

bool own_flags_given(const options *o) {
    return o->train_file || o->test_file || o->validation_file;
}

/* Flags that say how own files are read. */
static const char *const reading[] = {"text_column", "text_pair_column", "label_column",
                                      "kind",        "label_separator",  "skip_bad_rows"};

static err check_flags(const options *o) {
    if (!o->train_file)
        return err_set(ERR_USAGE, "--%s needs --train-file",
                       o->test_file ? "test-file" : "validation-file");
    const struct {
        const char *flag;
        bool given;
    } others[] = {{"task", o->task}, {"sample", o->sample}, {"data", o->data_dir}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].given)
            return err_set(ERR_USAGE, "--%s and --train-file exclude each other", others[i].flag);
    return ERR_OK;
}

static own_files wish_of(const options *o) {
    return (own_files){.paths = {o->train_file, o->test_file, o->validation_file},
                       .text = o->text_column,
                       .text_pair = o->text_pair_column,
                       .label = o->label_column,
                       .kind = o->kind,
                       .label_separator = o->label_separator,
                       .skips_bad_rows = o->skip_bad_rows};
}

err own_flags_read(own_files *w, const options *o) {
    flag_value v;
    *w = wish_of(o);
    if (own_flags_given(o)) return check_flags(o);
    for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
        if (options_given(&v, o, reading[i]))
            return err_set(ERR_USAGE, "--%s goes with --train-file", v.flag);
    return ERR_OK;
}

err own_flags_retest(bool *is, const options *o) {
    flag_value v;
    *is = o->test_file && !o->train_file && !o->validation_file;
    for (size_t i = 0; *is && i < sizeof reading / sizeof *reading; i++)
        if (strcmp(reading[i], "skip_bad_rows") != 0 && options_given(&v, o, reading[i]))
            return err_set(ERR_USAGE,
                           "--%s goes with --train-file: a test file alone is read as the run's",
                           v.flag);
    return ERR_OK;
}

err own_flags_text(strbuf *out, const options *o, bool names_alone) {
    static const char *const files[] = {"train_file", "test_file", "validation_file"};
    flag_value v;
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && !e; i++)
        if (options_given(&v, o, files[i]))
            e = shown_printf(out, SHOWN_SHELL, " --%s %s", v.flag,
                             names_alone ? path_name(v.text) : v.text);
    for (size_t i = 0; i < sizeof reading / sizeof *reading && !e; i++)
        e = options_add(out, o, reading[i]);
    return e;
}

static err add_flag(strbuf *out, const char *flag, const char *value) {
    return value ? shown_printf(out, SHOWN_SHELL, " --%s %s", flag, value) : ERR_OK;
}

err own_flags_of_task(strbuf *out, const task *t, bool names_alone) {
    static const char *const files[TASK_ROLES] = {"train-file", "test-file", "train-file",
                                                  "validation-file"};
    const task_format *f = &t->format;
    err e = ERR_OK;
    for (size_t i = 0; i < t->file_count && !e; i++) {
        char *path = NULL;
        if (!(e = dataset_path(&path, t, &t->files[i], NULL)))
            e = add_flag(out, files[t->files[i].role], names_alone ? path_name(path) : path);
        mem_free(path);
    }
    if (!e) e = add_flag(out, "text-column", f->text);
    if (!e) e = add_flag(out, "text-pair-column", f->text_pair);
    if (!e) e = add_flag(out, "label-column", f->label);
    if (!e && t->kind != ANSWER_CLASS) e = add_flag(out, "kind", answer_kind_name(t->kind));
    if (!e) e = add_flag(out, "label-separator", f->label_separator);
    if (!e && t->drop_invalid_labels) e = strbuf_add(out, " --skip-bad-rows");
    return e;
}

/* The files: by their flags, or in order. */
static err read_arguments(own_files *w, const options *o) {
    size_t count = o->arg_count - 1;
    err e = own_flags_given(o) ? check_flags(o) : ERR_OK;
    if (e) return e;
    if (count && own_flags_given(o))
        return err_set(ERR_USAGE, "name the files as arguments or with --train-file, not both");
    if (count > OWN_ROLES)
        return err_set(ERR_USAGE,
                       "tasks new takes a training, a test and a validation file, found "
                       "%zu",
                       count);
    if (!count && !o->train_file)
        return err_set(ERR_USAGE, "name the files: harness tasks new TRAIN [TEST [VALIDATION]]");
    *w = wish_of(o);
    for (size_t i = 0; i < count; i++) w->paths[i] = o->args[1 + i];
    return ERR_OK;
}

/* "reviews" of "tasks/reviews.json". *name is owned. */
static err task_name(char **name, const char *path) {
    const char *file = path_name(path);
    size_t n = strlen(file);
    if (n <= 5 || strcmp(file + n - 5, ".json") != 0)
        return err_set(ERR_USAGE, "--output %s: a manifest is a file NAME.json", path);
    return mem_strndup(name, file, n - 5);
}

static err show_next(const char *name, const char *path, const char *folder) {
    strbuf text = {0};
    err e = shown_printf(&text, SHOWN_SHELL, "harness tasks show %s --task-dir %s\n", name, folder);
    if (!e)
        e = shown_printf(&text, SHOWN_SHELL, "harness run --task %s --task-dir %s\n", name, folder);
    if (!e) {
        shown_out("%s\n\n", path);
        shown_line("Next: title, source, licence and citation are yours to fill in, then");
        command_lines_print(text.text);
    }
    strbuf_free(&text);
    return e;
}

/* With --task-dir the manifest would come before what comes with the program. */
static err check_name(const char *name) {
    const char *other = NULL;
    bool is_shipped = false;
    task t = {0};
    err e = task_name_meaning(&other, name);
    if (!e && !other) e = task_is_there(&is_shipped, name, NULL);
    if (!e && is_shipped && !(e = task_find(&t, name, NULL))) e = task_is_shipped(&is_shipped, &t);
    task_free(&t);
    if (e || !(other || is_shipped)) return e;
    return err_set(ERR_USAGE, "--output: '%s' already means something else: %s", name,
                   other ? other : "a task that comes with the program");
}

/* What was written has to be what the program reads. */
static err check_manifest(const char *manifest, const char *path) {
    task t = {0};
    err e = task_parse(&t, manifest, path);
    task_free(&t);
    return e;
}

err tasks_new(const options *o) {
    own_files w = {0};
    char *given = NULL, *name = NULL, *manifest = NULL, *path = NULL, *folder = NULL;
    strbuf text = {0};
    err e = read_arguments(&w, o);
    if (!e && o->output) e = task_name(&given, o->output);
    if (!e && given) e = check_name(given);
    if (!e) e = path_folder(&folder, o->output ? o->output : "x");
    if (e) goto done;
    w.name = given;
    w.folder = folder;
    if ((e = own_files_manifest(&name, &manifest, &w))) goto done;
    e = o->output ? mem_strdup(&path, o->output) : mem_printf(&path, "%s.json", name);
    if (!e) e = check_manifest(manifest, path);
    for (int i = 0; !e && i < OWN_ROLES; i++)
        if (w.paths[i] && file_is_same(w.paths[i], path))
            e = err_set(ERR_USAGE, "%s is one of the files, and the manifest would replace it",
                        path);
    if (!e) e = output_replaces(path, o->overwrite);
    if (!e) e = folder_make(folder);
    if (!e) e = strbuf_printf(&text, "%s\n", manifest);
    if (!e) e = file_write(path, text.text, text.length);
    if (!e && o->json) fputs(text.text, stdout);
    if (!e && !o->json) e = show_next(name, path, folder);
done:
    strbuf_free(&text);
    mem_free(given);
    mem_free(name);
    mem_free(manifest);
    mem_free(path);
    mem_free(folder);
    return e;
}
