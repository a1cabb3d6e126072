#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/model_flag.h"
#include "cli/options.h"
#include "cli/output.h"
#include "data/corpus/corpus.h"
#include "data/corpus/corpus_stats.h"
#include "platform/stream.h"
#include "task/corpus_manifest.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

static err open_corpus(corpus *c, const options *o, bool check) {
    const corpus_options wanted = {o->data_dir, o->task_dir, o->offline, check};
    return corpus_open(c, o->args + 1, o->arg_count - 1, &wanted);
}

static err open_both(corpus *c, exclusion *x, const options *o) {
    const dataset_options place = {.data_dir = o->data_dir};
    err e = open_corpus(c, o, false);
    return e ? e : exclusion_make(x, o->task_dir, &place);
}

static err manifest_json(cJSON **out, const task *t, bool whole) {
    *out = whole ? cJSON_Duplicate(t->manifest, true) : cJSON_CreateObject();
    return whole ? json_add_string(*out, "manifest_sha256", t->manifest_sha256)
                 : json_put(*out, "name %s title %s licence %s", t->name, t->title, t->licence);
}

static err list_one(const task *t) {
    strbuf label = {0};
    err e = shown_printf(&label, SHOWN_TERMINAL, "%-16s %-14s ", t->name, t->licence);
    if (!e) output_labelled(label.text, t->title);
    strbuf_free(&label);
    return e;
}

/* Of the tasks whose test texts are left out of every corpus. */
static err name_wrong_tasks(size_t *wrong, size_t *of, const char *task_dir) {
    task_catalog c;
    err e = task_list(&c, task_dir);
    *of += c.count;
    for (size_t i = 0; i < c.count && !e; i++) {
        task t;
        e = output_left_out(task_load_named(&t, c.paths[i]), wrong);
        task_free(&t);
    }
    task_catalog_free(&c);
    return e;
}

static err list_corpora(const options *o) {
    task_catalog c;
    size_t wrong = 0, of = 0;
    cJSON *all = cJSON_CreateArray();
    err e = corpus_manifest_list(&c, o->task_dir);
    if (e || !all) goto done;
    for (size_t i = 0; i < c.count && !e; i++) {
        task t;
        cJSON *item = NULL;
        if ((e = corpus_manifest_load(&t, c.paths[i]))) {
            e = output_left_out(e, &wrong);
            continue;
        }
        if (!o->json)
            e = list_one(&t);
        else if (!(e = manifest_json(&item, &t, false)))
            e = json_append(all, item);
        else
            cJSON_Delete(item);
        task_free(&t);
    }
    of = c.count;
    if (!e && o->task_dir) e = name_wrong_tasks(&wrong, &of, o->task_dir);
    if (!e && o->json) e = output_json(all, true);
    if (!e && wrong)
        e = err_set(ERR_FORMAT, "%zu of %zu manifests %s wrong", wrong, of,
                    wrong == 1 ? "is" : "are");
    task_catalog_free(&c);
done:
    cJSON_Delete(all);
    return e;
}

static err show(const options *o) {
    task t;
    cJSON *json = NULL;
    err e = corpus_manifest_find(&t, o->args[1], o->task_dir);
    if (e) return e;
    if (o->json) {
        e = manifest_json(&json, &t, true);
        task_free(&t);
        return output_json_last(e, json, true);
    }
    shown_line("%s (version %lld)", t.name, (long long)t.version);
    shown_line("%s", t.title);
    puts("");
    output_labelled("source    ", t.source);
    output_labelled("licence   ", t.licence);
    output_labelled("citation  ", t.citation);
    for (size_t i = 0; i < t.file_count; i++) {
        const task_file *f = &t.files[i];
        if (f->bytes)
            output_said(shown_wrapped, "file      ", "%s, %llu bytes", f->name,
                        (unsigned long long)f->bytes);
        else
            output_said(shown_wrapped, "file      ", "%s, bytes not stated", f->name);
        output_labelled("          SHA-256 ", f->sha256 ? f->sha256 : "not stated");
        output_labelled("          ", f->url ? f->url : "no url: put it into the data folder");
    }
    task_free(&t);
    return ERR_OK;
}

static err fetch(const options *o) {
    corpus c;
    err e = open_corpus(&c, o, true);
    for (size_t i = 0; i < c.path_count && !e; i++) shown_out("%s\n", c.paths[i]);
    corpus_close(&c);
    return e;
}

static err stats(const options *o) {
    corpus c = {0};
    exclusion x = {0};
    tokenizer t = {0};
    corpus_stats s = {0};
    strbuf out = {0};
    cJSON *json = NULL;
    char *path = NULL;
    err e = ERR_OK;
    if (o->model) {
        e = model_flag_tokenizer(&path, o->model, o->offline);
        if (!e) e = tokenizer_load(&t, path, o->cased);
    }
    if (e || (e = open_both(&c, &x, o))) goto done;
    if ((e = corpus_stats_measure(&s, &c, &x, o->model ? &t : NULL, o->max_length))) goto done;
    if (o->json) {
        if (!(e = corpus_stats_json(&json, &s, &c, &x))) e = output_json(json, true);
    } else if (!(e = corpus_stats_text(&out, &s, &c, &x))) {
        for (char *at = out.text, *end; (end = strchr(at, '\n')); at = end + 1) {
            *end = '\0';
            shown_wrapped("", at);
        }
    }
done:
    mem_free(path);
    cJSON_Delete(json);
    strbuf_free(&out);
    corpus_stats_free(&s);
    tokenizer_free(&t);
    exclusion_free(&x);
    corpus_close(&c);
    return e;
}

/* A program gets the bytes, a terminal what does nothing there. */
static err print_line(void *context, text_span line) {
    const bool *terminal = context;
    if (*terminal) {
        shown_out("%.*s\n", (int)line.bytes, line.text);
    } else {
        fwrite(line.text, 1, line.bytes, stdout);
        putchar('\n');
    }
    return ferror(stdout) ? output_check() : ERR_OK;
}

static err text(const options *o) {
    corpus c = {0};
    exclusion x = {0};
    corpus_counts counts = {0};
    bool terminal = stream_is_terminal(STREAM_OUT);
    err e = open_both(&c, &x, o);
    if (!e) e = corpus_each_kept(&c, &x, &counts, print_line, &terminal);
    exclusion_free(&x);
    corpus_close(&c);
    return e;
}

static const struct {
    const char *name, *wants; /* what stands behind it */
    err (*run)(const options *o);
    size_t least, most; /* words behind it */
} actions[] = {{"list", "", list_corpora, 0, 0},
               {"show", " NAME", show, 1, 1},
               {"fetch", " NAME", fetch, 1, 1},
               {"stats", " NAME|FILE...", stats, 1, SIZE_MAX},
               {"text", " NAME|FILE...", text, 1, SIZE_MAX}};
enum { ACTIONS = sizeof actions / sizeof *actions };

err verb_corpus(const options *o) {
    const char *known[ACTIONS];
    if (!o->arg_count) {
        return err_set(ERR_USAGE,
                       "say what to do: harness corpus list|show|fetch|stats|text NAME|FILE...");
    }
    for (size_t i = 0; i < ACTIONS; i++) {
        size_t words = o->arg_count - 1;
        known[i] = actions[i].name;
        if (strcmp(o->args[0], known[i]) != 0) continue;
        if (words >= actions[i].least && words <= actions[i].most) return actions[i].run(o);
        return err_set(ERR_USAGE, "expected: harness corpus %s%s", known[i], actions[i].wants);
    }
    return err_set(ERR_USAGE,
                   "unknown: harness corpus %s%s (known: list, show, fetch, stats, text)",
                   o->args[0], text_suggestion(o->args[0], known, ACTIONS));
}
