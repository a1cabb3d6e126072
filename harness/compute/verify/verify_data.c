/* What the operands of a trial hold: seeded normal numbers, and the integers of a packed batch. */
#include "compute/verify/verify_internal.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// list is like " pre add "
static bool is_listed(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *at = list; at && (at = strstr(at, name)); at += n) {
        if (at > list && at[-1] == ' ' && at[n] == ' ') return true;
    }
    return false;
}

/* Length of sentence i when `left` tokens remain. */
static uint32_t length_of(sentence_style style, uint32_t i, uint32_t left) {
    static const uint32_t shorts[] = {3, 26, 11, 1, 40, 19, 67, 2, 33, 8};
    static const uint32_t edges[] = {31, 32, 33, 63, 64, 65, 1, 127, 129};
    uint32_t n = 1;
    switch (style) {
    case SENTENCES_SHORT: n = shorts[i % 10]; break;
    case SENTENCES_LONG: n = i % 2 ? 3 : 512; break;
    case SENTENCES_ONES: n = 1; break;
    case SENTENCES_SINGLE: n = left; break;
    case SENTENCES_TILE: n = edges[i % 9]; break;
    }
    return n < left ? n : left;
}

/* Sentences that `tokens` make. */
static uint32_t sentences_of(sentence_style style, uint32_t tokens) {
    uint32_t count = 0;
    for (uint32_t used = 0; used < tokens; count++) {
        used += length_of(style, count, tokens - used);
    }
    return count;
}

// Of the rows that a head reads, where they are listed: neither the first nor the last token.
enum { CHOSEN_EVERY = 3, CHOSEN_FIRST = 1 };

micro_sizes verify__sizes(const trial *t, uint32_t slot, uint32_t micro, uint32_t tile) {
    micro_sizes m = {.tokens = t->tokens[slot][micro],
                     .lists = {t->lists[slot][micro], t->lists[slot][micro]},
                     .chosen = t->tokens[slot][micro] / CHOSEN_EVERY,
                     .units = t->tokens[slot][micro] / CHOSEN_EVERY};
    for (uint32_t used = 0; used < m.tokens; m.sentences++) {
        uint32_t n = length_of(t->style, m.sentences, m.tokens - used);
        used += n;
        m.tiles += (n + tile - 1) / tile;
    }
    return m;
}

enum { SEED = 20240229 };

static uint32_t site_of(const char *name) {
    uint32_t site = 0;
    for (; *name; name++) site = site * 31 + (uint32_t)(unsigned char)*name;
    return site;
}

// One of 2^32 numbers for element i of a named stream.
static uint32_t word_of(const char *name, uint32_t region, uint32_t i) {
    return philox4x32((philox){{i, region, 0, 0}}, SEED, site_of(name)).v[0];
}

// Sum of four uniforms, scaled to variance 1: normal enough, and quick.
static float normal_of(const char *name, uint32_t region, size_t i) {
    philox r = philox4x32((philox){{(uint32_t)i, region, 0, 0}}, SEED, site_of(name));
    double sum = 0;
    for (uint32_t w = 0; w < 4; w++) sum += (double)r.v[w] * 0x1p-32;
    return (float)((sum - 2) * 1.7320508075688772);
}

typedef struct token {
    uint32_t sentence, position, start, length;
} token;

// Walks the batch to token t. Sentences are short lists, so a walk per token is quick enough.
static token token_at(sentence_style style, uint32_t tokens, uint32_t t) {
    token k = {0};
    for (;; k.sentence++) {
        k.length = length_of(style, k.sentence, tokens - k.start);
        if (t < k.start + k.length) break;
        k.start += k.length;
    }
    k.position = t - k.start;
    return k;
}

// Sentences of the optimizer step before this micro-batch.
static uint32_t sentences_before(const trial *t, uint32_t slot, uint32_t micro) {
    uint32_t count = 0;
    for (uint32_t m = 0; m < micro; m++) count += sentences_of(t->style, t->tokens[slot][m]);
    return count;
}

static void fill_tiles(const trial *t, uint32_t slot, uint32_t micro, uint32_t tile,
                       uint32_t *out) {
    uint32_t tokens = t->tokens[slot][micro], used = 0, n = 0;
    uint32_t ordinal = sentences_before(t, slot, micro);
    for (uint32_t i = 0; used < tokens; i++) {
        uint32_t length = length_of(t->style, i, tokens - used);
        for (uint32_t first = 0; first < length; first += tile, n++) {
            const uint32_t entry[4] = {used, length, first, ordinal + i};
            memcpy(out + n * 4, entry, sizeof entry);
        }
        used += length;
    }
}

// The list that a token belongs to: the first tokens one each, so that no list but the last is
// empty (the last one is, when there is more than one).
static uint32_t list_of(uint32_t token_index, uint32_t lists) {
    uint32_t full = lists > 1 ? lists - 1 : 1;
    return token_index < full ? token_index : (token_index * 7919u) % full;
}

static void fill_lists(const char *name, uint32_t tokens, uint32_t lists, uint32_t *out) {
    bool is_items = !strcmp(name, "items");
    uint32_t used = 0;
    for (uint32_t r = 0; r < lists; r++) {
        if (!is_items) out[r] = used;
        for (uint32_t k = 0; k < tokens; k++) {
            if (list_of(k, lists) != r || (lists > 1 && r == lists - 1)) continue;
            if (is_items) out[used] = k;
            used++;
        }
    }
    if (!is_items) out[lists] = used;
}

static uint32_t token_word(const trial *t, const char *name, uint32_t slot, uint32_t micro,
                           uint32_t i) {
    uint32_t region = slot * MICROS_MAX + micro;
    token k = token_at(t->style, t->tokens[slot][micro], i);
    if (!strcmp(name, "positions")) return k.position;
    if (!strcmp(name, "type_ids")) return k.position > k.length / 2;
    if (!strcmp(name, "token_sentence")) return k.sentence + sentences_before(t, slot, micro);
    // ids: half of them among the first few, so that rows repeat
    uint32_t vocabulary = t->o.as.embed_fwd.table_rows, w = word_of(name, region, i);
    return w % 2 && vocabulary > 8 ? w / 2 % 8 : w / 2 % vocabulary;
}

// A parser's nodes are the tokens here: {first, count} of node i / 2's sentence, or a node of it.
static uint32_t node_word(const trial *t, const char *name, uint32_t slot, uint32_t micro,
                          uint32_t i) {
    bool is_pair = !strcmp(name, "nodes");
    token k = token_at(t->style, t->tokens[slot][micro], is_pair ? i / 2 : i);
    if (is_pair) return i % 2 ? k.length : k.start;
    return k.start + word_of(name, slot * MICROS_MAX + micro, i) % k.length;
}

static uint32_t sentence_word(const trial *t, const char *name, uint32_t slot, uint32_t micro,
                              uint32_t i) {
    if (!strcmp(name, "ordinals")) return i + sentences_before(t, slot, micro);
    if (t->o.as.cross_entropy.adds && i % 3 == 1) return CLASS_NONE;
    return word_of(name, slot * MICROS_MAX + micro, i) % t->o.as.cross_entropy.classes; // targets
}

// adamw_rows: distinct rows in ascending order, and how far each row of the table is.
static uint32_t row_word(const trial *t, const char *name, uint32_t i) {
    const struct adamw_rows *a = &t->o.as.adamw_rows;
    if (!strcmp(name, "list")) return a->table_rows > 2 * a->rows.max ? i * 2 + 1 : i;
    if (!is_listed(t->absent, "g")) return t->step - 1; // last_step
    return word_of(name, 0, i) % t->step;
}

static bool reads_chosen(const trial *t) {
    return (t->o.kind == OP_gather_rows && t->o.as.gather_rows.rows.kind == DIM_CHOSEN) ||
           (t->o.kind == OP_scatter_rows && t->o.as.scatter_rows.rows.kind == DIM_CHOSEN);
}

void verify__words(const trial *t, const char *name, uint32_t slot, uint32_t micro, uint32_t tile,
                   uint32_t *out, size_t count) {
    micro_sizes m = verify__sizes(t, slot, micro, tile);
    if (!strcmp(name, "tiles")) {
        fill_tiles(t, slot, micro, tile, out);
    } else if (t->o.kind == OP_rows_sum) {
        const struct rows_sum *a = &t->o.as.rows_sum;
        uint32_t lists = a->lists.kind == DIM_FIXED ? a->lists.max : t->lists[slot][micro];
        uint32_t tokens = a->items_max.kind == DIM_FIXED ? a->items_max.max : m.tokens;
        if (strcmp(name, "rows")) fill_lists(name, tokens, lists, out);
        // distinct rows out of order: the table has twice as many, see its tweak
        for (uint32_t r = 0; !strcmp(name, "rows") && r < lists; r++) out[r] = 2 * (lists - 1 - r);
    } else if (!strcmp(name, "starts") && reads_chosen(t)) {
        for (uint32_t i = 0; i <= m.chosen; i++) out[i] = i * CHOSEN_EVERY + CHOSEN_FIRST;
    } else if (!strcmp(name, "starts")) {
        for (uint32_t i = 0, used = 0; i <= m.sentences; i++) {
            out[i] = used;
            used += length_of(t->style, i, m.tokens - used);
        }
    } else if (!strcmp(name, "ordinals") || !strcmp(name, "targets")) {
        for (uint32_t i = 0; i < m.sentences; i++) out[i] = sentence_word(t, name, slot, micro, i);
    } else if (!strcmp(name, "nodes") || !strcmp(name, "heads")) {
        uint32_t each = !strcmp(name, "nodes") ? 2 : 1;
        for (uint32_t i = 0; i < m.tokens * each; i++) out[i] = node_word(t, name, slot, micro, i);
    } else if (t->o.kind == OP_adamw_rows) {
        for (uint32_t i = 0; i < count; i++) out[i] = row_word(t, name, i);
    } else {
        for (uint32_t i = 0; i < m.tokens; i++) out[i] = token_word(t, name, slot, micro, i);
    }
}

static const tweak *tweak_of(const trial *t, const char *name) {
    for (size_t i = 0; i < TWEAKS_MAX && t->tweaks[i].name; i++) {
        if (!strcmp(t->tweaks[i].name, name)) return &t->tweaks[i];
    }
    return NULL;
}

static err draw(trial *t, trial_operand *w) {
    const tweak *k = tweak_of(t, w->name);
    bool is_shared = t->alias && !strcmp(t->alias_of, w->name);
    if (w->access == ACCESS_WRITE && !is_shared) return ERR_OK;
    err e = mem_new(&w->values, w->regions * w->count);
    if (e) return e;
    for (size_t r = 0; r < w->regions; r++) {
        // grad_norm has several operands of one name
        uint32_t region = (uint32_t)(r + 16 * (size_t)(w - t->operands));
        for (size_t i = 0; i < w->count; i++) {
            float x = normal_of(w->name, region, i);
            w->values[r * w->count + i] = k ? x * k->scale + k->shift : x;
        }
    }
    return ERR_OK;
}

err verify__data(trial *t, device *reference) {
    operand list[OPERANDS_MAX];
    t->operand_count = op_operands(&t->o, list);
    for (size_t i = 0; i < t->operand_count; i++) {
        trial_operand *w = &t->operands[i];
        const tweak *k = tweak_of(t, list[i].name);
        *w = (trial_operand){.name = list[i].name,
                             .is_real = list[i].is_real,
                             .access = list[i].access,
                             .count = k && k->count ? k->count : list[i].count,
                             .same_as = -1,
                             .is_given = !is_listed(t->absent, list[i].name)};
        bool has_regions = t->slot_count > 1 || t->micro_count > 1 || t->first_slot;
        w->is_strided = has_regions && !list[i].is_kept;
        w->regions = w->is_strided ? SLOT_COUNT * MICROS_MAX : 1;
    }
    for (size_t i = 0; i < t->operand_count; i++) {
        trial_operand *w = &t->operands[i];
        for (size_t j = 0; t->alias && !strcmp(t->alias, w->name) && j < t->operand_count; j++) {
            if (!strcmp(t->alias_of, t->operands[j].name)) w->same_as = (int)j;
        }
        if (!w->is_given || !w->is_real || w->same_as >= 0) continue;
        err e = draw(t, w);
        if (e) return e;
    }
    return t->prepare ? t->prepare(t, reference) : ERR_OK;
}

void verify__data_free(trial *t) {
    for (size_t i = 0; i < t->operand_count; i++) {
        mem_free(t->operands[i].values);
        t->operands[i].values = NULL;
    }
}

float *verify__values(trial *t, const char *name, uint32_t slot, uint32_t micro) {
    for (size_t i = 0; i < t->operand_count; i++) {
        trial_operand *w = &t->operands[i];
        if (!w->values || strcmp(w->name, name)) continue;
        return w->values + (w->is_strided ? (slot * MICROS_MAX + micro) * w->count : 0);
    }
    return NULL;
}

err verify__append(plan *p, const op *o) {
    switch (o->kind) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        return op_##name(p, &o->as.name);
#include "compute/ops.def"
#undef OP
    case OP_COUNT: break;
    }
    return err_set(ERR_ARG, "unknown operation");
}

// Uploads what the op reads: values of the trial, and words drawn for the reference's tile.
static err load_operand(trial *t, arena *a, operand *w, uint32_t slot, uint32_t micro) {
    device *d = a->device;
    err e = arena_take(a, w->at, w->count, w->is_real ? d->real : ELEM_U32);
    const float *values = verify__values(t, w->name, slot, micro);
    if (e || (w->is_real ? !values : w->access == ACCESS_WRITE)) return e;
    if (w->is_real) return device_write_f32(*w->at, values, w->count);
    verify__words(t, w->name, slot, micro, d->tile_rows, span_host(*w->at), w->count);
    return ERR_OK;
}

err verify__precompute(trial *t, device *reference, op *o, uint32_t slot, uint32_t micro) {
    operand list[OPERANDS_MAX];
    size_t count = op_operands(o, list);
    arena memory;
    plan p;
    arena_init(&memory, reference, 0, true);
    plan_init(&p, reference);
    plan_part_begin(&p, PART_MICRO);
    err e = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        if ((e = load_operand(t, &memory, &list[i], slot, micro))) goto done;
    }
    if ((e = verify__append(&p, o)) || (e = plan_ready(&p))) goto done;
    micro_sizes sizes = verify__sizes(t, slot, micro, reference->tile_rows);
    step_info step = {.step = t->step + slot - t->first_slot,
                      .seed = 42,
                      .step_rows = t->step_rows[slot],
                      .loss_scale = 1,
                      .micro_count = 1,
                      .micros = &sizes};
    if ((e = plan_submit(&p, &step)) || (e = plan_wait(&p, 0))) goto done;
    for (size_t i = 0; i < count; i++) {
        float *to = verify__values(t, list[i].name, slot, micro);
        if (!to || !list[i].is_real || list[i].access == ACCESS_READ) continue;
        if ((e = device_read_f32(to, *list[i].at, list[i].count))) goto done;
    }
done:
    plan_free(&p);
    arena_free(&memory);
    return e;
}
