/* What a run puts into its log, under Trainer's names. */
#include "base/log.h"
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

err run_log_open(run *r) {
    if (!run_writes(r)) return ERR_OK;
    return train_log_open(&r->log, r->output, r->request.tensorboard, r->resumed_at);
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

err run__log_evaluation(run *r, const confusion *c, double loss, double seconds) {
    line l = {.count = 0};
    uint32_t size = r->request.recipe.per_device_eval_batch_size;
    double batches = ceil((double)r->dev.count / size);
    put(&l, "eval_", "loss", loss);
    for (size_t i = 0; i < metric_count(); i++) {
        const metric *m = metric_at(i);
        if (metric_applies(m, c->kind, c->classes)) put(&l, "eval_", m->name, m->fn(c));
    }
    put(&l, "eval_", "runtime", seconds);
    put(&l, "eval_", "samples_per_second", per_second((double)r->dev.count, seconds));
    put(&l, "eval_", "steps_per_second", per_second(batches, seconds));
    return add(r, &l);
}

err run_log_end(run *r) {
    const trainer *t = &r->trainer;
    line l = {.count = 0};
    double sum = 0;
    for (uint32_t s = 0; s < t->done; s++) sum += (double)t->losses[s];
    put(&l, "", "train_loss", t->done ? sum / t->done : 0);
    put(&l, "", "train_runtime", t->seconds);
    put(&l, "", "train_samples_per_second", per_second((double)t->sentences, t->seconds));
    put(&l, "", "train_steps_per_second", per_second(t->done - r->resumed_at, t->seconds));
    return add(r, &l);
}
