#include "train/step/share.h"

#include "base/memory.h"

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

/* Largest number of elements of a part. */
static size_t most_of(const struct grad_part *p) {
    return (size_t)p->rows.max * p->cols;
}

static bool is_seen(span x) {
    return x.buffer->mapped && x.type == ELEM_F32;
}

err share_sum_init(share_sum *s, struct group *g, uint32_t shards, const struct model *m,
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
    return e ? e : mem_new(&s->losses, (size_t)group_size(g) * shards);
}

void share_sum_free(share_sum *s) {
    mem_free(s->numbers);
    mem_free(s->kept);
    mem_free(s->losses);
    *s = (share_sum){0};
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

/* kept: this part's numbers of several shards, else NULL. */
static err sum_part(share_sum *s, const struct grad_part *p, const float *kept,
                    const step_info *step) {
    size_t count = (size_t)dim_value(p->rows, step, 0) * p->cols;
    span x = span_at(p->x, step->slot, 0);
    float *sum = is_seen(x) ? span_host(x) : s->numbers;
    err e = is_seen(x) || kept ? ERR_OK : device_read_f32(sum, x, count);
    if (!e) e = group_sum_parts(s->group, sum, kept ? kept : sum, s->shards, count);
    return e || is_seen(x) ? e : device_write_f32(x, sum, count);
}

err share_sum_run(share_sum *s, double *loss, const double *losses, bool *stops,
                  const step_info *step) {
    const float *kept = s->kept;
    err e = group_any(s->group, stops, *stops);
    for (uint32_t i = 0; !e && i < s->part_count; i++) {
        e = sum_part(s, &s->parts[i], kept, step);
        if (kept) kept += most_of(&s->parts[i]) * s->shards;
    }
    if (!e) e = group_gather(s->group, s->losses, losses, s->shards * sizeof *losses);
    if (e) return e;
    *loss = 0;
    for (uint32_t k = 0; k < group_size(s->group) * s->shards; k++) *loss += s->losses[k];
    return ERR_OK;
}
