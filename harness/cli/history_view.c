#include "cli/history_view.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/output.h"
#include "cli/report_file.h"
#include "platform/file.h"
#include "report/history.h"
#include "result/store.h"

#include <stdio.h>
#include <string.h>

static err print_style(strbuf *out, const history *h, page_language language) {
    (void)h, (void)language;
    return html_style(out);
}

static err print_script(strbuf *out, const history *h, page_language language) {
    (void)h, (void)language;
    return html_script(out);
}

static const struct form {
    const char *name, *file, *mark;
    err (*print)(strbuf *out, const history *h, page_language language);
} forms[] = {
    {"md", "HISTORY.md", HISTORY_MARKDOWN_MARK, history_markdown},
    {"html", "history.html", HTML_PAGE_MARK, history_html},
    {"html", HTML_STYLE_FILE, HTML_FILE_MARK, print_style},
    {"html", HTML_SCRIPT_FILE, HTML_FILE_MARK, print_script},
    {"csv", "history.csv", HISTORY_CSV_HEAD, history_csv},
    {"json", "history.json", "\"" HISTORY_JSON_SCHEMA "\"", history_json},
};
enum { FORM_COUNT = sizeof forms / sizeof *forms };

/* Folders being read. */
typedef struct reading {
    history *history;
    size_t read, damaged;
    other_files others;
} reading;

/* Whether it is a record of speed: JSON of any other kind may lie beside it. */
static err is_speed(bool *is, const cJSON *json, const char *path) {
    const char *schema = NULL;
    *is = false;
    if (!cJSON_IsObject(json) || !json_has(json, "schema") ||
        !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "schema")))
        return ERR_OK;
    err e = json_string(&schema, json, "schema", path);
    *is = !e && !strcmp(schema, BENCH_SCHEMA);
    return e;
}

/* *is: the file is a record of speed. */
static err add_file(bool *is, reading *w, const char *path, bool has_to) {
    cJSON *json = NULL;
    bench_file f = {0};
    uint64_t bytes = 0;
    *is = false;
    err e = file_size(&bytes, path);
    if (e || bytes > BENCH_RECORD_BYTES) return e; // such as report.json
    if ((e = json_read(&json, path, BENCH_RECORD_BYTES)))
        return has_to ? output_left_out(e, &w->damaged) : err_unless_memory(e);
    e = is_speed(is, json, path);
    if (e || !*is) {
        cJSON_Delete(json);
        return e;
    }
    if (!(e = bench_file_of(&f, json, path))) {
        e = history_add_bench(w->history, &f);
        w->read++;
    } else {
        e = output_left_out(e, &w->damaged);
    }
    bench_file_free(&f);
    return e;
}

/* A run's record, or one of speed among them. */
static err add_record(void *of, const char *path, const char *relative) {
    reading *w = of;
    record r;
    (void)relative;
    err e = record_read(&r, path);
    if (e == ERR_UNSUPPORTED) {
        char *said = NULL;
        bool is = false;
        if ((e = mem_strdup(&said, err_message(e)))) return e;
        e = add_file(&is, w, path, true);
        if (!e && !is) e = other_files_pass(&w->others, err_set(ERR_UNSUPPORTED, "%s", said));
        mem_free(said);
        return e;
    }
    if (e) return output_left_out(e, &w->damaged);
    e = history_add_run(w->history, &r);
    record_free(&r);
    log_progress("%zu records read", ++w->read);
    return e;
}

/* The records of speed in a folder, where JSON that cannot be read is one that was damaged, or is
 * passed over. */
static err add_speeds(reading *w, const char *folder, bool holds_speeds) {
    folder_list list = {0};
    bool is;
    if (!folder_exists(folder)) return ERR_OK;
    err e = folder_list_read(&list, folder);
    while (folder_next(&list, &e)) {
        size_t length = strlen(list.name);
        if (*list.name != '.' && length > 5 && !strcmp(list.name + length - 5, ".json") &&
            file_exists(list.path))
            e = add_file(&is, w, list.path, holds_speeds);
    }
    folder_list_free(&list);
    return e;
}

static err add_folder(reading *w, const char *folder) {
    char speeds[PATH_MAX];
    const char *fault = folder_fault(folder);
    if (fault) return err_set(ERR_DATA, "%s: %s", folder, fault);
    size_t before = w->read + w->damaged;
    err e = store_walk(folder, add_record, w);
    // beside folders of runs any other file may lie, as for a board
    if (!e) e = add_speeds(w, folder, w->read + w->damaged == before);
    if (!e) other_files_tell(&w->others, folder);
    w->others.count = 0;
    if (!e) e = path_in(speeds, folder, "performance"); // as a results folder keeps them
    return e ? e : add_speeds(w, speeds, true);
}

static bool is_wanted(const struct form *f, const char *name) {
    return !name || !strcmp(f->name, name);
}

static err write_form(const struct form *f, const history *h, const char *folder,
                      page_language language) {
    strbuf out = {0};
    char *path = NULL;
    err e = f->print(&out, h, language);
    if (!e) e = path_join(&path, folder, f->file);
    if (!e) e = report_file_write(path, &out);
    if (!e) log_note("wrote %s", path);
    mem_free(path);
    strbuf_free(&out);
    return e;
}

static err write_files(const history *h, const char *folder, const char *wanted,
                       page_language language) {
    err e = folder_make(folder);
    for (size_t i = 0; i < FORM_COUNT && !e; i++)
        if (is_wanted(&forms[i], wanted)) e = write_form(&forms[i], h, folder, language);
    return e;
}

static err print_json(const history *h, page_language language) {
    strbuf out = {0};
    err e = history_json(&out, h, language);
    if (!e) fwrite(out.text, 1, out.length, stdout);
    strbuf_free(&out);
    return e;
}

/* A folder that is named twice, by one name or two, is read once. */
static bool is_earlier(const char *const *folders, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (file_is_same(folders[i], folders[at])) return true;
    return false;
}

err history_view(const options *o, page_language language) {
    const char *usual = o->results ? o->results : "results";
    const char *const *folders = o->arg_count ? o->args : &usual;
    const char *to = o->output_dir ? o->output_dir : folders[0];
    history h = {0};
    reading w = {.history = &h};
    err e = ERR_OK;
    if (o->texts || o->has_dev_score)
        return err_set(ERR_USAGE, "--%s is of a board, not of --history",
                       o->texts ? "texts" : "dev-score");
    for (size_t i = 0; i < FORM_COUNT && !o->json && !e; i++)
        if (is_wanted(&forms[i], o->format))
            e = report_file_check(to, forms[i].file, forms[i].mark, NULL);
    for (size_t i = 0; i < (o->arg_count ? o->arg_count : 1) && !e; i++)
        if (!is_earlier(folders, i)) e = add_folder(&w, folders[i]);
    log_progress_end();
    if (!e) e = history_finish(&h);
    if (!e && !h.count) log_warn("no work was recorded twice: there is no history to tell");
    if (!e) e = o->json ? print_json(&h, language) : write_files(&h, to, o->format, language);
    history_free(&h);
    if (e || !w.damaged) return e;
    return err_set(ERR_FORMAT, "%zu damaged record%s left out (named above)", w.damaged,
                   shown_plural(w.damaged));
}
