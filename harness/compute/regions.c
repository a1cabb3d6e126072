#include "compute/regions.h"

static size_t aligned_bytes(const region *r) {
    return (r->count * elem_bytes(r->type) + SPAN_ALIGN - 1) / SPAN_ALIGN * SPAN_ALIGN;
}

err regions_take(arena *a, uint32_t micros, const region *list, size_t count) {
    size_t micro_bytes = 0, slot_bytes = 0;
    span whole = {0};
    for (size_t i = 0; i < count; i++)
        *(list[i].per_micro ? &micro_bytes : &slot_bytes) += aligned_bytes(&list[i]);
    size_t slot_stride = micro_bytes * micros + slot_bytes;
    err e = arena_take(a, &whole, slot_stride * SLOT_COUNT, ELEM_U8);
    if (e) return e;
    // a slot: what it has once, then its micro-batches
    size_t slot_used = 0, micro_used = slot_bytes;
    for (size_t i = 0; i < count; i++) {
        const region *r = &list[i];
        size_t *used = r->per_micro ? &micro_used : &slot_used;
        *r->at = (span){.buffer = whole.buffer,
                        .offset = whole.offset + *used,
                        .count = r->count,
                        .type = r->type,
                        .slot_stride = slot_stride,
                        .micro_stride = r->per_micro ? micro_bytes : 0};
        *used += aligned_bytes(r);
    }
    return ERR_OK;
}
