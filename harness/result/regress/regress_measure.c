#include "result/regress/regress.h"

#include "base/hash.h"
#include "base/log.h"
#include "platform/file.h"
#include "result/regress/regress_internal.h"
#include "result/version.h"
#include "train/run/run.h"
#include "train/run/run_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void regress__request(run_request *q, const regress_case *c, const regress_options *o,
                      uint32_t seed) {
    *q = (run_request){.task = c->task,
                       .data_dir = o->data_dir,
                       .sample = c->sample,
                       .limit = c->limit,
                       .model = c->model,
                       .arch = c->arch,
                       .protocol = PROTOCOL_LAST,
                       .seed = seed,
                       .device = o->device,
                       .threads = o->threads,
                       .offline = true,
                       .output = o->folder,
                       .overwrite = true};
    recipe_defaults(&q->recipe);
    q->recipe.learning_rate = 1e-3; // learns enough in few steps that a fault shows in the score
    q->recipe.max_steps = c->steps;
    q->recipe.per_device_train_batch_size = c->batch_size;
    q->recipe.per_device_eval_batch_size = c->batch_size;
}

/* Whether every file of the case's task is here. */
static err data_is_here(bool *here, const regress_case *c, const char *data_dir) {
    task t = {0};
    dataset_options options = {.data_dir = data_dir, .sample = c->sample};
    err e = task_find(&t, c->task, NULL);
    if (!e) e = dataset_is_here(here, &t, &options);
    task_free(&t);
    return e;
}

// of a tensor's slices, one after the other
static void add_norms(regress_result *r, size_t *place, const param *p, const float *g,
                      size_t count, uint32_t step) {
    size_t slices = param_slices(p), part = count / slices;
    for (size_t s = 0; s < slices; s++) {
        char name[PARAM_NAME_BYTES];
        double sum = 0;
        param_key(p, s, name);
        if (p->field == PARAM_qkv_bias && s == 1) continue;
        for (size_t i = 0; i < part; i++) sum += (double)g[s * part + i] * (double)g[s * part + i];
        regress_tensor *t = &r->tensors[(*place)++];
        memcpy(t->name, name, sizeof name);
        t->norms[step - 1] = sqrt(sum);
    }
}

/* Gradients stay where they are until the next step begins. */
static err read_gradients(regress_result *r, const trainer *t, uint32_t step) {
    const params *ps = &t->model.params;
    size_t largest = 0, slices = 0, place = 0;
    float *g = NULL;
    err e = ERR_OK;
    for (size_t i = 0; i < ps->count; i++) {
        slices += param_slices(&ps->list[i]);
        if (ps->list[i].g.count > largest) largest = ps->list[i].g.count;
    }
    if (!r->tensors && (e = mem_new(&r->tensors, slices))) return e;
    if ((e = mem_new(&g, largest))) return e;
    for (size_t i = 0; i < ps->count && !e; i++) {
        const param *p = &ps->list[i];
        // of the token embedding only the rows of this step's tokens hold a gradient
        size_t count =
            p->is_sparse ? (size_t)t->packs[step % SLOT_COUNT].step_rows * p->cols : p->count;
        if (!(e = device_read_f32(g, span_part(p->g, 0, count), count)))
            add_norms(r, &place, p, g, count, step);
    }
    r->tensor_count = place;
    mem_free(g);
    return e;
}

static err train_watched(regress_result *r, run *job) {
    trainer *t = &job->trainer;
    for (uint32_t s = 1; s <= REGRESS_STEPS; s++) {
        t->options.stop_at = s;
        err e = trainer_run(t);
        if (e || (e = read_gradients(r, t, s))) return e;
        r->losses[s - 1] = (double)t->losses[s - 1];
    }
    t->options.stop_at = 0;
    return t->done < t->total_steps ? run_train(job) : ERR_OK;
}

static err score(regress_result *r, const run *job) {
    confusion c = {0};
    size_t n = job->test.count, classes = job->task.label_count;
    answer_kind kind = job->task.kind;
    err e = run_test_sum(&c, job, false);
    for (size_t m = 0; !e && m < metric_count(); m++)
        r->metrics[m] =
            metric_applies(metric_at(m), kind, classes) ? metric_at(m)->fn(&c) : (double)NAN;
    if (job->said.classes)
        hash_bytes_hex(job->said.classes,
                       (job->said.begin ? job->said.begin[n] : n) * sizeof *job->said.classes,
                       r->predictions_sha256);
    else
        hash_bytes_hex(job->logits, n * job->base_model.config.classes * sizeof *job->logits,
                       r->predictions_sha256);
    r->rows = n;
    confusion_free(&c);
    return e;
}

static void note_device(regress_state *out, const device_info *d) {
    snprintf(out->kind, sizeof out->kind, "%s", device_record_kind(d));
    snprintf(out->device, sizeof out->device, "%s", d->name);
    snprintf(out->driver, sizeof out->driver, "%s", d->driver);
    snprintf(out->isa, sizeof out->isa, "%s", d->isa);
    snprintf(out->libraries, sizeof out->libraries, "%s", d->libraries);
    out->threads = d->threads;
}

/* One run; with `watched` losses and gradients are kept too. */
static err run_case(regress_state *out, regress_result *r, const regress_case *c,
                    const regress_options *o, uint32_t seed, bool watched) {
    run job = {0};
    run_request q;
    regress__request(&q, c, o, seed);
    double begin = clock_seconds();
    err e = run_open(&job, &q);
    if (e) goto done;
    note_device(out, &job.device.info);
    if ((e = watched ? train_watched(r, &job) : run_train(&job))) goto done;
    if ((e = run_evaluate(&job)) || (e = score(r, &job))) goto done;
    memcpy(r->data_sha256, job.data.data_sha256, sizeof r->data_sha256);
    const trainer_work *work = &job.trainer.work;
    if (work->seconds > 0) r->sentences_per_s = (double)work->sentences / work->seconds;
    if (!r->headline) e = mem_strdup(&r->headline, job.task.headline);
    r->seconds += clock_seconds() - begin;
done:
    run_close(&job);
    return e;
}

static void free_result(regress_result *r) {
    mem_free(r->name);
    mem_free(r->headline);
    mem_free(r->tensors);
    *r = (regress_result){0};
}

static err measure_case(regress_state *out, regress_result *r, const regress_suite *s,
                        const regress_case *c, const regress_options *o) {
    err e = mem_strdup(&r->name, c->name);
    if (e || (e = run_case(out, r, c, o, s->seeds[0], true))) return e;
    r->seeds[r->seed_count++] = metric_of(r->metrics, r->headline);
    for (size_t i = 1; o->all_seeds && i < s->seed_count && !e; i++) {
        regress_result other = {0};
        e = run_case(out, &other, c, o, s->seeds[i], false);
        if (!e) r->seeds[r->seed_count++] = metric_of(other.metrics, other.headline);
        free_result(&other);
    }
    return e;
}

void regress__clear(const char *folder) {
    bool held = false;
    if (run_at_work(&held, NULL, folder) || (!held && folder_remove(folder)))
        log_warn("%s", err_message(ERR_IO));
}

err regress_measure(regress_state *out, const regress_suite *s, const regress_options *o) {
    *out = (regress_state){.product_size = out->product_size};
    snprintf(out->commit, sizeof out->commit, "%s", version_commit());
    memcpy(out->suite_sha256, s->sha256, sizeof out->suite_sha256);
    err e = mem_new(&out->results, s->case_count);
    if (e) return e;
    out->result_count = s->case_count;
    for (size_t i = 0; i < s->case_count && !e; i++) {
        const regress_case *c = &s->cases[i];
        bool here = false;
        if (o->known && regress__result(o->known, c->name)) continue;
        e = data_is_here(&here, c, o->data_dir);
        if (!e && here) {
            log_note("case %s (%zu of %zu)", c->name, i + 1, s->case_count);
            e = measure_case(out, &out->results[i], s, c, o);
        } else if (!e && o->all_seeds) {
            e = err_set(ERR_DATA,
                        "a baseline needs every case, and the data of %s is not here: harness data "
                        "fetch %s",
                        c->task, c->task);
        } else if (!e) {
            log_note("case %s is left out: the data of %s is not here", c->name, c->task);
        }
        if (e) e = err_wrap(e, "case %s", c->name);
    }
    if (!e && o->timing && s->has_timing) e = regress_time(out, s, o);
    regress__clear(o->folder);
    return e;
}

void regress_state_free(regress_state *s) {
    for (size_t i = 0; s->results && i < s->result_count; i++) free_result(&s->results[i]);
    mem_free(s->results);
    mem_free(s->kernels);
    *s = (regress_state){0};
}
