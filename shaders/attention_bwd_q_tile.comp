#version 450
#extension GL_GOOGLE_include_directive : require
// attention_bwd_q.glsl's formula on GPUs.
#include "attention_tile.glsl"
layout(std430, binding = 0) writeonly buffer b0 { float dqkv[]; };
layout(std430, binding = 0) writeonly buffer v0 { vec4 dqkv4[]; };
layout(std430, binding = 1) writeonly buffer b1 { float delta[]; };
READ_QUADS(2, qkv)
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
READ_QUADS(4, dout)
READ_QUADS(5, result)
layout(std430, binding = 6) readonly buffer b6 { float lse[]; };
STORE_QUADS(store_dqkv, dqkv, dqkv4)

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, row = w.first + row_in_tile(), first = own_share() * OWN;
    uint query = min(row, w.size - 1u);
    vec4 q[OWN], d[OWN], sum[OWN];
    float product = 0.0;
    for (uint n = 0u; n < OWN; n++) {
        uint c = first + n, at = row_at(w.start + query, head);
        q[n] = LOAD_PADDED(load_qkv, qkv_at(w.start + query, 0u, head), c) * push.scale;
        d[n] = LOAD_PADDED(load_dout, at, c);
        product += dot(d[n], LOAD_PADDED(load_result, at, c));
        sum[n] = vec4(0.0);
    }
    set_part(0u, vec2(product, 0.0));
    barrier();
    product = sum_parts(0u).x;
    float log_sum = lse[head * push.tokens + w.start + query];
    for (uint base = 0u; base < w.size; base += BLOCK) {
        barrier(); // the block before has been read
        for (uint e = gl_LocalInvocationID.x; e < BLOCK * STAGED; e += ROWS * SHARES) {
            uint key = w.start + min(base + e / STAGED, w.size - 1u), c = e % STAGED;
            shared_left[e] = LOAD_PADDED(load_qkv, qkv_at(key, 1u, head), c);
            shared_right[e] = LOAD_PADDED(load_qkv, qkv_at(key, 2u, head), c);
        }
        barrier();
        for (uint r = 0u; r < BLOCK; r++) {
            vec2 part = vec2(0.0);
            for (uint n = 0u; n < OWN; n++) {
                part += vec2(dot(q[n], shared_left[staged_at(r, n)]),
                             dot(d[n], shared_right[staged_at(r, n)]));
            }
            set_part(r, part);
        }
        barrier();
        for (uint i = 0u; i < WEIGHED; i++) {
            uint r = own_share() * WEIGHED + i, key = base + r;
            vec2 score = sum_parts(r); // and dout . v
            float p = key < w.size ? exp(score.x - log_sum) : 0.0;
            float keep = keep_factors(push.drop, key / 4u, query, head, w.ordinal)[key % 4u];
            weights[r * ROWS + row_in_tile()] = vec2(p * (score.y * keep - product) * push.scale, 0.0);
        }
        barrier();
        for (uint r = 0u; r < BLOCK; r++) {
            float ds = weights[r * ROWS + row_in_tile()].x;
            for (uint n = 0u; n < OWN; n++) sum[n] += ds * shared_left[staged_at(r, n)];
        }
    }
    if (row >= w.size) return;
    for (uint n = 0u; n < OWN; n++) {
        if (first + n >= QUADS) continue;
        store_dqkv(qkv_at(w.start + row, 0u, head), first + n, sum[n]);
    }
    if (own_share() == 0u) delta[head * push.tokens + w.start + row] = product;
}
