#include "train/run/kernel_times.h"

#include "base/memory.h"
#include "metric/spread.h"

#include <stdio.h>
#include <string.h>

void kernel_name(char name[48], const op *o) {
    uint32_t n = 0, k = 0;
    if (o->kind == OP_linear_fwd) n = o->as.linear_fwd.n, k = o->as.linear_fwd.k;
    if (o->kind == OP_linear_dx) n = o->as.linear_dx.n, k = o->as.linear_dx.k;
    if (o->kind == OP_linear_dw) n = o->as.linear_dw.n, k = o->as.linear_dw.k;
    if (n)
        snprintf(name, 48, "%s %ux%u", op_name(o->kind), n, k);
    else
        snprintf(name, 48, "%s", op_name(o->kind));
}

typedef struct watch {
    kernel_times *times;
    plan *plan;
    op_profile *profile; /* (ops) owned */
    size_t *row_of;      /* (ops) owned */
    double ms[KERNEL_TIMES_MAX][KERNEL_TIMES_STEPS];
} watch;

static err find_row(size_t *row, kernel_times *k, const op *o, const char *phase) {
    char name[48];
    kernel_name(name, o);
    for (*row = 0; *row < k->count; (*row)++) {
        kernel_time *r = &k->rows[*row];
        if (strcmp(r->name, name) || strcmp(r->phase, phase)) continue;
        r->calls++;
        return ERR_OK;
    }
    if (k->count == KERNEL_TIMES_MAX)
        return err_set(ERR_ARG, "more than %d kinds and shapes of operations", KERNEL_TIMES_MAX);
    k->rows[k->count] = (kernel_time){.phase = phase, .calls = 1};
    memcpy(k->rows[k->count++].name, name, sizeof name);
    return ERR_OK;
}

/* The loss is the last operation of the forward pass. */
static err find_rows(watch *w) {
    static const char *const phases[] = {"begin", "forward", "update"};
    for (plan_part part = PART_BEGIN; part < PART_COUNT; part++) {
        const op_list *list = &w->plan->parts[part];
        const char *phase = phases[part];
        for (size_t i = 0; i < list->count; i++) {
            err e = find_row(&w->row_of[plan_first_op(w->plan, part) + i], w->times, &list->ops[i],
                             phase);
            if (e) return e;
            op_kind kind = list->ops[i].kind;
            if (kind == OP_cross_entropy || kind == OP_number_loss) phase = "backward";
        }
    }
    return ERR_OK;
}

static err time_step(watch *w, trainer *t, size_t sample) {
    size_t ops = plan_first_op(w->plan, PART_COUNT);
    memset(w->profile, 0, ops * sizeof *w->profile);
    w->plan->profile = w->profile;
    t->options.stop_at = t->done + 1;
    err e = trainer_run(t);
    w->plan->profile = NULL;
    for (size_t i = 0; i < ops; i++) w->ms[w->row_of[i]][sample] += 1000 * w->profile[i].seconds;
    return e;
}

static void summarise(watch *w) {
    kernel_times *k = w->times;
    double sum = 0;
    for (size_t r = 0; r < k->count; r++)
        sum += k->rows[r].ms = spread_of(w->ms[r], KERNEL_TIMES_STEPS).median;
    if (sum <= 0) k->count = 0;
}

err kernel_times_train(kernel_times *k, trainer *t) {
    uint32_t stop_at = t->options.stop_at;
    watch *w = NULL;
    *k = (kernel_times){0};
    if (t->total_steps - t->done < KERNEL_TIMES_LEAST) return ERR_OK;
    err e = mem_new(&w, 1);
    if (e) return e;
    w->times = k;
    w->plan = &t->plan;
    size_t ops = plan_first_op(w->plan, PART_COUNT);
    if ((e = mem_new(&w->profile, ops)) || (e = mem_new(&w->row_of, ops)) || (e = find_rows(w)))
        goto done;
    t->options.stop_at = t->done + KERNEL_TIMES_WARM;
    e = trainer_run(t);
    for (size_t i = 0; i < KERNEL_TIMES_STEPS && !e; i++) e = time_step(w, t, i);
    if (!e) summarise(w);
done:
    t->options.stop_at = stop_at;
    if (e) k->count = 0;
    mem_free(w->profile);
    mem_free(w->row_of);
    mem_free(w);
    return e;
}
