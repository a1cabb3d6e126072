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
    err e = json_put(root, "kind %s schema %u", "pretraining", PRETRAIN_SCHEMA);
    if (!e) e = json_add_object(&o, root, "harness");
    if (!e)
        e = json_put(o, "version %s commit %s dirty %d numerics_version %u", version_string(),
                     version_commit(), version_is_dirty(), NUMERICS_VERSION);
    return e ? e : json_add_string(root, "created", moment_now(created));
}

static err add_model(cJSON *root, const pretrain *p) {
    const run *r = &p->run;
    cJSON *o = NULL, *config = NULL;
    err e = json_add_object(&o, root, "model");
    if (!e) e = json_add_string(o, "name", r->base_model.name);
    if (!e) e = model_config_json(&config, &r->base_model.config);
    if (!e) e = json_add_item(o, "config", config);
    bool scratch = !r->base_model.folder || r->request.from_scratch;
    if (!e)
        e = json_put(o, "weights_sha256 %s vocab_sha256 %s parameters %f",
                     scratch ? "" : r->weights.sha256, r->base_model.vocab_sha256,
                     (double)r->trainer.model.params.total);
    // what the weights it went on from were pretrained on, as a run's record has it
    return e || !r->base_model.corpus ? e : json_add_copy(o, "corpus", r->base_model.corpus);
}

static err add_recipe(cJSON *root, const pretrain *p) {
    cJSON *o = NULL;
    err e = json_add_object(&o, root, "recipe");
    if (!e) e = recipe_json(o, &p->run.trainer.recipe);
    if (!e)
        e = json_put(o, "tokens_per_batch %u mlm_probability %f whole_word %d steps %u",
                     p->request.tokens_per_batch, p->request.mlm_probability, p->request.whole_word,
                     p->run.trainer.total_steps);
    return e ? e : json_add_number(root, "seed", p->run.request.seed);
}

static err add_device(cJSON *root, const pretrain *p) {
    const device *d = &p->run.device;
    cJSON *o = NULL;
    err e = json_add_object(&o, root, "device");
    return e ? e
             : json_put(o,
                        "kind %s name %s driver %s version %s precision %s threads %u isa %s "
                        "libraries %s kernels %s",
                        device_record_kind(&d->info), d->info.name, d->info.driver, d->info.version,
                        device_precision_name(d->options.precision), d->info.threads, d->info.isa,
                        d->info.libraries, d->info.kernels);
}

static err add_group(cJSON *root, const run *r) {
    cJSON *o = NULL;
    if (group_is_alone(r->request.group)) return ERR_OK;
    err e = json_add_object(&o, root, "group");
    if (!e)
        e = json_put(o, "ranks %u engine %s", group_size(r->request.group),
                     r->request.group->transport->engine);
    return e || !r->rank_devices ? e : json_add_string(o, "devices", r->rank_devices);
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
        if (!e)
            e = json_put(o, "step %u loss %f perplexity %f accuracy %f", v->step, v->loss,
                         exp(v->loss), v->score);
    }
    return e;
}

static err add_timing(cJSON *root, const pretrain *p) {
    const trainer *t = &p->run.trainer;
    cJSON *o = NULL;
    trainer_work work;
    uint32_t before = trainer_work_done(&work, t);
    err e = json_add_object(&o, root, "timing");
    if (!e)
        e = json_put(o, "prepare_s %f train_s %f steps %u train_tokens %f tokens_per_s %f",
                     p->run.tokenize_s, work.seconds, t->done - before, (double)work.tokens,
                     work.seconds > 0 ? (double)work.tokens / work.seconds : 0);
    return e ? e : json_add_string(root, "final_weights_sha256", p->run.final_sha256);
}

err pretrain_record_write(const char *path, const pretrain *p) {
    cJSON *root = cJSON_CreateObject();
    err e = add_program(root);
    if (!e) e = add_model(root, p);
    if (!e) e = json_add_copy(root, "corpus", p->prepared.json);
    if (!e) e = add_recipe(root, p);
    if (!e) e = add_device(root, p);
    if (!e) e = add_group(root, &p->run);
    if (!e) e = add_curve(root, p);
    if (!e) e = add_timing(root, p);
    if (!e) e = record_checksums_write(root);
    if (!e) e = json_write(path, root);
    cJSON_Delete(root);
    return e;
}
