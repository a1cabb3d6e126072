#include "cli/dry_run.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/output.h"
#include "cli/pretrain_view.h"
#include "cli/run_device.h"
#include "cli/run_plan.h"
#include "platform/host_memory.h"
#include "train/run/run_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The first steps are slower: kernels are made, memory is touched. An evaluation has no backward
 * pass, which takes twice the forward one. */
enum { TRIED_STEPS = 5, WARM_STEPS = 2, EVALUATION_SHARE = 3 };

typedef struct estimate {
    double train_s, eval_s;
    uint32_t tried;
    size_t train_tokens, eval_tokens;
    uint64_t disk_bytes, free_bytes, checkpoints;
} estimate;

/* Seconds of a step, of a trainer that nothing is kept of. */
static err try_steps(double *seconds, uint32_t *tried, trainer *t) {
    t->options.evaluate.call = t->options.save.call = NULL;
    t->options.log.every = 0;
    t->options.stop_at = t->total_steps < TRIED_STEPS ? t->total_steps : TRIED_STEPS;
    *tried = t->options.stop_at;
    err e = trainer_run(t);
    if (e == ERR_INTERRUPTED)
        e = err_set(e, "interrupted while steps were tried: nothing was trained, and "
                       "no run was written");
    uint32_t warm = t->options.stop_at > WARM_STEPS ? WARM_STEPS : 0;
    *seconds = 0;
    for (uint32_t s = warm; s < t->options.stop_at; s++)
        *seconds += t->step_ms[s] / 1000 / (t->options.stop_at - warm);
    return e;
}

/* Two runs of as much work are tried once: what differs would be the machine's moods. */
static err time_steps(double *step, uint32_t *tried, dry_total *sum, run *r) {
    const recipe *p = &r->request.recipe;
    char *shape = NULL;
    err e = mem_printf(&shape, "%s %s %s %u %u %zu %zu", r->task.name, r->base_model.name,
                       r->device.info.name, p->per_device_train_batch_size,
                       p->gradient_accumulation_steps, r->train.count, r->train.tokens);
    if (e) return e;
    if (!sum->shape || strcmp(sum->shape, shape) != 0) {
        mem_free(sum->shape);
        sum->shape = NULL;
        if ((e = try_steps(&sum->step_s, &sum->tried, &r->trainer))) {
            mem_free(shape);
            return e;
        }
        sum->shape = shape;
        shape = NULL;
    }
    mem_free(shape);
    *step = sum->step_s;
    *tried = sum->tried;
    return ERR_OK;
}

static err find_all(estimate *m, dry_total *sum, run *r) {
    const recipe *p = &r->request.recipe;
    trainer *t = &r->trainer;
    double step = 0;
    err e = run_writes(r) ? run_free_bytes(&m->free_bytes, r) : ERR_OK;
    if (!e) e = time_steps(&step, &m->tried, sum, r);
    if (!e) e = run_try_evaluators(r);
    if (e || !run_writes(r)) return e;
    double epochs = (double)t->total_steps / t->epoch_steps;
    double sentence = step / (p->per_device_train_batch_size * p->gradient_accumulation_steps);
    m->disk_bytes = run_disk_bytes(r, &m->checkpoints);
    m->train_tokens = (size_t)(epochs * (double)r->train.tokens);
    m->eval_tokens = r->test.tokens;
    m->train_s = step * t->total_steps;
    double evaluations = 0;
    if (r->request.protocol == PROTOCOL_DEV)
        evaluations = p->eval_steps ? (double)t->total_steps / p->eval_steps : ceil(epochs);
    m->eval_s =
        sentence / EVALUATION_SHARE * ((double)r->test.count + evaluations * (double)r->dev.count);
    return ERR_OK;
}

/* What both kinds of runs take. */
static err print_json(cJSON *root, const run *r, const estimate *m) {
    err e =
        json_put(root,
                 "device_bytes %f host_bytes %f disk_bytes %f disk_free_bytes %f output %s "
                 "train_s %f eval_s %f",
                 (double)r->device.peak_bytes, (double)host_memory_peak(), (double)m->disk_bytes,
                 (double)m->free_bytes, r->output, m->train_s, m->eval_s);
    return output_json_last(e, root, false);
}

static err print_run_json(const run *r, const estimate *m) {
    cJSON *root = cJSON_CreateObject();
    err e = json_put(root,
                     "task %s model %s device %s seed %u train_rows %zu dev_rows %zu test_rows %zu "
                     "steps %u epoch_steps %u train_tokens %zu eval_tokens %zu",
                     r->task.name, r->base_model.name, RUN_DEVICE(r), r->request.seed,
                     r->train.count, r->dev.count, r->test.count, r->trainer.total_steps,
                     r->trainer.epoch_steps, m->train_tokens, m->eval_tokens);
    if (!e) return print_json(root, r, m);
    cJSON_Delete(root);
    return e;
}

/* What all of them take; of memory the most. */
static void add_up(dry_total *sum, const run *r, const estimate *m) {
    sum->runs++;
    sum->steps += r->trainer.total_steps;
    sum->train_s += m->train_s;
    sum->eval_s += m->eval_s;
    sum->disk_bytes += m->disk_bytes;
    sum->free_bytes = m->free_bytes;
    if (r->device.peak_bytes > sum->device_bytes) sum->device_bytes = r->device.peak_bytes;
}

/* What both kinds of runs take. */
static void print_costs(const run *r, const estimate *m) {
    char train[LOG_DURATION_BYTES], evaluation[LOG_DURATION_BYTES];
    char one[SHOWN_SIZE_BYTES], other[SHOWN_SIZE_BYTES];
    shown_size(one, r->device.peak_bytes);
    shown_size(other, host_memory_peak());
    if (r->device.info.kind == DEVICE_CPU)
        output_said(shown_wrapped, "memory  ", "%s of the host's, %s of it for the device", other,
                    one);
    else
        output_said(shown_wrapped, "memory  ", "%s of the device's, %s of the host's in all", one,
                    other);
    if (m->checkpoints)
        output_said(shown_wrapped, "disk    ",
                    "%s at most, for %llu checkpoint%s and for the model and its copy while it is "
                    "written; %s are free",
                    SHOWN_SIZE(m->disk_bytes), (unsigned long long)m->checkpoints,
                    shown_plural(m->checkpoints), SHOWN_SIZE(m->free_bytes));
    else
        output_said(shown_wrapped, "disk    ",
                    "%s at most, for the model and its copy while it is written; %s are free",
                    SHOWN_SIZE(m->disk_bytes), SHOWN_SIZE(m->free_bytes));
    output_said(shown_wrapped, "output  ", "%s", r->output);
    output_said(shown_wrapped, "time    ",
                "about %s of training and %s of evaluation, by %u step%s tried "
                "and thrown away",
                log_duration(train, m->train_s), log_duration(evaluation, m->eval_s), m->tried,
                m->tried == 1 ? " that was" : "s that were");
}

/* Of what is tokenized. */
static void print_tokens(size_t train, size_t read, const char *where) {
    output_said(shown_wrapped, "tokens  ", "%s in training, %s %s", SHOWN_COUNT(train),
                SHOWN_COUNT(read), where);
}

err dry_run(dry_total *sum, run *r, bool json) {
    estimate m = {0};
    err e = find_all(&m, sum, r);
    if (e || !run_writes(r)) return e;
    if (json) return print_run_json(r, &m);
    if (sum->runs) puts("");
    add_up(sum, r, &m);
    run_plan(r, shown_wrapped);
    print_tokens(m.train_tokens, m.eval_tokens, "in the test rows");
    print_costs(r, &m);
    return ERR_OK;
}

void dry_run_free(dry_total *sum) {
    mem_free(sum->shape);
    *sum = (dry_total){0};
}

void dry_run_end(const dry_total *sum) {
    char train[LOG_DURATION_BYTES], evaluation[LOG_DURATION_BYTES];
    if (sum->runs > 1) {
        puts("");
        output_said(shown_wrapped, "all     ", "%s runs, %s steps", SHOWN_COUNT(sum->runs),
                    SHOWN_COUNT(sum->steps));
        output_said(shown_wrapped, "memory  ", "%s of the device's at most",
                    SHOWN_SIZE(sum->device_bytes));
        output_said(shown_wrapped, "disk    ", "%s at most, %s are free",
                    SHOWN_SIZE(sum->disk_bytes), SHOWN_SIZE(sum->free_bytes));
        output_said(shown_wrapped, "time    ", "about %s of training and %s of evaluation",
                    log_duration(train, sum->train_s), log_duration(evaluation, sum->eval_s));
    }
    if (sum->runs) shown_line("nothing was trained, and nothing written");
}

/* How often the held-out sentences are looked at. */
static double evaluations_of(const pretrain *p) {
    const trainer *t = &p->run.trainer;
    uint32_t every = p->run.request.recipe.eval_steps;
    if (!p->heldout.count) return 0;
    return every ? floor((double)t->total_steps / every)
                 : ceil((double)t->total_steps / t->epoch_steps);
}

static err estimate_pretrain(estimate *m, pretrain *p) {
    run *r = &p->run;
    trainer *t = &r->trainer;
    heldout_result found;
    double step = 0;
    err e = run_writes(r) ? run_free_bytes(&m->free_bytes, r) : ERR_OK;
    m->train_tokens = (size_t)((double)p->train.tokens * t->total_steps / t->epoch_steps);
    m->eval_tokens = p->heldout.tokens;
    m->disk_bytes = run_disk_bytes(r, &m->checkpoints);
    if (!e) e = try_steps(&step, &m->tried, t);
    double begin = clock_seconds();
    if (!e && p->heldout.count) e = heldout_evaluate(&found, p);
    m->eval_s = (clock_seconds() - begin) * evaluations_of(p);
    m->train_s = step * t->total_steps;
    return e;
}

static err print_pretrain_json(const pretrain *p, const estimate *m) {
    const run *r = &p->run;
    const corpus_counts *c = &p->prepared.counts;
    cJSON *root = cJSON_CreateObject();
    err e = json_put(root, "corpus %s model %s device %s seed %u lines %f excluded_lines %f",
                     p->corpus.name, r->base_model.name, RUN_DEVICE(r), r->request.seed,
                     (double)c->lines, (double)(c->lines - c->kept));
    if (!e)
        e = json_put(root,
                     "train_sentences %f heldout_sentences %f steps %u epoch_steps %u train_tokens "
                     "%zu heldout_tokens %zu",
                     (double)c->train_sentences, (double)c->heldout_sentences,
                     r->trainer.total_steps, r->trainer.epoch_steps, m->train_tokens,
                     m->eval_tokens);
    if (!e) return print_json(root, r, m);
    cJSON_Delete(root);
    return e;
}

err dry_run_pretrain(pretrain *p, bool json) {
    const run *r = &p->run;
    estimate m = {0};
    err e = estimate_pretrain(&m, p);
    if (e || !run_writes(r)) return e;
    if (json) return print_pretrain_json(p, &m);
    pretrain_plan(p, shown_wrapped);
    print_tokens(m.train_tokens, m.eval_tokens, "held out");
    print_costs(r, &m);
    shown_line("nothing was trained, and nothing written%s",
               p->prepared.reused
                   ? ""
                   : " but the corpus' tokens, in the cache, where the run finds them");
    return ERR_OK;
}
