/* The model card of a pretraining. */
#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "net/hub.h"
#include "platform/file.h"
#include "train/pretrain/pretrain.h"
#include "train/run/model_corpus.h"
#include "train/run/shipped.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static err add_front(strbuf *out, const pretrain *p) {
    const char *licence = p->corpus.manifest.licence, *model = p->run.request.model;
    err e =
        strbuf_add(out, "---\nlanguage: ko\nlibrary_name: transformers\npipeline_tag: fill-mask\n");
    if (!e && licence) {
        e = strbuf_add(out, "datasets_licence: \"");
        if (!e) e = shown_add(out, SHOWN_YAML, licence);
        if (!e) e = strbuf_add(out, "\"\n");
    }
    if (!e && p->run.base_model.folder && !folder_exists(model) && !shipped_known(model) &&
        hub_is_name(model)) {
        e = strbuf_add(out, "base_model: \"");
        if (!e) e = shown_add(out, SHOWN_YAML, model);
        if (!e) e = strbuf_add(out, "\"\n");
    }
    return e ? e : strbuf_add(out, "---\n\n");
}

static err add_row(strbuf *out, const char *name, const char *value) {
    err e = shown_printf(out, SHOWN_MARKDOWN, "| %s | %s |", name, value);
    return e ? e : strbuf_add(out, "\n");
}

static err add_count(strbuf *out, const char *name, uint64_t count) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, count);
    return add_row(out, name, text);
}

/* The tasks whose data were at hand, or those whose were not: behind `intro`, with an end. */
static err add_tasks(strbuf *out, const pretrain *p, bool at_hand, const char *intro) {
    const cJSON *item = NULL, *list = cJSON_GetObjectItemCaseSensitive(p->prepared.json, "tasks");
    size_t count = 0;
    err e = ERR_OK;
    cJSON_ArrayForEach(item, list) { // names are of plain letters: the manifests' own rule
        const char *name = json_text_at(item, "task");
        if (!name || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "at_hand")) != at_hand)
            continue;
        bool begins = out->text[out->length - 1] == '\n';
        if (!e)
            e = strbuf_printf(out, "%s%s%s", count || begins ? "" : " ", count ? ", " : intro,
                              name);
        count++;
    }
    return e || !count ? e : strbuf_add(out, ".");
}

/* Of the corpus too: what the model that it went on from was pretrained on, where that is known. */
static err add_before(strbuf *out, const cJSON *o) {
    strbuf names = {0}, tasks = {0};
    const cJSON *item = NULL;
    err e = o ? model_corpus_names(&names, o) : ERR_OK;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(o, "left_out")) {
        if (!e) e = strbuf_printf(&tasks, "%s%s", tasks.length ? ", " : "", item->valuestring);
    }
    if (!e && o) e = add_row(out, "pretrained before on", names.text);
    if (!e && o) e = add_row(out, "test texts left out there", tasks.length ? tasks.text : "none");
    strbuf_free(&names);
    strbuf_free(&tasks);
    return e;
}

static err add_corpus(strbuf *out, const pretrain *p) {
    const corpus_counts *n = &p->prepared.counts;
    uint64_t excluded = n->lines - n->kept;
    err e = strbuf_add(out, "## Corpus\n\n");
    if (!e) e = add_tasks(out, p, true, "Left out: the test texts of ");
    if (!e)
        e = add_tasks(out, p, false,
                      "Whose data were not at hand, so that test texts may be among the corpus: ");
    if (!e) e = strbuf_add(out, "\n\n| | |\n| --- | --- |\n");
    if (!e) e = add_row(out, "corpus", p->corpus.name);
    if (!e) e = add_row(out, "SHA-256", p->corpus.sha256);
    if (!e && p->corpus.manifest.licence) e = add_row(out, "licence", p->corpus.manifest.licence);
    if (!e) e = add_count(out, "lines", n->lines);
    if (!e) e = add_count(out, "left out for test texts", excluded);
    if (!e) e = add_count(out, "sentences trained on", n->train_sentences);
    if (!e) e = add_count(out, "their tokens", n->train_tokens);
    return e ? e : add_count(out, "sentences held out", n->heldout_sentences);
}

/* Of what excludes each other the one that the run went by; the steps have a row of their own. */
static bool is_used(const char *key, const pretrain *p) {
    const recipe *r = &p->run.trainer.recipe;
    bool by_ratio = !r->warmup_steps && r->warmup_ratio > 0;
    const struct {
        const char *key;
        bool is_used;
    } list[] = {{"num_train_epochs", !r->max_steps && !(p->request.max_minutes > 0)},
                {"max_steps", false},
                {"per_device_train_batch_size", !p->request.tokens_per_batch},
                {"gradient_accumulation_steps", !p->request.tokens_per_batch},
                {"warmup_ratio", by_ratio},
                {"warmup_steps", !by_ratio}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!strcmp(list[i].key, key)) return list[i].is_used;
    return true;
}

static err add_recipe(strbuf *out, const pretrain *p) {
    const run *r = &p->run;
    const trainer *t = &r->trainer;
    char number[SHOWN_NUMBER_BYTES];
    cJSON *values = cJSON_CreateObject();
    const cJSON *item = NULL;
    err e = strbuf_add(out, "\n## Recipe\n\n| | |\n| --- | --- |\n");
    if (!e)
        e = add_row(out, "began from",
                    r->base_model.folder && !r->request.from_scratch ? r->base_model.name
                                                                     : "random weights");
    if (!e) e = add_row(out, "device", r->device.info.name);
    if (!e) e = add_row(out, "precision", device_precision_name(r->device.options.precision));
    if (!e) e = add_count(out, "seed", r->request.seed);
    if (!e) e = add_count(out, "steps", t->done);
    snprintf(number, sizeof number, "%.1f", (double)t->done / t->epoch_steps);
    if (!e) e = add_row(out, "passes over the corpus", number);
    if (!e && p->request.tokens_per_batch)
        e = add_count(out, "tokens a batch", p->request.tokens_per_batch);
    if (!e) e = add_row(out, "share of tokens chosen", SHOWN_NUMBER(p->request.mlm_probability));
    if (!e) e = add_row(out, "whole words", p->request.whole_word ? "true" : "false");
    if (!e) e = recipe_json(values, &t->recipe);
    cJSON_ArrayForEach(item, values) {
        if (!e && is_used(item->string, p))
            e = add_row(out, item->string, recipe_item_text(number, item));
    }
    cJSON_Delete(values);
    return e;
}

static err add_curve(strbuf *out, const pretrain *p) {
    const trainer *t = &p->run.trainer;
    if (!t->evaluation_count) return ERR_OK;
    err e = strbuf_add(out, "\n## Held-out sentences\n\n| step | loss | perplexity | accuracy |\n"
                            "| ---: | ---: | ---: | ---: |\n");
    for (uint32_t i = 0; !e && i < t->evaluation_count; i++) {
        const trainer_evaluation *v = &t->evaluations[i];
        e = strbuf_printf(out, "| %u | %.4f | %.2f | %.4f |\n", v->step, v->loss, exp(v->loss),
                          v->score);
    }
    return e;
}

err pretrain_card(const char *folder, const pretrain *p) {
    strbuf out = {0};
    char path[PATH_MAX];
    err e = add_front(&out, p);
    if (!e)
        e = shown_printf(&out, SHOWN_MARKDOWN, "# %s-%s", p->run.base_model.name, p->corpus.name);
    if (!e)
        e = strbuf_add(&out,
                       "\n\nA masked language model made by `harness pretrain`: a `--model` for "
                       "`harness run`, and `AutoModelForMaskedLM` of transformers loads it.\n\n");
    if (!e) e = add_corpus(&out, p);
    if (!e) e = add_before(&out, p->run.base_model.corpus);
    if (!e) e = add_recipe(&out, p);
    if (!e) e = add_curve(&out, p);
    if (!e) e = path_in(path, folder, "README.md");
    if (!e) e = file_write(path, out.text, out.length);
    strbuf_free(&out);
    return e;
}
