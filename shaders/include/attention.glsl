// What the attention kernels share. A workgroup has one (sentence, tile) entry and one head. On
// CPU-type devices (attention_fwd.glsl and its like) an invocation owns one row of the tile and walks
// the rows of the sentence at addresses that are uniform in the workgroup, which are cheap there, without
// a barrier; attention_tile.glsl is for GPUs. TEXELS 1: operands are texel buffers, for devices that read
// those faster (linear_panel.glsl); D % 4 == 0 then.
//   qkv, dqkv (T, 3 H): q, k, v of head a at columns a * D, H + a * D, 2 H + a * D; out, dout (T, H)
#include "common.glsl"
#include "random.glsl"
layout(constant_id = 1) const uint QUADS = 16u; // D / 4, rounded up
layout(constant_id = 2) const uint IS_ALIGNED = 1u; // D % 4 == 0: rows are read 16 bytes at a time
layout(push_constant) uniform block { push_attention push; };

struct query_tile {
    uint start, size, first, ordinal;
};

uint hidden() { return push.heads * push.head_size; }

// Element index of row t's operand `which` (q 0, k 1, v 2) of this head, in qkv.
uint qkv_at(uint t, uint which, uint head) {
    return t * 3u * hidden() + which * hidden() + head * push.head_size;
}
uint row_at(uint t, uint head) { return t * hidden() + head * push.head_size; }

// READ_QUADS: the operand at a binding, and load_<name>(at, quad), 4 numbers from element at + 4 quad.
#if TEXELS
#define READ_QUADS(place, name)                                                                    \
    layout(binding = place) uniform samplerBuffer name;                                            \
    vec4 load_##name(uint at, uint quad) { return texelFetch(name, int(at / 4u + quad)); }
#else
#define READ_QUADS(place, name)                                                                    \
    layout(std430, binding = place) readonly buffer scalars_##name { float name[]; };              \
    layout(std430, binding = place) readonly buffer vectors_##name { vec4 name##4[]; };            \
    LOAD_QUADS(load_##name, name, name##4)
#endif
#define LOAD_QUADS(name, scalars, vectors)                                                         \
    vec4 name(uint at, uint quad) {                                                                \
        if (IS_ALIGNED != 0u) return vectors[at / 4u + quad];                                      \
        /* no loop: it would count against the limit */                                            \
        uvec4 c = uvec4(quad * 4u) + uvec4(0u, 1u, 2u, 3u);                                        \
        uvec4 i = at + min(c, uvec4(push.head_size - 1u));                                         \
        vec4 r = vec4(scalars[i.x], scalars[i.y], scalars[i.z], scalars[i.w]);                     \
        return mix(vec4(0.0), r, lessThan(c, uvec4(push.head_size)));                              \
    }
#define STORE_QUADS(name, scalars, vectors)                                                        \
    void name(uint at, uint quad, vec4 x) {                                                        \
        if (IS_ALIGNED != 0u) {                                                                    \
            vectors[at / 4u + quad] = x;                                                           \
            return;                                                                                \
        }                                                                                          \
        for (uint i = 0u; i < min(4u, push.head_size - quad * 4u); i++) {                          \
            scalars[at + quad * 4u + i] = x[i];                                                    \
        }                                                                                          \
    }
