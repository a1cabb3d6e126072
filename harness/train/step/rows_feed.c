#include "train/step/rows_feed.h"

#include "base/memory.h"
#include "base/rng.h"
#include "train/step/capacity.h"

static uint32_t step_size(const recipe *r) {
    return r->per_device_train_batch_size * r->gradient_accumulation_steps;
}

/* Bound of a micro-batch's sentences: only accumulation asks for one. */
static uint32_t micro_sentences(const recipe *r) {
    return r->gradient_accumulation_steps > 1 ? r->per_device_train_batch_size : 0;
}

err rows_feed_init(rows_feed *f, const encoded *data, const recipe *r, uint32_t seed) {
    *f = (rows_feed){.data = data, .recipe = r, .seed = seed, .order_epoch = UINT32_MAX};
    if (!data->count) return err_set(ERR_DATA, "no training rows");
    f->epoch_steps = recipe_epoch_steps(r, data->count);
    f->total_steps = recipe_total_steps(r, data->count);
    if (!f->total_steps)
        return err_set(ERR_USAGE, "num_train_epochs is %g: there is no step to train",
                       r->num_train_epochs);
    err e = mem_new(&f->order, data->count);
    if (!e && r->group_by_length) e = mem_new(&f->scratch, data->count);
    return e ? e : mem_new(&f->sentences, step_size(r));
}

void rows_feed_free(rows_feed *f) {
    mem_free(f->order);
    mem_free(f->scratch);
    mem_free(f->sentences);
    *f = (rows_feed){0};
}

/* Makes f->order that of an epoch (0-based). */
static void order_epoch(rows_feed *f, uint32_t epoch) {
    if (f->order_epoch == epoch) return;
    rng_order(f->order, f->data->count, f->seed, epoch);
    if (f->scratch)
        order_group(f->order, f->data->sentences, f->data->count, step_size(f->recipe), f->scratch);
    f->order_epoch = epoch;
}

/* First row and number of rows of step s (1-based) within its epoch's order. */
static size_t step_rows(const rows_feed *f, uint32_t s, size_t *first) {
    size_t size = step_size(f->recipe);
    *first = (size_t)((s - 1) % f->epoch_steps) * size;
    return f->data->count - *first < size ? f->data->count - *first : size;
}

static void raise(void *context, batch_capacity *c) {
    rows_feed *f = context;
    for (uint32_t s = 1; s <= f->total_steps; s++) {
        size_t first = 0, n = step_rows(f, s, &first);
        order_epoch(f, (s - 1) / f->epoch_steps);
        capacity_raise(c, f->data->sentences, f->order + first, n, micro_sentences(f->recipe));
    }
}

static err step(void *context, const pack_sentence **sentences, uint32_t *count, uint32_t s) {
    rows_feed *f = context;
    size_t first = 0, n = step_rows(f, s, &first);
    order_epoch(f, (s - 1) / f->epoch_steps);
    for (size_t i = 0; i < n; i++) f->sentences[i] = f->data->sentences[f->order[first + i]];
    *sentences = f->sentences;
    *count = (uint32_t)n;
    return ERR_OK;
}

/* As Trainer counts them: by micro-batches of per_device_train_batch_size. */
static double epochs_of(void *context, uint32_t done) {
    const rows_feed *f = context;
    const recipe *r = f->recipe;
    size_t batches =
        (f->data->count + r->per_device_train_batch_size - 1) / r->per_device_train_batch_size;
    if (!done) return 0;
    uint32_t epoch = (done - 1) / f->epoch_steps, s = (done - 1) % f->epoch_steps + 1;
    size_t seen = (size_t)s * r->gradient_accumulation_steps;
    return epoch + (double)(seen < batches ? seen : batches) / (double)batches;
}

feed rows_feed_of(rows_feed *f) {
    return (feed){.context = f,
                  .epoch_steps = f->epoch_steps,
                  .total_steps = f->total_steps,
                  .micro_sentences = micro_sentences(f->recipe),
                  .unit = "sentences",
                  .per_step = step_size(f->recipe),
                  .raise = raise,
                  .step = step,
                  .epoch = epochs_of};
}
