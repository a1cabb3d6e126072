#include "train/evaluate/shared.h"

#include "base/memory.h"

/* First row of a rank. */
static size_t first_row(const evaluator *ev, const encoded *data, uint32_t rank, uint32_t size) {
    size_t batches = (data->count + ev->batch_size - 1) / ev->batch_size;
    size_t row = batches * rank / size * ev->batch_size;
    return row < data->count ? row : data->count;
}

/* Results of the rows before one. */
static size_t results_before(const encoded *data, size_t row) {
    size_t results = 0;
    if (!data->units) return row;
    for (size_t i = 0; i < row; i++) results += data->sentences[i].target.chosen.count;
    return results;
}

/* The mean of all rows from each rank's own. */
static err join_losses(struct group *g, double *loss, const evaluator *ev) {
    typedef struct part {
        double sum;
        uint64_t count;
    } part;
    part own = {ev->losses, ev->loss_count}, all = {0}, *parts = NULL;
    err e = mem_new(&parts, g->size);
    if (!e) e = group_gather(g, parts, &own, sizeof own);
    for (uint32_t r = 0; !e && r < g->size; r++) {
        all.sum += parts[r].sum;
        all.count += parts[r].count;
    }
    *loss = all.count ? all.sum / (double)all.count : 0;
    mem_free(parts);
    return e;
}

/* pre: all ranks of a group, and rows. */
static err run_part(evaluator *ev, struct group *g, float *logits, double *loss,
                    const encoded *data, const char *progress) {
    size_t *bounds = NULL, width = evaluated_width(ev->model);
    double mean = 0;
    err e = mem_new(&bounds, g->size + 1);
    if (e) return e;
    for (uint32_t r = 0; r <= g->size; r++)
        bounds[r] = results_before(data, first_row(ev, data, r, g->size)) * width * sizeof *logits;
    size_t first = first_row(ev, data, g->rank, g->size);
    encoded own = *data;
    own.sentences += first;
    own.count = first_row(ev, data, g->rank + 1, g->size) - first;
    const _Atomic uint64_t *work = &ev->model->params.device->work;
    transport_watch before = group_watch(g, WATCH_BUILD, work);
    ev->group = g;
    e = evaluator_run(ev, logits + bounds[g->rank] / sizeof *logits, &mean, &own, progress);
    group_watch(g, before, work);
    if (!e) e = group_gather_parts(g, logits, bounds);
    if (!e) e = join_losses(g, &mean, ev);
    if (!e && loss) *loss = mean;
    mem_free(bounds);
    return e;
}

err evaluator_run_shared(evaluator *ev, struct group *g, float *logits, double *loss,
                         const encoded *data, const char *progress) {
    if (group_is_alone(g) || !data->count) return evaluator_run(ev, logits, loss, data, progress);
    if (!ev->take) return run_part(ev, g, logits, loss, data, progress);
    // what is taken in order lies with several ranks
    err (*take)(void *, const float *, size_t, size_t) = ev->take;
    float *kept = NULL;
    size_t results = encoded_results(data);
    err e = mem_new(&kept, results * evaluated_width(ev->model));
    ev->take = NULL;
    if (!e) e = run_part(ev, g, kept, loss, data, progress);
    ev->take = take;
    if (!e) e = take(ev->take_context, kept, 0, results);
    mem_free(kept);
    return e;
}
