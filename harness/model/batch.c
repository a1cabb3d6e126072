#include "model/batch.h"

#include <string.h>

err batch_init(batch *b, device *d, const batch_capacity *capacity) {
    memset(b, 0, sizeof *b);
    b->capacity = *capacity;
    arena_init(&b->arena, d, 1, true);
    b->arena.name = "batch";
    size_t t = capacity->tokens, s = capacity->sentences, positions = capacity->max_length;
    if (capacity->positions_follow_pad) positions++; // padding's row
    // a sentence has at most tokens / tile_rows + 1 tiles, and sentences share the tokens
    size_t tiles = t / capacity->tile_rows + s;
    size_t u = t * capacity->micros, chosen = capacity->chosen;
    size_t units = capacity->target.places ? chosen / capacity->target.places : chosen;
    size_t results = chosen ? units : s;
    if (positions > t) positions = t;
    b->dim_tokens = (dim){DIM_TOKENS, (uint32_t)t};
    b->dim_sentences = (dim){DIM_SENTENCES, (uint32_t)s};
    b->dim_tiles = (dim){DIM_TILES, (uint32_t)tiles};
    b->dim_step_rows = (dim){DIM_STEP_ROWS, (uint32_t)u};
    b->dim_chosen = (dim){DIM_CHOSEN, (uint32_t)chosen};
    b->dim_units = (dim){DIM_UNITS, (uint32_t)units};
    b->by_token.count = (dim){DIM_LISTS_0 + BATCH_TOKEN_LISTS, (uint32_t)t};
    b->by_position.count = (dim){DIM_LISTS_0 + BATCH_POSITION_LISTS, (uint32_t)positions};
    b->by_type.count = dim_fixed(capacity->types);
    size_t nodes = capacity->target.kind == ANSWER_ARCS ? units : 0;
    const region list[] = {
        {&b->ids, t, ELEM_U32, true},
        {&b->type_ids, t, ELEM_U32, true},
        {&b->position_ids, t, ELEM_U32, true},
        {&b->positions, t, ELEM_U32, true},
        {&b->token_sentence, t, ELEM_U32, true},
        {&b->starts, s + 1, ELEM_U32, true},
        {&b->targets, results * capacity->target.cols,
         capacity->target.type == ELEM_U32 ? ELEM_U32 : d->real, true},
        {&b->ordinals, s, ELEM_U32, true},
        {&b->tiles, tiles * 4, ELEM_U32, true},
        {&b->chosen, chosen + 1, ELEM_U32, true},
        {&b->chosen_positions, chosen, ELEM_U32, true},
        {&b->chosen_sentence, chosen, ELEM_U32, true},
        {&b->chosen_ordinals, chosen, ELEM_U32, true},
        {&b->nodes, nodes * 2, ELEM_U32, true},
        {&b->heads, nodes, ELEM_U32, true},
        {&b->relations, nodes, ELEM_U32, true},
        {&b->by_token.starts, t + 1, ELEM_U32, true},
        {&b->by_token.items, t, ELEM_U32, true},
        {&b->by_token.rows, t, ELEM_U32, true},
        {&b->by_position.starts, positions + 1, ELEM_U32, true},
        {&b->by_position.items, t, ELEM_U32, true},
        {&b->by_position.rows, positions, ELEM_U32, true},
        {&b->by_type.starts, capacity->types + 1, ELEM_U32, true},
        {&b->by_type.items, t, ELEM_U32, true},
        {&b->by_type.rows, capacity->types, ELEM_U32, true},
        {&b->losses, results, d->real, true},
        {&b->outputs, capacity->hides_outputs ? 0 : results * capacity->outputs, d->real, true},
        {&b->predicted, chosen, ELEM_U32, true},
        {&b->step_rows, u, ELEM_U32, false},
        {&b->norm, 4, d->real, false},
    };
    err e = regions_take(&b->arena, capacity->micros, list, sizeof list / sizeof *list);
    if (e) batch_free(b);
    return e;
}

void batch_free(batch *b) {
    arena_free(&b->arena);
    memset(b, 0, sizeof *b);
}
