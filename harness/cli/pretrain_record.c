#include "cli/pretrain_record.h"

#include "base/moment.h"
#include "result/record.h"
#include "result/record_strict.h"
#include "result/version.h"

#include <math.h>

/* 1: the losses were base64 alone, and there were no checksums. */
enum { PRETRAIN_SCHEMA = 2 };

static err add_program(cJSON *root) {
    cJSON *o = NULL;
    char created[MOMENT_BYTES];
    err e = json_add_string(root, "kind", "pretraining");
    if (!e) e = json_add_number(root, "schema", PRETRAIN_SCHEMA);
    if (!e) e = json_add_object(&o, root, "harness");
    if (!e) e = json_add_string(o, "version", version_string());
    if (!e) e = json_add_string(o, "commit", version_commit());
    if (!e) e = json_add_bool(o, "dirty", version_is_dirty());
    if (!e) e = json_add_number(o, "numerics_version", NUMERICS_VERSION);
    return e ? e : json_add_string(root, "created", moment_now(created));
}

static err add_model(cJSON *root, const pretrain *p) {
    const run *r = &p->run;
    cJSON *o = NULL, *config = NULL;
    err e = json_add_object(&o, root, "model");
    if (!e) e = json_add_string(o, "name", r->base_model.name);
    if (!e) e = model_config_json(&config, &r->base_model.config);
    if (!e && !cJSON_AddItemToObject(o, "config", config))
        e = err_set(ERR_MEMORY, "out of memory while building JSON");
    bool scratch = !r->base_model.folder || r->request.from_scratch;
    if (!e) e = json_add_string(o, "weights_sha256", scratch ? "" : r->weights.sha256);
    if (!e) e = json_add_string(o, "vocab_sha256", r->base_model.vocab_sha256);
    return e ? e : json_add_number(o, "parameters", (double)r->trainer.model.params.total);
}

static err add_corpus(cJSON *root, const pretrain *p) {
    cJSON *copy = cJSON_Duplicate(p->prepared.json, true);
    if (copy && cJSON_AddItemToObject(root, "corpus", copy)) return ERR_OK;
    cJSON_Delete(copy);
    return err_set(ERR_MEMORY, "out of memory while building JSON");
}

static err add_number(void *context, const char *key, double value) {
    return json_add_number(context, key, value);
}

static err add_text(void *context, const char *key, const char *value) {
    return json_add_string(context, key, value);
}

static err add_truth(void *context, const char *key, bool value) {
    return json_add_bool(context, key, value);
}

static err add_recipe(cJSON *root, const pretrain *p) {
    cJSON *o = NULL;
    err e = json_add_object(&o, root, "recipe");
    recipe_visitor visitor = {o, add_number, add_text, add_truth};
    if (!e) e = recipe_visit(&p->run.trainer.recipe, &visitor);
    if (!e) e = json_add_number(o, "tokens_per_batch", p->request.tokens_per_batch);
    if (!e) e = json_add_number(o, "mlm_probability", p->request.mlm_probability);
    if (!e) e = json_add_bool(o, "whole_word", p->request.whole_word);
    if (!e) e = json_add_number(o, "steps", p->run.trainer.total_steps);
    return e ? e : json_add_number(root, "seed", p->run.request.seed);
}

static err add_device(cJSON *root, const pretrain *p) {
    const device *d = &p->run.device;
    cJSON *o = NULL;
    err e = json_add_object(&o, root, "device");
    if (!e) e = json_add_string(o, "kind", device_record_kind(&d->info));
    if (!e) e = json_add_string(o, "name", d->info.name);
    if (!e) e = json_add_string(o, "driver", d->info.driver);
    if (!e) e = json_add_string(o, "version", d->info.version);
    if (!e) e = json_add_string(o, "precision", device_precision_name(d->options.precision));
    if (!e) e = json_add_number(o, "threads", d->info.threads);
    return e ? e : json_add_string(o, "isa", d->info.isa);
}

static err add_curve(cJSON *root, const pretrain *p) {
    const trainer *t = &p->run.trainer;
    cJSON *list = NULL;
    err e = record_losses_write(root, "loss", t->losses, t->done);
    if (!e) e = json_add_array(&list, root, "heldout");
    for (uint32_t i = 0; !e && i < t->evaluation_count; i++) {
        const trainer_evaluation *v = &t->evaluations[i];
        cJSON *o = cJSON_CreateObject();
        e = json_append(list, o);
        if (!e) e = json_add_number(o, "step", v->step);
        if (!e) e = json_add_number(o, "loss", v->loss);
        if (!e) e = json_add_number(o, "perplexity", exp(v->loss));
        if (!e) e = json_add_number(o, "accuracy", v->score);
    }
    return e;
}

static err add_timing(cJSON *root, const pretrain *p) {
    const trainer *t = &p->run.trainer;
    cJSON *o = NULL;
    err e = json_add_object(&o, root, "timing");
    if (!e) e = json_add_number(o, "prepare_s", p->run.tokenize_s);
    if (!e) e = json_add_number(o, "train_s", t->seconds);
    if (!e) e = json_add_number(o, "steps", t->done - t->begun_at);
    if (!e) e = json_add_number(o, "train_tokens", (double)t->tokens);
    if (!e)
        e = json_add_number(o, "tokens_per_s", t->seconds > 0 ? (double)t->tokens / t->seconds : 0);
    return e ? e : json_add_string(root, "final_weights_sha256", p->run.final_sha256);
}

err pretrain_record_write(const char *path, const pretrain *p) {
    cJSON *root = cJSON_CreateObject();
    err e = root ? ERR_OK : err_set(ERR_MEMORY, "out of memory while building JSON");
    if (!e) e = add_program(root);
    if (!e) e = add_model(root, p);
    if (!e) e = add_corpus(root, p);
    if (!e) e = add_recipe(root, p);
    if (!e) e = add_device(root, p);
    if (!e) e = add_curve(root, p);
    if (!e) e = add_timing(root, p);
    if (!e) e = record_checksums_write(root);
    if (!e) e = json_write(path, root);
    cJSON_Delete(root);
    return e;
}
