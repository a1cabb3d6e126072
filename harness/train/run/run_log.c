/* What a run puts into its log, under Trainer's names. */
#include "base/log.h"
#include "metric/score_text.h"
#include "train/run/run_internal.h"

#include <math.h>
#include <stdio.h>

typedef struct line {
    log_value values[LOG_VALUES_MAX];
    size_t count;
} line;

static void put(line *l, const char *prefix, const char *name, double value) {
    if (l->count == LOG_VALUES_MAX) return; // more metrics than a task may have
    log_value *v = &l->values[l->count++];
    snprintf(v->name, sizeof v->name, "%s%s", prefix, name);
    v->value = value;
}

err run_log_values(run *r, const log_value *values, size_t count) {
    const trainer *t = &r->trainer;
    if (!run_writes(r)) return ERR_OK;
    return train_log_add(&r->log, t->done, trainer_epoch(t), values, count);
}

static err add(run *r, const line *l) {
    return run_log_values(r, l->values, l->count);
}

/* What the run was told, by the names of its record. */
static err arguments_of(cJSON *out, const run *r) {
    const run_request *q = &r->request;
    err e =
        json_put(out, "task %s model %s seed %u protocol %s device %s precision %s", r->task.name,
                 r->base_model.name, q->seed, q->protocol == PROTOCOL_DEV ? "dev" : "last",
                 r->device.info.name, device_precision_name(r->device.options.precision));
    if (!e) e = recipe_json(out, &q->recipe);
    return e ? e : recipe_json_rest(out, &q->recipe);
}

err run_log_open(run *r) {
    if (!run_writes(r)) return ERR_OK;
    cJSON *arguments = cJSON_CreateObject();
    err e = train_log_open(&r->log, r->output, r->request.tensorboard, r->trainer.set_at);
    if (!e) e = arguments_of(arguments, r);
    if (!e) e = train_log_begin(&r->log, arguments);
    cJSON_Delete(arguments);
    return e;
}

err run_log_step(void *context, trainer *t) {
    run *r = context;
    line l = {.count = 0};
    put(&l, "", "loss", trainer_logged_loss(t));
    put(&l, "", "grad_norm", t->grad_norm);
    put(&l, "", "learning_rate", trainer_rate(t, t->done));
    return add(r, &l);
}

/* Units a second, for a time that a coarse clock may give as 0. */
static double per_second(double units, double seconds) {
    return units / fmax(seconds, 1e-9);
}

/* Loss, scores and times of `rows` rows. */
static err add_scores(run *r, const char *prefix, const confusion *c, double loss, size_t rows,
                      double seconds) {
    line l = {.count = 0};
    uint32_t size = r->request.recipe.per_device_eval_batch_size;
    double batches = ceil((double)rows / size);
    put(&l, prefix, "loss", loss);
    for (size_t i = 0; i < metric_count(); i++) {
        const metric *m = metric_at(i);
        if (metric_applies(m, c->kind, c->classes) && metric_tells(m, r->task.name))
            put(&l, prefix, m->name, m->fn(c));
    }
    put(&l, prefix, "runtime", seconds);
    put(&l, prefix, "samples_per_second", per_second((double)rows, seconds));
    put(&l, prefix, "steps_per_second", per_second(batches, seconds));
    return add(r, &l);
}

err run__log_evaluation(run *r, const confusion *c, double loss, double seconds) {
    return add_scores(r, "eval_", c, loss, r->dev.count, seconds);
}

err run__log_test(run *r) {
    confusion c = {0};
    if (!run_writes(r)) return ERR_OK;
    err e = run_test_sum(&c, r, false);
    if (!e) e = add_scores(r, "test_", &c, r->test_loss, r->test.count, r->eval_s);
    if (!e) e = train_log_end(&r->log, r->trainer.done);
    confusion_free(&c);
    return e;
}

err run_log_end(run *r) {
    const trainer *t = &r->trainer;
    const trainer_work *w = &t->work; // of this process, as transformers logs it
    line l = {.count = 0};
    double sum = 0;
    for (uint32_t s = 0; s < t->done; s++) sum += (double)t->losses[s];
    put(&l, "", "train_loss", t->done ? sum / t->done : 0);
    put(&l, "", "train_runtime", w->seconds);
    put(&l, "", "train_samples_per_second", per_second((double)w->sentences, w->seconds));
    put(&l, "", "train_steps_per_second", per_second(t->done - t->set_at, w->seconds));
    return add(r, &l);
}
