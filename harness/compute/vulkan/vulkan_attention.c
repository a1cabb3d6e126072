/* Recording of attention: a workgroup for each (sentence, tile) entry and head. */
#include "compute/vulkan/vulkan_internal.h"

enum {
    HEAD_SIZE_ROWS = 128, /* larger: the wide kernels, whose lanes own channels in place of rows */
    TILE_SHARES =
        4,     /* invocations that have a row together, as shaders/include/attention_tile.glsl */
    LANES = 64 /* of a wide workgroup, and of one for first tokens */
};

/* Tokens of the longest sentence. */
static uint32_t longest(uint32_t tokens, uint32_t told) {
    return told && told < tokens ? told : tokens;
}

static uint32_t channels(uint32_t head_size) {
    return (head_size + LANES - 1) / LANES;
}

typedef struct attention_sizes {
    uint32_t tokens, tiles, quads, longest;
    size_t hidden;
} attention_sizes;

static attention_sizes sizes_of(recorder *r, dim tokens, dim tiles, uint32_t heads,
                                uint32_t head_size, uint32_t told) {
    uint32_t count = vulkan__size(r, tokens);
    return (attention_sizes){.tokens = count,
                             .tiles = vulkan__size(r, tiles),
                             .quads = (head_size + 3) / 4,
                             .longest = longest(count, told),
                             .hidden = (size_t)heads * head_size};
}

#define KERNELS(name)                                                                              \
    static const kernel_id name[] = {[FAMILY_REGISTER] = KERNEL_attention_##name##_register,       \
                                     [FAMILY_TILE] = KERNEL_attention_##name##_tile,               \
                                     [FAMILY_PANEL] = KERNEL_attention_##name##_panel,             \
                                     [FAMILY_PANEL + 1] = KERNEL_attention_##name##_wide};
KERNELS(fwd)
KERNELS(bwd_q)
KERNELS(bwd_kv)

// Iterations: the rows of a sentence, on GPUs three times in blocks of 8 and once to stage them; the
// loops over a row's quads have a constant count and are unrolled (tests walk 920 rows of 128, beyond
// the limit if not).
static void dispatch(recorder *r, const kernel_id of_family[], attention_sizes s, uint32_t heads,
                     uint32_t head_size, const struct push_attention *push) {
    kernel_family family = r->v->family;
    // texels are 4 numbers
    if (family == FAMILY_PANEL && head_size % 4 != 0) family = FAMILY_REGISTER;
    launch l = {.kernel = of_family[family],
                .special = {r->v->device->tile_rows, s.quads, head_size % 4 == 0},
                .x = s.tiles,
                .y = heads,
                .z = 1,
                .iterations = 4 * (uint64_t)s.longest + 32};
    if (family == FAMILY_TILE) l.special[0] *= TILE_SHARES;
    if (head_size > HEAD_SIZE_ROWS) {
        uint64_t blocks = (s.longest + LANES - 1) / LANES;
        l.kernel = of_family[FAMILY_PANEL + 1];
        l.special[0] = LANES;
        l.special[3] = channels(head_size);
        l.z = r->v->device->tile_rows;
        l.iterations = head_size + blocks * (2 * (uint64_t)head_size + 4 * LANES);
    }
    if (s.tiles > 65535) {
        vulkan__fail(
            r, err_set(ERR_UNSUPPORTED, "attention over %u tiles: use smaller batches", s.tiles));
    }
    vulkan__dispatch(r, &l, push);
}

NO_SCRATCH(attention_fwd)
void vulkan__record_attention_fwd(recorder *r, const struct attention_fwd *a) {
    attention_sizes s = sizes_of(r, a->tokens, a->tile_count, a->heads, a->head_size, a->longest);
    struct push_attention push = {s.tokens, a->heads, a->head_size, a->scale,
                                  vulkan__drop(r, a->drop)};
    vulkan__bind_operands(r);
    dispatch(r, fwd, s, a->heads, a->head_size, &push);
}

size_t vulkan__scratch_attention_bwd(const device *d, const struct attention_bwd *a) {
    (void)d;
    return (size_t)a->tokens.max * a->heads;
}

void vulkan__record_attention_bwd(recorder *r, const struct attention_bwd *a) {
    attention_sizes s = sizes_of(r, a->tokens, a->tile_count, a->heads, a->head_size, a->longest);
    struct push_attention push = {s.tokens, a->heads, a->head_size, a->scale,
                                  vulkan__drop(r, a->drop)};
    size_t whole = s.tokens * s.hidden, stats = (size_t)s.tokens * a->heads;
    vulkan__write(r, a->dqkv, 0, whole * 3);
    vulkan__write(r, r->scratch, 0, stats);
    vulkan__read(r, a->qkv, 0, whole * 3);
    vulkan__read(r, a->tiles, 0, (size_t)s.tiles * 4);
    vulkan__read(r, a->dout, 0, whole);
    vulkan__read(r, a->out, 0, whole);
    vulkan__read(r, a->lse, 0, stats);
    dispatch(r, bwd_q, s, a->heads, a->head_size, &push);
    vulkan__write(r, a->dqkv, 0, whole * 3);
    vulkan__read(r, r->scratch, 0, stats);
    vulkan__read(r, a->qkv, 0, whole * 3);
    vulkan__read(r, a->tiles, 0, (size_t)s.tiles * 4);
    vulkan__read(r, a->dout, 0, whole);
    vulkan__read(r, a->lse, 0, stats);
    dispatch(r, bwd_kv, s, a->heads, a->head_size, &push);
}

/* The first token of each sentence alone: a workgroup for each sentence and head. */

/* `passes`: over a sentence's keys; a key is scored by one lane (head_size steps), then all lanes
 * walk the LANES of its block, channel by channel. */
static void dispatch_cls(recorder *r, kernel_id kernel, dim rows, uint32_t length, uint32_t heads,
                         uint32_t head_size, uint32_t passes, const struct push_attention *push) {
    uint64_t blocks = (length + LANES - 1) / LANES;
    launch l = {.kernel = kernel,
                .special = {LANES, 0, 0, channels(head_size)},
                .x = vulkan__size(r, rows),
                .y = heads,
                .z = 1,
                .iterations =
                    blocks * (passes * ((uint64_t)head_size + LANES) + head_size + LANES)};
    vulkan__dispatch(r, &l, push);
}

NO_SCRATCH(first_attention_fwd)
void vulkan__record_first_attention_fwd(recorder *r, const struct first_attention_fwd *a) {
    uint32_t tokens = vulkan__size(r, a->tokens);
    struct push_attention push = {tokens, a->heads, a->head_size, a->scale,
                                  vulkan__drop(r, a->drop)};
    vulkan__bind_operands(r);
    dispatch_cls(r, KERNEL_first_attention_fwd, a->rows, longest(tokens, a->longest), a->heads,
                 a->head_size, 1, &push);
}

NO_SCRATCH(first_attention_bwd)
void vulkan__record_first_attention_bwd(recorder *r, const struct first_attention_bwd *a) {
    uint32_t tokens = vulkan__size(r, a->tokens);
    struct push_attention push = {tokens, a->heads, a->head_size, a->scale,
                                  vulkan__drop(r, a->drop)};
    vulkan__bind_operands(r);
    dispatch_cls(r, KERNEL_first_attention_bwd, a->rows, longest(tokens, a->longest), a->heads,
                 a->head_size, 2, &push);
}
