#include "compute/span.h"

#include "base/memory.h"
#include "compute/device.h"

size_t elem_bytes(elem type) {
    switch (type) {
    case ELEM_F64: return 8;
    case ELEM_F32:
    case ELEM_U32: return 4;
    case ELEM_F16:
    case ELEM_BF16: return 2;
    case ELEM_U8: return 1;
    }
    return 1;
}

span span_part(span s, size_t first, size_t count) {
    s.offset += first * elem_bytes(s.type);
    s.count = count;
    return s;
}

span span_at(span s, uint32_t slot, uint32_t micro) {
    s.offset += slot * s.slot_stride + micro * s.micro_stride;
    s.slot_stride = 0;
    s.micro_stride = 0;
    return s;
}

// Every byte of a block is touched when it is made: small models end with the first, large ones have
// few of the last.
static const size_t BLOCK_FIRST = (size_t)1 << 20, BLOCK_LAST = (size_t)64 << 20;

void arena_init(arena *a, struct device *d, size_t block_bytes, bool host_visible) {
    *a = (arena){.device = d,
                 .block_bytes = block_bytes ? block_bytes : BLOCK_FIRST,
                 .grows = !block_bytes,
                 .host_visible = host_visible};
}

void arena_count(arena *a, struct device *d) {
    *a = (arena){.device = d, .counts = true};
}

err arena_lend(arena *a, const arena *from) {
    err e = mem_grow((void **)&a->blocks, &a->capacity, from->count, sizeof *a->blocks);
    for (size_t i = 0; i < from->count && !e; i++)
        a->blocks[a->count++] = (arena_block){.buffer = from->blocks[i].buffer, .is_lent = true};
    return e;
}

/* A block with room: one of another arena's, or the last. */
static arena_block *block_with(const arena *a, size_t bytes) {
    for (size_t i = 0; i < a->count; i++) {
        arena_block *b = &a->blocks[i];
        if ((b->is_lent || i + 1 == a->count) && b->used + bytes <= b->buffer->bytes) return b;
    }
    return NULL;
}

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

err arena_take(arena *a, span *out, size_t count, elem type) {
    size_t bytes = round_up(count * elem_bytes(type), SPAN_ALIGN);
    if (!bytes) bytes = SPAN_ALIGN;
    uint64_t most = a->device->info.max_buffer_bytes;
    if (most && bytes > most) {
        return err_set(ERR_DEVICE,
                       "%s: one tensor of %zu bytes asked for, the largest buffer is %llu",
                       a->device->info.name, bytes, (unsigned long long)most);
    }
    arena_block *last = block_with(a, bytes);
    if (!last && a->counts) {
        a->counted += bytes;
        *out = (span){.count = count, .type = type};
        return ERR_OK;
    }
    if (!last) {
        err e = mem_grow((void **)&a->blocks, &a->capacity, a->count + 1, sizeof *a->blocks);
        if (e) return e;
        last = &a->blocks[a->count];
        size_t block = bytes > a->block_bytes ? bytes : a->block_bytes;
        if (most && block > most) block = (size_t)most;
        *last = (arena_block){0};
        if ((e = device_buffer_new(a->device, &last->buffer, block, a->host_visible))) return e;
        if (a->name) device_buffer_name(last->buffer, a->name);
        if (a->grows && a->block_bytes < BLOCK_LAST) a->block_bytes *= 2;
        a->count++;
    }
    *out = (span){.buffer = last->buffer, .offset = last->used, .count = count, .type = type};
    last->used += bytes;
    return ERR_OK;
}

void arena_free(arena *a) {
    for (size_t i = 0; i < a->count; i++)
        if (!a->blocks[i].is_lent) device_buffer_free(a->blocks[i].buffer);
    mem_free(a->blocks);
    *a = (arena){0};
}
