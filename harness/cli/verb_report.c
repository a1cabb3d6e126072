#include "base/ascii.h"
#include "base/log.h"
#include "base/name.h"
#include "base/order.h"
#include "base/shown.h"
#include "cli/find_run.h"
#include "cli/history_view.h"
#include "cli/options.h"
#include "cli/report_file.h"
#include "cli/task_flag.h"
#include "data/dataset.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "platform/stream.h"
#include "report/board.h"
#include "report/html.h"
#include "result/cache_file.h"
#include "task/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err print_index(strbuf *out, const board *b, page_language language) {
    return board_html(out, b, language);
}

static err print_style(strbuf *out, const board *b, page_language language) {
    (void)b, (void)language;
    return html_style(out);
}

static err print_script(strbuf *out, const board *b, page_language language) {
    (void)b, (void)language;
    return html_script(out);
}

static err print_markdown(strbuf *out, const board *b, page_language language) {
    (void)language;
    return board_markdown(out, b);
}

static err print_csv(strbuf *out, const board *b, page_language language) {
    (void)language;
    return board_csv(out, b);
}

static err print_board_json(strbuf *out, const board *b, page_language language) {
    (void)language;
    return board_json(out, b);
}

/* mark: words near the beginning that tell the file from one of that name that another made; old:
 * those of older programs, or NULL. */
static const struct form {
    const char *name, *file, *mark, *old;
    err (*print)(strbuf *out, const board *b, page_language language);
} forms[] = {
    {"md", "LEADERBOARD.md", "Written by `harness report`", NULL, print_markdown},
    {"html", "index.html", HTML_PAGE_MARK, HTML_OLD_INDEX_MARK, print_index},
    {"html", HTML_STYLE_FILE, HTML_FILE_MARK, NULL, print_style},
    {"html", HTML_SCRIPT_FILE, HTML_FILE_MARK, NULL, print_script},
    {"csv", "report.csv", "task,protocol,data_sha256,metric,model,", NULL, print_csv},
    {"json", "report.json", "\t\"tables\":\t[", NULL, print_board_json},
};
enum { FORM_COUNT = sizeof forms / sizeof *forms };

static err check_form_name(const char *name) {
    return name_place(REPORT_FORMAT_WORDS, name) >= 0
               ? ERR_OK
               : options_range_error("format", name, "one of " REPORT_FORMAT_WORDS);
}

static bool is_wanted(const struct form *f, const char *name) {
    return !name || !strcmp(f->name, name);
}

static err write_form(const struct form *f, const board *b, const char *folder,
                      page_language language) {
    strbuf out = {0};
    char *path = NULL;
    err e;
    if ((e = f->print(&out, b, language)) || (e = path_join(&path, folder, f->file)) ||
        (e = report_file_write(path, &out)))
        goto done;
    log_note("wrote %s", path);
done:
    mem_free(path);
    strbuf_free(&out);
    return e;
}

/* The test texts of the task last asked for: records come ordered by task. */
typedef struct test_texts {
    const options *o;
    task t;
    dataset d;
    const char **texts; /* (rows) owned list, borrowed texts */
    char **pairs;       /* (rows) owned: both texts of a pair */
    bool open;
} test_texts;

static void texts_close(test_texts *s) {
    for (size_t i = 0; s->pairs && i < s->d.test.row_count; i++) mem_free(s->pairs[i]);
    mem_free(s->pairs);
    if (s->open) {
        dataset_free(&s->d);
        task_free(&s->t);
    }
    mem_free(s->texts);
    *s = (test_texts){.o = s->o};
}

static err texts_load(test_texts *s) {
    dataset_options where = {.data_dir = s->o->data_dir};
    err e;
    if ((e = dataset_load(&s->d, &s->t, &where)) || (e = mem_new(&s->texts, s->d.test.row_count)))
        return e;
    if (s->t.format.text_pair) e = mem_new(&s->pairs, s->d.test.row_count);
    for (size_t i = 0; i < s->d.test.row_count && !e; i++) {
        const example *x = &s->d.test.rows[i].example;
        s->texts[i] = x->texts[0].text;
        if (x->text_count < 2) continue;
        e = mem_printf(&s->pairs[i], "%s | %s", x->texts[0].text, x->texts[1].text);
        s->texts[i] = s->pairs[i];
    }
    return e;
}

static err texts_open(test_texts *s, const record *r) {
    if (s->open && !strcmp(s->t.name, r->task.name)) return ERR_OK;
    texts_close(s);
    bool described = false;
    err e = task_is_there(&described, r->task.name, s->o->task_dir);
    if (!e) e = task_flag_find(&s->t, s->o, r->task.name, NULL);
    if (e == ERR_USAGE && !described)
        e = err_set(ERR_USAGE,
                    "--texts: no manifest of task '%s' is here (--task-dir DIR), and no finished "
                    "run under ./runs keeps it",
                    r->task.name);
    if (e) return e;
    s->open = true;
    if ((e = texts_load(s))) texts_close(s); // the task's next record is told the same
    return e;
}

static err texts_of(test_texts *s, const record *r) {
    err e = texts_open(s, r);
    if (!e && strcmp(s->d.data_sha256, r->task.data_sha256)) {
        e = err_set(ERR_DATA, "--texts: the data of task '%s' is %.8s here, the records have %.8s",
                    r->task.name, s->d.data_sha256, r->task.data_sha256);
    }
    return e;
}

static const char *results_folder(const options *o) {
    return o->results ? o->results : "results";
}

/* Run pages on their way: of records that are read they are written at once. */
typedef struct page_writer {
    const options *o;
    const char *folder;
    page_language language;
    int lock;     // on the folder of pages, or -1: see enter_pages
    bool pages;   // are wanted
    bool checked; // that the board's files are ours
    size_t read;
    size_t kept;  // pages that have texts nobody asked for now
    char *placed; // owned; folder of the page before, which is there
} page_writer;

static err check_forms(page_writer *w) {
    err e = ERR_OK;
    if (w->checked || w->o->json) return e;
    w->checked = true;
    for (size_t i = 0; i < FORM_COUNT && !e; i++)
        if (is_wanted(&forms[i], w->o->format))
            e = report_file_check(w->folder, forms[i].file, forms[i].mark, forms[i].old);
    return e;
}

/* Whether a page with texts is there, which nobody asked to replace. */
static err keeps_texts(bool *keeps, const char *path) {
    uint64_t bytes = 0;
    *keeps = false;
    if (!file_named(path)) return ERR_OK;
    err e = file_size(&bytes, path);
    if (!e) e = file_check_own(path, HTML_TEXTS_MARK);
    *keeps = !e && bytes;
    if (e != ERR_DATA) return e;
    err_clear();
    return ERR_OK;
}

/* "A-s0.confusions.csv" of "A-s0.html"; owned. */
static err confusions_name(char **out, const char *page) {
    int stem = (int)(strlen(page) - strlen(".html"));
    return mem_printf(out, "%.*s" HTML_CONFUSIONS_END, stem, page);
}

/* Where the page shows a part of what was taken for what, all of it, beside the page. */
static err write_confusions(char **name, const record *r, const char *page, const page_writer *w) {
    strbuf out = {0};
    char *path = NULL;
    err e;
    if ((e = confusions_name(name, page)) ||
        (e = report_file_check(w->folder, *name, HTML_CONFUSIONS_MARK, NULL)) ||
        (e = path_join(&path, w->folder, *name)) || (e = html_run_confusions(&out, r, w->language)))
        goto done;
    e = report_file_write(path, &out);
done:
    mem_free(path);
    strbuf_free(&out);
    return e;
}

/* Before the first page is written: what killed reports left half written goes, unless another report
 * is at work there. pages: its folder. */
static err enter_pages(page_writer *w, const char *pages) {
    folder_list tasks = {0};
    bool alone = false;
    err e = ERR_OK;
    if (w->lock >= 0 || !folder_is_own(pages) || (w->lock = lock_folder(pages, &alone)) < 0)
        return ERR_OK;
    if (alone) e = folder_list_read(&tasks, pages);
    while (!e && folder_next(&tasks, &e))
        if (folder_is_own(tasks.path)) e = folder_clear_temporary(tasks.path);
    folder_list_free(&tasks);
    lock_folder_share(w->lock);
    return err_forgive(e,
                       ERR_IO); // who cannot write there finds out when there is something to write
}

/* The folder of a page's task: pages of one task come one after the other. */
static err make_place(page_writer *w, const char *path) {
    char *pages = NULL, *place = NULL;
    err e = path_folder(&place, path);
    if (!e && w->placed && !strcmp(w->placed, place)) goto done;
    if (e || (e = path_folder(&pages, place)) || (e = folder_make(w->folder)) ||
        (e = folder_make_own(pages)) || (e = enter_pages(w, pages)) || (e = folder_make_own(place)))
        goto done;
    mem_free(w->placed);
    w->placed = place;
    place = NULL;
done:
    mem_free(pages);
    mem_free(place);
    return e;
}

static err write_page(file_stamp *stamp, const record *r, const char *file,
                      const char *const *texts, page_writer *w) {
    const char *folder = w->folder;
    strbuf out = {0};
    char *name = NULL, *path = NULL, *confusions = NULL;
    bool keeps = false;
    err e;
    *stamp = (file_stamp){0};
    if ((e = html_run_name(&name, file)) ||
        (e = report_file_check(folder, name, HTML_PAGE_MARK, HTML_OLD_PAGE_MARK)) ||
        (e = path_join(&path, folder, name)) || (!texts && (e = keeps_texts(&keeps, path))))
        goto done;
    w->kept += keeps;
    if (keeps || (e = make_place(w, path)) ||
        (html_run_is_of_many_labels(r) && (e = write_confusions(&confusions, r, name, w))))
        goto done;
    const char *beside = confusions ? strrchr(confusions, '/') + 1 : NULL;
    if ((e = html_run(&out, r, texts, beside, w->language)) || (e = report_file_write(path, &out)))
        goto done;
    if (!texts) *stamp = file_stamp_of(path);
done:
    mem_free(confusions);
    mem_free(name);
    mem_free(path);
    strbuf_free(&out);
    return e;
}

static err page_of_read(void *of, const record *full, const char *path, store_file *source) {
    page_writer *w = of;
    err e = check_forms(w);
    if (!e && w->pages && !w->o->texts) e = write_page(&source->page, full, path, NULL, w);
    log_progress("%zu records read", ++w->read);
    return e;
}

static err takes_task(bool *takes, void *of, const record *r) {
    const page_writer *w = of;
    bool unkept = false;
    err e = task_flag_unkept(&unkept, w->o, r->task.name);
    *takes = !unkept;
    return e;
}

/* Whether the page is there as it was written last, and what it links to. */
static bool page_is_there(const store *s, size_t i, const char *folder) {
    char *name = NULL, *path = NULL, *confusions = NULL, *beside = NULL;
    file_stamp now = {0};
    bool whole = true;
    if (html_run_name(&name, s->paths[i]) || path_join(&path, folder, name) ||
        confusions_name(&confusions, name) || path_join(&beside, folder, confusions)) {
        err_clear(); // then it is written
    } else {
        now = file_stamp_of(path);
        whole = !html_run_is_of_many_labels(&s->records[i]) || file_exists(beside);
    }
    mem_free(name);
    mem_free(path);
    mem_free(confusions);
    mem_free(beside);
    return whole && file_stamp_same(&s->files[i].page, &now);
}

/* Of "<anything>-s<seed>.html", and of what lies beside such a page: a name that this program gives.
 * Its length without the ending, or 0. */
static size_t page_stem(const char *name) {
    const char *at = strrchr(name, '-');
    size_t digits = at && at[1] == 's' ? strspn(at + 2, "0123456789") : 0;
    const char *end = digits ? at + 2 + digits : "";
    return !strcmp(end, ".html") || !strcmp(end, HTML_CONFUSIONS_END) ? (size_t)(end - name) : 0;
}

static err is_our_page(bool *ours, const char *path) {
    err e = ascii_ends(path, ".html") ? report_file_is_own(path, HTML_PAGE_MARK, HTML_OLD_PAGE_MARK)
                                      : report_file_is_own(path, HTML_CONFUSIONS_MARK, NULL);
    *ours = !e;
    return err_forgive(e, ERR_DATA); // another's, though of such a name: it stays
}

/* Whether the record of such a page lies in its folder, though the board has no row of it. */
static err has_record(bool *has, const char *results, const char *of_task, const char *page) {
    int stem = (int)(strlen(page) - strlen(".html"));
    char *path = NULL;
    err e = mem_printf(&path, "%s/%s/%.*s.json", results, of_task, stem, page);
    *has = !e && file_named(path);
    // of a contributor's folder
    for (const char *at = strstr(page, "--"); at && !e && !*has; at = strstr(at + 1, "--")) {
        int who = (int)(at - page);
        mem_free(path);
        e = mem_printf(&path, "%s/%.*s/%s/%.*s.json", results, who, page, of_task, stem - who - 2,
                       at + 2);
        *has = !e && file_named(path);
    }
    mem_free(path);
    return e;
}

/* Pages of one task that are not in the sorted list. */
static err remove_from_task(size_t *removed, const page_writer *w, const char *of_task,
                            char **names, size_t count) {
    const char *folder = w->folder;
    char *place = NULL, *path = NULL, *name = NULL;
    folder_list list = {0};
    size_t left = 0;
    bool ours = false, has = false;
    err e = mem_printf(&place, "%s/pages/%s", folder, of_task);
    if (!e && folder_is_own(place)) e = folder_list_read(&list, place);
    for (size_t i = 0; i < list.count && !e; i++) {
        left++;
        int stem = (int)page_stem(list.names[i]);
        if (!stem) continue;
        if ((e = mem_printf(&name, "pages/%s/%.*s.html", of_task, stem, list.names[i])) ||
            (e = path_join(&path, place, list.names[i])))
            break;
        if (!(count && bsearch(&name, names, count, sizeof *names, order_text))) {
            e = has_record(&has, results_folder(w->o), of_task, list.names[i]);
            if (!e && !has && !(e = is_our_page(&ours, path)) && ours) {
                e = file_remove(path);
                *removed += ascii_ends(path, ".html");
                left--;
            }
        }
        mem_free(name);
        mem_free(path);
        name = path = NULL;
    }
    if (!e && list.count && !left) e = folder_remove(place);
    mem_free(name);
    mem_free(path);
    mem_free(place);
    folder_list_free(&list);
    return e;
}

static err remove_old_pages(const store *s, page_writer *w) {
    const char *folder = w->folder;
    char **names = NULL, *pages = NULL;
    folder_list tasks = {0};
    size_t count = 0, removed = 0;
    err e = mem_new(&names, s->count);
    for (size_t i = 0; i < s->count && !e; i++)
        if (!(e = html_run_name(&names[i], s->paths[i]))) count++;
    if (e || (e = path_join(&pages, folder, "pages")) || (e = enter_pages(w, pages))) goto done;
    if (count) qsort(names, count, sizeof *names, order_text);
    if (folder_is_own(pages)) e = folder_list_read(&tasks, pages);
    for (size_t i = 0; i < tasks.count && !e; i++)
        e = remove_from_task(&removed, w, tasks.names[i], names, count);
    if (!e && removed)
        log_note("removed %zu page%s whose record is gone", removed, shown_plural(removed));
done:
    for (size_t i = 0; i < count; i++) mem_free(names[i]);
    mem_free(names);
    mem_free(pages);
    folder_list_free(&tasks);
    return e;
}

/* The page of a record that was not read now; without: how many are without texts. */
static err write_known(test_texts *source, size_t *without, store *s, size_t i, page_writer *w) {
    const char *const *texts = NULL;
    record full;
    err e = store_read_full(&full, s, s->paths[i]);
    if (e) return e;
    if (source->o->texts && !(e = texts_of(source, &full))) texts = source->texts;
    if (e && e != ERR_MEMORY) {
        log_warn("%s", err_message(e));
        (*without)++;
        e = ERR_OK;
    }
    if (!e) e = write_page(&s->files[i].page, &full, s->paths[i], texts, w);
    s->changed = true;
    record_free(&full);
    return e;
}

/* without: pages that --texts found no texts for. */
static err write_pages(size_t *without, page_writer *w, store *s) {
    const options *o = w->o;
    const char *folder = w->folder;
    test_texts source = {.o = o};
    err e = ERR_OK;
    w->kept = 0; // those of records that were read now come here too
    for (size_t i = 0; i < s->count && !e; i++) {
        if (!o->texts && page_is_there(s, i, folder)) continue;
        e = write_known(&source, without, s, i, w);
        log_progress("page %zu of %zu", i + 1, s->count);
    }
    log_progress_end();
    texts_close(&source);
    if (!e && s->count > w->kept)
        log_note("wrote %zu page%s below %s/pages", s->count - w->kept,
                 shown_plural(s->count - w->kept), folder);
    if (!e && w->kept)
        log_note(
            "%zu page%s there %s made with --texts and stay%s as %s (--texts writes pages with "
            "texts anew; those that are removed are written without)",
            w->kept, shown_plural(w->kept), w->kept == 1 ? "was" : "were", w->kept == 1 ? "s" : "",
            w->kept == 1 ? "it is" : "they are");
    return e;
}

static err write_files(page_writer *w, store *s, const board *b) {
    size_t without = 0;
    err e = check_forms(w);
    if (!e) e = folder_make(w->folder);
    // what is cut off leaves the board that was there, with its pages
    if (!e && w->pages) e = write_pages(&without, w, s);
    for (size_t i = 0; i < FORM_COUNT && !e; i++)
        if (is_wanted(&forms[i], w->o->format))
            e = write_form(&forms[i], b, w->folder, w->language);
    // a damaged record may be whole again: its page stays
    if (!e && w->pages && !s->damaged) e = remove_old_pages(s, w);
    if (e || !without) return e;
    return err_set(ERR_DATA, "--texts: %zu of %zu pages are without texts (named above)", without,
                   s->count);
}

static err print_json(const board *b) {
    strbuf out = {0};
    err e = board_json(&out, b);
    if (!e) fwrite(out.text, 1, out.length, stdout);
    strbuf_free(&out);
    return e;
}

static err report_damage(const store *s, const board *b) {
    if (s->partial) log_note("%zu partial record%s left out", s->partial, shown_plural(s->partial));
    if (s->dirty) {
        log_warn("%zu record%s left out: made by a program with uncommitted changes", s->dirty,
                 shown_plural(s->dirty));
    }
    for (size_t i = 0; i < b->note_count; i++) log_warn("%s", b->notes[i].text);
    if (!s->damaged) return ERR_OK;
    return err_set(ERR_FORMAT, "%zu damaged record%s left out (named above)", s->damaged,
                   shown_plural(s->damaged));
}

/* What is known of records and of tables from before, of folders that take long without. */
static err read_known(store *s, board *b, page_writer *w, const char *results) {
    enum { CACHE_LEAST = 64 };
    char *cache = NULL, *index = NULL;
    err e = cache_folder_of(&cache, results);
    // pages of another language are other pages
    if (!e && cache)
        e = path_join(&index, cache, w->language == PAGE_EN ? "records" : "records-ko");
    store_lean how = {index, takes_task, page_of_read, w};
    if (e || (e = store_read_lean(s, results, &how))) goto done;
    log_progress_end();
    bool serves = cache && s->count >= CACHE_LEAST;
    if ((e = board_init(b, s, serves ? cache : NULL)) || (e = board_add_groups(b, w->o->task_dir)))
        goto done;
    if (w->o->has_dev_score) b->dev_score = w->o->dev_score;
    if (w->o->json)
        e = print_json(b);
    else if (s->count)
        e = write_files(w, s, b);
    if (!e && serves && s->changed &&
        (store_cache_write(s, index) || cache_folder_claim(cache, results)))
        err_clear(); // what cannot be kept is read again
    if (!e) e = report_damage(s, b);
    // an empty board would take the place of one that says something
    if (!e && !s->count)
        e = err_set(ERR_DATA, "no record to report in %s%s", results,
                    w->o->json ? "" : ": nothing is written");
done:
    mem_free(cache);
    mem_free(index);
    return e;
}

err verb_report(const options *o) {
    const char *results = results_folder(o);
    page_writer w = {.o = o, .folder = o->output_dir ? o->output_dir : results, .lock = -1};
    store s = {0};
    board b = {0};
    err e;
    if (o->arg_count && !o->history)
        return err_set(ERR_USAGE, "report takes no arguments without --history, found '%s'",
                       o->args[0]);
    if ((o->format && (e = check_form_name(o->format))) ||
        (o->lang && (e = page_language_find(&w.language, o->lang))))
        return e;
    if (o->history) return history_view(o, w.language);
    if (!folder_exists(results))
        return err_set(
            ERR_DATA,
            "%s: no such folder: a finished `harness run` makes it, which one of "
            "own files, --sample, --limit or --max-steps does not; --results DIR names another",
            results);
    if ((e = find_run_not_records(results))) return e;
    w.pages = !o->json && (!o->format || !strcmp(o->format, "html"));
    e = read_known(&s, &b, &w, results);
    mem_free(w.placed);
    stream_close(w.lock);
    board_free(&b);
    store_free(&s);
    return e;
}
