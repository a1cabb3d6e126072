#include "train/run/model_card.h"

#include "base/ascii.h"
#include "base/memory.h"
#include "base/shown.h"
#include "metric/score.h"
#include "metric/score_text.h"
#include "net/hub.h"
#include "platform/file.h"
#include "text/markers.h"
#include "train/run/shipped.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct card {
    const run *r;
    strbuf text;
    confusion official, dedup;
} card;

/* A double-quoted YAML string. */
static err add_field(strbuf *out, const char *key, const char *text) {
    err e = strbuf_printf(out, "%s\"", key);
    if (!e) e = shown_add(out, SHOWN_YAML, text);
    return e ? e : strbuf_add(out, "\"\n");
}

/* A cell of a table, or other text of a page. */
static err add_cell(strbuf *out, const char *text) {
    return shown_add(out, SHOWN_MARKDOWN, text);
}

/* An address becomes a link; what is no plain one is text. */
static err add_link(strbuf *out, const char *address) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~:/?#@!$&'()*+,;=%";
    bool is_address = !strncmp(address, "https://", 8) || !strncmp(address, "http://", 7);
    if (is_address && !address[strspn(address, plain)]) return strbuf_printf(out, "<%s>", address);
    return add_cell(out, address);
}

static err count_scores(card *c) {
    err e = run_test_sum(&c->official, c->r, false);
    return e ? e : run_test_sum(&c->dedup, c->r, true);
}

/* The hub's name of a metric, and the average it is taken with ("": none). */
static const char *hub_metric(const char *name, char average[16]) {
    static const char *const averages[] = {"macro", "weighted"};
    average[0] = '\0';
    if (strcmp(name, "mcc") == 0) return "matthews_correlation";
    for (size_t i = 0; i < sizeof averages / sizeof *averages; i++) {
        size_t n = strlen(averages[i]);
        if (strncmp(name, averages[i], n) != 0 || name[n] != '_') continue;
        snprintf(average, 16, "%s", averages[i]);
        return name + n + 1;
    }
    return name;
}

/* "": the whole task; else what was left out. */
static const char *part_text(const run *r, char text[160]) {
    text[0] = '\0';
    if (r->request.sample)
        snprintf(text, 160, " (bundled sample, %s test row%s)", SHOWN_COUNT(r->test.count),
                 shown_plural(r->test.count));
    else if (r->request.limit)
        snprintf(text, 160, " (%s test row%s)", SHOWN_COUNT(r->test.count),
                 shown_plural(r->test.count));
    return text;
}

/* What the hub calls a task, and how its pipeline is asked. */
typedef struct pipeline {
    const char *type, *name, *call, *ends;
    const char *options; /* behind the text of a classifier's call; NULL: call is whole */
} pipeline;

static pipeline pipeline_of(const run *r) {
    if (r->task.kind == ANSWER_TAGS)
        return (pipeline){"token-classification", "Token Classification",
                          "from transformers import pipeline\nfind = "
                          "pipeline(\"token-classification\", model=\"FOLDER\", "
                          "aggregation_strategy=\"simple\")\nfind(\"...\")\n",
                          "It finds entities of these types alone.\n", NULL};
    if (r->task.kind == ANSWER_ARCS)
        return (pipeline){"token-classification", "Dependency Parsing",
                          "from transformers import AutoModel\n"
                          "encoder = AutoModel.from_pretrained(\"FOLDER\")\n",
                          "transformers has no class of a parser: it loads the encoder alone, and "
                          "the rest are the tensors\nparser.*. The parser reads no parts of "
                          "speech; words are what stands between blanks.\n",
                          NULL};
    pipeline p = {"text-classification", "Text Classification",
                  "from transformers import pipeline\nclassify = "
                  "pipeline(\"text-classification\", model=\"FOLDER\")\n",
                  "It answers with one of its labels whatever the text is about.\n",
                  "truncation=True"};
    if (r->task.kind == ANSWER_NUMBER) {
        p.options = "truncation=True, function_to_apply=\"none\"";
        p.ends = "It answers with a number, which may lie outside the task's range.\n";
    }
    if (r->task.kind == ANSWER_SET) {
        p.options = "truncation=True, top_k=None";
        p.ends =
            "A label is said from a score of 0.5 on; of a text there may be none or several.\n";
    }
    return p;
}

static err add_metric(card *c, const metric *m) {
    char average[16];
    const char *type = hub_metric(m->name, average);
    err e = strbuf_printf(&c->text, "    - type: %s\n      name: %s\n      value: %.6f\n", type,
                          m->title, m->fn(&c->official));
    if (!e && *average) e = strbuf_printf(&c->text, "      args:\n        average: %s\n", average);
    return e;
}

static err add_index(card *c) {
    const run *r = c->r;
    strbuf *out = &c->text;
    char name[300], part[160];
    snprintf(name, sizeof name, "%s-%s", r->base_model.name, r->task.name);
    err e = strbuf_add(out, "model-index:\n");
    if (!e) e = add_field(out, "- name: ", name);
    if (!e)
        e = strbuf_printf(out,
                          "  results:\n  - task:\n      type: %s\n      name: %s\n"
                          "    dataset:\n",
                          pipeline_of(r).type, pipeline_of(r).name);
    if (!e) e = add_field(out, "      type: ", r->task.name);
    snprintf(name, sizeof name, "%s%s", r->task.title, part_text(r, part));
    if (!e) e = add_field(out, "      name: ", name);
    if (!e) e = strbuf_add(out, "      split: test\n    metrics:\n");
    // the leading one first
    if (!e) e = add_metric(c, metric_find(r->task.headline));
    for (size_t i = 0; !e && i < r->task.metric_count; i++)
        if (strcmp(r->task.metrics[i], r->task.headline) != 0)
            e = add_metric(c, metric_find(r->task.metrics[i]));
    return e;
}

/* The licence of the data, by the name that the hub has for it: such a name has no blanks. */
static err add_licence(card *c) {
    const char *licence = c->r->task.licence;
    char hub[64];
    size_t length = licence ? strlen(licence) : 0;
    if (!length) return ERR_OK;
    if (strchr(licence, ' ') || length >= sizeof hub) {
        err e = strbuf_add(&c->text, "license: other\n");
        return e ? e : add_field(&c->text, "license_name: ", licence);
    }
    for (size_t i = 0; i <= length; i++) hub[i] = ascii_lower(licence[i]);
    return add_field(&c->text, "license: ", hub);
}

static err add_front_matter(card *c) {
    const run *r = c->r;
    char average[16], base[256];
    const char *model = r->request.model;
    bool is_hub = r->base_model.folder && !folder_exists(model) && !shipped_known(model) &&
                  hub_is_name(model);
    const char *type = pipeline_of(r).type;
    err e = strbuf_printf(
        &c->text, "---\nlanguage: ko\nlibrary_name: transformers\npipeline_tag: %s\n", type);
    if (!e && is_hub) {
        snprintf(base, sizeof base, "%.*s", (int)hub_name_bytes(model), model);
        e = add_field(&c->text, "base_model: ", base);
    }
    if (!e)
        e = strbuf_printf(&c->text, "tags:\n- %s\n- %s\n- korean\n", type,
                          r->base_model.config.family->model_type);
    if (!e) e = add_licence(c);
    if (!e) e = add_field(&c->text, "datasets:\n- ", r->task.name);
    if (!e) e = strbuf_printf(&c->text, "metrics:\n- %s\n", hub_metric(r->task.headline, average));
    if (!e) e = add_index(c);
    return e ? e : strbuf_add(&c->text, "---\n");
}

static err add_about(card *c) {
    const run *r = c->r;
    strbuf *out = &c->text;
    const char *title = r->base_model.config.family->title;
    err e = strbuf_add(out, "\n# ");
    if (!e) e = add_cell(out, r->base_model.name);
    if (!e) e = strbuf_add(out, " on ");
    if (!e) e = add_cell(out, r->task.name);
    if (!e)
        e = strbuf_printf(out, "\n\n%s %s classifier of %sKorean sentences, %s by harness %s.\n\n",
                          strchr("AE", title[0]) ? "An" : "A", title,
                          answer_in_units(r->task.kind) ? "the tokens of " : "",
                          r->base_model.folder && !r->request.from_scratch ? "fine-tuned"
                                                                           : "trained from scratch",
                          HARNESS_VERSION);
    if (!e) e = strbuf_add(out, "Task: ");
    if (!e) e = add_cell(out, r->task.title);
    if (!e) e = strbuf_add(out, "\n\n| id | label | meaning |\n| --- | --- | --- |\n");
    for (size_t i = 0; !e && i < r->task.label_count; i++) {
        e = strbuf_printf(out, "| %zu | ", i);
        if (!e) e = add_cell(out, r->task.labels[i].name);
        if (!e) e = strbuf_add(out, " | ");
        if (!e) e = add_cell(out, r->task.labels[i].readable);
        if (!e) e = strbuf_add(out, " |\n");
    }
    return e;
}

static err add_scores(card *c) {
    const run *r = c->r;
    err e = strbuf_printf(&c->text,
                          "\n## Scores\n\nOn %s test row%s%s. The last column leaves out rows that "
                          "are empty, repeat another test row or are in the training data (%s rows "
                          "are left).\n\n",
                          SHOWN_COUNT(r->test.count), shown_plural(r->test.count),
                          r->request.sample ? " of the bundled sample" : "",
                          SHOWN_COUNT(c->dedup.total));
    if (!e && run_is_partial(&r->request))
        e = strbuf_add(&c->text, "This was a partial run (a sample, a part of the rows or a "
                                 "bounded number of steps): its scores compare with no other.\n\n");
    if (!e) e = strbuf_add(&c->text, "| metric | score | deduplicated |\n| --- | --- | --- |\n");
    for (size_t i = 0; !e && i < r->task.metric_count; i++) {
        const metric *m = metric_find(r->task.metrics[i]);
        char title[METRIC_TITLE_BYTES], shares[2][SCORE_TEXT_BYTES];
        const char *label_1 = r->task.label_count > 1 ? r->task.labels[1].readable : NULL;
        bool leads = strcmp(m->name, r->task.headline) == 0;
        e = shown_printf(&c->text, SHOWN_MARKDOWN, "| %s%s | %s | %s |\n",
                         metric_title(title, m, label_1), leads ? " (headline)" : "",
                         score_share(shares[0], m->fn(&c->official)),
                         score_share(shares[1], c->dedup.total ? m->fn(&c->dedup) : (double)NAN));
    }
    return e;
}

/* A text of the task, as transformers takes it. */
static const char *text_of(const task *t) {
    if (t->format.text_pair) return "{\"text\": \"...\", \"text_pair\": \"...\"}";
    if (t->kind == ANSWER_RELATION) return "\"<subj>...</subj> ... <obj>...</obj>\"";
    return "\"...\"";
}

/* What a text has to look like, where that is not any sentence. */
static err add_markers(card *c) {
    if (c->r->task.kind != ANSWER_RELATION) return ERR_OK;
    err e = strbuf_add(&c->text, "\nThe text has its two entities between markers: "
                                 "`<subj>...</subj>` and `<obj>...</obj>`.\n");
    if (e || !c->r->base_model.tokenizer.joins_after_markers) return e;
    return strbuf_add(&c->text,
                      "\nIt was trained as KLUE's baseline was: the first piece of Hangul right "
                      "behind a closing marker continues a word (`##` and the piece). harness does "
                      "so by `" MARKERS_JOIN "` in tokenizer_config.json; transformers does not, "
                      "so its scores differ.\n");
}

err model_card_command(strbuf *out, const task *t, const char *folder) {
    if (t->format.text_pair)
        return strbuf_printf(out, "harness predict --model %s --pair \"...\" \"...\"", folder);
    return strbuf_printf(out, "harness predict --model %s %s", folder, text_of(t));
}

static err add_use(card *c) {
    pipeline p = pipeline_of(c->r);
    const task *t = &c->r->task;
    err e = strbuf_printf(
        &c->text, "\n## Use\n\nWith this folder's path as FOLDER:\n\n```python\n%s", p.call);
    if (!e && p.options) e = strbuf_printf(&c->text, "classify(%s, %s)\n", text_of(t), p.options);
    if (!e) e = strbuf_add(&c->text, "```\n\n```\n");
    if (!e) e = model_card_command(&c->text, t, "FOLDER");
    if (!e) e = strbuf_printf(&c->text, "\n```\n\n%s", p.ends);
    return e ? e : add_markers(c);
}

static err add_training(card *c) {
    const run *r = c->r;
    const recipe *p = &r->request.recipe;
    const trainer *t = &r->trainer;
    strbuf *out = &c->text;
    err e = strbuf_add(out, "\n## Training\n\n| | |\n| --- | --- |\n| started from | ");
    if (!e) e = add_cell(out, r->base_model.name);
    if (!e)
        e = strbuf_printf(out, "%s |\n| training rows | %s |\n| protocol | %s |\n| recipe | ",
                          r->base_model.folder && !r->request.from_scratch ? ""
                                                                           : ", random weights",
                          SHOWN_COUNT(r->train.count), run_protocol_name(r->request.protocol));
    if (!e) e = add_cell(out, p->name);
    if (!e)
        e = strbuf_printf(
            out,
            " |\n| optimizer steps | %s |\n| sentences a step | %u |\n"
            "| learning rate | %g, %s |\n| warmup steps | %s |\n"
            "| weight decay | %g |\n| longest sentence | %u tokens |\n"
            "| seed | %u |\n| SHA-256 of the weights | %s |\n",
            SHOWN_COUNT(t->done), p->per_device_train_batch_size * p->gradient_accumulation_steps,
            p->learning_rate, schedule_name(p->lr_scheduler_type), SHOWN_COUNT(t->schedule.warmup),
            p->weight_decay, r->max_length, r->request.seed, r->final_sha256);
    return e;
}

static err add_data(card *c) {
    const task *t = &c->r->task;
    err e = strbuf_add(&c->text, "\n## Data\n\nCitation: ");
    if (!e) e = add_cell(&c->text, t->citation);
    if (!e) e = strbuf_add(&c->text, "\n\nSource: ");
    if (!e) e = add_link(&c->text, t->source);
    if (!e) e = strbuf_add(&c->text, " (licence of the data: ");
    if (!e) e = add_cell(&c->text, t->licence);
    return e ? e : strbuf_add(&c->text, ")\n");
}

err model_card_write(const char *folder, const run *r) {
    card c = {.r = r};
    char path[PATH_MAX];
    err e = ERR_OK;
    if ((e = count_scores(&c))) goto done;
    if ((e = add_front_matter(&c))) goto done;
    if ((e = add_about(&c))) goto done;
    if ((e = add_scores(&c))) goto done;
    if ((e = add_use(&c))) goto done;
    if ((e = add_training(&c))) goto done;
    if ((e = add_data(&c))) goto done;
    if ((e = path_in(path, folder, "README.md"))) goto done;
    e = file_write(path, c.text.text, c.text.length);
done:
    strbuf_free(&c.text);
    confusion_free(&c.official);
    confusion_free(&c.dedup);
    return e;
}
