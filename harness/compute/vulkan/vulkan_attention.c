/* Recording of attention: a workgroup for each (sentence, tile) entry and head. */
#include "compute/vulkan/vulkan_internal.h"

enum {
    HEAD_SIZE_ROWS = 128, /* larger: the wide kernels, whose lanes own channels in place of rows */
    TILE_SHARES =
        4,     /* invocations that have a row together, as shaders/include/attention_tile.glsl */
    LANES = 64 /* of a wide workgroup, and of one for first tokens */
};

/* Tokens of the longest sentence. */
static uint64_t longest(recorder *r, const attention_spec *a) {
    uint32_t tokens = vulkan__size(r, a->tokens);
    return a->longest && a->longest < tokens ? a->longest : tokens;
}

static uint32_t channels(uint32_t head_size) {
    return (head_size + LANES - 1) / LANES;
}

static struct push_attention push_of(recorder *r, const attention_spec *a) {
    return (struct push_attention){vulkan__size(r, a->tokens), a->heads, a->head_size, a->scale,
                                   vulkan__drop(r, a->drop)};
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
static void dispatch(recorder *r, const kernel_id of_family[], const attention_spec *a,
                     uint32_t tiles) {
    uint32_t head_size = a->head_size;
    struct push_attention push = push_of(r, a);
    kernel_family family = r->v->family;
    // texels are 4 numbers
    if (family == FAMILY_PANEL && head_size % 4 != 0) family = FAMILY_REGISTER;
    launch l = {.kernel = of_family[family],
                .special = {r->v->device->tile_rows, (head_size + 3) / 4, head_size % 4 == 0},
                .x = tiles,
                .y = a->heads,
                .z = 1,
                .iterations = 4 * longest(r, a) + 32};
    if (family == FAMILY_TILE) l.special[0] *= TILE_SHARES;
    if (head_size > HEAD_SIZE_ROWS) {
        uint64_t blocks = (longest(r, a) + LANES - 1) / LANES;
        l.kernel = of_family[FAMILY_PANEL + 1];
        l.special[0] = LANES;
        l.special[3] = channels(head_size);
        l.z = r->v->device->tile_rows;
        l.iterations = head_size + blocks * (2 * (uint64_t)head_size + 4 * LANES);
    }
    if (tiles > 65535) {
        vulkan__fail(
            r, err_set(ERR_UNSUPPORTED, "attention over %u tiles: use smaller batches", tiles));
    }
    vulkan__dispatch(r, &l, &push);
}

NO_SCRATCH(attention_fwd)
void vulkan__record_attention_fwd(recorder *r, const struct attention_fwd *a) {
    vulkan__bind_operands(r);
    dispatch(r, fwd, &a->spec, vulkan__size(r, a->tile_count));
}

size_t vulkan__scratch_attention_bwd(const device *d, const struct attention_bwd *a) {
    (void)d;
    return (size_t)a->spec.tokens.max * a->spec.heads;
}

void vulkan__record_attention_bwd(recorder *r, const struct attention_bwd *a) {
    uint32_t tiles = vulkan__size(r, a->tile_count);
    size_t stats = (size_t)vulkan__size(r, a->spec.tokens) * a->spec.heads;
    size_t whole = stats * a->spec.head_size;
    vulkan__write(r, a->dqkv, 0, whole * 3);
    vulkan__write(r, r->scratch, 0, stats);
    vulkan__read(r, a->qkv, 0, whole * 3);
    vulkan__read(r, a->tiles, 0, (size_t)tiles * 4);
    vulkan__read(r, a->dout, 0, whole);
    vulkan__read(r, a->out, 0, whole);
    vulkan__read(r, a->lse, 0, stats);
    dispatch(r, bwd_q, &a->spec, tiles);
    vulkan__write(r, a->dqkv, 0, whole * 3);
    vulkan__read(r, r->scratch, 0, stats);
    vulkan__read(r, a->qkv, 0, whole * 3);
    vulkan__read(r, a->tiles, 0, (size_t)tiles * 4);
    vulkan__read(r, a->dout, 0, whole);
    vulkan__read(r, a->lse, 0, stats);
    dispatch(r, bwd_kv, &a->spec, tiles);
}

/* The first token of each sentence alone: a workgroup for each sentence and head. */

/* `passes`: over a sentence's keys; a key is scored by one lane (head_size steps), then all lanes
 * walk the LANES of its block, channel by channel. */
static void dispatch_cls(recorder *r, kernel_id kernel, const attention_spec *a, dim rows,
                         uint32_t passes) {
    struct push_attention push = push_of(r, a);
    uint64_t blocks = (longest(r, a) + LANES - 1) / LANES;
    launch l = {.kernel = kernel,
                .special = {LANES, 0, 0, channels(a->head_size)},
                .x = vulkan__size(r, rows),
                .y = a->heads,
                .z = 1,
                .iterations =
                    blocks * (passes * ((uint64_t)a->head_size + LANES) + a->head_size + LANES)};
    vulkan__bind_operands(r);
    vulkan__dispatch(r, &l, &push);
}

NO_SCRATCH(first_attention_fwd)
void vulkan__record_first_attention_fwd(recorder *r, const struct first_attention_fwd *a) {
    dispatch_cls(r, KERNEL_first_attention_fwd, &a->spec, a->rows, 1);
}

NO_SCRATCH(first_attention_bwd)
void vulkan__record_first_attention_bwd(recorder *r, const struct first_attention_bwd *a) {
    dispatch_cls(r, KERNEL_first_attention_bwd, &a->spec, a->rows, 2);
}
