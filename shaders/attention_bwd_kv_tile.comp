#version 450
#extension GL_GOOGLE_include_directive : require
// attention_bwd_kv.glsl's formula on GPUs.
#include "attention_tile.glsl"
layout(std430, binding = 0) writeonly buffer b0 { float dqkv[]; };
layout(std430, binding = 0) writeonly buffer v0 { vec4 dqkv4[]; };
layout(std430, binding = 1) readonly buffer b1 { float delta[]; };
READ_QUADS(2, qkv)
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
READ_QUADS(4, dout)
layout(std430, binding = 5) readonly buffer b5 { float lse[]; };
STORE_QUADS(store_dqkv, dqkv, dqkv4)

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, row = w.first + row_in_tile(), first = own_share() * OWN;
    uint key = min(row, w.size - 1u);
    vec4 k[OWN], v[OWN], dk[OWN], dv[OWN];
    for (uint n = 0u; n < OWN; n++) {
        uint c = first + n;
        k[n] = LOAD_PADDED(load_qkv, qkv_at(w.start + key, 1u, head), c) * push.scale;
        v[n] = LOAD_PADDED(load_qkv, qkv_at(w.start + key, 2u, head), c);
        dk[n] = vec4(0.0);
        dv[n] = vec4(0.0);
    }
    for (uint base = 0u; base < w.size; base += BLOCK) {
        barrier(); // the block before has been read
        for (uint e = gl_LocalInvocationID.x; e < BLOCK * STAGED; e += ROWS * SHARES) {
            uint query = w.start + min(base + e / STAGED, w.size - 1u), c = e % STAGED;
            shared_left[e] = LOAD_PADDED(load_qkv, qkv_at(query, 0u, head), c);
            shared_right[e] = LOAD_PADDED(load_dout, row_at(query, head), c);
        }
        barrier();
        for (uint r = 0u; r < BLOCK; r++) {
            vec2 part = vec2(0.0);
            for (uint n = 0u; n < OWN; n++) {
                part += vec2(dot(k[n], shared_left[staged_at(r, n)]),
                             dot(v[n], shared_right[staged_at(r, n)]));
            }
            set_part(r, part);
        }
        barrier();
        for (uint i = 0u; i < WEIGHED; i++) {
            uint r = own_share() * WEIGHED + i, query = min(base + r, w.size - 1u);
            uint t = head * push.tokens + w.start + query;
            vec2 score = sum_parts(r); // and dout . v
            float p = base + r < w.size ? exp(score.x - lse[t]) : 0.0;
            float keep = keep_factors(push.drop, key / 4u, query, head, w.ordinal)[key % 4u];
            weights[r * ROWS + row_in_tile()] =
                p * vec2(keep, (score.y * keep - delta[t]) * push.scale);
        }
        barrier();
        for (uint r = 0u; r < BLOCK; r++) {
            vec2 weight = weights[r * ROWS + row_in_tile()];
            for (uint n = 0u; n < OWN; n++) {
                dv[n] += weight.x * shared_right[staged_at(r, n)];
                dk[n] += weight.y * shared_left[staged_at(r, n)];
            }
        }
    }
    if (row >= w.size) return;
    for (uint n = 0u; n < OWN; n++) {
        if (first + n >= QUADS) continue;
        store_dqkv(qkv_at(w.start + row, 1u, head), first + n, dk[n]);
        store_dqkv(qkv_at(w.start + row, 2u, head), first + n, dv[n]);
    }
}
