#include "cli/run_next.h"

#include "base/memory.h"
#include "base/shown.h"
#include "cli/command_lines.h"
#include "cli/own_flags.h"
#include "cli/report_command.h"
#include "cli/run_repeat.h"
#include "platform/file.h"
#include "train/run/model_card.h"
#include "train/run/run_parts.h"
#include "train/run/shipped.h"

#include <stdio.h>
#include <string.h>

/* What files of that form are called by. */
static const char *ending(const task_format *f) {
    if (f->kind != TASK_FORMAT_DELIMITED) return "jsonl";
    return f->delimiter == '\t' ? "tsv" : "csv";
}

/* Asks the model for new texts: of a file as the task's own, or typed. */
static err use_command(strbuf *out, const run *r, const char *output) {
    const task *t = &r->task;
    const char *pair = t->format.text_pair;
    char written[16];
    strbuf folder = {0};
    err e = ERR_OK;
    if (!r->request.manifest) {
        if (!(e = shown_add(&folder, SHOWN_SHELL, output)))
            e = model_card_command(out, t, folder.text);
        strbuf_free(&folder);
        return e ? e : strbuf_add(out, "\n");
    }
    e = shown_printf(out, SHOWN_SHELL, "harness predict --model %s --input new.%s --text-column %s",
                     output, ending(&t->format), t->format.text);
    if (!e && pair) e = shown_printf(out, SHOWN_SHELL, " --text-pair-column %s", pair);
    snprintf(written, sizeof written, "answers.%s", ending(&t->format));
    // a file that is there would have to be named as one to replace
    if (!e && !file_named(written)) e = strbuf_printf(out, " --output %s", written);
    return e ? e : strbuf_add(out, "\n");
}

/* Writes the manifest that own files amount to, unless it is there. */
static err keep_command(strbuf *out, const task *t) {
    char *manifest = NULL;
    err e = mem_printf(&manifest, "%s.json", t->name);
    if (e || file_named(manifest)) goto done;
    e = strbuf_add(out, "harness tasks new");
    if (!e) e = own_flags_of_task(out, t, false);
    if (!e) e = shown_printf(out, SHOWN_SHELL, " --output %s\n", manifest);
done:
    mem_free(manifest);
    return e;
}

static err find_model(run_next_model **m, run_next *n, const run_request *q) {
    for (size_t i = 0; i < n->count; i++) {
        *m = &n->models[i];
        if ((*m)->task == q->task && (*m)->model == q->model) return ERR_OK;
    }
    err e = mem_grow((void **)&n->models, &n->capacity, n->count + 1, sizeof *n->models);
    if (e) return e;
    *m = &n->models[n->count++];
    **m = (run_next_model){.task = q->task, .model = q->model};
    return ERR_OK;
}

static err add_folder(run_next_model *m, const char *folder) {
    size_t shared = 0;
    err e = shown_printf(&m->words, SHOWN_SHELL, " %s", folder);
    if (!e && m->runs) e = strbuf_add(&m->side, ",");
    if (!e) e = strbuf_add(&m->side, folder);
    if (!e && !m->runs) e = strbuf_add(&m->common, folder);
    if (e) return e;
    while (m->common.text[shared] && m->common.text[shared] == folder[shared]) shared++;
    m->common.length = shared;
    m->common.text[shared] = '\0';
    return ERR_OK;
}

err run_next_add(run_next *n, const run *r, const options *o, double score, bool is_stored) {
    const run_request *q = &r->request;
    run_next_model *m = NULL;
    char path[PATH_MAX], *output = NULL;
    n->is_stored = n->is_stored || is_stored;
    err e = path_in(path, r->output, RUN_RECORD);
    // one that is among the results may be of another folder or machine
    if (e || !file_named(path)) return e;
    // --model takes the name of what comes with the program for that
    e = mem_printf(&output, "%s%s", shipped_known(r->output) ? "./" : "", r->output);
    if (!e && !n->count) {
        n->is_own = q->manifest;
        if (n->is_own) snprintf(n->new_file, sizeof n->new_file, "new.%s", ending(&r->task.format));
        if (n->is_own) e = run_repeat_seeds(&n->seeds, o, r);
        if (!e && n->is_own) e = keep_command(&n->keep, &r->task);
    }
    if (!e && !(e = find_model(&m, n, q)) && !m->runs) e = use_command(&m->use, r, output);
    if (!e && !(e = add_folder(m, output))) {
        m->has_errors = answer_is_label(r->task.kind);
        m->runs++;
        m->sum += score;
    }
    mem_free(output);
    return e;
}

/* Cuts `path` behind its last folder or, `word`, its last dash, and tells whether what begins with it
 * are these runs and nothing else. */
static err cut_common(bool *is_all, strbuf *path, bool word, size_t runs) {
    folder_list list = {0};
    char *name = strrchr(path->text, '/'), *dash = name && word ? strrchr(name, '-') : NULL;
    size_t found = 0;
    *is_all = false;
    if (!name) return ERR_OK;
    path->length = (size_t)((dash ? dash : name) + 1 - path->text);
    path->text[path->length] = '\0';
    *name++ = '\0';
    err e = folder_list_read(&list, path->text);
    while (folder_next(&list, &e)) {
        char inside[PATH_MAX];
        if (strncmp(list.name, name, strlen(name)) != 0) continue;
        if (!(e = path_in(inside, list.path, RUN_RECORD))) found += file_named(inside);
    }
    *--name = '/';
    *is_all = !e && found == runs;
    folder_list_free(&list);
    return e;
}

static double mean(const run_next_model *m) {
    return m->sum / (double)m->runs;
}

/* Where a worker began in the middle, the models of a task need not follow each other. */
static size_t first_of(const run_next *n, const char *of) {
    size_t i = 0;
    while (n->models[i].task != of) i++;
    return i;
}

/* The best model of the task of models[first], but one (NULL: none). */
static run_next_model *best_of(run_next *n, size_t first, const run_next_model *but) {
    run_next_model *best = NULL;
    for (size_t i = first; i < n->count; i++) {
        run_next_model *m = &n->models[i];
        if (m == but || m->task != n->models[first].task) continue;
        if (!best || mean(m) > mean(best)) best = m;
    }
    return best;
}

static err compare_command(strbuf *out, run_next_model *a, run_next_model *b, bool are_all,
                           bool is_listed) {
    bool is_folder = false;
    err e = are_all ? cut_common(&is_folder, &a->common, false, a->runs + b->runs) : ERR_OK;
    if (e || (!is_folder && !is_listed)) return e;
    if (!is_folder)
        return shown_printf(out, SHOWN_SHELL, "harness compare %s %s\n", a->side.text,
                            b->side.text);
    a->common.text[--a->common.length] = '\0'; // its last '/'
    return shown_printf(out, SHOWN_SHELL, "harness compare %s\n", a->common.text);
}

static err errors_command(strbuf *out, run_next_model *m, bool is_own, const options *o) {
    bool is_all = false;
    err e = m->runs > 1 ? cut_common(&is_all, &m->common, true, m->runs) : ERR_OK;
    if (!e) e = strbuf_add(out, "harness errors");
    if (!e && is_all) e = shown_printf(out, SHOWN_SHELL, " %s", m->common.text);
    if (!e) e = strbuf_add(out, is_all ? "*" : m->words.text);
    if (!e) e = options_add(out, o, "data_dir");
    return e ? e : strbuf_add(out, is_own ? " --texts\n" : "\n");
}

/* What is asked of the task of models[first]. */
static err task_commands(strbuf *out, run_next *n, size_t first, const options *o) {
    run_next_model *best = best_of(n, first, NULL), *second = best_of(n, first, best);
    size_t models = 0;
    err e = ERR_OK;
    for (size_t i = 0; i < n->count; i++) models += n->models[i].task == best->task;
    // a run alone has its own page
    if (best->has_errors && (n->is_own || best->runs > 1))
        e = errors_command(out, best, n->is_own, o);
    // folders of many tasks, one by one, are more than a screen; a board compares all of them
    if (!e && second)
        e = compare_command(out, best < second ? best : second, best < second ? second : best,
                            models == 2, models == n->count);
    return e;
}

err run_next_show(run_next *n, const options *o) {
    strbuf text = {0};
    err e = n->count ? strbuf_add(&text, best_of(n, 0, NULL)->use.text) : ERR_OK;
    for (size_t i = 0; !e && i < n->count; i++)
        if (first_of(n, n->models[i].task) == i) e = task_commands(&text, n, i, o);
    if (!e && n->is_own && n->count == 1 && n->models->runs == 1)
        e = strbuf_printf(&text, "%s\n", n->seeds.text);
    if (!e && n->keep.length) e = strbuf_add(&text, n->keep.text);
    // a record that went to no results folder is on no board
    if (!e && n->is_stored && !(e = report_command(&text, o))) e = strbuf_add(&text, "\n");
    if (!e && text.length) {
        if (n->is_own && !file_named(n->new_file))
            shown_out("Next (%s: a file of yours)\n", n->new_file);
        else
            puts("Next");
        command_lines_print(text.text);
    }
    strbuf_free(&text);
    return e;
}

void run_next_free(run_next *n) {
    for (size_t i = 0; i < n->count; i++) {
        strbuf_free(&n->models[i].use);
        strbuf_free(&n->models[i].words);
        strbuf_free(&n->models[i].side);
        strbuf_free(&n->models[i].common);
    }
    mem_free(n->models);
    strbuf_free(&n->seeds);
    strbuf_free(&n->keep);
    *n = (run_next){0};
}
