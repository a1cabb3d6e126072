#version 450
#extension GL_GOOGLE_include_directive : require
// attention_fwd for heads of any size: a workgroup of 64 a row (z) of the tile's (x), and head (y).
// Worst iterations: length / 64 * (2 D + 256).
#define TEXELS 0
#include "attention.glsl"
layout(std430, binding = 0) writeonly buffer b0 { float result[]; };
layout(std430, binding = 1) writeonly buffer b1 { float lse[]; };
layout(std430, binding = 2) readonly buffer b2 { float qkv[]; };
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };

uint q_at, k_at, v_at;
#define QUERY(c) qkv[q_at + (c)]
#define KEY(key, c) qkv[k_at + (key) * 3u * hidden() + (c)]
#define VALUE(key, c) qkv[v_at + (key) * 3u * hidden() + (c)]
#include "attention_row.glsl"

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, query = w.first + gl_WorkGroupID.z;
    if (query >= w.size) return; // the whole workgroup
    q_at = qkv_at(w.start + query, 0u, head);
    k_at = qkv_at(w.start, 1u, head);
    v_at = qkv_at(w.start, 2u, head);
    attend(w.size, query, head, w.ordinal);
    for (uint n = 0u; n < CHANNELS; n++) {
        uint c = gl_LocalInvocationID.x + n * LANES;
        if (c < push.head_size) result[row_at(w.start + query, head) + c] = sum[n] / total;
    }
    if (gl_LocalInvocationID.x == 0u) {
        lse[head * push.tokens + w.start + query] = top + log(total);
    }
}
