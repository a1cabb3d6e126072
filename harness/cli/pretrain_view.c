#include "cli/pretrain_view.h"

#include "base/json.h"
#include "base/log.h"
#include "base/shown.h"
#include "cli/command_lines.h"
#include "cli/run_device.h"
#include "platform/file.h"
#include "train/group/group.h"
#include "train/run/kept_task.h"
#include "train/run/run_parts.h"

#include <inttypes.h>
#include <stdio.h>

/* Held-out sentences below which a warning says that their perplexity tells little. */
enum { HELDOUT_FEW = 100 };

static const cJSON *member(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_of(const cJSON *object, const char *key) {
    const char *text = json_text_at(object, key);
    return text ? text : "?";
}

static void print_evaluation(const cJSON *v) {
    printf("  %-9.0f %8.4f %10.2f %8.4f\n", json_number_at(v, "step"), json_number_at(v, "loss"),
           json_number_at(v, "perplexity"), json_number_at(v, "accuracy"));
}

static void print_heldout(const cJSON *list) {
    const cJSON *first = list ? list->child : NULL;
    if (!first) return;
    puts("  on the held-out sentences");
    printf("  %-9s %8s %10s %8s\n", "step", "loss", "perplexity", "accuracy");
    for (const cJSON *v = first; v; v = v->next) print_evaluation(v);
}

static const char *pretrain_device(char out[RECORD_DEVICE_BYTES], const cJSON *root) {
    const cJSON *group = member(root, "group");
    double ranks = json_number_at(group, "ranks");
    return record_device_text(out, ranks > 1 ? (int64_t)ranks : 1,
                              text_of(member(root, "device"), "name"),
                              json_text_at(group, "devices"));
}

static void print_learned(const cJSON *root) {
    const cJSON *timing = member(root, "timing");
    double trained = json_number_at(timing, "train_s");
    puts("");
    shown_line("%s  %s  %s  seed %.0f", text_of(member(root, "corpus"), "corpus"),
               text_of(member(root, "model"), "name"),
               pretrain_device((char[RECORD_DEVICE_BYTES]){""}, root),
               json_number_at(root, "seed"));
    print_heldout(member(root, "heldout"));
    if (trained > 0)
        shown_line("  trained in %.1f s (%s tokens/s)", trained,
                   SHOWN_COUNT(json_number_at(timing, "tokens_per_s") + 0.5));
}

static err print_next(const char *folder, const char *mask) {
    strbuf text = {0}, masked = {0};
    err e = strbuf_printf(&masked, "이 영화 정말 %s", mask ? mask : "[MASK]");
    if (!e)
        e = shown_printf(&text, SHOWN_SHELL, "harness fill-mask --model %s/model %s\n", folder,
                         masked.text);
    if (!e)
        e = shown_printf(&text, SHOWN_SHELL, "harness run --task kor_hate --model %s/model\n",
                         folder);
    if (!e) {
        puts("Next");
        command_lines_print(text.text);
    }
    strbuf_free(&masked);
    strbuf_free(&text);
    return e;
}

err pretrain_finished_note(const run *r) {
    char path[PATH_MAX];
    cJSON *root = NULL;
    err e = path_in(path, r->output, RUN_RECORD);
    if (!e) e = json_read(&root, path, RUN_FILE_LIMIT_BYTES);
    if (!e) {
        double ranks = json_number_at(member(root, "group"), "ranks");
        run_finished_note(r, NULL, false, ranks > 1 ? (int64_t)ranks : 1,
                          text_of(member(root, "device"), "name"),
                          json_text_at(member(root, "group"), "devices"));
    }
    cJSON_Delete(root);
    return e;
}

err pretrain_view(const char *folder, const char *mask, bool as_json) {
    char path[PATH_MAX];
    cJSON *root = NULL;
    err e = path_in(path, folder, RUN_RECORD);
    if (!e) e = json_read(&root, path, RUN_FILE_LIMIT_BYTES);
    if (!e && as_json) e = output_json(root, false);
    if (!e && !as_json) {
        print_learned(root);
        shown_out("\nFiles\n  %s/model\n  %s\n", folder, path);
        e = print_next(folder, mask);
    }
    cJSON_Delete(root);
    return e;
}

/* Of the tasks whose test texts are left out; in *absent how many of them were not at hand. */
static size_t tasks_of(size_t *absent, const pretrain *p) {
    const cJSON *item = NULL, *list = member(p->prepared.json, "tasks");
    size_t count = 0;
    *absent = 0;
    cJSON_ArrayForEach(item, list) {
        *absent += !cJSON_IsTrue(member(item, "at_hand"));
        count++;
    }
    return count;
}

void pretrain_warn_absent(const pretrain *p) {
    size_t absent = 0, all = tasks_of(&absent, p);
    if (absent && group_writes(p->run.request.group))
        log_warn("the data of %zu of %zu tasks are not at hand: their test texts, if the corpus "
                 "has some, are not left out ('harness corpus stats' names them)",
                 absent, all);
    uint64_t heldout = p->prepared.counts.heldout_sentences;
    if (heldout < HELDOUT_FEW && group_writes(p->run.request.group))
        log_warn("%s sentence%s held out: the perplexity of fewer than %d says next to "
                 "nothing (a larger corpus holds out more)",
                 SHOWN_COUNT(heldout), heldout == 1 ? " is" : "s are", HELDOUT_FEW);
}

void pretrain_plan(const pretrain *p, output_line *line) {
    const run *r = &p->run;
    const corpus_counts *c = &p->prepared.counts;
    const trainer *t = &r->trainer;
    size_t absent = 0, tasks = tasks_of(&absent, p);
    char on[RUN_DEVICE_LINE_BYTES];
    output_said(line, "run     ", "%s, %s, seed %u", p->corpus.name, r->base_model.name,
                r->request.seed);
    output_said(line, "lines   ", "%s, %s of them left out for a test text of %zu of %zu tasks",
                SHOWN_COUNT(c->lines), SHOWN_COUNT(c->lines - c->kept), tasks - absent, tasks);
    output_said(line, "rows    ", "%s sentence%s to train on, %s held out",
                SHOWN_COUNT(c->train_sentences), shown_plural(c->train_sentences),
                SHOWN_COUNT(c->heldout_sentences));
    output_said(line, "model   ", "%s parameters, %s", SHOWN_COUNT(t->model.params.total),
                r->base_model.folder && !r->request.from_scratch ? "pretrained" : "from scratch");
    run_device_line(on, r);
    output_said(line, "device  ", "%s", on);
    output_said(line, "steps   ", "%s of about %s tokens, %s to an epoch",
                SHOWN_COUNT(t->total_steps), SHOWN_COUNT(p->train.tokens / t->epoch_steps),
                SHOWN_COUNT(t->epoch_steps));
}
