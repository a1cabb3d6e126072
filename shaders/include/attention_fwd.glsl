// Per query row: m = max of scores, l = sum exp(score - m), out = sum dropout(exp(score - m) / l) v;
// lse = m + log l. Scores are scale * q k. Rescaled once per 4 keys.
// Worst iterations: length / 4; loops over QUADS are unrolled.
#include "attention.glsl"
layout(std430, binding = 0) writeonly buffer b0 { float result[]; };
layout(std430, binding = 0) writeonly buffer v0 { vec4 result4[]; };
layout(std430, binding = 1) writeonly buffer b1 { float lse[]; };
READ_QUADS(2, qkv)
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
STORE_QUADS(store_result, result, result4)

#define LEFT(row, c) load_qkv(qkv_at(w.start + min((row), w.size - 1u), 1u, head), c)
#define RIGHT(row, c) load_qkv(qkv_at(w.start + min((row), w.size - 1u), 2u, head), c)

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, row = w.first + gl_LocalInvocationID.x;
    uint query = min(row, w.size - 1u);
    vec4 q[QUADS], sum[QUADS];
    for (uint c = 0u; c < QUADS; c++) {
        q[c] = load_qkv(qkv_at(w.start + query, 0u, head), c) * push.scale;
        sum[c] = vec4(0.0);
    }
    float top = -3.0e38, total = 0.0;
    for (uint key = 0u; key < w.size; key += 4u) {
        vec4 score = vec4(0.0);
        for (uint c = 0u; c < QUADS; c++) {
            score += vec4(dot(q[c], LEFT(key, c)), dot(q[c], LEFT(key + 1u, c)),
                          dot(q[c], LEFT(key + 2u, c)), dot(q[c], LEFT(key + 3u, c)));
        }
        bvec4 is_key = lessThan(uvec4(key) + uvec4(0u, 1u, 2u, 3u), uvec4(w.size));
        score = mix(vec4(-3.0e38), score, is_key);
        float higher = max(max(max(score.x, score.y), max(score.z, score.w)), top);
        float rescale = exp(top - higher);
        vec4 p = mix(vec4(0.0), exp(score - higher), is_key);
        total = total * rescale + p.x + p.y + p.z + p.w;
        top = higher;
        p *= keep_factors(push.drop, key / 4u, query, head, w.ordinal);
        for (uint c = 0u; c < QUADS; c++) {
            sum[c] = sum[c] * rescale + p.x * RIGHT(key, c) + p.y * RIGHT(key + 1u, c) +
                     p.z * RIGHT(key + 2u, c) + p.w * RIGHT(key + 3u, c);
        }
    }
    if (row >= w.size) return;
    for (uint c = 0u; c < QUADS; c++) {
        store_result(row_at(w.start + row, head), c, sum[c] / total);
    }
    lse[head * push.tokens + w.start + row] = top + log(total);
}
