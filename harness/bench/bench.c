#include "bench/bench.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "bench/masked_feed.h"
#include "platform/host_memory.h"
#include "train/evaluate/evaluate.h"
#include "train/step/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WARM_STEPS = 3, /* not timed: first touch of memory, pipelines made on first use */
    // the first and last of a stretch: two steps are in flight, so that one ends late, one at once
    EDGE_STEPS = 2,
    STEPS_LEAST = 3,
    STEPS_MOST = 40,
    MORE_PEAKS = 2, /* further measurements of a peak that was passed */
    EVAL_FACTOR = 2 /* sentences of an evaluation batch to those of a training step */
};
static const double PHASE_SECONDS = 10;

/* What one row cost in each step. */
typedef struct row_samples {
    double seconds[BENCH_STEPS_MAX], flops[BENCH_STEPS_MAX], bytes[BENCH_STEPS_MAX];
    double dispatches;
    uint64_t invocations;
} row_samples;

/* A plan being profiled. */
typedef struct profiled {
    plan *plan;
    op_profile *profile; /* (ops) owned */
    size_t *row_of;      /* (ops) owned */
} profiled;

/* Plans of a step, one behind the other: of a group's, gradients and update. */
enum { PLANS_MAX = 2 };

/* Plans being profiled, with what packs their steps. */
typedef struct profiler {
    bench_phase *phase;
    profiled plans[PLANS_MAX]; /* those that have a plan */
    share_sum *sum;            /* of an update that ranks divide, whose norm is no op; else NULL */
    const batch *batch;
    pack *pack;
    bool for_training;
    const pack_sentence *sentences; /* (count), taken in this order */
    size_t count;
    uint32_t size;       /* sentences of a step */
    uint32_t first_step; /* number of the first step */
    uint32_t seed;
    const struct group *group;       /* NULL: alone */
    size_t norm_row;                 /* with sum */
    row_samples *rows;               /* (BENCH_ROWS_MAX) owned */
    double packing[BENCH_STEPS_MAX]; /* seconds */
} profiler;

static void shape_of(char shape[BENCH_SHAPE_BYTES], const op *o) {
    uint32_t n = 0, k = 0;
    if (o->kind == OP_linear_fwd) n = o->as.linear_fwd.n, k = o->as.linear_fwd.k;
    if (o->kind == OP_linear_dx) n = o->as.linear_dx.n, k = o->as.linear_dx.k;
    if (o->kind == OP_linear_dw) n = o->as.linear_dw.n, k = o->as.linear_dw.k;
    shape[0] = '\0';
    if (n) snprintf(shape, BENCH_SHAPE_BYTES, "%ux%u", n, k);
}

/* The row of an op, added when it is the first of its kind and shape. */
static err find_row(size_t *row, bench_phase *phase, const op *o) {
    char shape[BENCH_SHAPE_BYTES];
    shape_of(shape, o);
    for (size_t i = 0; i < phase->row_count; i++) {
        *row = i;
        if (phase->rows[i].kind == o->kind && !strcmp(phase->rows[i].shape, shape)) return ERR_OK;
    }
    if (phase->row_count == BENCH_ROWS_MAX)
        return err_set(ERR_ARG, "bench: more than %d kinds and shapes of ops", BENCH_ROWS_MAX);
    *row = phase->row_count++;
    phase->rows[*row].kind = o->kind;
    memcpy(phase->rows[*row].shape, shape, sizeof shape);
    return ERR_OK;
}

static err profiled_init(profiled *q, bench_phase *phase) {
    size_t ops = plan_first_op(q->plan, PART_COUNT);
    err e = mem_new(&q->profile, ops);
    if (!e) e = mem_new(&q->row_of, ops);
    for (plan_part part = PART_BEGIN; !e && part < PART_COUNT; part++) {
        const op_list *list = &q->plan->parts[part];
        size_t *rows = q->row_of + plan_first_op(q->plan, part);
        for (size_t i = 0; !e && i < list->count; i++)
            if (!(e = find_row(&rows[i], phase, &list->ops[i]))) phase->rows[rows[i]].calls++;
    }
    return e;
}

static err profiler_init(profiler *p) {
    err e = mem_new(&p->rows, BENCH_ROWS_MAX);
    for (size_t i = 0; !e && i < PLANS_MAX; i++)
        if (p->plans[i].plan) e = profiled_init(&p->plans[i], p->phase);
    if (e || !p->sum) return e;
    e = find_row(&p->norm_row, p->phase, &(op){.kind = OP_grad_norm});
    if (!e) p->phase->rows[p->norm_row].calls++;
    return e;
}

static void profiler_free(profiler *p) {
    for (size_t i = 0; i < PLANS_MAX; i++) {
        mem_free(p->plans[i].profile);
        mem_free(p->plans[i].row_of);
    }
    mem_free(p->rows);
}

/* Runs a plan with each op timed, as a part of sample s. */
static err profile_plan(profiler *p, profiled *q, const step_info *step, uint32_t s) {
    size_t real_bytes = elem_bytes(q->plan->device->real);
    memset(q->profile, 0, plan_first_op(q->plan, PART_COUNT) * sizeof *q->profile);
    q->plan->profile = q->profile;
    err e = plan_submit(q->plan, step);
    if (!e) e = plan_wait(q->plan, step->slot);
    q->plan->profile = NULL;
    for (plan_part part = PART_BEGIN; !e && part < PART_COUNT; part++) {
        uint32_t micros = part == PART_MICRO ? step->micro_count : 1;
        size_t base = plan_first_op(q->plan, part);
        for (size_t i = 0; i < q->plan->parts[part].count; i++) {
            const op *o = &q->plan->parts[part].ops[i];
            const op_profile *told = &q->profile[base + i];
            row_samples *row = &p->rows[q->row_of[base + i]];
            row->seconds[s] += told->seconds;
            row->dispatches += told->dispatches;
            if (told->invocations > row->invocations) row->invocations = told->invocations;
            for (uint32_t micro = 0; micro < micros; micro++) {
                op_cost cost = op_cost_of(o, step, micro);
                row->flops[s] += cost.flops;
                row->bytes[s] += cost.reals * (double)real_bytes;
            }
        }
    }
    return e;
}

/* This rank's part of the norm, as an exchange makes it. */
static void profile_norm(profiler *p, uint32_t s) {
    row_samples *row = &p->rows[p->norm_row];
    double begin = clock_seconds(), count = (double)share_sum_square_own(p->sum);
    row->seconds[s] += clock_seconds() - begin;
    row->flops[s] += 2 * count;
    row->bytes[s] += count * sizeof(float);
    row->dispatches++;
}

/* Runs the plans on the next sentences, as sample s. */
static err profile_step(profiler *p, uint32_t s) {
    // the same steps as a run's, whose tokens are known to fit
    size_t first = s % ((p->count + p->size - 1) / p->size) * p->size;
    size_t n = p->count - first < p->size ? p->count - first : p->size;
    const struct group *g = p->group;
    pack_share share = {0};
    share_list all = {0};
    err e = ERR_OK;
    double begin = clock_seconds();
    if (!group_is_alone(g)) {
        e = shares_make(&all, p->sentences + first, (uint32_t)n, g->size);
        share = (pack_share){all.owners, g->rank};
    }
    if (!e)
        e = pack_fill_share(p->pack, p->batch, 0, p->sentences + first, (uint32_t)n, &share, 0,
                            p->for_training);
    shares_free(&all);
    p->packing[s] = clock_seconds() - begin;
    if (e) return e;
    step_info step = pack_step(p->pack, 0, p->first_step + (p->for_training ? s : 0), p->seed);
    for (size_t i = 0; !e && i < PLANS_MAX; i++)
        if (p->plans[i].plan) e = profile_plan(p, &p->plans[i], &step, s);
    if (!e && p->sum) profile_norm(p, s);
    p->phase->sentences += (double)p->pack->sentence_count;
    p->phase->tokens += (double)p->pack->token_count;
    return e;
}

static bool is_product(op_kind kind) {
    return kind == OP_linear_fwd || kind == OP_linear_dx || kind == OP_linear_dw;
}

/* Median over the steps of amount / seconds, in 1e9 per second. */
static double median_rate(const double *amount, const double *seconds, uint32_t steps) {
    double rates[BENCH_STEPS_MAX];
    for (uint32_t s = 0; s < steps; s++)
        rates[s] = seconds[s] > 0 ? amount[s] / seconds[s] / 1e9 : 0;
    return spread_of(rates, steps).median;
}

static double mean(const double *values, uint32_t count) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += values[i];
    return sum / count;
}

/* Turns the samples into the phase's figures. */
static void summarise(profiler *p, uint32_t steps) {
    bench_phase *phase = p->phase;
    double product_ms = 0;
    for (size_t i = 0; i < phase->row_count; i++) {
        bench_row *row = &phase->rows[i];
        row_samples *from = &p->rows[i];
        row->gflops = median_rate(from->flops, from->seconds, steps);
        row->gbytes = median_rate(from->bytes, from->seconds, steps);
        row->flops = mean(from->flops, steps);
        row->bytes = mean(from->bytes, steps);
        row->dispatches = from->dispatches / steps;
        row->invocations = from->invocations;
        for (uint32_t s = 0; s < steps; s++) from->seconds[s] *= 1000;
        row->ms = spread_of(from->seconds, steps);
        phase->op_ms += row->ms.median;
        phase->dispatches += row->dispatches;
        phase->flops += row->flops;
        if (is_product(row->kind)) product_ms += row->ms.median;
    }
    if (phase->op_ms > 0) {
        for (size_t i = 0; i < phase->row_count; i++)
            phase->rows[i].share = phase->rows[i].ms.median / phase->op_ms;
        phase->product_share = product_ms / phase->op_ms;
    } else {
        phase->row_count = 0; // a device that does not time its ops
    }
    phase->sentences /= steps;
    phase->tokens /= steps;
    phase->pack_ms = spread_of(p->packing, steps).median * 1000;
    phase->gflops = phase->flops / phase->ms.median / 1e6;
    phase->sentences_per_s = phase->sentences / phase->ms.median * 1000;
    phase->tokens_per_s = phase->tokens / phase->ms.median * 1000;
}

/* pre: phase->ms is filled in; p's inputs are set. */
static err profile_phase(profiler *p, uint32_t steps) {
    err e = profiler_init(p);
    for (uint32_t s = 0; !e && s < steps; s++) e = profile_step(p, s);
    if (!e) summarise(p, steps);
    profiler_free(p);
    return e;
}

static uint32_t steps_for(const bench_options *o, double step_seconds) {
    if (o->steps) return o->steps;
    double fit = step_seconds > 0 ? PHASE_SECONDS / step_seconds : STEPS_MOST;
    return fit < STEPS_LEAST ? STEPS_LEAST : fit > STEPS_MOST ? STEPS_MOST : (uint32_t)fit;
}

static err run_to(trainer *t, uint32_t step) {
    t->options.stop_at = step;
    return trainer_run(t);
}

/* Whole training steps, as a run does them. */
static err time_training(bench_phase *phase, bench_exchange *x, trainer *t,
                         const bench_options *o) {
    struct group alone = {0}, *g = o->group ? o->group : &alone;
    err e = run_to(t, WARM_STEPS);
    if (e) return e;
    phase->steps = steps_for(o, t->step_ms[WARM_STEPS - 1] / 1000);
    if ((e = group_broadcast(g, &phase->steps, sizeof phase->steps))) return e;
    double bytes = (double)g->bytes, seconds = g->seconds, waited = t->sum.waited;
    double steps = phase->steps + EDGE_STEPS;
    if ((e = run_to(t, WARM_STEPS + phase->steps + EDGE_STEPS))) return e;
    phase->ms = spread_of(t->step_ms + WARM_STEPS + 1, phase->steps);
    *x = (bench_exchange){.bytes = ((double)g->bytes - bytes) / steps,
                          .ms = (g->seconds - seconds) * 1000 / steps,
                          .exposed_ms = (t->sum.waited - waited) * 1000 / steps};
    return ERR_OK;
}

/* Whole evaluations of some batches; a sample is the mean time of their batches. */
static err time_evaluation(bench_phase *phase, evaluator *ev, const encoded *data, float *logits,
                           const bench_options *o) {
    double samples[BENCH_STEPS_MAX], begin = clock_seconds();
    size_t batches = (data->count + ev->batch_size - 1) / ev->batch_size;
    err e = evaluator_run(ev, logits, NULL, data, NULL);
    if (e) return e;
    phase->steps = steps_for(o, clock_seconds() - begin);
    for (uint32_t s = 0; s < phase->steps; s++) {
        begin = clock_seconds();
        if ((e = evaluator_run(ev, logits, NULL, data, NULL))) return e;
        samples[s] = (clock_seconds() - begin) * 1000 / (double)batches;
    }
    phase->ms = spread_of(samples, phase->steps);
    return ERR_OK;
}

static err measure_evaluation(bench_phase *phase, trainer *t, const encoded *test,
                              const batch_capacity *capacity, const bench_options *o) {
    enum { BATCHES = 4 };
    evaluator ev = {0};
    float *logits = NULL;
    uint32_t size = EVAL_FACTOR * o->batch_size;
    encoded some = *test;
    if (some.count > (size_t)BATCHES * size) some.count = (size_t)BATCHES * size;
    err e = mem_new(&logits, encoded_results(&some) * evaluated_width(&t->model));
    if (!e) e = evaluator_init(&ev, &t->model, trainer_evaluation_memory(t), capacity, size);
    if (!e) e = time_evaluation(phase, &ev, &some, logits, o);
    if (!e) {
        profiler p = {.phase = phase,
                      .plans = {{.plan = &ev.plan}},
                      .batch = &ev.batch,
                      .pack = &ev.packs[0],
                      .sentences = some.sentences,
                      .count = some.count,
                      .size = size,
                      .first_step = 1};
        e = profile_phase(&p, phase->steps);
    }
    evaluator_free(&ev);
    mem_free(logits);
    return e;
}

/* Training steps op by op, as steps that follow: each of the next `size` sentences (count). */
static err profile_steps(bench_phase *phase, trainer *t, const pack_sentence *sentences,
                         size_t count, uint32_t size) {
    bool is_group = !group_is_alone(t->options.group);
    profiler p = {.phase = phase,
                  .plans = {{.plan = &t->plan}, {.plan = is_group ? &t->update : NULL}},
                  .sum = t->sum.divides ? &t->sum : NULL,
                  .batch = &t->batch,
                  .pack = &t->packs[0],
                  .for_training = true,
                  .sentences = sentences,
                  .count = count,
                  .size = size,
                  .first_step = t->done + 1,
                  .seed = t->options.seed,
                  .group = t->options.group};
    return profile_phase(&p, phase->steps);
}

/* The training steps again: the first epoch's sentences. */
static err profile_training(bench_phase *phase, trainer *t) {
    pack_sentence *sentences = NULL;
    const encoded *data = t->rows.data;
    size_t count = data->count;
    err e = mem_new(&sentences, count);
    if (e) return e;
    rng_order(t->rows.order, count, t->options.seed, 0);
    for (size_t i = 0; i < count; i++) sentences[i] = data->sentences[t->rows.order[i]];
    e = profile_steps(phase, t, sentences, count, t->recipe.per_device_train_batch_size);
    mem_free(sentences);
    return e;
}

/* Measures the device's own rates once more. */
static err calibrate(bench *b, device *d) {
    double gflops = 0, gbytes = 0;
    err e = bench_peak(&gflops, &gbytes, &b->peak_size, d);
    if (e) return e;
    if (gflops > b->peak_gflops) b->peak_gflops = gflops;
    if (gbytes > b->peak_gbytes) b->peak_gbytes = gbytes;
    if (gflops < b->low_gflops || b->low_gflops <= 0) b->low_gflops = gflops;
    if (gbytes < b->low_gbytes || b->low_gbytes <= 0) b->low_gbytes = gbytes;
    return ERR_OK;
}

/* Raises the rates to what a phase reached. */
static void raise_rates(double *gflops, double *gbytes, const bench_phase *phase) {
    if (phase->gflops > *gflops) *gflops = phase->gflops;
    for (size_t i = 0; i < phase->row_count; i++) {
        if (phase->rows[i].gflops > *gflops) *gflops = phase->rows[i].gflops;
        if (phase->rows[i].gbytes > *gbytes) *gbytes = phase->rows[i].gbytes;
    }
}

err bench_settle(bench *b, device *d) {
    double gflops = 0, gbytes = 0;
    err e = ERR_OK;
    raise_rates(&gflops, &gbytes, &b->training);
    raise_rates(&gflops, &gbytes, &b->evaluation);
    for (int i = 0; i < MORE_PEAKS && !e; i++) {
        if (b->peak_gflops >= gflops && b->peak_gbytes >= gbytes) return ERR_OK;
        e = calibrate(b, d);
    }
    if (gflops > b->peak_gflops) b->peak_gflops = gflops;
    if (gbytes > b->peak_gbytes) b->peak_gbytes = gbytes;
    return e;
}

/* Errors: ERR_ARG for too many steps. scaler: of fp16 alone, as a run has it. */
static err bench_begin(recipe *r, trainer_options *options, loss_scaler *scaler, const device *d,
                       const bench_options *o) {
    if (o->steps > BENCH_STEPS_MAX)
        return err_set(ERR_ARG, "bench: %u steps, at most %d", o->steps, BENCH_STEPS_MAX);
    recipe_defaults(r);
    r->per_device_train_batch_size = o->batch_size;
    r->max_steps = WARM_STEPS + EDGE_STEPS + 2 * (o->steps ? o->steps : STEPS_MOST);
    r->dropout = o->dropout;
    *scaler = loss_scaler_default();
    *options = (trainer_options){.seed = o->seed, .group = o->group};
    if (d->options.precision == PRECISION_FP16) options->scaler = scaler;
    return ERR_OK;
}

/* The steps of a trainer that was just made, and the first rates. */
static err measure_training(bench *b, trainer *t, device *d, const model_config *config,
                            const bench_options *o) {
    err e = params_draw(&t->model.params, o->seed, config->initializer_range, NULL);
    b->parameters = t->model.params.total;
    if (e || (e = time_training(&b->training, &b->exchange, t, o))) return e;
    b->device_bytes = d->peak_bytes; // before calibrating, which needs memory of its own
    b->host_peak_bytes = host_memory_peak();
    return calibrate(b, d);
}

err bench_measure_pretraining(bench *b, device *d, const model_config *config, const encoded *train,
                              const masking *mask, const bench_options *o) {
    trainer t = {0};
    masked_feed masked = {0};
    recipe r;
    trainer_options options;
    loss_scaler scaler;
    *b = (bench){.is_pretraining = true};
    err e = bench_begin(&r, &options, &scaler, d, o);
    if (e || (e = masked_feed_init(&masked, train, mask, o->batch_size))) goto done;
    feed f = masked_feed_of(&masked, r.max_steps);
    if ((e = trainer_init_feed(&t, d, config, &f, &r, &options))) goto done;
    if ((e = measure_training(b, &t, d, config, o))) goto done;
    if ((e = profile_steps(&b->training, &t, masked.list, masked.count, masked.size))) goto done;
    if ((e = calibrate(b, d))) goto done;
    e = bench_settle(b, d);
done:
    trainer_free(&t);
    masked_feed_free(&masked);
    return e;
}

err bench_measure(bench *b, device *d, const model_config *config, const encoded *train,
                  const encoded *test, const bench_options *o) {
    trainer t = {0};
    recipe r;
    trainer_options options;
    loss_scaler scaler;
    *b = (bench){0};
    err e = bench_begin(&r, &options, &scaler, d, o);
    if (e) return e;
    evaluator_capacity(&options.lend, test, EVAL_FACTOR * o->batch_size);
    batch_capacity capacity = options.lend;
    if ((e = trainer_init(&t, d, config, train, &r, &options))) return e;
    if ((e = measure_training(b, &t, d, config, o))) goto done;
    if ((e = measure_evaluation(&b->evaluation, &t, test, &capacity, o))) goto done;
    if ((e = calibrate(b, d))) goto done;
    if ((e = profile_training(&b->training, &t))) goto done;
    if ((e = calibrate(b, d))) goto done;
    e = bench_settle(b, d);
done:
    trainer_free(&t);
    return e;
}
