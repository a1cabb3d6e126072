#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/group_flag.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/own_flags.h"
#include "cli/task_flag.h"
#include "cli/task_groups.h"
#include "metric/score.h"
#include "task/task.h"
#include "task/task_shipped.h"
#include "text/unicode.h"
#include "train/recipe/recipe.h"

#include <stdio.h>
#include <string.h>

enum { TABLE_COLUMNS = 100 };

static uint64_t rows_of(const task *t, task_role role) {
    uint64_t rows = 0;
    for (size_t i = 0; i < t->file_count; i++)
        rows += t->files[i].role == role ? t->files[i].rows : 0;
    return rows;
}

/* "150,000 + 50,000", "30,837 split by hash", or "" when the manifest does not say. */
static void describe_rows(char text[80], const task *t) {
    text[0] = '\0';
    if (t->split.rule == TASK_SPLIT_HASH) {
        if (!rows_of(t, TASK_ROLE_ALL)) return;
        snprintf(text, 80, "%s split by hash", SHOWN_COUNT(rows_of(t, TASK_ROLE_ALL)));
    } else if (rows_of(t, TASK_ROLE_TRAIN)) {
        snprintf(text, 80, "%s + %s", SHOWN_COUNT(rows_of(t, TASK_ROLE_TRAIN)),
                 SHOWN_COUNT(rows_of(t, TASK_ROLE_TEST)));
    }
}

/* What list_line says, on a terminal too narrow for the table. */
static err list_block(const task *t) {
    char rows[80], labels[40] = "scores";
    describe_rows(rows, t);
    if (t->label_count) snprintf(labels, sizeof labels, "%zu labels", t->label_count);
    shown_out("%s\n", t->name);
    output_labelled("  ", t->title);
    shown_line("  %s%s%s, %s", rows, *rows ? ", " : "", labels, metric_said(t->headline));
    return ERR_OK;
}

/* On a terminal the title, which is as long as it likes, goes on below itself. */
static err list_line(const task *t) {
    char rows[80], labels[24] = "-"; // scores have none
    strbuf columns = {0};
    describe_rows(rows, t);
    if (t->label_count) snprintf(labels, sizeof labels, "%zu", t->label_count);
    err e = text_column(&columns, t->name, 18);
    if (!e) e = text_column(&columns, rows, 24);
    if (!e) e = strbuf_printf(&columns, "%6s  %-21s ", labels, metric_said(t->headline));
    if (!e) output_labelled(columns.text, t->title);
    strbuf_free(&columns);
    return e;
}

static err list_object(cJSON *array, const task *t) {
    cJSON *o;
    err e = json_append_object(&o, array);
    if (e) return e;
    return json_put(
        o,
        "name %s version %f title %s split %s labels %zu headline %s licence %s path %s group %s",
        t->name, (double)t->version, t->title, task_split_name(&t->split), t->label_count,
        t->headline, t->licence, t->path, t->group.name);
}

static err some_wrong(size_t wrong, size_t of) {
    return err_set(ERR_FORMAT, "%zu of %zu manifests %s wrong", wrong, of,
                   wrong == 1 ? "is" : "are");
}

static err tasks_list(const options *o) {
    task_catalog c = {0};
    cJSON *array = NULL;
    size_t wrong = 0;
    err e = task_list(&c, o->task_dir);
    if (e) return e;
    array = cJSON_CreateArray();
    bool narrow = shown_columns() < TABLE_COLUMNS;
    if (!o->json && !narrow)
        printf("%-18s%-24s%6s  %-21s %s\n", "task", "rows (train + test)", "labels", "headline",
               "what it asks");
    for (size_t i = 0; i < c.count && !e; i++) {
        task t;
        if ((e = task_load_named(&t, c.paths[i]))) {
            e = output_left_out(e, &wrong);
            continue;
        }
        if (o->json)
            e = list_object(array, &t);
        else
            e = narrow ? list_block(&t) : list_line(&t);
        task_free(&t);
    }
    if (!e && o->json) e = output_json(array, true);
    if (!e && !o->json) e = task_groups_list(o->task_dir);
    if (!e && wrong) e = some_wrong(wrong, c.count);
    cJSON_Delete(array);
    task_catalog_free(&c);
    return e;
}

static void show_files(const task *t, bool is_narrow) {
    puts("\nfiles");
    for (size_t i = 0; i < t->file_count; i++) {
        const task_file *f = &t->files[i];
        const char *role = task_role_name(f->role);
        const char *size = f->bytes ? SHOWN_COUNT(f->bytes) : "?";
        const char *count = f->rows ? SHOWN_COUNT(f->rows) : "?";
        if (!is_narrow) {
            shown_out("  %-6s %-24s %12s bytes %9s rows\n", role, f->name, size, count);
            continue;
        }
        shown_line("  %-6s %s", role, f->name);
        shown_line("         %s bytes, %s rows", size, count);
    }
}

/* Columns that the longest of the labels' texts takes, and two behind it. */
static size_t label_width(const task *t, bool names, size_t least) {
    for (size_t i = 0; i < t->label_count; i++) {
        size_t own = shown_width(names ? t->labels[i].name : t->labels[i].value) + 2;
        if (own > least) least = own;
    }
    return least;
}

static err show_labels(const task *t, bool is_narrow) {
    size_t values = label_width(t, false, 13), names = label_width(t, true, 32);
    int digits = t->label_count > 100 ? 3 : 2; // the heading, "id", takes two
    strbuf out = {0};
    err e = ERR_OK;
    if (t->kind == ANSWER_NUMBER) {
        shown_line("\nscores from %g to %g", t->low, t->high);
        return ERR_OK;
    }
    puts("\nlabels");
    if (is_narrow)
        shown_line("  id  in the file  name, below it for people");
    else if (!(e = strbuf_printf(&out, "  %*s  ", digits, "id")) &&
             !(e = text_column(&out, "in the file", values)) &&
             !(e = text_column(&out, "name", names)))
        shown_out("%sfor people\n", out.text);
    for (size_t i = 0; i < t->label_count && !e; i++) {
        const task_label *l = &t->labels[i];
        if (is_narrow) {
            shown_line("  %zu  %s  %s", i, l->value, l->name);
            shown_line("     %s", l->readable);
            continue;
        }
        out.length = 0;
        e = strbuf_printf(&out, "  %*zu  ", digits, i);
        if (!e) e = text_column(&out, l->value, values);
        if (!e) e = text_column(&out, l->name, names);
        if (!e) shown_out("%s%s\n", out.text, l->readable);
    }
    strbuf_free(&out);
    return e;
}

/* What `predict` takes of a model of the task, and answers. */
static const char *asked_words(const task *t) {
    if (t->format.text_pair && t->kind != ANSWER_NUMBER && t->kind != ANSWER_SET)
        return "two texts; answers a label";
    switch (t->kind) {
    case ANSWER_NUMBER:
        return t->format.text_pair ? "two texts; answers a score" : "a text; answers a score";
    case ANSWER_SET:
        return t->format.text_pair ? "two texts; answers labels, as many as hold"
                                   : "a text; answers labels, as many as hold";
    case ANSWER_TAGS: return "a text; marks its entities";
    case ANSWER_ARCS:
        return task_label_index(t, "punct", strlen("punct")) < t->label_count
                   ? "a sentence, blanks between its words and before each punctuation mark, which "
                     "is "
                     "a word of its own; answers each word's head and relation"
                   : "a sentence, blanks between its words; answers each word's head and relation";
    case ANSWER_RELATION:
        return "a text, its entities within <subj> </subj> and <obj> </obj>; answers a label";
    case ANSWER_CLASS: break;
    }
    return "a text; answers a label";
}

static err show_text(const task *t) {
    const struct {
        const char *label, *text;
    } lines[] = {{"kind      ", answer_kind_name(t->kind)},
                 {"source    ", t->source},
                 {"licence   ", t->licence},
                 {"cite      ", t->citation},
                 {"split     ", NULL},
                 {"headline  ", metric_said(t->headline)},
                 {"predict   ", asked_words(t)},
                 {"manifest  ", t->path}};
    bool is_narrow = shown_columns() < TABLE_COLUMNS;
    strbuf text = {0};
    err e = ERR_OK;
    shown_line("%s (version %lld)", t->name, (long long)t->version);
    shown_line("%s", t->title);
    puts("");
    for (size_t i = 0; i < sizeof lines / sizeof *lines && !e; i++) {
        const char *value = lines[i].text ? lines[i].text : task_split_name(&t->split);
        text.length = 0;
        e = shown_add(&text, SHOWN_TERMINAL, value);
        if (!e && !lines[i].text && t->split.rule == TASK_SPLIT_HASH)
            e = strbuf_printf(&text, ", one in %u%s is test", t->split.one_in,
                              answer_is_label(t->kind) ? " of each label" : "");
        if (!e) shown_wrapped(lines[i].label, text.text);
    }
    strbuf_free(&text);
    if (e) return e;
    show_files(t, is_narrow);
    return show_labels(t, is_narrow);
}

static err tasks_show(const options *o) {
    task t;
    if (o->arg_count != 2) return err_set(ERR_USAGE, "name one task: harness tasks show TASK");
    bool is_group = false;
    err e = group_known(&is_group, o->args[1], o->task_dir);
    if (!e && is_group) return task_group_show(o->args[1], o->task_dir, o->json);
    if (!e) e = task_flag_find(&t, o, o->args[1], NULL);
    if (e) return e;
    e = o->json ? output_json(t.manifest, true) : show_text(&t);
    task_free(&t);
    return e;
}

/* What a manifest says of its group that only others know: which names tasks have, and which keys
 * recipes. */
static err check_group(const task *t, const task_catalog *c) {
    const char *name = t->group.name;
    char *where = NULL;
    recipe r;
    bool taken = name && !strcmp(name, "all"), is_shipped = false;
    err e = task_is_shipped(&is_shipped, t);
    if (e) return e;
    // of what comes with the program and a manifest beside it that one has the wrong name
    for (size_t i = 0; name && i < c->count; i++)
        taken = taken || (!strcmp(c->names[i], name) &&
                          (!is_shipped || !strncmp(c->paths[i], t->folder, strlen(t->folder))));
    if (taken)
        return err_set(ERR_FORMAT, "%s: group: key 'name' is '%s', which means something else: %s",
                       t->path, name, strcmp(name, "all") ? "a task" : "every task");
    if (!name || !t->group.recipe) return ERR_OK;
    e = mem_printf(&where, "%s: group: recipe", t->path);
    if (!e) e = recipe_read(&r, name, t->group.recipe, where);
    mem_free(where);
    return e;
}

/* Loads every manifest; one line each, and an error at the end when any is wrong. */
static err tasks_check(const options *o) {
    task_catalog c = {0};
    size_t wrong = 0;
    err e = task_list(&c, o->task_dir);
    if (e) return e;
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < c.count && !e; i++) {
        task t;
        err found = task_load_named(&t, c.paths[i]);
        if (!found) found = check_group(&t, &c);
        const char *message = found ? err_message(found) : "good";
        wrong += found != ERR_OK;
        if (found == ERR_MEMORY) { // that says nothing of the manifest
            e = found;
        } else if (o->json) {
            cJSON *line;
            e = json_append_object(&line, array);
            if (!e) e = json_put(line, "name %s path %s good %d", c.names[i], c.paths[i], !found);
            if (!e && found) e = json_add_string(line, "error", message);
        } else {
            shown_out("%-18s %s\n", c.names[i], message);
        }
        task_free(&t);
    }
    if (!e && o->json) e = output_json(array, true);
    if (!e && wrong) e = some_wrong(wrong, c.count);
    cJSON_Delete(array);
    task_catalog_free(&c);
    return e;
}

err verb_tasks(const options *o) {
    static const char *const known[] = {"show", "check", "new"};
    if (!o->arg_count) return tasks_list(o);
    if (!strcmp(o->args[0], "new")) return tasks_new(o);
    if (!strcmp(o->args[0], "show")) return tasks_show(o);
    if (!strcmp(o->args[0], "check") && o->arg_count == 1) return tasks_check(o);
    if (!strcmp(o->args[0], "check"))
        return err_set(ERR_USAGE,
                       "tasks check takes no file, found '%s': it checks all manifests, with "
                       "--task-dir DIR those of a folder too",
                       o->args[1]);
    return err_set(ERR_USAGE,
                   "unknown: harness tasks %s%s (known: show TASK, check, new FILE...; alone "
                   "it lists them)",
                   o->args[0], text_suggestion(o->args[0], known, 3));
}
