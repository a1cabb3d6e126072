/* Spans: typed ranges of a device's buffers, the only way operations name memory.
 *
 * A buffer is one allocation of a device. A span is {buffer, offset, count, type}; offsets are
 * multiples of SPAN_ALIGN bytes. Data that changes from step to step lies in one region per slot
 * (the host prepares one slot while the device works on the other) and, inside, one region per
 * micro-batch: such a span carries the distance between regions, and is resolved when the plan is
 * walked. */
#ifndef HARNESS_COMPUTE_SPAN_H
#define HARNESS_COMPUTE_SPAN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPAN_ALIGN = 256 };

typedef enum elem { ELEM_F32, ELEM_F64, ELEM_F16, ELEM_BF16, ELEM_U32, ELEM_U8 } elem;

size_t elem_bytes(elem type);

struct device;

typedef struct buffer {
    struct device *device;
    size_t bytes;
    void *mapped; /* host address; NULL where the host cannot see the memory */
    void *handle; /* the device's own */
} buffer;

typedef struct span {
    buffer *buffer; /* NULL: an absent optional operand */
    size_t offset;  /* bytes from the start of the buffer */
    size_t count;   /* elements */
    elem type;
    size_t slot_stride;  /* bytes from one slot's region to the next; 0: one region for all */
    size_t micro_stride; /* bytes from one micro-batch's region to the next; 0: one for all */
} span;

static inline bool span_given(span s) {
    return s.buffer != NULL;
}
static inline size_t span_bytes(span s) {
    return s.count * elem_bytes(s.type);
}

/* Part of a span: count elements from `first`. The byte offset must stay a multiple of SPAN_ALIGN
 * when the part is bound by an operation. */
span span_part(span s, size_t first, size_t count);

/* The span's region for this slot and micro-batch, with zero strides. */
span span_at(span s, uint32_t slot, uint32_t micro);

/* Host address of a resolved span in mapped memory. pre: buffer->mapped. */
static inline void *span_host(span s) {
    return (char *)s.buffer->mapped + s.offset;
}

/* Element i of a resolved span of reals in mapped memory. */
static inline double span_real(span s, size_t i) {
    return s.type == ELEM_F64 ? ((const double *)span_host(s))[i]
                              : (double)((const float *)span_host(s))[i];
}

typedef struct arena_block {
    buffer *buffer;
    size_t used;  /* bytes */
    bool is_lent; /* another arena's */
} arena_block;

/* An arena hands out spans from blocks no larger than the device allows, as many as it takes.
 * Blocks are owned; a span stays good when others follow. */
typedef struct arena {
    struct device *device;
    const char *name; /* of its buffers, for tools that look at the device; borrowed, or NULL */
    arena_block *blocks;
    size_t count, capacity;
    size_t block_bytes; /* size of the next block, unless a span needs more */
    bool grows;         /* each block is twice the one before, to a bound */
    bool host_visible;
    bool counts;    /* takes nothing of the device, but counts: */
    size_t counted; /* bytes that it would take */
} arena;

/* Sets up an empty arena; block_bytes 0: the first block is small, later ones are larger. */
void arena_init(arena *a, struct device *d, size_t block_bytes, bool host_visible);
/* Sets up an arena that counts what is taken from it; its spans name no memory. */
void arena_count(arena *a, struct device *d);
/* Lets an empty arena use the blocks of another, which must outlive it, before it takes its own:
 * what lies in them is lost, and spans there are not zero-filled. */
err arena_lend(arena *a, const arena *from) MUST_CHECK;
/* Zero-filled span of count elements. Errors: ERR_DEVICE when the device has no such memory, with
 * what was asked for and what it has. */
err arena_take(arena *a, span *out, size_t count, elem type) MUST_CHECK;
void arena_free(arena *a);

#endif
