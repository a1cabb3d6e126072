#include "data/pack.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

err pack_init(pack *p, const batch *b) {
    memset(p, 0, sizeof *p);
    const batch_capacity *c = &b->capacity;
    size_t all = (size_t)c->tokens * c->micros;
    err e;
    if ((e = mem_new(&p->micros, c->micros)) || (e = mem_new(&p->first_sentence, c->micros + 1)) ||
        (e = mem_new(&p->keys, c->tokens)) || (e = mem_new(&p->ids_sorted, all))) {
        pack_free(p);
    }
    return e;
}

void pack_free(pack *p) {
    mem_free(p->micros);
    mem_free(p->first_sentence);
    mem_free(p->keys);
    mem_free(p->ids_sorted);
    memset(p, 0, sizeof *p);
}

static uint32_t *at(span s, uint32_t slot, uint32_t micro) {
    return (uint32_t *)span_host(span_at(s, slot, micro));
}

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int by_id(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static const uint32_t NO_PAD = UINT32_MAX; // no enumerator: those are int

// Groups tokens by key: starts, items (ascending token within a group) and each group's key in
// rows. Returns the number of groups. Padding that stands in a text is read like any token, but its
// row has no gradient (padding_idx of transformers' tables): its group is empty.
static uint32_t group(pack *p, const batch_lists *l, span key_of, uint32_t pad, uint32_t slot,
                      uint32_t micro) {
    uint32_t *starts = at(l->starts, slot, micro), *items = at(l->items, slot, micro);
    uint32_t *rows = at(l->rows, slot, micro), tokens = p->micros[micro].tokens;
    const uint32_t *row_of = at(key_of, slot, micro);
    uint64_t *keys = p->keys;
    for (uint32_t t = 0; t < tokens; t++) keys[t] = (uint64_t)row_of[t] << 32 | t;
    qsort(keys, tokens, sizeof *keys, by_key);
    uint32_t lists = 0, used = 0;
    for (uint32_t t = 0; t < tokens; t++) {
        uint32_t key = (uint32_t)(keys[t] >> 32);
        if (!lists || rows[lists - 1] != key) {
            starts[lists] = used;
            rows[lists++] = key;
        }
        if (key != pad) items[used++] = (uint32_t)keys[t];
    }
    starts[lists] = used;
    memset(items + used, 0, (tokens - used) * sizeof *items); // kernels may read all places
    return lists;
}

static void fill_types(const batch *b, uint32_t slot, uint32_t micro, uint32_t tokens) {
    const uint32_t *types = at(b->type_ids, slot, micro);
    const batch_lists *l = &b->by_type;
    uint32_t *starts = at(l->starts, slot, micro), *items = at(l->items, slot, micro);
    uint32_t *rows = at(l->rows, slot, micro);
    uint32_t used = 0;
    for (uint32_t type = 0; type < b->capacity.types; type++) {
        rows[type] = type;
        starts[type] = used;
        for (uint32_t t = 0; t < tokens; t++) {
            if (types[t] == type) items[used++] = t;
        }
    }
    starts[b->capacity.types] = used;
}

// Rows of the position table, as transformers' create_position_ids_from_input_ids has them where
// they follow the pad id; padding may stand in a text.
static void fill_position_ids(const batch_capacity *c, uint32_t *out, const pack_sentence *s) {
    uint32_t next = c->positions_follow_pad ? c->pad + 1 : 0;
    for (uint32_t k = 0; k < s->count; k++)
        out[k] = c->positions_follow_pad && s->ids[k] == c->pad ? c->pad : next++;
}

// What the row's loss compares with, as the head lays it out.
static void fill_target(const batch *b, uint32_t slot, uint32_t micro, uint32_t row,
                        example_target target) {
    span to = span_at(b->targets, slot, micro);
    uint32_t cols = b->capacity.target.cols;
    if (b->capacity.target.kind == ANSWER_CLASS) {
        ((uint32_t *)span_host(to))[row] = target.class;
        return;
    }
    for (uint32_t c = 0; c < cols; c++) {
        float value = b->capacity.target.kind == ANSWER_SET ? target.set[c] : target.number;
        if (to.type == ELEM_F64)
            ((double *)span_host(to))[row * cols + c] = (double)value;
        else
            ((float *)span_host(to))[row * cols + c] = value;
    }
}

// Rows that a head reads for each unit.
static uint32_t places_of(const batch_capacity *c) {
    return c->target.places ? c->target.places : 1;
}

// What a parser compares with, of a sentence whose first node is n.
static void fill_nodes(const batch *b, uint32_t slot, uint32_t micro, const example_chosen *chosen,
                       uint32_t n) {
    for (uint32_t k = 0; k < chosen->count; k++) {
        uint32_t head = chosen->ids[k * ARC_WIDTH + ARC_HEAD];
        at(b->nodes, slot, micro)[2 * (n + k)] = n;
        at(b->nodes, slot, micro)[2 * (n + k) + 1] = chosen->count;
        at(b->targets, slot, micro)[n + k] = head;
        at(b->heads, slot, micro)[n + k] = head == CLASS_NONE ? n : n + head;
        at(b->relations, slot, micro)[n + k] = chosen->ids[k * ARC_WIDTH + ARC_RELATION];
    }
}

// Adds a sentence's chosen rows to those of its micro-batch, which has n units. Returns how many it
// has then.
static uint32_t fill_chosen(const batch *b, uint32_t slot, uint32_t micro, const pack_sentence *s,
                            uint32_t start, uint32_t ordinal, uint32_t n) {
    const example_chosen *chosen = &s->target.chosen;
    uint32_t cols = b->capacity.target.cols, places = places_of(&b->capacity);
    for (uint32_t k = 0; k < chosen->count * places; k++) {
        uint32_t row = n * places + k, place = chosen->places[k];
        at(b->chosen, slot, micro)[row] = start + place;
        at(b->chosen_positions, slot, micro)[row] = place;
        at(b->chosen_sentence, slot, micro)[row] = ordinal;
        at(b->chosen_ordinals, slot, micro)[row] = batch_ordinal(ordinal, place);
    }
    if (b->capacity.target.kind == ANSWER_ARCS) {
        fill_nodes(b, slot, micro, chosen, n);
        return n + chosen->count;
    }
    for (uint32_t k = 0; k < chosen->count * cols; k++)
        at(b->targets, slot, micro)[n * cols + k] = chosen->ids[k];
    return n + chosen->count;
}

// Of a sentence's units, those that have a loss.
static uint32_t losses_of(const batch_capacity *c, const pack_sentence *s) {
    const example_chosen *chosen = &s->target.chosen;
    uint32_t count = c->chosen ? chosen->count : 0, none = 0;
    for (uint32_t k = 0; c->target.kind == ANSWER_ARCS && k < count; k++)
        none += chosen->ids[k * ARC_WIDTH + ARC_HEAD] == CLASS_NONE;
    return count - none;
}

// The first of a share's sentences from i on; the step's count when there is none.
static uint32_t next_own(const pack_share *share, uint32_t i, uint32_t count) {
    while (share->owners && i < count && share->owners[i] != share->own) i++;
    return i;
}

// Writes one micro-batch's tokens and its attention work list: `count` sentences of the share from
// `first` on.
static void fill_micro(pack *p, const batch *b, uint32_t slot, uint32_t micro,
                       const pack_sentence *sentences, const pack_share *share, uint32_t first,
                       uint32_t count) {
    uint32_t *ids = at(b->ids, slot, micro), *types = at(b->type_ids, slot, micro);
    uint32_t *positions = at(b->positions, slot, micro);
    uint32_t *position_ids = at(b->position_ids, slot, micro);
    uint32_t *token_sentence = at(b->token_sentence, slot, micro);
    uint32_t *starts = at(b->starts, slot, micro);
    uint32_t *ordinals = at(b->ordinals, slot, micro);
    query_tile *tiles = (query_tile *)(void *)at(b->tiles, slot, micro);
    uint32_t used = 0, tile_count = 0, units = 0, ordinal = first;
    for (uint32_t i = 0; i < count; i++) {
        const pack_sentence *s = &sentences[ordinal];
        starts[i] = used;
        if (b->capacity.chosen)
            units = fill_chosen(b, slot, micro, s, used, ordinal, units);
        else
            fill_target(b, slot, micro, i, s->target);
        ordinals[i] = ordinal;
        fill_position_ids(&b->capacity, position_ids + used, s);
        for (uint32_t row = 0; row < s->count; row += b->capacity.tile_rows) {
            tiles[tile_count++] = (query_tile){used, s->count, row, ordinal};
        }
        for (uint32_t k = 0; k < s->count; k++, used++) {
            ids[used] = s->ids[k];
            types[used] = k >= s->type_one && b->capacity.types > 1;
            positions[used] = k;
            token_sentence[used] = ordinal;
        }
        ordinal = next_own(share, ordinal + 1, p->sentence_count);
    }
    starts[count] = used;
    p->micros[micro] = (micro_sizes){.tokens = used,
                                     .sentences = count,
                                     .tiles = tile_count,
                                     .chosen = units * places_of(&b->capacity),
                                     .units = units};
}

static void fill_lists(pack *p, const batch *b, uint32_t slot, uint32_t micro) {
    micro_sizes *m = &p->micros[micro];
    const batch_capacity *c = &b->capacity;
    m->lists[BATCH_TOKEN_LISTS] = group(p, &b->by_token, b->ids, c->pad, slot, micro);
    m->lists[BATCH_POSITION_LISTS] = group(p, &b->by_position, b->position_ids,
                                           c->positions_follow_pad ? c->pad : NO_PAD, slot, micro);
    fill_types(b, slot, micro, m->tokens);
}

// The union of the micro-batches' distinct ids, and of those of other shares' sentences; the lists'
// rows turn from ids into places in it.
static void fill_union(pack *p, const batch *b, uint32_t slot, const pack_sentence *sentences,
                       uint32_t count, const pack_share *share) {
    size_t all = 0;
    if (b->capacity.whole_token_gradient) return;
    for (uint32_t i = 0; share->owners && i < count; i++) {
        if (share->owners[i] == share->own) continue;
        memcpy(p->ids_sorted + all, sentences[i].ids, sentences[i].count * sizeof(uint32_t));
        all += sentences[i].count;
    }
    for (uint32_t micro = 0; micro < p->micro_count; micro++) {
        uint32_t lists = p->micros[micro].lists[BATCH_TOKEN_LISTS];
        memcpy(p->ids_sorted + all, at(b->by_token.rows, slot, micro), lists * sizeof(uint32_t));
        all += lists;
    }
    qsort(p->ids_sorted, all, sizeof(uint32_t), by_id);
    uint32_t *rows = at(b->step_rows, slot, 0);
    uint32_t used = 0;
    for (size_t i = 0; i < all; i++) {
        if (!used || rows[used - 1] != p->ids_sorted[i]) rows[used++] = p->ids_sorted[i];
    }
    p->step_rows = used;
    for (uint32_t micro = 0; micro < p->micro_count; micro++) {
        uint32_t *listed = at(b->by_token.rows, slot, micro);
        uint32_t place = 0; // both lists ascend
        for (uint32_t i = 0; i < p->micros[micro].lists[BATCH_TOKEN_LISTS]; i++) {
            while (rows[place] != listed[i]) place++;
            listed[i] = place;
        }
    }
}

static uint32_t chosen_of(const batch_capacity *c, const pack_sentence *s) {
    return c->chosen ? s->target.chosen.count * places_of(c) : 0;
}

// The step's counts, whoever computes its sentences.
static err count_step(pack *p, const batch_capacity *c, const pack_sentence *sentences,
                      uint32_t count) {
    p->sentence_count = count;
    p->token_count = 0;
    p->unit_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (sentences[i].count > c->max_length) // kernels go by it
            return err_set(ERR_ARG, "a sentence of %u tokens, the batch is planned for up to %u",
                           sentences[i].count, c->max_length);
        p->token_count += sentences[i].count;
        p->unit_count += losses_of(c, &sentences[i]);
    }
    return ERR_OK;
}

err pack_fill_share(pack *p, const batch *b, uint32_t slot, const pack_sentence *sentences,
                    uint32_t count, const pack_share *share, uint32_t micro_sentences,
                    bool for_training) {
    const batch_capacity *c = &b->capacity;
    uint32_t most =
        micro_sentences && micro_sentences < c->sentences ? micro_sentences : c->sentences;
    p->micro_count = 0;
    p->step_rows = 0;
    p->of_units = c->chosen > 0;
    err e = count_step(p, c, sentences, count);
    if (e) return e;
    for (uint32_t first = next_own(share, 0, count), next; first < count; first = next) {
        uint32_t n = 0, tokens = 0, chosen = 0;
        for (next = first; next < count && n < most; next = next_own(share, next + 1, count), n++) {
            tokens += sentences[next].count;
            chosen += chosen_of(c, &sentences[next]);
            if (tokens > c->tokens || chosen > c->chosen) break;
        }
        if (!n) {
            return err_set(ERR_ARG, "a sentence of %u tokens does not fit a batch of %u",
                           sentences[first].count, c->tokens);
        }
        if (p->micro_count == c->micros) {
            return err_set(ERR_ARG, "%u sentences need more than %u micro-batches", count,
                           c->micros);
        }
        uint32_t micro = p->micro_count++;
        p->first_sentence[micro] = first;
        fill_micro(p, b, slot, micro, sentences, share, first, n);
        if (for_training) fill_lists(p, b, slot, micro);
    }
    p->first_sentence[p->micro_count] = count;
    if (for_training) fill_union(p, b, slot, sentences, count, share);
    return ERR_OK;
}

err pack_fill(pack *p, const batch *b, uint32_t slot, const pack_sentence *sentences,
              uint32_t count, bool for_training) {
    return pack_fill_share(p, b, slot, sentences, count, &(pack_share){0}, 0, for_training);
}

step_info pack_step(const pack *p, uint32_t slot, uint32_t step, uint32_t seed) {
    uint32_t count = p->of_units ? p->unit_count : p->sentence_count;
    return (step_info){.slot = slot,
                       .step = step,
                       .seed = seed,
                       .step_rows = p->step_rows,
                       // a step of which nothing was chosen has no loss, not one that is no number
                       .loss_scale = 1.0f / (float)(count ? count : 1),
                       .micro_count = p->micro_count,
                       .micros = p->micros};
}
