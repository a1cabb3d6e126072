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

err share_sum_init(share_sum *s, struct group *g, const struct model *m, const batch *b,
                   const model_training *training) {
    *s = (share_sum){.group = g};
    s->part_count = model_gradient_parts(s->parts, m, b, training);
    for (uint32_t i = 0; i < s->part_count; i++) {
        size_t most = most_of(&s->parts[i]);
        if (!is_seen(s->parts[i].x) && most > s->room) s->room = most;
    }
    err e = s->room ? mem_new(&s->numbers, s->room) : ERR_OK;
    return e ? e : mem_new(&s->losses, group_size(g));
}

void share_sum_free(share_sum *s) {
    mem_free(s->numbers);
    mem_free(s->losses);
    *s = (share_sum){0};
}

static err sum_part(share_sum *s, const struct grad_part *p, const step_info *step) {
    size_t count = (size_t)dim_value(p->rows, step, 0) * p->cols;
    span x = span_at(p->x, step->slot, 0);
    if (is_seen(x)) return group_sum(s->group, span_host(x), count);
    err e = device_read_f32(s->numbers, x, count);
    if (!e) e = group_sum(s->group, s->numbers, count);
    return e ? e : device_write_f32(x, s->numbers, count);
}

err share_sum_run(share_sum *s, double *loss, bool *stops, const step_info *step) {
    err e = group_any(s->group, stops, *stops);
    for (uint32_t i = 0; !e && i < s->part_count; i++) e = sum_part(s, &s->parts[i], step);
    if (!e) e = group_gather(s->group, s->losses, loss, sizeof *loss);
    if (e) return e;
    *loss = 0;
    for (uint32_t r = 0; r < group_size(s->group); r++) *loss += s->losses[r];
    return ERR_OK;
}
