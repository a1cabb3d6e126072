/* The model card of a pretraining. */
#include "base/memory.h"
#include "base/shown.h"
#include "net/hub.h"
#include "platform/file.h"
#include "train/pretrain/pretrain.h"
#include "train/run/shipped.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

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

static err add_corpus(strbuf *out, const pretrain *p) {
    const corpus_counts *n = &p->prepared.counts;
    uint64_t excluded = n->lines - n->kept;
    err e = strbuf_add(
        out, "## Corpus\n\nTest texts of every task that the program knows are left out.\n\n"
             "| | |\n| --- | --- |\n");
    if (!e) e = add_row(out, "corpus", p->corpus.name);
    if (!e) e = add_row(out, "SHA-256", p->corpus.sha256);
    if (!e && p->corpus.manifest.licence) e = add_row(out, "licence", p->corpus.manifest.licence);
    if (!e) e = add_count(out, "lines", n->lines);
    if (!e) e = add_count(out, "left out for test texts", excluded);
    if (!e) e = add_count(out, "sentences trained on", n->train_sentences);
    if (!e) e = add_count(out, "their tokens", n->train_tokens);
    return e ? e : add_count(out, "sentences held out", n->heldout_sentences);
}

static err add_recipe(strbuf *out, const pretrain *p) {
    const run *r = &p->run;
    char number[SHOWN_NUMBER_BYTES];
    cJSON *values = cJSON_CreateObject();
    const cJSON *item = NULL;
    err e = strbuf_add(out, "\n## Recipe\n\n| | |\n| --- | --- |\n");
    if (!e) e = add_row(out, "device", r->device.info.name);
    if (!e) e = add_row(out, "precision", device_precision_name(r->device.options.precision));
    if (!e) e = add_count(out, "seed", r->request.seed);
    if (!e) e = add_count(out, "steps", r->trainer.total_steps);
    if (!e) e = add_count(out, "tokens a batch", p->request.tokens_per_batch);
    if (!e)
        e = add_row(out, "share of tokens chosen",
                    shown_number(number, p->request.mlm_probability));
    if (!e) e = add_row(out, "whole words", p->request.whole_word ? "true" : "false");
    if (!e) e = recipe_json(values, &r->trainer.recipe);
    cJSON_ArrayForEach(item, values) {
        if (!e) e = add_row(out, item->string, recipe_item_text(number, item));
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
    if (!e) e = add_recipe(&out, p);
    if (!e) e = add_curve(&out, p);
    if (!e) e = path_in(path, folder, "README.md");
    if (!e) e = file_write(path, out.text, out.length);
    strbuf_free(&out);
    return e;
}
