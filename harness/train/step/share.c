#include "train/step/share.h"

#include "base/log.h"
#include "base/memory.h"
#include "train/step/courier.h"

#include <stdlib.h>

void share_of(uint32_t *first, uint32_t *share, const pack_sentence *sentences, uint32_t count,
              uint32_t rank, uint32_t size) {
    uint64_t all = 0, before = 0;
    *first = *share = 0;
    for (uint32_t i = 0; i < count; i++) all += sentences[i].count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t middle = 2 * before + sentences[i].count;
        uint64_t owner = middle * size / (2 * all);
        *first += owner < rank;
        *share += owner == rank;
        before += sentences[i].count;
    }
}

/* Numbers that are exchanged at once: so few that some are final early, so many that the calls cost
 * little. */
enum { SLICES = 16, SLICE_LEAST = 1 << 18, SLICE_MOST = 1 << 21 };

/* Largest number of elements of a part. */
static size_t most_of(const struct grad_part *p) {
    return (size_t)p->rows.max * p->cols;
}

static bool is_seen(span x) {
    return x.buffer->mapped && x.type == ELEM_F32;
}

/* --- slices --- */

static int by_readiness(const void *a, const void *b) {
    const share_slice *x = a, *y = b;
    if (x->ready != y->ready) return x->ready < y->ready ? -1 : 1;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Rows that differ from step to step are one slice. */
static size_t slice_length(const struct grad_part *p) {
    size_t all = most_of(p), length = all / SLICES / PARAM_ALIGN * PARAM_ALIGN;
    if (p->rows.kind != DIM_FIXED) return all;
    return length < SLICE_LEAST ? SLICE_LEAST : length > SLICE_MOST ? SLICE_MOST : length;
}

static err cut_slices(share_sum *s, const plan *p) {
    size_t most = 0;
    for (uint32_t i = 0; i < s->part_count; i++)
        most += most_of(&s->parts[i]) / slice_length(&s->parts[i]) + 1;
    err e = mem_new(&s->slices, most);
    if (e) return e;
    for (uint32_t i = 0; i < s->part_count; i++) {
        const struct grad_part *part = &s->parts[i];
        size_t all = most_of(part), length = slice_length(part);
        for (size_t first = 0; first < all; first += length) {
            size_t count = all - first < length ? all - first : length;
            size_t ready = plan_last_writer(p, span_part(part->x, first, count));
            s->slices[s->slice_count++] = (share_slice){i, first, count, ready};
        }
    }
    qsort(s->slices, s->slice_count, sizeof *s->slices, by_readiness);
    if (p->device->is_measured) return ERR_OK;
    // another kind of device may have another plan: the order is rank 0's
    if ((e = group_broadcast(s->group, s->slices, s->slice_count * sizeof *s->slices))) return e;
    for (size_t i = 0; i < s->slice_count; i++) {
        share_slice *c = &s->slices[i];
        c->ready = plan_last_writer(p, span_part(s->parts[c->part].x, c->first, c->count));
    }
    return ERR_OK;
}

/* courier_work */
static err sum_slice(void *context, size_t i) {
    share_sum *s = context;
    const share_slice *c = &s->slices[i];
    const struct grad_part *p = &s->parts[c->part];
    bool is_fixed = p->rows.kind == DIM_FIXED;
    size_t count = is_fixed ? c->count : (size_t)dim_value(p->rows, &s->step, 0) * p->cols;
    span x = span_at(span_part(p->x, c->first, c->count), s->step.slot, 0);
    if (is_seen(x)) return group_sum(s->group, span_host(x), count);
    err e = device_read_f32(s->numbers, x, count);
    if (!e) e = group_sum(s->group, s->numbers, count);
    return e ? e : device_write_f32(x, s->numbers, count);
}

/* plan_watch */
static void passed(void *context, size_t place) {
    share_sum *s = context;
    size_t before = s->released;
    while (s->released < s->slice_count && s->slices[s->released].ready <= place) s->released++;
    if (s->released > before) courier_release(s->courier, s->released);
}

/* Needs gradients that the host sees, and a group that takes another thread's calls. */
static err employ(share_sum *s, plan *p) {
    const struct group *g = s->group;
    bool fits = p->device->info.kind == DEVICE_CPU && !p->device->is_measured;
    if (s->shards > 1 || group_is_alone(g) || !g->transport->takes_threads || !fits) return ERR_OK;
    err e = courier_open(&s->courier, sum_slice, s);
    if (!e) p->watch = (plan_watch){passed, s};
    return e;
}

/* --- sums --- */

err share_sum_init(share_sum *s, struct group *g, uint32_t shards, plan *p, const struct model *m,
                   const batch *b, const model_training *training) {
    size_t all = 0;
    *s = (share_sum){.group = g, .shards = shards};
    s->part_count = model_gradient_parts(s->parts, m, b, training);
    for (uint32_t i = 0; i < s->part_count; i++) {
        size_t most = most_of(&s->parts[i]);
        all += most;
        if (!is_seen(s->parts[i].x) && most > s->room) s->room = most;
    }
    err e = s->room ? mem_new(&s->numbers, s->room) : ERR_OK;
    if (!e && shards > 1) e = mem_new(&s->kept, all * shards);
    if (!e && shards == 1) e = cut_slices(s, p);
    if (!e) e = mem_new(&s->losses, (size_t)group_size(g) * shards);
    return e ? e : employ(s, p);
}

void share_sum_free(share_sum *s) {
    courier_close(s->courier);
    mem_free(s->numbers);
    mem_free(s->kept);
    mem_free(s->losses);
    mem_free(s->slices);
    *s = (share_sum){0};
}

void share_sum_begin(share_sum *s, const step_info *step) {
    s->step = *step;
    s->released = 0;
    if (s->courier) courier_begin(s->courier);
}

void share_sum_stop(share_sum *s) {
    if (s->courier) courier_stop(s->courier);
}

err share_sum_keep(share_sum *s, uint32_t shard, const step_info *step) {
    float *kept = s->kept;
    err e = ERR_OK;
    for (uint32_t i = 0; !e && i < s->part_count; i++) {
        const struct grad_part *p = &s->parts[i];
        size_t count = (size_t)dim_value(p->rows, step, 0) * p->cols;
        e = device_read_f32(kept + shard * count, span_at(p->x, step->slot, 0), count);
        kept += most_of(p) * s->shards;
    }
    return e;
}

/* Those of several shards, which were kept. */
static err sum_kept(share_sum *s, const step_info *step) {
    const float *kept = s->kept;
    err e = ERR_OK;
    for (uint32_t i = 0; !e && i < s->part_count; i++) {
        const struct grad_part *p = &s->parts[i];
        size_t count = (size_t)dim_value(p->rows, step, 0) * p->cols;
        span x = span_at(p->x, step->slot, 0);
        float *sum = is_seen(x) ? span_host(x) : s->numbers;
        e = group_sum_parts(s->group, sum, kept, s->shards, count);
        if (!e && !is_seen(x)) e = device_write_f32(x, sum, count);
        kept += most_of(p) * s->shards;
    }
    return e;
}

/* Those that nobody has exchanged yet. */
static err sum_slices(share_sum *s) {
    err e = ERR_OK;
    if (s->courier) {
        courier_release(s->courier, s->slice_count);
        return courier_wait(s->courier);
    }
    for (size_t i = 0; !e && i < s->slice_count; i++) e = sum_slice(s, i);
    return e;
}

err share_sum_run(share_sum *s, double *loss, const double *losses, bool *stops,
                  const step_info *step) {
    double begin = clock_seconds();
    err e = s->kept ? sum_kept(s, step) : sum_slices(s);
    if (!e) e = group_any(s->group, stops, *stops);
    if (!e) e = group_gather(s->group, s->losses, losses, s->shards * sizeof *losses);
    s->waited += clock_seconds() - begin;
    if (e) return e;
    *loss = 0;
    for (uint32_t k = 0; k < group_size(s->group) * s->shards; k++) *loss += s->losses[k];
    return ERR_OK;
}
