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

/* What files of that form are called by. */
static const char *ending(const task_format *f) {
    if (f->kind != TASK_FORMAT_DELIMITED) return "jsonl";
    return f->delimiter == '\t' ? "tsv" : "csv";
}

/* Asks the model for new texts: of a file as the task's own, or typed. */
static err use_command(strbuf *out, const run *r, const char *output) {
    const task *t = &r->task;
    const char *pair = t->format.text_pair;
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
    return e ? e : strbuf_printf(out, " --output answers.%s\n", ending(&t->format));
}

/* Writes the manifest that own files amount to. */
static err keep_command(strbuf *out, const task *t) {
    char *manifest = NULL;
    err e = mem_printf(&manifest, "%s.json", t->name);
    if (!e) e = strbuf_add(out, "harness tasks new");
    if (!e) e = own_flags_of_task(out, t, false);
    if (!e) e = shown_printf(out, SHOWN_SHELL, " --output %s\n", manifest);
    mem_free(manifest);
    return e;
}

err run_next_add(run_next *n, const run *r, const options *o, bool is_stored) {
    const run_request *q = &r->request;
    char path[PATH_MAX], *output = NULL;
    n->is_stored = n->is_stored || is_stored;
    err e = path_in(path, r->output, RUN_RECORD);
    // one that is among the results may be of another folder or machine
    if (e || !file_named(path)) return e;
    // --model takes the name of what comes with the program for that
    e = mem_printf(&output, "%s%s", shipped_known(r->output) ? "./" : "", r->output);
    if (!e && !n->runs) {
        n->task = q->task;
        n->model = q->model;
        n->is_own = q->manifest;
        n->has_errors = answer_is_label(r->task.kind);
        e = use_command(&n->use, r, output);
        if (!e && n->is_own) e = run_repeat_seeds(&n->seeds, o, r);
        if (!e && n->is_own) e = keep_command(&n->keep, &r->task);
    }
    if (!e && n->task == q->task && n->model == q->model) {
        n->runs++;
        e = shown_printf(&n->folders, SHOWN_SHELL, " %s", output);
    }
    mem_free(output);
    return e;
}

err run_next_show(const run_next *n, const options *o) {
    strbuf text = {0};
    err e = n->runs ? strbuf_add(&text, n->use.text) : ERR_OK;
    // a run alone has its own page
    if (!e && n->has_errors && (n->is_own || n->runs > 1))
        e = strbuf_printf(&text, "harness errors%s%s\n", n->folders.text,
                          n->is_own ? " --texts" : "");
    if (!e && n->is_own && n->runs == 1) e = strbuf_printf(&text, "%s\n", n->seeds.text);
    if (!e && n->is_own) e = strbuf_add(&text, n->keep.text);
    // a record that went to no results folder is on no board
    if (!e && n->is_stored && !(e = report_command(&text, o))) e = strbuf_add(&text, "\n");
    if (!e && text.length) {
        puts("Next");
        command_lines_print(text.text);
    }
    strbuf_free(&text);
    return e;
}

void run_next_free(run_next *n) {
    strbuf_free(&n->use);
    strbuf_free(&n->folders);
    strbuf_free(&n->seeds);
    strbuf_free(&n->keep);
    *n = (run_next){0};
}
