#include "train/step/share.h"

#include "base/log.h"
#include "base/memory.h"
#include "train/step/courier.h"

#include <stdlib.h>
#include <string.h>

/* Longest first; of equals the one that comes first. */
static int by_length(const void *a, const void *b) {
    const share_order *x = a, *y = b;
    if (x->tokens != y->tokens) return x->tokens > y->tokens ? -1 : 1;
    return x->sentence < y->sentence ? -1 : 1;
}

err shares_make(share_list *s, const pack_sentence *sentences, uint32_t count, uint32_t size) {
    err e = mem_grow((void **)&s->owners, &s->owner_capacity, count, sizeof *s->owners);
    if (!e) e = mem_grow((void **)&s->order, &s->order_capacity, count, sizeof *s->order);
    if (!e) e = mem_grow((void **)&s->tokens, &s->token_capacity, size, sizeof *s->tokens);
    if (e) return e;
    memset(s->tokens, 0, size * sizeof *s->tokens);
    for (uint32_t i = 0; i < count; i++) s->order[i] = (share_order){sentences[i].count, i};
    if (count) qsort(s->order, count, sizeof *s->order, by_length);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t least = 0;
        for (uint32_t r = 1; r < size; r++)
            if (s->tokens[r] < s->tokens[least]) least = r;
        s->owners[s->order[i].sentence] = least;
        s->tokens[least] += s->order[i].tokens;
    }
    return ERR_OK;
}

void shares_free(share_list *s) {
    mem_free(s->owners);
    mem_free(s->order);
    mem_free(s->tokens);
    *s = (share_list){0};
}

/* Numbers that are exchanged at once: so few that some are final early, so many that the calls cost
 * little, and as many blocks as there are ranks. */
enum { SLICES = 16, SLICE_LEAST = 1 << 18, SLICE_MOST = 1 << 21 };

/* Largest number of elements of a part. */
static size_t most_of(const model_part *p) {
    return (size_t)p->rows.max * p->cols;
}

static size_t blocks_of(size_t count) {
    return (count + NORM_BLOCK - 1) / NORM_BLOCK;
}

/* Of the same rows in every step. */
static bool is_fixed(const model_part *p) {
    return p->rows.kind == DIM_FIXED;
}

static bool is_seen(span x) {
    return x.buffer->mapped && x.type == ELEM_F32;
}

static int by_readiness(const void *a, const void *b) {
    const share_slice *x = a, *y = b;
    if (x->ready != y->ready) return x->ready < y->ready ? -1 : 1;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Rows that differ from step to step are one slice. */
static size_t slice_length(const share_sum *s, const model_part *p) {
    size_t all = most_of(p), length = all / SLICES / NORM_BLOCK * NORM_BLOCK;
    size_t each = (size_t)group_size(s->group) * NORM_BLOCK;
    if (!is_fixed(p)) return all;
    length = length < SLICE_LEAST ? SLICE_LEAST : length > SLICE_MOST ? SLICE_MOST : length;
    return length < each ? each : length;
}

static err cut_slices(share_sum *s, const plan *p) {
    size_t most = 0, block = 0;
    for (uint32_t i = 0; i < s->part_count; i++)
        most += most_of(&s->parts[i]) / slice_length(s, &s->parts[i]) + 1;
    err e = mem_new(&s->slices, most);
    if (e) return e;
    for (uint32_t i = 0; i < s->part_count; i++) {
        const model_part *part = &s->parts[i];
        size_t all = most_of(part), length = slice_length(s, part);
        for (size_t first = 0; first < all; first += length) {
            size_t count = all - first < length ? all - first : length;
            size_t ready = plan_last_writer(p, span_part(part->g, first, count));
            s->slices[s->slice_count++] = (share_slice){i, first, count, ready, block};
            block += blocks_of(count);
        }
    }
    qsort(s->slices, s->slice_count, sizeof *s->slices, by_readiness);
    if (p->device->is_measured) return ERR_OK;
    // another kind of device may have another plan: the order is rank 0's
    if ((e = group_broadcast(s->group, s->slices, s->slice_count * sizeof *s->slices))) return e;
    for (size_t i = 0; i < s->slice_count; i++) {
        share_slice *c = &s->slices[i];
        c->ready = plan_last_writer(p, span_part(s->parts[c->part].g, c->first, c->count));
    }
    return ERR_OK;
}

/* First element of a rank's part of a slice. */
static size_t own_first(const share_slice *c, uint32_t rank, uint32_t size) {
    size_t first = blocks_of(c->count) * rank / size * NORM_BLOCK;
    return first < c->count ? first : c->count;
}

/* Every rank can: its host sees weights and gradients, and its device's norm is made of blocks. */
static err agree_to_divide(share_sum *s, const plan *p) {
    bool cannot = group_is_alone(s->group) || !p->device->vtable->square_sums;
    if (p->device->is_measured || group_is_alone(s->group)) {
        s->divides = !cannot;
        return ERR_OK;
    }
    err e = group_any(s->group, &cannot, cannot);
    s->divides = !cannot;
    return e;
}

/* Places of all blocks, rank by rank; this rank's ranges. */
static void divide_slices(share_sum *s) {
    share_division *d = &s->division;
    uint32_t size = s->group->size;
    size_t place = 0;
    for (uint32_t r = 0; r < size; r++) {
        for (size_t i = 0; i < s->slice_count; i++) {
            const share_slice *c = &s->slices[i];
            size_t first = own_first(c, r, size), end = own_first(c, r + 1, size);
            if (!is_fixed(&s->parts[c->part])) continue;
            for (size_t b = first / NORM_BLOCK; b < blocks_of(end); b++)
                d->places[c->block + b] = place++;
            if (r == s->group->rank && end > first)
                d->own[d->own_count++] = (model_range){c->part, c->first + first, end - first};
        }
        d->bounds[r + 1] = place * 2 * sizeof *d->squares;
    }
}

static err divide(share_sum *s, const batch *b, const model_training *training) {
    share_division *d = &s->division;
    size_t blocks = 0, width = (size_t)s->group->size + 1;
    err e = ERR_OK;
    for (size_t i = 0; i < s->slice_count; i++) blocks += blocks_of(s->slices[i].count);
    if ((e = mem_new(&d->own, s->slice_count)) || (e = mem_new(&d->squares, 2 * blocks)) ||
        (e = mem_new(&d->places, blocks)) || (e = mem_new(&d->bounds, width)) ||
        (e = mem_new(&d->all, s->slice_count)) || (e = mem_new(&d->parts, s->slice_count * width)))
        return e;
    d->norm = b->norm;
    d->max_norm = training->max_grad_norm;
    divide_slices(s);
    return ERR_OK;
}

/* The order in which the next step's ops need new weights. */
static int by_use(const void *a, const void *b) {
    const share_use *x = a, *y = b;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    return x->slice < y->slice ? -1 : x->slice > y->slice;
}

static size_t place_of_use(const share_sum *s, const plan *p, const share_use *u) {
    const share_slice *c = &s->slices[u->slice];
    return plan_first_user(p, span_part(s->parts[c->part].p, c->first, c->count));
}

static err order_uses(share_sum *s, const plan *p) {
    share_division *d = &s->division;
    err e = mem_new(&d->uses, s->slice_count);
    if (e) return e;
    for (size_t i = 0; i < s->slice_count; i++) {
        share_use *u = &d->uses[d->use_count];
        if (!is_fixed(&s->parts[s->slices[i].part])) continue;
        u->slice = i;
        u->place = place_of_use(s, p, u);
        d->use_count++;
    }
    qsort(d->uses, d->use_count, sizeof *d->uses, by_use);
    if (p->device->is_measured) return ERR_OK;
    // as the slices' order, it is rank 0's; what comes behind a slice that is needed may wait for it
    e = group_broadcast(s->group, d->uses, d->use_count * sizeof *d->uses);
    for (size_t i = d->use_count; !e && i-- > 0;) {
        share_use *u = &d->uses[i];
        u->place = place_of_use(s, p, u);
        if (i + 1 < d->use_count && u[1].place < u->place) u->place = u[1].place;
    }
    return e;
}

/* Small slices go together: a message each would cost more than it carries. */
static err load_uses(share_sum *s) {
    share_division *d = &s->division;
    size_t elements = 0;
    err e = mem_new(&d->load_ends, d->use_count);
    for (size_t i = 0; !e && i < d->use_count; i++) {
        size_t count = s->slices[d->uses[i].slice].count;
        if (!i || elements + count > SLICE_MOST) {
            d->load_count++;
            elements = 0;
        }
        elements += count;
        d->load_ends[d->load_count - 1] = i + 1;
    }
    return e;
}

static void free_division(share_division *d) {
    mem_free(d->own);
    mem_free(d->squares);
    mem_free(d->places);
    mem_free(d->bounds);
    mem_free(d->all);
    mem_free(d->parts);
    mem_free(d->uses);
    mem_free(d->load_ends);
    *d = (share_division){0};
}

/* Sums of squares of this rank's part of a slice. Returns how many numbers that has. */
static size_t square_own(share_sum *s, const share_slice *c, const float *sum) {
    share_division *d = &s->division;
    const struct group *g = s->group;
    size_t first = own_first(c, g->rank, g->size);
    size_t count = own_first(c, g->rank + 1, g->size) - first;
    const struct device *on = s->parts[c->part].g.buffer->device;
    if (!count) return 0;
    size_t place = d->places[c->block + first / NORM_BLOCK];
    on->vtable->square_sums(on, d->squares + 2 * place, sum + first, count);
    return count;
}

/* One slice of a divided update: this rank's part, and its sums of squares. */
static err sum_own(share_sum *s, const share_slice *c, float *sum, const group_addends *a) {
    struct group *g = s->group;
    size_t *bounds = s->division.parts;
    for (uint32_t r = 0; r <= g->size; r++) bounds[r] = own_first(c, r, g->size);
    err e = group_sum_own(g, sum, a, bounds);
    if (!e) (void)square_own(s, c, sum);
    return e;
}

size_t share_sum_square_own(share_sum *s) {
    size_t count = 0;
    for (size_t i = 0; i < s->slice_count; i++) {
        const share_slice *c = &s->slices[i];
        const model_part *p = &s->parts[c->part];
        if (is_fixed(p)) count += square_own(s, c, (const float *)span_host(p->g) + c->first);
    }
    return count;
}

/* What grad_norm does on one device. */
static err sum_squares(share_sum *s, const step_info *step) {
    share_division *d = &s->division;
    double square = 0;
    size_t block = 0;
    err e = group_gather_parts(s->group, d->squares, d->bounds);
    for (uint32_t i = 0; !e && i < s->part_count; i++) {
        const model_part *p = &s->parts[i];
        const struct device *on = p->g.buffer->device;
        size_t count = (size_t)dim_value(p->rows, step, 0) * p->cols;
        for (size_t b = 0; b < blocks_of(count); b++) {
            size_t first = b * NORM_BLOCK, n = count - first;
            float here[2], *sums = here;
            if (is_fixed(p))
                sums = d->squares + 2 * d->places[block + b];
            else
                on->vtable->square_sums(
                    on, sums, (const float *)span_host(span_at(p->g, step->slot, 0)) + first,
                    n < NORM_BLOCK ? n : NORM_BLOCK);
            square += (double)sums[0] + (double)sums[1];
        }
        block += blocks_of(most_of(p));
    }
    if (!e)
        grad_norm_of(span_host(span_at(d->norm, step->slot, 0)), square, d->max_norm,
                     step_unscale(step));
    return e;
}

/* What group_gather_lists takes of uses first to end. */
static err gather_uses(share_sum *s, span (*choose)(const model_part *p), size_t first,
                       size_t end) {
    share_division *d = &s->division;
    struct group *g = s->group;
    size_t width = (size_t)g->size + 1;
    for (size_t i = first; i < end; i++) {
        const share_slice *c = &s->slices[d->uses[i].slice];
        d->all[i - first] = (float *)span_host(choose(&s->parts[c->part])) + c->first;
        for (uint32_t r = 0; r <= g->size; r++)
            d->parts[(i - first) * width + r] = own_first(c, r, g->size) * sizeof(float);
    }
    return group_gather_lists(g, d->all, d->parts, end - first);
}

static err gather(share_sum *s, span (*choose)(const model_part *p)) {
    if (s->part_count) s->parts[0].p.buffer->device->generation++;
    return gather_uses(s, choose, 0, s->division.use_count);
}

static span weights_of(const model_part *p) {
    return p->p;
}
static span first_moments_of(const model_part *p) {
    return p->m;
}
static span second_moments_of(const model_part *p) {
    return p->v;
}
static span gradients_of(const model_part *p) {
    return p->g;
}

err share_sum_gather(share_sum *s, int what) {
    double begin = clock_seconds();
    if (!s->divides) return ERR_OK;
    err e = share_sum_settle(s);
    if (e) return e;
    if (what & SHARE_WEIGHTS) e = gather(s, weights_of);
    if (!e && what & SHARE_MOMENTS) e = gather(s, first_moments_of);
    if (!e && what & SHARE_MOMENTS) e = gather(s, second_moments_of);
    if (!e && what & SHARE_GRADIENTS) e = gather(s, gradients_of);
    s->waited += clock_seconds() - begin;
    return e;
}

/* This rank's gradients of a part that were kept. */
static const float *kept_of(const share_sum *s, uint32_t part) {
    size_t before = 0;
    for (uint32_t i = 0; i < part; i++) before += most_of(&s->parts[i]);
    return s->kept + before * s->shards;
}

/* Gradients of a slice. */
static err sum_slice(share_sum *s, size_t i) {
    const share_slice *c = &s->slices[i];
    const model_part *p = &s->parts[c->part];
    size_t all = (size_t)dim_value(p->rows, &s->step, 0) * p->cols;
    size_t count = is_fixed(p) ? c->count : all;
    span x = span_at(span_part(p->g, c->first, c->count), s->step.slot, 0);
    bool is_copied = i < s->copy_count;
    float *sum = is_copied ? span_host(s->copies[i].to) : is_seen(x) ? span_host(x) : s->numbers;
    const group_addends a = {s->kept ? kept_of(s, c->part) + c->first : sum, s->shards, count,
                             s->kept ? all : count};
    bool is_there = is_copied || is_seen(x);
    err e = is_there || s->kept ? ERR_OK : device_read_f32(sum, x, count);
    if (e) return e;
    e = s->divides && is_fixed(p) ? sum_own(s, c, sum, &a) : group_sum_parts(s->group, sum, &a);
    return e || is_there ? e : device_write_f32(x, sum, count);
}

/* courier_work */
static err carry(void *context, size_t i) {
    share_sum *s = context;
    const size_t *ends = s->division.load_ends;
    if (i >= s->behind) return sum_slice(s, i - s->behind);
    return gather_uses(s, weights_of, i ? ends[i - 1] : 0, ends[i]);
}

/* plan_watch */
static void passed(void *context, size_t place) {
    share_sum *s = context;
    size_t before = s->released;
    while (s->released < s->slice_count && s->slices[s->released].ready <= place) s->released++;
    if (s->released > before) courier_release(s->courier, s->behind + s->released);
}

/* plan_watch */
static err begins(void *context, size_t place) {
    share_sum *s = context;
    const share_division *d = &s->division;
    size_t before = s->needed;
    while (s->needed < s->behind &&
           d->uses[s->needed ? d->load_ends[s->needed - 1] : 0].place <= place)
        s->needed++;
    if (s->needed == before) return ERR_OK;
    double begin = clock_seconds();
    err e = courier_wait_for(s->courier, s->needed);
    s->waited += clock_seconds() - begin;
    return e;
}

err share_sum_send_weights(share_sum *s) {
    if (!s->divides || !s->courier) return share_sum_gather(s, SHARE_WEIGHTS);
    s->parts[0].p.buffer->device->generation++;
    s->behind = s->division.load_count;
    s->needed = 0;
    courier_begin(s->courier);
    courier_release(s->courier, s->behind);
    return ERR_OK;
}

err share_sum_settle(share_sum *s) {
    if (!s->behind) return ERR_OK;
    double begin = clock_seconds();
    err e = courier_wait(s->courier);
    s->waited += clock_seconds() - begin;
    s->behind = 0;
    return e;
}

/* Needs gradients that the host sees, and a group that takes another thread's calls. */
static err employ(share_sum *s, plan *p) {
    const struct group *g = s->group;
    bool fits = p->device->info.kind == DEVICE_CPU && !p->device->is_measured;
    if (s->shards > 1 || group_is_alone(g) || !g->transport->takes_threads || !fits) return ERR_OK;
    err e = courier_open(&s->courier, carry, s);
    if (!e) p->watch = (plan_watch){.passed = passed, .begins = begins, .context = s};
    return e;
}

/* Needs a device that tells when they are there. The slices go in one order by all ranks, so that
 * none behind the first that is not copied can be. */
static err copy_early(share_sum *s, plan *p) {
    size_t count = 0, last = 0;
    if (s->shards > 1 || group_is_alone(s->group) || !plan_copies(p)) return ERR_OK;
    arena_init(&s->copy_arena, p->device, 0, true);
    err e = mem_new(&s->copies, s->slice_count);
    for (size_t i = 0; !e && i < s->slice_count; i++) {
        const share_slice *c = &s->slices[i];
        plan_copy *copy = &s->copies[i];
        if (!is_fixed(&s->parts[c->part])) break;
        // ready in another order here than on rank 0's device: later is right as well
        last = c->ready > last ? c->ready : last;
        *copy = (plan_copy){.op = last, .from = span_part(s->parts[c->part].g, c->first, c->count)};
        e = arena_take(&s->copy_arena, &copy->to, c->count, ELEM_F32);
        count += !e;
    }
    s->copy_count = p->copy_count = count;
    p->copies = s->copies;
    return e;
}

err share_sum_init(share_sum *s, struct group *g, uint32_t shards, plan *p, const struct model *m,
                   const batch *b, const model_training *training) {
    size_t all = 0;
    *s = (share_sum){.group = g, .shards = shards};
    s->part_count = model_parts(s->parts, m, b, training);
    for (uint32_t i = 0; i < s->part_count; i++) {
        size_t most = most_of(&s->parts[i]);
        all += most;
        if (!is_seen(s->parts[i].g) && most > s->capacity) s->capacity = most;
    }
    err e = s->capacity ? mem_new(&s->numbers, s->capacity) : ERR_OK;
    if (!e && shards > 1) e = mem_new(&s->kept, all * shards);
    if (!e) e = cut_slices(s, p);
    if (!e) e = agree_to_divide(s, p);
    if (!e && s->divides) e = divide(s, b, training);
    if (!e && s->divides) e = order_uses(s, p);
    if (!e && s->divides) e = load_uses(s);
    if (!e) e = mem_new(&s->losses, (size_t)group_size(g) * shards);
    if (!e) e = copy_early(s, p);
    return e ? e : employ(s, p);
}

void share_sum_free(share_sum *s) {
    courier_close(s->courier);
    arena_free(&s->copy_arena);
    mem_free(s->copies);
    free_division(&s->division);
    mem_free(s->numbers);
    mem_free(s->kept);
    mem_free(s->losses);
    mem_free(s->slices);
    *s = (share_sum){0};
}

void share_sum_begin(share_sum *s, const step_info *step) {
    s->step = *step;
    s->released = s->summed = 0;
    if (s->courier && !s->behind) courier_begin(s->courier);
}

err share_sum_early(share_sum *s, plan *p) {
    err e = ERR_OK;
    for (; !e && s->summed < s->copy_count; s->summed += !e) {
        bool ended = false;
        e = plan_take(p, s->step.slot, s->summed + 1, &ended);
        double begin = clock_seconds();
        if (!e) e = sum_slice(s, s->summed);
        if (ended) s->waited += clock_seconds() - begin;
    }
    return e;
}

void share_sum_stop(share_sum *s) {
    if (s->courier) courier_stop(s->courier);
    s->behind = 0;
}

err share_sum_keep(share_sum *s, uint32_t shard, const step_info *step) {
    float *kept = s->kept;
    err e = ERR_OK;
    for (uint32_t i = 0; !e && i < s->part_count; i++) {
        const model_part *p = &s->parts[i];
        size_t count = (size_t)dim_value(p->rows, step, 0) * p->cols;
        e = device_read_f32(kept + shard * count, span_at(p->g, step->slot, 0), count);
        kept += most_of(p) * s->shards;
    }
    return e;
}

/* Those that nobody has exchanged yet. */
static err sum_slices(share_sum *s) {
    err e = ERR_OK;
    if (s->courier) {
        courier_release(s->courier, s->behind + s->slice_count);
        e = courier_wait(s->courier);
        s->behind = 0;
        return e;
    }
    for (size_t i = s->summed; !e && i < s->slice_count; i++) e = sum_slice(s, i);
    for (size_t i = 0; !e && i < s->copy_count; i++) {
        const plan_copy *c = &s->copies[i];
        e = device_write_f32(c->from, span_host(c->to), c->to.count);
    }
    return e;
}

err share_sum_run(share_sum *s, double *loss, const double *losses, bool *stops,
                  const step_info *step) {
    double begin = clock_seconds();
    s->step = *step;
    err e = sum_slices(s);
    if (!e && s->divides) e = sum_squares(s, step);
    if (!e) e = group_any(s->group, stops, *stops);
    if (!e) e = group_gather(s->group, s->losses, losses, s->shards * sizeof *losses);
    s->waited += clock_seconds() - begin;
    if (e) return e;
    *loss = 0;
    for (uint32_t k = 0; k < group_size(s->group) * s->shards; k++) *loss += s->losses[k];
    return ERR_OK;
}
