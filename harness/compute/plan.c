#include "compute/plan.h"

#include "base/log.h"
#include "base/memory.h"

#include <string.h>

void plan_init(plan *p, device *d) {
    *p = (plan){.device = d};
}

void plan_part_begin(plan *p, plan_part part) {
    p->current = part;
}

static err check_operands(const plan *p, const op *o, const operand *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const operand *w = &list[i];
        if (!span_given(*w->at)) {
            if (w->is_optional) continue;
            return err_set(ERR_ARG, "%s: operand %s is absent", op_name(o->kind), w->name);
        }
        elem wanted = w->is_real ? p->device->real : ELEM_U32;
        if (w->at->type != wanted) {
            return err_set(ERR_ARG, "%s: operand %s is of the wrong type", op_name(o->kind),
                           w->name);
        }
        if (w->at->count < w->count) {
            return err_set(ERR_ARG, "%s: operand %s holds %zu elements, %zu are needed",
                           op_name(o->kind), w->name, w->at->count, w->count);
        }
        if (w->at->offset % SPAN_ALIGN || w->at->slot_stride % SPAN_ALIGN ||
            w->at->micro_stride % SPAN_ALIGN) {
            return err_set(ERR_ARG, "%s: operand %s is not aligned", op_name(o->kind), w->name);
        }
        if (w->at->buffer->device != p->device) {
            return err_set(ERR_ARG, "%s: operand %s is of another device", op_name(o->kind),
                           w->name);
        }
    }
    return ERR_OK;
}

/* The first range that ends behind a place of the buffer, or one of a later buffer. */
static size_t range_behind(const plan *p, const buffer *b, size_t place) {
    size_t low = 0, high = p->written_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const plan_range *r = &p->written[middle];
        if (r->buffer == b ? r->to <= place : (uintptr_t)r->buffer < (uintptr_t)b)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static err add_range(plan *p, span x) {
    plan_range r = {x.buffer, x.offset, x.offset + span_bytes(x)};
    size_t first = range_behind(p, r.buffer, r.from ? r.from - 1 : 0), end = first;
    for (; end < p->written_count; end++) { // those that it touches become one with it
        const plan_range *at = &p->written[end];
        if (at->buffer != r.buffer || at->from > r.to) break;
        if (at->from < r.from) r.from = at->from;
        if (at->to > r.to) r.to = at->to;
    }
    err e = mem_grow((void **)&p->written, &p->written_capacity, p->written_count + 1,
                     sizeof *p->written);
    if (e) return e;
    memmove(&p->written[first + 1], &p->written[end],
            (p->written_count - end) * sizeof *p->written);
    p->written[first] = r;
    p->written_count += first + 1 - end;
    return ERR_OK;
}

static err add_written(plan *p, const operand *list, size_t count) {
    err e = ERR_OK;
    for (size_t i = 0; i < count && !e; i++)
        if (list[i].access & ACCESS_WRITE && span_given(*list[i].at)) e = add_range(p, *list[i].at);
    return e;
}

static err append(plan *p, op *o) {
    if (p->is_ready) return err_set(ERR_ARG, "%s: the plan is closed", op_name(o->kind));
    operand list[OPERANDS_MAX];
    size_t count = op_operands(o, list);
    err e = check_operands(p, o, list, count);
    if (e) return e;
    op_list *l = &p->parts[p->current];
    if ((e = mem_grow((void **)&l->ops, &l->capacity, l->count + 1, sizeof *l->ops))) return e;
    if (p->current == PART_MICRO && (e = add_written(p, list, count))) return e;
    l->ops[l->count++] = *o;
    return ERR_OK;
}

#define OP(name)                                                                                   \
    err op_##name(plan *p, const struct name *args) {                                              \
        op o;                                                                                      \
        memset(&o, 0, sizeof o);                                                                   \
        o.kind = OP_##name;                                                                        \
        o.as.name = *args;                                                                         \
        return append(p, &o);                                                                      \
    }
#include "compute/ops.def"
#undef OP

err plan_ready(plan *p) {
    const device_vtable *vt = p->device->vtable;
    size_t most = 0;
    for (size_t part = 0; part < PART_COUNT; part++) {
        for (size_t i = 0; vt->scratch_count && i < p->parts[part].count; i++) {
            size_t n = vt->scratch_count(p->device, &p->parts[part].ops[i]);
            if (n > most) most = n;
        }
    }
    err e;
    arena_init(&p->scratch_arena, p->device, 1, false);
    p->scratch_arena.name = "scratch";
    if (most && (e = arena_take(&p->scratch_arena, &p->scratch, most, p->device->real))) return e;
    if (p->device->is_measured) return ERR_OK;
    if (vt->plan_ready && (e = vt->plan_ready(p))) return e;
    p->is_ready = true;
    return ERR_OK;
}

void plan_free(plan *p) {
    if (!p->device) return;
    const device_vtable *vt = p->device->vtable;
    for (uint32_t slot = 0; p->is_ready && slot < SLOT_COUNT; slot++) {
        if (vt->wait && vt->wait(p->device, slot)) err_clear();
    }
    arena_free(&p->scratch_arena);
    for (size_t part = 0; part < PART_COUNT; part++) mem_free(p->parts[part].ops);
    mem_free(p->written);
    *p = (plan){0};
}

err plan_submit(plan *p, const step_info *step) {
    if (!p->is_ready) return err_set(ERR_ARG, "plan_submit before plan_ready");
    if (step->slot >= SLOT_COUNT) return err_set(ERR_ARG, "slot %u of %d", step->slot, SLOT_COUNT);
    return device_wrap(p->device, p->device->vtable->submit(p, step));
}

bool plan_copies(const plan *p) {
    return p->device->vtable->take != NULL;
}

err plan_take(plan *p, uint32_t slot, size_t count, bool *ended) {
    err e = p->device->vtable->take(p->device, slot, count, ended);
    p->device->work++;
    return device_wrap(p->device, e);
}

err plan_wait(plan *p, uint32_t slot) {
    err e = p->device->vtable->wait ? p->device->vtable->wait(p->device, slot) : ERR_OK;
    p->device->work++;
    return device_wrap(p->device, e);
}

size_t plan_first_op(const plan *p, plan_part part) {
    size_t first = 0;
    for (size_t i = 0; i < (size_t)part; i++) first += p->parts[i].count;
    return first;
}

/* Whether they have an element in common, in any slot. */
static bool overlap(span a, span b) {
    return a.buffer == b.buffer && a.offset < b.offset + span_bytes(b) &&
           b.offset < a.offset + span_bytes(a);
}

/* Whether an op accesses any of the span's elements in one of these ways. */
static bool accesses(const op *o, span x, operand_access ways) {
    op copy = *o; // operands point into it
    operand list[OPERANDS_MAX];
    size_t count = op_operands(&copy, list);
    for (size_t i = 0; i < count; i++)
        if (list[i].access & ways && span_given(*list[i].at) && overlap(*list[i].at, x))
            return true;
    return false;
}

size_t plan_last_writer(const plan *p, span x) {
    size_t end = p->parts[PART_MICRO].count;
    while (end && !accesses(&p->parts[PART_MICRO].ops[end - 1], x, ACCESS_WRITE)) end--;
    return end ? end - 1 : 0;
}

size_t plan_first_user(const plan *p, span x) {
    size_t place = 0;
    for (size_t part = 0; part < PART_COUNT; part++)
        for (size_t i = 0; i < p->parts[part].count; i++, place++)
            if (accesses(&p->parts[part].ops[i], x, ACCESS_BOTH)) return place;
    return place;
}

bool plan_is_written(const plan *p, span x) {
    size_t at = range_behind(p, x.buffer, x.offset);
    return at < p->written_count && p->written[at].buffer == x.buffer &&
           p->written[at].from < x.offset + span_bytes(x);
}

size_t plan_overwritten(const plan *p, span x) {
    const op_list *list = &p->parts[PART_MICRO];
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct linear_dw *a = &list->ops[i].as.linear_dw;
        if (list->ops[i].kind != OP_linear_dw || !a->overwrites || !overlap(a->dweight, x))
            continue;
        size_t begin = a->dweight.offset, end = begin + span_bytes(a->dweight);
        if (begin < x.offset) begin = x.offset;
        if (end > x.offset + span_bytes(x)) end = x.offset + span_bytes(x);
        bytes += end - begin;
    }
    return bytes / elem_bytes(x.type);
}

uint32_t dim_value(dim d, const step_info *step, uint32_t micro) {
    switch (d.kind) {
    case DIM_FIXED: return d.max;
    case DIM_TOKENS: return step->micros[micro].tokens;
    case DIM_SENTENCES: return step->micros[micro].sentences;
    case DIM_TILES: return step->micros[micro].tiles;
    case DIM_LISTS_0: return step->micros[micro].lists[0];
    case DIM_LISTS_1: return step->micros[micro].lists[1];
    case DIM_STEP_ROWS: return step->step_rows;
    case DIM_CHOSEN: return step->micros[micro].chosen;
    case DIM_UNITS: return step->micros[micro].units;
    case DIM_IDLE: return step->micro_count ? 0 : d.max;
    }
    return 0;
}

static err walk_part(plan *p, const step_info *step, uint32_t micro, plan_part part,
                     const op_function table[OP_COUNT]) {
    op_call call = {.device = p->device, .step = step, .micro = micro};
    const op_list *list = &p->parts[part];
    size_t first = plan_first_op(p, part);
    op_profile *profile = p->profile ? p->profile + first : NULL;
    bool is_last = part == PART_MICRO && micro + 1 == step->micro_count;
    for (size_t i = 0; i < list->count; i++) {
        op o = list->ops[i];
        err e = p->watch.begins ? p->watch.begins(p->watch.context, first + i) : ERR_OK;
        if (e) return e;
        operand operands[OPERANDS_MAX];
        size_t count = op_operands(&o, operands);
        for (size_t k = 0; k < count; k++) {
            if (span_given(*operands[k].at)) {
                *operands[k].at = span_at(*operands[k].at, step->slot, micro);
            }
        }
        double start = profile ? clock_seconds() : 0;
        if ((e = table[o.kind](&call, &o))) return e;
        p->device->work++;
        if (profile) {
            profile[i].seconds += clock_seconds() - start;
            profile[i].dispatches++;
        }
        if (is_last && p->watch.passed) p->watch.passed(p->watch.context, i);
    }
    return ERR_OK;
}

err plan_walk_host(plan *p, const step_info *step, const op_function table[OP_COUNT]) {
    err e = walk_part(p, step, 0, PART_BEGIN, table);
    for (uint32_t micro = 0; !e && micro < step->micro_count; micro++) {
        e = walk_part(p, step, micro, PART_MICRO, table);
    }
    return e ? e : walk_part(p, step, 0, PART_END, table);
}
