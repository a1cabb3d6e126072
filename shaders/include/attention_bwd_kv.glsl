// Per key row: dv = sum over queries of keep * p * dout, dk = scale * sum of p (keep * dout . v -
// delta) q, with p = exp(score - lse) computed again.
// Worst iterations: length; loops over QUADS are unrolled.
#include "attention.glsl"
layout(std430, binding = 0) writeonly buffer b0 { float dqkv[]; };
layout(std430, binding = 0) writeonly buffer v0 { vec4 dqkv4[]; };
layout(std430, binding = 1) readonly buffer b1 { float delta[]; };
READ_QUADS(2, qkv)
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
READ_QUADS(4, dout)
layout(std430, binding = 5) readonly buffer b5 { float lse[]; };
STORE_QUADS(store_dqkv, dqkv, dqkv4)

#define LEFT(row, c) load_qkv(qkv_at(w.start + (row), 0u, head), c)
#define RIGHT(row, c) load_dout(row_at(w.start + (row), head), c)

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, row = w.first + gl_LocalInvocationID.x;
    uint key = min(row, w.size - 1u);
    vec4 k[QUADS], v[QUADS], dk[QUADS], dv[QUADS];
    for (uint c = 0u; c < QUADS; c++) {
        k[c] = load_qkv(qkv_at(w.start + key, 1u, head), c) * push.scale;
        v[c] = load_qkv(qkv_at(w.start + key, 2u, head), c);
        dk[c] = vec4(0.0);
        dv[c] = vec4(0.0);
    }
    for (uint query = 0u; query < w.size; query++) {
        float score = 0.0, dp = 0.0;
        for (uint c = 0u; c < QUADS; c++) {
            score += dot(k[c], LEFT(query, c));
            dp += dot(v[c], RIGHT(query, c));
        }
        uint t = head * push.tokens + w.start + query;
        float p = exp(score - lse[t]);
        float keep = keep_factors(push.drop, key / 4u, query, head, w.ordinal)[key % 4u];
        float kept = p * keep, ds = p * (dp * keep - delta[t]) * push.scale;
        for (uint c = 0u; c < QUADS; c++) {
            dv[c] += kept * RIGHT(query, c);
            dk[c] += ds * LEFT(query, c);
        }
    }
    if (row >= w.size) return;
    for (uint c = 0u; c < QUADS; c++) {
        store_dqkv(qkv_at(w.start + row, 1u, head), c, dk[c]);
        store_dqkv(qkv_at(w.start + row, 2u, head), c, dv[c]);
    }
}
