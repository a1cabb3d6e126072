#include "train/evaluate/shared.h"

#include "base/memory.h"

/* First row of a rank. */
static size_t first_row(const evaluator *ev, const encoded *data, uint32_t rank, uint32_t size) {
    size_t batches = (data->count + ev->batch_size - 1) / ev->batch_size;
    size_t row = batches * rank / size * ev->batch_size;
    return row < data->count ? row : data->count;
}

/* The mean of all rows from each rank's own. */
static err join_losses(struct group *g, double *loss, size_t rows, size_t all_rows) {
    double *sums = NULL, own = *loss * (double)rows;
    err e = mem_new(&sums, g->size);
    if (!e) e = group_gather(g, sums, &own, sizeof own);
    *loss = 0;
    for (uint32_t r = 0; !e && r < g->size; r++) *loss += sums[r];
    *loss /= (double)all_rows;
    mem_free(sums);
    return e;
}

err evaluator_run_shared(evaluator *ev, struct group *g, float *logits, double *loss,
                         const encoded *data, const char *progress) {
    size_t *bounds = NULL, row_bytes = ev->capacity.outputs * sizeof *logits;
    double mean = 0;
    if (group_is_alone(g) || !data->count) return evaluator_run(ev, logits, loss, data, progress);
    err e = mem_new(&bounds, g->size + 1);
    if (e) return e;
    for (uint32_t r = 0; r <= g->size; r++) bounds[r] = first_row(ev, data, r, g->size) * row_bytes;
    size_t first = bounds[g->rank] / row_bytes;
    encoded own = *data;
    own.sentences += first;
    own.count = bounds[g->rank + 1] / row_bytes - first;
    e = evaluator_run(ev, logits + first * ev->capacity.outputs, &mean, &own, progress);
    if (!e) e = group_gather_parts(g, logits, bounds);
    if (!e) e = join_losses(g, &mean, own.count, data->count);
    if (!e && loss) *loss = mean;
    mem_free(bounds);
    return e;
}
