#include "result/tune_trial.h"

#include "base/json.h"
#include "base/log.h"
#include "base/moment.h"
#include "metric/score.h"
#include "platform/file.h"
#include "result/record_strict.h"
#include "result/version.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TRIAL_SCHEMA = 2,
    TRIAL_LIMIT_BYTES = 16 << 20,
    NAME_DIGITS = 16,
    NAME_BYTES = NAME_DIGITS + 5
};

void tune_trial_of(tune_trial *t, const run *r, bool is_cut) {
    trainer_work work;
    (void)trainer_work_done(&work, &r->trainer);
    bool is_scored = r->best.step && !is_cut;
    *t = (tune_trial){.score = is_scored ? json_rounded(r->best.score) : NAN,
                      .loss = NAN,
                      .is_cut = is_cut,
                      .best_step = is_scored ? r->best.step : 0,
                      .steps = r->trainer.done,
                      .train_s = work.seconds};
    for (uint32_t i = 0; i < r->trainer.evaluation_count; i++)
        if (r->trainer.evaluations[i].step == t->best_step)
            t->loss = json_rounded(r->trainer.evaluations[i].loss);
    snprintf(t->run_sha256, sizeof t->run_sha256, "%s", r->run_sha256);
    moment_now(t->created);
}

static err path_of(char **path, const char *folder, const char *run_sha256) {
    return mem_printf(path, "%s/" TUNE_TRIALS "/%.16s.json", folder, run_sha256);
}

bool tune_trial_is_name(const char *name) {
    return strlen(name) == NAME_BYTES && strspn(name, "0123456789abcdef") == NAME_DIGITS &&
           !strcmp(name + NAME_DIGITS, ".json");
}

err tune_recipe_json(cJSON *object, const recipe *r, bool all) {
    err e = recipe_json(object, r);
    return e || !all ? e : recipe_json_rest(object, r);
}

static err add_recipe(cJSON *root, const run *r) {
    cJSON *object = NULL;
    err e = json_add_object(&object, root, "recipe");
    return e ? e : tune_recipe_json(object, &r->request.recipe, false);
}

/* As records have them: [step, score, loss]. */
static err add_evaluations(cJSON *root, const run *r) {
    cJSON *list = NULL;
    err e = json_add_array(&list, root, "evaluations");
    for (uint32_t i = 0; !e && i < r->trainer.evaluation_count; i++) {
        const trainer_evaluation *v = &r->trainer.evaluations[i];
        e = json_append(list,
                        cJSON_CreateDoubleArray((const double[]){v->step, v->score, v->loss}, 3));
    }
    return e;
}

static err add_all(cJSON *root, const tune_trial *t, const run *r) {
    const device_info *d = &r->device.info;
    err e = json_put(root, "schema %u created %s version %s commit %s dirty %d numerics_version %u",
                     TRIAL_SCHEMA, t->created, version_string(), version_commit(),
                     version_is_dirty(), NUMERICS_VERSION);
    if (!e)
        e = json_put(root,
                     "task %s model %s device %s device_kind %s precision %s protocol %s seed %u",
                     r->task.name, r->base_model.name, d->name, device_record_kind(d),
                     device_precision_name(r->device.options.precision),
                     run_protocol_name(r->request.protocol), r->request.seed);
    if (!e)
        e = json_put(root, "train_rows %zu dev_rows %zu run_sha256 %s metric %s score %f",
                     r->train.count, r->dev.count, t->run_sha256, run_best_metric(r), t->score);
    if (!e)
        e = json_put(root, "best_step %f steps %f train_s %f not_finite %d", (double)t->best_step,
                     (double)t->steps, t->train_s, t->is_cut);
    if (!e) e = add_recipe(root, r);
    return e ? e : add_evaluations(root, r);
}

err tune_trial_write(const tune_trial *t, const run *r, const char *folder) {
    cJSON *root = cJSON_CreateObject();
    char *path = NULL, trials[PATH_MAX];
    err e = add_all(root, t, r);
    if (!e) e = record_checksums_write(root);
    if (!e) e = path_in(trials, folder, TUNE_TRIALS);
    if (!e) e = folder_make_below(folder, trials);
    if (!e) e = path_of(&path, folder, t->run_sha256);
    if (!e) e = json_write(path, root);
    mem_free(path);
    cJSON_Delete(root);
    return e;
}

/* The loss of the best evaluation, of a file that lists it. */
static double best_loss(const cJSON *root, int64_t best_step) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "evaluations"), *point;
    double loss = NAN;
    cJSON_ArrayForEach(point, list) {
        const cJSON *step = cJSON_GetArrayItem(point, 0), *value = cJSON_GetArrayItem(point, 2);
        if (cJSON_IsNumber(step) && cJSON_IsNumber(value) && step->valuedouble == (double)best_step)
            loss = value->valuedouble;
    }
    return loss;
}

/* A score that its metric can have; a loss is never below 0. */
static err read_score(tune_trial *t, const cJSON *root, const char *path) {
    const char *name = NULL;
    err e = json_string(&name, root, "metric", path);
    if (!e) e = json_number(&t->score, root, "score", path);
    if (e) return e;
    const metric *m = metric_find(name);
    double least = m ? m->least : 0, most = m ? m->most : INFINITY;
    if (!m && strcmp(name, "loss") != 0)
        return err_set(ERR_FORMAT, "%s: unknown metric '%.80s'", path, name);
    if (t->score >= least && t->score <= most) return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key 'score': %s is from %g to %g, found %g", path, name, least,
                   most, t->score);
}

static err take(tune_trial *t, const cJSON *root, const char *path, const char *run_sha256) {
    const char *created = NULL, *own = NULL;
    int64_t schema;
    err e = json_whole(&schema, root, "schema", TRIAL_SCHEMA, TRIAL_SCHEMA, path);
    if (!e) e = json_string(&own, root, "run_sha256", path);
    if (!e && strcmp(own, run_sha256) != 0)
        e = err_set(ERR_FORMAT, "%s: it is of run %.16s..., expected %.16s...", path, own,
                    run_sha256);
    if (!e) e = json_string(&created, root, "created", path);
    if (!e) e = json_bool(&t->is_cut, root, "not_finite", path);
    if (!e) e = json_whole(&t->best_step, root, "best_step", 0, INT32_MAX, path);
    if (!e) e = json_whole(&t->steps, root, "steps", 0, INT32_MAX, path);
    if (!e) e = json_number(&t->train_s, root, "train_s", path);
    t->score = NAN;
    if (!e && t->best_step) e = read_score(t, root, path);
    if (!e) e = record_checksums_check(root, path);
    if (e) return e;
    t->loss = best_loss(root, t->best_step);
    snprintf(t->run_sha256, sizeof t->run_sha256, "%s", own);
    snprintf(t->created, sizeof t->created, "%s", created);
    return ERR_OK;
}

err tune_trial_read(tune_trial *t, bool *found, const char *folder, const char *run_sha256) {
    cJSON *root = NULL;
    char *path = NULL;
    *t = (tune_trial){.score = NAN, .loss = NAN};
    *found = false;
    err e = path_of(&path, folder, run_sha256);
    if (!e && file_named(path)) {
        e = json_read(&root, path, TRIAL_LIMIT_BYTES);
        if (!e) e = take(t, root, path, run_sha256);
        *found = !e;
        if (e && e != ERR_MEMORY) log_warn("%s; the trial is run again", err_message(e));
        e = err_unless_memory(e);
    }
    cJSON_Delete(root);
    mem_free(path);
    return e;
}
