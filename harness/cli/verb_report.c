#include "base/file.h"
#include "base/log.h"
#include "cli/options.h"
#include "report/board.h"

#include <stdio.h>
#include <string.h>

static const struct form {
    const char *name, *file;
    err (*print)(strbuf *out, const board *b);
} forms[] = {
    {"md", "LEADERBOARD.md", board_markdown},
    {"csv", "report.csv", board_csv},
    {"json", "report.json", board_json},
};
enum { FORM_COUNT = sizeof forms / sizeof *forms };

static err find_form(const struct form **out, const char *name) {
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (!strcmp(forms[i].name, name)) {
            *out = &forms[i];
            return ERR_OK;
        }
    }
    return err_set(ERR_USAGE, "--format expects md, csv or json, found '%s'", name);
}

static err write_form(const struct form *f, const board *b, const char *folder) {
    strbuf out = {0};
    char *path = NULL;
    err e;
    if ((e = f->print(&out, b)) || (e = path_join(&path, folder, f->file)) ||
        (e = file_write(path, out.text, out.length))) {
        goto done;
    }
    log_note("wrote %s", path);
done:
    mem_free(path);
    strbuf_free(&out);
    return e;
}

static err print_json(const board *b) {
    strbuf out = {0};
    err e = board_json(&out, b);
    if (!e) fwrite(out.text, 1, out.length, stdout);
    strbuf_free(&out);
    return e;
}

static err report_damage(const store *s, const board *b) {
    if (s->partial)
        log_note("%zu partial record%s left out", s->partial, s->partial == 1 ? "" : "s");
    if (s->dirty) {
        log_warn("%zu record%s left out: made by a program with uncommitted changes", s->dirty,
                 s->dirty == 1 ? "" : "s");
    }
    if (b->repeated) log_warn("%zu records left out: same row and seed as another", b->repeated);
    if (!s->damaged) return ERR_OK;
    return err_set(ERR_FORMAT, "%zu damaged record%s left out (named above)", s->damaged,
                   s->damaged == 1 ? "" : "s");
}

err verb_report(const options *o) {
    const char *results = o->results ? o->results : "results";
    const char *folder = o->output_dir ? o->output_dir : results;
    const struct form *form = NULL;
    store s = {0};
    board b = {0};
    err e;
    if (o->arg_count) return err_set(ERR_USAGE, "report takes no argument, found '%s'", o->args[0]);
    if (o->format && (e = find_form(&form, o->format))) return e;
    if ((e = store_read(&s, results)) || (e = board_init(&b, &s))) goto done;
    if (!s.count && !s.damaged) log_warn("no record to report in %s", results);
    if (o->json) {
        e = print_json(&b);
    } else if (!(e = folder_make(folder))) {
        for (size_t i = 0; i < FORM_COUNT && !e; i++) {
            if (!form || form == &forms[i]) e = write_form(&forms[i], &b, folder);
        }
    }
    if (!e) e = report_damage(&s, &b);
done:
    board_free(&b);
    store_free(&s);
    return e;
}
