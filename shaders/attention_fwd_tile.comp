#version 450
#extension GL_GOOGLE_include_directive : require
// attention_fwd.glsl's formula on GPUs. Rescaled once per block.
#include "attention_tile.glsl"
layout(std430, binding = 0) writeonly buffer b0 { float result[]; };
layout(std430, binding = 0) writeonly buffer v0 { vec4 result4[]; };
layout(std430, binding = 1) writeonly buffer b1 { float lse[]; };
READ_QUADS(2, qkv)
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
STORE_QUADS(store_result, result, result4)

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, row = w.first + row_in_tile(), first = own_share() * OWN;
    uint query = min(row, w.size - 1u);
    vec4 q[OWN], sum[OWN];
    for (uint n = 0u; n < OWN; n++) {
        q[n] = LOAD_PADDED(load_qkv, qkv_at(w.start + query, 0u, head), first + n) * push.scale;
        sum[n] = vec4(0.0);
    }
    float top = -3.0e38, total = 0.0; // total: of the keys that this invocation weighs
    for (uint base = 0u; base < w.size; base += BLOCK) {
        barrier(); // the block before has been read
        for (uint e = gl_LocalInvocationID.x; e < BLOCK * STAGED; e += ROWS * SHARES) {
            uint key = w.start + min(base + e / STAGED, w.size - 1u), c = e % STAGED;
            shared_left[e] = LOAD_PADDED(load_qkv, qkv_at(key, 1u, head), c);
            shared_right[e] = LOAD_PADDED(load_qkv, qkv_at(key, 2u, head), c);
        }
        barrier();
        for (uint r = 0u; r < BLOCK; r++) {
            float part = 0.0;
            for (uint n = 0u; n < OWN; n++) part += dot(q[n], shared_left[staged_at(r, n)]);
            set_part(r, vec2(part, 0.0));
        }
        barrier();
        float score[BLOCK], higher = top;
        for (uint r = 0u; r < BLOCK; r++) {
            score[r] = base + r < w.size ? sum_parts(r).x : -3.0e38;
            higher = max(higher, score[r]);
        }
        float rescale = exp(top - higher);
        top = higher;
        total *= rescale;
        for (uint i = 0u; i < WEIGHED; i++) {
            uint r = own_share() * WEIGHED + i, key = base + r;
            float p = key < w.size ? exp(sum_parts(r).x - higher) : 0.0;
            total += p;
            p *= keep_factors(push.drop, key / 4u, query, head, w.ordinal)[key % 4u];
            weights[r * ROWS + row_in_tile()] = vec2(p, 0.0);
        }
        barrier();
        for (uint n = 0u; n < OWN; n++) sum[n] *= rescale;
        for (uint r = 0u; r < BLOCK; r++) {
            float p = weights[r * ROWS + row_in_tile()].x;
            for (uint n = 0u; n < OWN; n++) sum[n] += p * shared_right[staged_at(r, n)];
        }
    }
    set_part(0u, vec2(total, 0.0));
    barrier();
    total = sum_parts(0u).x;
    if (row >= w.size) return;
    for (uint n = 0u; n < OWN; n++) {
        if (first + n >= QUADS) continue;
        store_result(row_at(w.start + row, head), first + n, sum[n] / total);
    }
    if (own_share() == 0u) lse[head * push.tokens + w.start + row] = top + log(total);
}
