#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/entities.h"
#include "cli/model_flag.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/own_flags.h"
#include "cli/task_flag.h"
#include "data/dataset.h"
#include "data/fetch_task.h"
#include "data/stats.h"
#include "metric/tags.h"
#include "net/fetch.h"
#include "platform/file.h"
#include "task/task.h"
#include "text/markers.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_ROWS = 5, LABEL_COLUMNS = 24, TEXT_COLUMNS = 30 };

static dataset_options dataset_options_of(const options *o) {
    return (dataset_options){.data_dir = o->data_dir, .sample = o->sample, .limit = o->limit};
}

/* With the tokens that a run of the task gives it. */
static err load_tokenizer(tokenizer *t, const options *o, const task *of) {
    char *path = NULL;
    err e = model_flag_tokenizer(&path, o->model, o->offline);
    if (!e) e = tokenizer_load(t, path, o->cased);
    if (!e && of->kind == ANSWER_RELATION) e = tokenizer_add_special(t, text_markers, MARKER_COUNT);
    mem_free(path);
    return e;
}

static err data_stats_verb(const options *o, const task *t) {
    dataset_options wanted = dataset_options_of(o);
    dataset d = {0};
    tokenizer pieces = {0};
    data_stats s;
    strbuf out = {0}, svg = {0};
    cJSON *json = NULL;
    err e = o->svg ? file_check_own(o->svg, DATA_STATS_SVG_MARK) : ERR_OK;
    if (!e && o->model) e = load_tokenizer(&pieces, o, t);
    if (e) goto done;
    if ((e = fetch_task(t, &wanted, o->offline, false))) goto done;
    if ((e = dataset_load(&d, t, &wanted))) goto done;
    if ((e = data_stats_measure(&s, t, &d, o->model ? &pieces : NULL, o->max_length, o->sample))) {
        goto done;
    }
    if (o->svg) {
        if ((e = data_stats_svg(&svg, &s))) goto done;
        if ((e = file_write(o->svg, svg.text, svg.length))) goto done;
        log_note("wrote %s", o->svg);
    }
    if (o->json) {
        if (!(e = data_stats_json(&json, &s))) e = output_json(json, true);
    } else if (!(e = data_stats_text(&out, &s))) {
        // the title is as long as its author liked
        char *rest = out.text + strcspn(out.text, "\n");
        *rest = '\0';
        shown_wrapped("", out.text);
        fputs(rest + 1, stdout);
    }
done:
    cJSON_Delete(json);
    strbuf_free(&out);
    strbuf_free(&svg);
    dataset_free(&d);
    tokenizer_free(&pieces);
    return e;
}

/* The names of the tags, or what people read, for entities.h; *names is owned. */
static err tagged(tagged_text *out, const char ***names, const task *t, const example *of,
                  bool for_people) {
    err e = mem_new(names, t->label_count);
    for (size_t i = 0; !e && i < t->label_count; i++)
        (*names)[i] = for_people ? t->labels[i].readable : t->labels[i].name;
    *out = (tagged_text){.of = of,
                         .tags = of->target.units.values,
                         .labels = *names,
                         .classes = t->label_count,
                         .is_gold = true};
    return e;
}

/* How many entities there are. */
static size_t count_entities(const task *t, const example_units *units) {
    size_t at = 0, count = 0;
    tag_entity one;
    while (tag_next(&one, &at, units->values, units->count, t->label_count, false)) count++;
    return count;
}

/* A target as people see it: the task's readable labels, or its number; of entities how many. */
static err target_names(strbuf *out, const task *t, example_target target) {
    bool any = false;
    err e = strbuf_add(out, "");
    if (t->kind == ANSWER_TAGS)
        return e ? e : strbuf_printf(out, "%zu", count_entities(t, &target.units));
    if (answer_is_label(t->kind)) return e ? e : strbuf_add(out, t->labels[target.class].readable);
    if (t->kind == ANSWER_NUMBER) return e ? e : strbuf_printf(out, "%.6g", (double)target.number);
    if (!e && t->kind == ANSWER_ARCS)
        return strbuf_printf(out, "%u word%s", target.units.count,
                             shown_plural(target.units.count));
    for (size_t k = 0; !e && k < t->label_count; k++) {
        if (!target.set[k]) continue;
        e = strbuf_printf(out, "%s%s", any ? "," : "", t->labels[k].readable);
        any = true;
    }
    return e || any ? e : strbuf_add(out, "-");
}

/* Of each word its head and relation. */
static err add_arcs(cJSON *o, const task *t, const example_units *units) {
    cJSON *heads = NULL, *labels = NULL;
    err e = json_add_array(&heads, o, "heads");
    if (!e) e = json_add_array(&labels, o, "labels");
    for (uint32_t k = 0; !e && k < units->count; k++) {
        const uint32_t *arc = units->values + (size_t)k * ARC_WIDTH;
        e = json_append(heads, cJSON_CreateNumber(arc[ARC_HEAD]));
        if (!e) e = json_append(labels, cJSON_CreateString(t->labels[arc[ARC_RELATION]].name));
    }
    return e;
}

static err add_target(cJSON *o, const task *t, const example *x) {
    example_target target = x->target;
    cJSON *list = NULL;
    err e;
    if (t->kind == ANSWER_TAGS) {
        const char **names = NULL;
        tagged_text text;
        if (!(e = tagged(&text, &names, t, x, false))) e = entities_json(o, &text);
        mem_free(names);
        return e;
    }
    if (t->kind == ANSWER_NUMBER) { // what an f32 keeps of the file's digits
        return json_add_number(o, "score", strtod(SHOWN_SINGLE(target.number), NULL));
    }
    if (answer_is_label(t->kind))
        return json_put(o, "label %s label_id %u", t->labels[target.class].name, target.class);
    if (t->kind == ANSWER_ARCS) return add_arcs(o, t, &x->target.units);
    e = json_add_array(&list, o, "labels");
    for (size_t k = 0; !e && k < t->label_count; k++)
        if (target.set[k]) e = json_append(list, cJSON_CreateString(t->labels[k].name));
    return e;
}

/* number: of the row in its split, from 1. */
static err head_object(const task *t, const dataset *d, const dataset_row *row, size_t number) {
    const example *x = &row->example;
    cJSON *o = cJSON_CreateObject();
    err e = json_add_string(o, "text", x->texts[0].text);
    if (!e && x->text_count > 1) e = json_add_string(o, "text_pair", x->texts[1].text);
    if (!e) e = add_target(o, t, x);
    if (!e)
        e = json_put(o, "row %zu file %s line %u", number, path_name(d->paths[row->file]),
                     row->line);
    return output_json_last(e, o, false);
}

/* Each word with its head and relation. */
static err head_words(strbuf *out, const task *t, const example *x) {
    const example_units *units = &x->target.units;
    err e = ERR_OK;
    for (uint32_t k = 0; k < units->count && !e; k++) {
        const uint32_t *arc = units->values + (size_t)k * ARC_WIDTH;
        const text_unit *word = &units->list[k];
        e = shown_printf(out, SHOWN_TERMINAL, "%s%.*s/%u:%s", k ? " " : "",
                         (int)(word->end - word->begin), x->texts[0].text + word->begin,
                         arc[ARC_HEAD], t->labels[arc[ARC_RELATION]].readable);
    }
    return e;
}

/* The texts, with entities marked, or as a tree's words. */
static err head_text(strbuf *out, const task *t, const example *x) {
    const char **names = NULL;
    tagged_text text;
    strbuf marked = {0};
    if (t->kind == ANSWER_ARCS) return head_words(out, t, x);
    if (t->kind != ANSWER_TAGS)
        return shown_printf(out, SHOWN_TERMINAL, "%s%s%s", x->texts[0].text,
                            x->text_count > 1 ? " | " : "",
                            x->text_count > 1 ? x->texts[1].text : "");
    err e = tagged(&text, &names, t, x, true);
    if (!e) e = entities_mark(&marked, &text);
    if (!e) e = shown_printf(out, SHOWN_TERMINAL, "%s", marked.text);
    strbuf_free(&marked);
    mem_free(names);
    return e;
}

/* What stands above the targets. */
static const char *target_title(const task *t) {
    return t->kind == ANSWER_NUMBER ? "score"
           : t->kind == ANSWER_TAGS ? "entities"
           : t->kind == ANSWER_ARCS ? "tree"
                                    : "label";
}

/* On a narrow terminal the text comes below the rest. */
static err head_line(const task *t, const dataset_row *row, size_t number, size_t columns) {
    const example *x = &row->example;
    strbuf out = {0}, text = {0}, target = {0};
    err e = strbuf_printf(&out, "%6zu %7u  ", number, row->line);
    if (!e) e = target_names(&target, t, x->target);
    // a set of labels may be wider than each of them: it is shown whole
    bool fits = !e && shown_width(target.text) <= columns;
    if (!e)
        e = fits ? text_column(&out, target.text, columns)
                 : shown_printf(&out, SHOWN_TERMINAL, "%s", target.text);
    if (!e) e = strbuf_add(&out, "  ");
    if (!e) e = head_text(&text, t, x);
    if (!e && shown_columns() < out.length + TEXT_COLUMNS) {
        puts(out.text);
        shown_wrapped("  ", text.text ? text.text : "");
    } else if (!e) {
        shown_wrapped(out.text, text.text ? text.text : "");
    }
    strbuf_free(&out);
    strbuf_free(&text);
    strbuf_free(&target);
    return e;
}

/* Columns that the labels' names take. */
static size_t label_columns(const task *t) {
    size_t columns = strlen(t->kind == ANSWER_NUMBER ? "0.000000"
                            : t->kind == ANSWER_ARCS ? "0000 words"
                                                     : target_title(t));
    for (size_t i = 0; !answer_in_units(t->kind) && i < t->label_count; i++) {
        size_t width = shown_width(t->labels[i].readable);
        if (width > columns) columns = width;
    }
    return columns < LABEL_COLUMNS ? columns : LABEL_COLUMNS;
}

static void head_title(const task *t, const char *split, size_t first, size_t end, size_t of,
                       size_t columns) {
    shown_line("%s, rows %s to %s of %s", split, SHOWN_COUNT(first), SHOWN_COUNT(end),
               SHOWN_COUNT(of));
    shown_out("%6s %7s  %-*s  text\n", "row", "line", (int)columns, target_title(t));
}

static err data_head(const options *o, const task *t) {
    dataset_options wanted = dataset_options_of(o);
    dataset d = {0};
    const char *name = o->split ? o->split : "train";
    size_t count = o->has_rows ? o->rows : o->has_row ? 1 : HEAD_ROWS;
    size_t first = o->has_row ? o->row : 1, columns = label_columns(t);
    bool dev = !strcmp(name, "dev");
    if (!dev && strcmp(name, "train") && strcmp(name, "test")) {
        return err_set(ERR_USAGE, "unknown split '%s' (known: %s)", name, SPLIT_WORDS);
    }
    if (!count) return err_set(ERR_USAGE, "--rows expects 1 or more, found 0");
    err e = fetch_task(t, &wanted, o->offline, false);
    if (!e) e = dataset_load(&d, t, &wanted);
    if (!e && dev) e = dataset_split_dev(&d, t);
    const dataset_split *s = dev ? &d.dev : strcmp(name, "train") ? &d.test : &d.train;
    if (!e && (first < 1 || (o->has_row && first > s->row_count)))
        e = err_set(ERR_USAGE, "--row expects 1 to %zu, the rows of %s, found %zu", s->row_count,
                    name, first);
    size_t begin = first - 1, end = begin + count < s->row_count ? begin + count : s->row_count;
    if (!e && !o->json) head_title(t, name, first, end, s->row_count, columns);
    for (size_t i = begin; i < end && !e; i++) {
        e = o->json ? head_object(t, &d, &s->rows[i], i + 1)
                    : head_line(t, &s->rows[i], i + 1, columns);
        if (!e && ferror(stdout)) e = output_check();
    }
    dataset_free(&d);
    return e;
}

/* dataset_load checks size, SHA-256, row counts, encoding and labels: what it passes is good. */
static err data_verify(const options *o, const task *t) {
    dataset_options wanted = dataset_options_of(o);
    dataset d = {0};
    cJSON *json = cJSON_CreateObject();
    err e = dataset_load(&d, t, &wanted);
    char message[512];
    shown_snprintf(message, sizeof message, SHOWN_TERMINAL, "%s", e ? err_message(e) : "good");
    if (!o->json) {
        for (size_t i = 0; i < d.path_count && !e; i++) {
            shown_out("%s: %s%s\n", d.paths[i], message,
                      t->files[i].sha256 ? "" : " (the manifest states no SHA-256)");
        }
    } else if (!json || json_add_string(json, "task", t->name) || json_add_bool(json, "good", !e) ||
               (e && json_add_string(json, "error", message)) ||
               (!e && json_add_string(json, "data_sha256", d.data_sha256)) ||
               output_json(json, true)) {
        e = err_set(ERR_MEMORY, "out of memory while building JSON");
    }
    // what was printed does not change what was found
    if (e) e = err_set(e, "%s", message);
    cJSON_Delete(json);
    dataset_free(&d);
    return e;
}

static err data_fetch(const options *o, const task *t) {
    dataset_options wanted = dataset_options_of(o);
    cJSON *json = cJSON_CreateObject(), *paths;
    err e = fetch_task(t, &wanted, o->offline, true);
    if (!e) e = json_add_string(json, "task", t->name);
    if (!e) e = json_add_array(&paths, json, "files");
    for (size_t i = 0; i < t->file_count && !e; i++) {
        char *path;
        if ((e = dataset_path(&path, t, &t->files[i], &wanted))) break;
        if (!o->json) shown_out("%s\n", path);
        e = json_append(paths, cJSON_CreateString(path));
        mem_free(path);
    }
    if (o->json) return output_json_last(e, json, true);
    cJSON_Delete(json);
    return e;
}

typedef err (*action)(const options *o, const task *t);

static const struct {
    const char *name;
    action run;
    bool takes_all;
} actions[] = {{"fetch", data_fetch, true},
               {"stats", data_stats_verb, false},
               {"head", data_head, false},
               {"verify", data_verify, true}};
enum { ACTIONS = sizeof actions / sizeof *actions };

/* Runs an action for every task; goes on after one that fails, and fails at the end. */
static err run_for_all(action run, const options *o) {
    task_catalog c = {0};
    size_t failed = 0;
    err last = ERR_OK, e = task_list(&c, o->task_dir);
    if (e) return e;
    for (size_t i = 0; i < c.count; i++) {
        task t;
        e = task_load(&t, c.paths[i]);
        if (!e) e = run(o, &t);
        task_free(&t);
        if (!e) continue;
        log_warn("%s: %s", c.names[i], err_message(e));
        last = e;
        failed++;
    }
    if (last) last = err_set(last, "%zu of %zu tasks failed", failed, c.count);
    task_catalog_free(&c);
    return last;
}

err verb_data(const options *o) {
    if (!o->arg_count) {
        return err_set(ERR_USAGE, "say what to do: harness data fetch|stats|head|verify TASK");
    }
    const char *known[ACTIONS];
    for (size_t i = 0; i < ACTIONS; i++) {
        known[i] = actions[i].name;
        if (strcmp(o->args[0], known[i])) continue;
        bool own = own_flags_given(o);
        if (o->arg_count != (own ? 1 : 2)) {
            return err_set(ERR_USAGE, "name one task%s, or files of your own: harness data %s TASK",
                           actions[i].takes_all ? " or all" : "", actions[i].name);
        }
        if (!own && actions[i].takes_all && !strcmp(o->args[1], "all"))
            return run_for_all(actions[i].run, o);
        task t;
        err e = task_flag_read(&t, o, own ? NULL : o->args[1], NULL);
        if (e) return e;
        e = actions[i].run(o, &t);
        task_free(&t);
        return e;
    }
    // as of tasks and of results
    bool checks = !strcmp(o->args[0], "check") || !strcmp(o->args[0], "validate");
    return err_set(
        ERR_USAGE, "unknown: harness data %s%s (known: fetch, stats, head, verify)", o->args[0],
        checks ? "; did you mean 'verify'?" : text_suggestion(o->args[0], known, ACTIONS));
}
