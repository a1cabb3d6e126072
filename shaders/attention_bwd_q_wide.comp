#version 450
#extension GL_GOOGLE_include_directive : require
// attention_bwd_q for heads of any size: a workgroup of 64 a row (z) of the tile's (x), and head (y):
// a lane takes a key, then owns channels. Worst iterations: D + length / 64 * (2 D + 64).
#define TEXELS 0
#include "attention.glsl"
layout(constant_id = 3) const uint CHANNELS = 1u; // of one lane: D / 64, rounded up
layout(std430, binding = 0) writeonly buffer b0 { float dqkv[]; };
layout(std430, binding = 1) writeonly buffer b1 { float delta[]; };
layout(std430, binding = 2) readonly buffer b2 { float qkv[]; };
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
layout(std430, binding = 4) readonly buffer b4 { float dout[]; };
layout(std430, binding = 5) readonly buffer b5 { float result[]; };
layout(std430, binding = 6) readonly buffer b6 { float lse[]; };

const uint LANES = 64u;
shared float dscores[LANES];

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, query = w.first + gl_WorkGroupID.z;
    uint lane = gl_LocalInvocationID.x;
    if (query >= w.size) return; // the whole workgroup
    uint q = qkv_at(w.start + query, 0u, head), d = row_at(w.start + query, head);
    float product = 0.0, sum[CHANNELS];
    for (uint c = 0u; c < push.head_size; c++) product += dout[d + c] * result[d + c];
    for (uint n = 0u; n < CHANNELS; n++) sum[n] = 0.0;
    float log_sum = lse[head * push.tokens + w.start + query];
    for (uint block = 0u; block < w.size; block += LANES) {
        uint key = block + lane, count = min(LANES, w.size - block);
        float score = 0.0, dp = 0.0;
        uint k = qkv_at(w.start + min(key, w.size - 1u), 1u, head), v = k + hidden();
        for (uint c = 0u; c < push.head_size; c++) {
            score += qkv[q + c] * qkv[k + c];
            dp += dout[d + c] * qkv[v + c];
        }
        float p = exp(score * push.scale - log_sum);
        float keep = keep_factors(push.drop, key / 4u, query, head, w.ordinal)[key % 4u];
        barrier(); // the block before has been read
        dscores[lane] = p * (dp * keep - product) * push.scale;
        barrier();
        for (uint i = 0u; i < count; i++) {
            uint at = qkv_at(w.start + block + i, 1u, head) + lane;
            for (uint n = 0u; n < CHANNELS; n++) {
                if (lane + n * LANES < push.head_size) sum[n] += dscores[i] * qkv[at + n * LANES];
            }
        }
    }
    for (uint n = 0u; n < CHANNELS; n++) {
        if (lane + n * LANES < push.head_size) dqkv[q + lane + n * LANES] = sum[n];
    }
    if (lane == 0u) delta[head * push.tokens + w.start + query] = product;
}
