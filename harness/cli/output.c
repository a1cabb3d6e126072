#include "cli/output.h"

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "platform/file.h"
#include "platform/stream.h"
#include "train/checkpoint/marker.h"
#include "train/run/run_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool has_failed;

err output_json(const cJSON *value, bool pretty) {
    char *text;
    err e = json_print(&text, value, pretty);
    if (!e) puts(text);
    mem_free(text);
    return e;
}

err output_json_last(err e, cJSON *value, bool pretty) {
    if (!e) e = output_json(value, pretty);
    cJSON_Delete(value);
    return e;
}

err output_left_out(err e, size_t *wrong) {
    if (!e || e == ERR_MEMORY) return e;
    log_warn("%s", err_message(e));
    err_clear();
    ++*wrong;
    return ERR_OK;
}

void output_said(output_line *line, const char *label, const char *format, ...) {
    strbuf text = {0};
    va_list args;
    va_start(args, format);
    if (shown_vprintf(&text, SHOWN_TERMINAL, format, args))
        shown_cut();
    else
        line(label, text.text);
    va_end(args);
    strbuf_free(&text);
}

void output_labelled(const char *label, const char *text) {
    output_said(shown_wrapped, label, "%s", text);
}

err output_check(void) {
    errno = 0; // of what failed before, ferror alone tells
    has_failed = fflush(stdout) || ferror(stdout);
    if (has_failed && errno)
        return err_set(ERR_IO, "cannot write standard output: %s", strerror(errno));
    if (has_failed) return err_set(ERR_IO, "cannot write standard output");
    return shown_is_cut() ? err_set(ERR_MEMORY, "out of memory: not all is shown") : ERR_OK;
}

err output_apart(const char *path, const char *read) {
    char *folder = NULL;
    if (file_is_same(path, read))
        return err_set(ERR_USAGE, "%s is read by this command, and would be replaced", path);
    err e = path_folder(&folder, path);
    if (!e && folder_exists(read) && file_is_same(folder, read))
        e = err_set(ERR_USAGE, "%s lies among the files of the model: name another place", path);
    mem_free(folder);
    return e;
}

static err refuse_one_file(const char *name) {
    return err_set(
        ERR_USAGE,
        "%s and standard output are one file: what is written would be read again; write "
        "to another file",
        name);
}

err output_apart_of_input(int fd, const char *name) {
    return stream_same(fd, STREAM_OUT) ? refuse_one_file(name) : ERR_OK;
}

err output_apart_of_file(const char *path) {
    return stream_is_file(STREAM_OUT, path) ? refuse_one_file(path) : ERR_OK;
}

/* A name that people give to rows, and no run to anything. */
static bool is_of_rows(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && strcmp(name, "log.jsonl") != 0 &&
           (ascii_equal_fold(dot, ".csv") || ascii_equal_fold(dot, ".tsv") ||
            ascii_equal_fold(dot, ".jsonl"));
}

err output_spares_run(const char *path) {
    static const char *const names[] = {RUN_UNFINISHED, RUN_FINISHED, RUN_RECORD};
    char *folder = NULL;
    bool is_run = false;
    if (!file_named(path) || is_of_rows(path_name(path))) return ERR_OK;
    err e = path_folder(&folder, path);
    for (size_t i = 0; i < sizeof names / sizeof *names && !e && !is_run; i++) {
        char file[PATH_MAX];
        e = path_in(file, folder, names[i]);
        if (!e) e = marker_is_run_file(&is_run, file);
    }
    if (!e && !is_run) e = marker_is_ours(&is_run, folder);
    if (!e && is_run)
        e = err_set(ERR_USAGE, "%s lies among the files of a run: name another place", path);
    if (!e && !(e = marker_is_run_file(&is_run, path)) && is_run)
        e = err_set(ERR_USAGE, "%s is a run's record: name another place", path);
    mem_free(folder);
    return e;
}

err output_is_file(const char *path) {
    const char *kind = file_other_kind(path);
    if (!kind) return ERR_OK;
    return err_set(ERR_IO, "%s: cannot write: is %s, a file was expected", path, kind);
}

err output_replaces(const char *path, bool overwrites) {
    err e = output_is_file(path);
    if (!e) e = output_spares_run(path);
    if (e || overwrites || !file_named(path)) return e;
    return err_set(ERR_DATA, "%s: there already (--overwrite replaces it)", path);
}

bool output_reader_left(void) {
    return has_failed && stream_reader_left(STREAM_OUT);
}
