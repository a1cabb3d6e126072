#include "compute/batch.h"

#include <string.h>

typedef struct wanted {
    span *at;
    size_t count;
    elem type;
    bool per_micro; /* else one region per slot */
} wanted;

// One buffer for all: every span is cut from it with the strides of its regions.
static err take_all(batch *b, device *d, const wanted *list, size_t count) {
    size_t micro_bytes = 0, slot_bytes = 0;
    for (size_t pass = 0; pass < 2; pass++) {
        size_t micro_used = 0, slot_used = 0;
        span whole = {0};
        if (pass) {
            size_t region = micro_bytes * b->capacity.micros + slot_bytes;
            err e = arena_take(&b->arena, &whole, region * SLOT_COUNT, ELEM_U8);
            if (e) return e;
        }
        for (size_t i = 0; i < count; i++) {
            const wanted *w = &list[i];
            size_t bytes =
                (w->count * elem_bytes(w->type) + SPAN_ALIGN - 1) / SPAN_ALIGN * SPAN_ALIGN;
            size_t *used = w->per_micro ? &micro_used : &slot_used;
            if (pass) {
                size_t region = micro_bytes * b->capacity.micros + slot_bytes;
                *w->at = (span){.buffer = whole.buffer,
                                .offset = whole.offset + (w->per_micro ? slot_bytes : 0) + *used,
                                .count = w->count,
                                .type = w->type,
                                .slot_stride = region,
                                .micro_stride = w->per_micro ? micro_bytes : 0};
            }
            *used += bytes;
        }
        micro_bytes = micro_used;
        slot_bytes = slot_used;
    }
    (void)d;
    return ERR_OK;
}

err batch_init(batch *b, device *d, const batch_capacity *capacity) {
    memset(b, 0, sizeof *b);
    b->capacity = *capacity;
    arena_init(&b->arena, d, 1, true);
    size_t t = capacity->tokens, s = capacity->sentences, positions = capacity->max_length;
    // a sentence has at most tokens / tile + 1 tiles, and sentences share the tokens
    size_t tiles = t / capacity->tile + s;
    size_t u = t * capacity->micros;
    if (positions > t) positions = t;
    b->dim_tokens = (dim){DIM_TOKENS, (uint32_t)t};
    b->dim_sentences = (dim){DIM_SENTENCES, (uint32_t)s};
    b->dim_tiles = (dim){DIM_TILES, (uint32_t)tiles};
    b->dim_word_lists = (dim){DIM_WORD_LISTS, (uint32_t)t};
    b->dim_position_lists = (dim){DIM_POSITION_LISTS, (uint32_t)positions};
    b->dim_word_rows = (dim){DIM_WORD_ROWS, (uint32_t)u};
    const wanted list[] = {
        {&b->ids, t, ELEM_U32, true},
        {&b->type_ids, t, ELEM_U32, true},
        {&b->positions, t, ELEM_U32, true},
        {&b->token_sentence, t, ELEM_U32, true},
        {&b->starts, s + 1, ELEM_U32, true},
        {&b->labels, s, ELEM_U32, true},
        {&b->ordinals, s, ELEM_U32, true},
        {&b->tiles, tiles * 4, ELEM_U32, true},
        {&b->word_starts, t + 1, ELEM_U32, true},
        {&b->word_items, t, ELEM_U32, true},
        {&b->word_rows, t, ELEM_U32, true},
        {&b->position_starts, positions + 1, ELEM_U32, true},
        {&b->position_items, t, ELEM_U32, true},
        {&b->position_rows, positions, ELEM_U32, true},
        {&b->type_starts, 3, ELEM_U32, true},
        {&b->type_items, t, ELEM_U32, true},
        {&b->type_rows, 2, ELEM_U32, true},
        {&b->losses, s, d->real, true},
        {&b->logits, s * capacity->classes, d->real, true},
        {&b->union_rows, u, ELEM_U32, false},
        {&b->norm, 4, d->real, false},
    };
    err e = take_all(b, d, list, sizeof list / sizeof *list);
    if (e) batch_free(b);
    return e;
}

void batch_free(batch *b) {
    arena_free(&b->arena);
    memset(b, 0, sizeof *b);
}
