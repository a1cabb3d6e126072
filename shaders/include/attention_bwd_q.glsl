// Per query row: delta = dout . out, kept for the keys' kernel; dq = scale * sum over keys of
// p (keep * dout . v - delta) k, with p = exp(score - lse) computed again.
// Worst iterations: length / 4; loops over QUADS are unrolled.
#include "attention.glsl"
layout(std430, binding = 0) writeonly buffer b0 { float dqkv[]; };
layout(std430, binding = 0) writeonly buffer v0 { vec4 dqkv4[]; };
layout(std430, binding = 1) writeonly buffer b1 { float delta[]; };
READ_QUADS(2, qkv)
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
READ_QUADS(4, dout)
READ_QUADS(5, result)
layout(std430, binding = 6) readonly buffer b6 { float lse[]; };
STORE_QUADS(store_dqkv, dqkv, dqkv4)

#define LEFT(row, c) load_qkv(qkv_at(w.start + min((row), w.size - 1u), 1u, head), c)
#define RIGHT(row, c) load_qkv(qkv_at(w.start + min((row), w.size - 1u), 2u, head), c)

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, row = w.first + gl_LocalInvocationID.x;
    uint query = min(row, w.size - 1u);
    vec4 q[QUADS], d[QUADS], sum[QUADS];
    float product = 0.0;
    for (uint c = 0u; c < QUADS; c++) {
        q[c] = load_qkv(qkv_at(w.start + query, 0u, head), c) * push.scale;
        d[c] = load_dout(row_at(w.start + query, head), c);
        product += dot(d[c], load_result(row_at(w.start + query, head), c));
        sum[c] = vec4(0.0);
    }
    float log_sum = lse[head * push.tokens + w.start + query];
    for (uint key = 0u; key < w.size; key += 4u) {
        vec4 score = vec4(0.0), dp = vec4(0.0);
        for (uint c = 0u; c < QUADS; c++) {
            score += vec4(dot(q[c], LEFT(key, c)), dot(q[c], LEFT(key + 1u, c)),
                          dot(q[c], LEFT(key + 2u, c)), dot(q[c], LEFT(key + 3u, c)));
            dp += vec4(dot(d[c], RIGHT(key, c)), dot(d[c], RIGHT(key + 1u, c)),
                       dot(d[c], RIGHT(key + 2u, c)), dot(d[c], RIGHT(key + 3u, c)));
        }
        bvec4 is_key = lessThan(uvec4(key) + uvec4(0u, 1u, 2u, 3u), uvec4(w.size));
        vec4 p = mix(vec4(0.0), exp(score - log_sum), is_key);
        dp *= keep_factors(push.drop, key / 4u, query, head, w.ordinal);
        vec4 ds = p * (dp - product) * push.scale;
        for (uint c = 0u; c < QUADS; c++) {
            sum[c] += ds.x * LEFT(key, c) + ds.y * LEFT(key + 1u, c) +
                      ds.z * LEFT(key + 2u, c) + ds.w * LEFT(key + 3u, c);
        }
    }
    if (row >= w.size) return;
    for (uint c = 0u; c < QUADS; c++) {
        store_dqkv(qkv_at(w.start + row, 0u, head), c, sum[c]);
    }
    delta[head * push.tokens + w.start + row] = product;
}
