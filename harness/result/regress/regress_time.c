#include "result/regress/regress.h"

#include "base/log.h"
#include "base/rng.h"
#include "metric/spread.h"
#include "platform/file.h"
#include "result/regress/regress_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kernels of one training step over and over on the same sentences, each step followed by the
 * calibration product. */

enum { WARM_STEPS = 3, ROWS_MAX = 64, PRODUCT_FIRST = 256, PRODUCT_LAST = 4096 };

// about as long as a large kernel, so that other work on the machine meets both alike
static const double PRODUCT_SECONDS = 0.002;

typedef struct row {
    char name[48];
    double step;                  /* seconds in the step being measured */
    double best;                  /* least of the round */
    double ratio[REGRESS_ROUNDS]; /* best / fastest product of the round */
} row;

typedef struct stopwatch {
    run job;
    pack_sentence *sentences; /* (count) owned: of the step */
    uint32_t count, step;
    op_profile *profile; /* (ops) owned */
    row rows[ROWS_MAX];
    size_t row_count;
    size_t *row_of; /* (ops) owned */
    /* the product */
    arena arena;
    plan product;
    bool product_is_open;
    double products[REGRESS_ROUNDS]; /* fastest of each round, seconds */
} stopwatch;

static err find_rows(stopwatch *w) {
    const plan *p = &w->job.trainer.plan;
    size_t ops = plan_first_op(p, PART_COUNT);
    err e = mem_new(&w->profile, ops);
    if (e || (e = mem_new(&w->row_of, ops))) return e;
    for (plan_part part = PART_BEGIN; part < PART_COUNT; part++) {
        for (size_t i = 0; i < p->parts[part].count; i++) {
            char name[sizeof w->rows[0].name];
            size_t r = 0;
            kernel_name(name, &p->parts[part].ops[i]);
            while (r < w->row_count && strcmp(w->rows[r].name, name) != 0) r++;
            if (r == ROWS_MAX)
                return err_set(ERR_ARG, "more than %d kinds and shapes of kernels", ROWS_MAX);
            if (r == w->row_count) memcpy(w->rows[w->row_count++].name, name, sizeof name);
            w->row_of[plan_first_op(p, part) + i] = r;
        }
    }
    return ERR_OK;
}

/* One step with every op timed; the round's least times are kept. */
static err time_step(stopwatch *w) {
    trainer *t = &w->job.trainer;
    size_t ops = plan_first_op(&t->plan, PART_COUNT);
    err e = pack_fill(&t->packs[0], &t->batch, 0, w->sentences, w->count, true);
    if (e) return e;
    step_info info = pack_step(&t->packs[0], 0, ++w->step, w->job.request.seed);
    memset(w->profile, 0, ops * sizeof *w->profile);
    t->plan.profile = w->profile;
    if (!(e = plan_submit(&t->plan, &info))) e = plan_wait(&t->plan, 0);
    t->plan.profile = NULL;
    if (e) return e;
    for (size_t r = 0; r < w->row_count; r++) w->rows[r].step = 0;
    for (size_t i = 0; i < ops; i++) w->rows[w->row_of[i]].step += w->profile[i].seconds;
    for (size_t r = 0; r < w->row_count; r++)
        if (w->rows[r].step < w->rows[r].best) w->rows[r].best = w->rows[r].step;
    return ERR_OK;
}

static void product_close(stopwatch *w) {
    if (w->product_is_open) plan_free(&w->product);
    if (w->product_is_open) arena_free(&w->arena);
    w->product_is_open = false;
}

static err product_open(stopwatch *w, uint32_t size) {
    struct linear_fwd args = {.rows = dim_fixed(size), .n = size, .k = size};
    span *const spans[] = {&args.y, &args.x, &args.weight};
    device *d = &w->job.device;
    product_close(w);
    plan_init(&w->product, d);
    arena_init(&w->arena, d, 1, false);
    w->product_is_open = true;
    plan_part_begin(&w->product, PART_MICRO);
    for (size_t i = 0; i < 3; i++) {
        err e = arena_take(&w->arena, spans[i], (size_t)size * size, d->real);
        if (e) return e;
    }
    err e = op_linear_fwd(&w->product, &args);
    return e ? e : plan_ready(&w->product);
}

/* By the device's own clock, as the kernels are. */
static err time_product(double *seconds, stopwatch *w) {
    op_profile profile = {0};
    micro_sizes sizes = {.tokens = 1, .sentences = 1, .tiles = 1};
    step_info step = {.step = 1, .loss_scale = 1, .micro_count = 1, .micros = &sizes};
    w->product.profile = &profile;
    err e = plan_submit(&w->product, &step);
    if (!e) e = plan_wait(&w->product, 0);
    w->product.profile = NULL;
    *seconds = profile.seconds;
    return e;
}

/* wanted 0: the least power of two that takes PRODUCT_SECONDS. */
static err choose_product(uint32_t *size, stopwatch *w, uint32_t wanted) {
    for (uint32_t n = wanted ? wanted : PRODUCT_FIRST;; n *= 2) {
        double fastest = INFINITY;
        err e = product_open(w, n);
        for (int i = 0; i < 5 && !e; i++) {
            double seconds;
            if (!(e = time_product(&seconds, w)) && seconds < fastest) fastest = seconds;
        }
        if (e) return e;
        *size = n;
        if (wanted || fastest >= PRODUCT_SECONDS || n >= PRODUCT_LAST) return ERR_OK;
    }
}

static err time_round(stopwatch *w, uint32_t steps, int round) {
    double fastest = INFINITY;
    for (size_t r = 0; r < w->row_count; r++) w->rows[r].best = INFINITY;
    for (uint32_t s = 0; s < steps; s++) {
        double seconds;
        err e = time_step(w);
        if (e || (e = time_product(&seconds, w))) return e;
        if (seconds < fastest) fastest = seconds;
    }
    w->products[round] = fastest;
    if (fastest <= 0) return ERR_OK; // a device that does not time its ops: no kernels
    for (size_t r = 0; r < w->row_count; r++) w->rows[r].ratio[round] = w->rows[r].best / fastest;
    return ERR_OK;
}

static int by_cost(const void *a, const void *b) {
    const regress_kernel *x = a, *y = b;
    if (x->cost > y->cost || x->cost < y->cost) return x->cost > y->cost ? -1 : 1;
    return strcmp(x->name, y->name);
}

static double median(double *values) {
    return spread_of(values, REGRESS_ROUNDS).median;
}

static err keep_kernels(regress_state *out, stopwatch *w) {
    mem_free(out->kernels);
    out->kernel_count = 0;
    err e = mem_new(&out->kernels, w->row_count);
    for (size_t r = 0; r < w->row_count && !e; r++) {
        regress_kernel *k = &out->kernels[r];
        double off[REGRESS_ROUNDS];
        memcpy(k->name, w->rows[r].name, sizeof k->name);
        k->cost = median(w->rows[r].ratio);
        for (int i = 0; i < REGRESS_ROUNDS; i++) off[i] = fabs(w->rows[r].ratio[i] - k->cost);
        k->mad = median(off);
        if (k->cost <= 0) return ERR_OK;
    }
    if (e) return e;
    double middle = median(w->products); // sorts them
    out->product_ms = 1000 * middle;
    out->product_spread = middle / w->products[0];
    out->kernel_count = w->row_count;
    qsort(out->kernels, out->kernel_count, sizeof *out->kernels, by_cost);
    return ERR_OK;
}

static err prepare(stopwatch *w, const regress_suite *s, const regress_options *o) {
    run_request q;
    const regress_case *c = &s->timing;
    regress__request(&q, c, o, s->seeds[0]);
    // the learning rate of a step is looked up by its number
    q.recipe.max_steps = WARM_STEPS + REGRESS_ROUNDS * c->steps;
    err e = run_open(&w->job, &q);
    if (e) return e;
    const trainer *t = &w->job.trainer;
    const encoded *data = t->rows.data;
    w->count = c->batch_size < data->count ? c->batch_size : (uint32_t)data->count;
    if ((e = mem_new(&w->sentences, w->count))) return e;
    // the first step's: they are known to fit
    rng_order(t->rows.order, data->count, s->seeds[0], 0);
    for (uint32_t i = 0; i < w->count; i++) w->sentences[i] = data->sentences[t->rows.order[i]];
    return find_rows(w);
}

err regress_time(regress_state *out, const regress_suite *s, const regress_options *o) {
    stopwatch *w;
    err e = mem_new(&w, 1);
    if (e) return e;
    log_note("timing the kernels of %s", s->timing.model);
    if ((e = prepare(w, s, o)) || (e = choose_product(&out->product_size, w, out->product_size)))
        goto done;
    for (int i = 0; i < WARM_STEPS && !e; i++) e = time_step(w);
    for (int i = 0; i < REGRESS_ROUNDS && !e; i++) e = time_round(w, s->timing.steps, i);
    if (!e) e = keep_kernels(out, w);
done:
    product_close(w);
    mem_free(w->sentences);
    mem_free(w->profile);
    mem_free(w->row_of);
    run_close(&w->job);
    mem_free(w);
    regress__clear(o->folder);
    return e;
}
