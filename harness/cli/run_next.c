#include "cli/run_next.h"

#include "base/memory.h"
#include "base/shown.h"
#include "cli/command_lines.h"
#include "cli/own_flags.h"
#include "cli/report_command.h"
#include "train/run/model_card.h"
#include "train/run/shipped.h"

#include <stdio.h>

/* What files of that form are called by. */
static const char *ending(const task_format *f) {
    if (f->kind != TASK_FORMAT_DELIMITED) return "jsonl";
    return f->delimiter == '\t' ? "tsv" : "csv";
}

/* What comes after a run of own files. */
static err own_commands(strbuf *out, const run *r, const char *folder) {
    const task *t = &r->task;
    const char *pair = t->format.text_pair;
    char *manifest = NULL;
    err e = mem_printf(&manifest, "%s.json", t->name);
    if (!e)
        e = shown_printf(out, SHOWN_SHELL,
                         "harness predict --model %s --input new.%s --text-column %s", folder,
                         ending(&t->format), t->format.text);
    if (!e && pair) e = shown_printf(out, SHOWN_SHELL, " --text-pair-column %s", pair);
    if (!e) e = strbuf_printf(out, " --output answers.%s\n", ending(&t->format));
    if (!e && answer_is_label(t->kind))
        e = shown_printf(out, SHOWN_SHELL, "harness errors %s --texts\n", folder);
    if (!e) e = strbuf_add(out, "harness tasks new");
    if (!e) e = own_flags_of_task(out, t, false);
    if (!e) e = shown_printf(out, SHOWN_SHELL, " --output %s\n", manifest);
    mem_free(manifest);
    return e;
}

void run_next_show(const run *r, const options *o, const char *local, const char *stored) {
    strbuf folder = {0}, next = {0};
    char *output = NULL;
    bool own = r->request.manifest != NULL;
    shown_out("\nFiles\n  %s/model\n  %s\n", r->output, local);
    if (stored) shown_out("  %s\n", stored);
    // --model takes the name of what comes with the program for that
    err e = mem_printf(&output, "%s%s", shipped_known(r->output) ? "./" : "", r->output);
    if (!e) e = shown_add(&folder, SHOWN_SHELL, output);
    if (!e && own) e = own_commands(&next, r, output);
    if (!e && !own) e = model_card_command(&next, &r->task, folder.text);
    // a record that went to no results folder is on no board
    if (!e && !own) e = strbuf_add(&next, "\n");
    if (!e && !own && stored && !(e = report_command(&next, o))) e = strbuf_add(&next, "\n");
    if (!e) {
        puts("Next");
        command_lines_print(next.text);
    }
    mem_free(output);
    strbuf_free(&folder);
    strbuf_free(&next);
}
