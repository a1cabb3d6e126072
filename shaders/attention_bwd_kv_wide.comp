#version 450
#extension GL_GOOGLE_include_directive : require
// attention_bwd_kv for heads of any size: a workgroup of 64 a row (z) of the tile's (x), and head (y):
// a lane takes a query, then owns channels. Worst iterations: length / 64 * (2 D + 64).
#define TEXELS 0
#include "attention.glsl"
layout(constant_id = 3) const uint CHANNELS = 1u; // of one lane: D / 64, rounded up
layout(std430, binding = 0) writeonly buffer b0 { float dqkv[]; };
layout(std430, binding = 1) readonly buffer b1 { float delta[]; };
layout(std430, binding = 2) readonly buffer b2 { float qkv[]; };
layout(std430, binding = 3) readonly buffer b3 { query_tile tiles[]; };
layout(std430, binding = 4) readonly buffer b4 { float dout[]; };
layout(std430, binding = 5) readonly buffer b5 { float lse[]; };

const uint LANES = 64u;
shared float kepts[LANES];   // keep * p
shared float dscores[LANES]; // p (keep * dout . v - delta) scale

void main() {
    query_tile w = tiles[gl_WorkGroupID.x];
    uint head = gl_WorkGroupID.y, key = w.first + gl_WorkGroupID.z;
    uint lane = gl_LocalInvocationID.x;
    if (key >= w.size) return; // the whole workgroup
    uint k = qkv_at(w.start + key, 1u, head), v = k + hidden();
    float dk[CHANNELS], dv[CHANNELS];
    for (uint n = 0u; n < CHANNELS; n++) {
        dk[n] = 0.0;
        dv[n] = 0.0;
    }
    for (uint block = 0u; block < w.size; block += LANES) {
        uint query = min(block + lane, w.size - 1u), count = min(LANES, w.size - block);
        uint q = qkv_at(w.start + query, 0u, head), d = row_at(w.start + query, head);
        uint t = head * push.tokens + w.start + query;
        float score = 0.0, dp = 0.0;
        for (uint c = 0u; c < push.head_size; c++) {
            score += qkv[q + c] * qkv[k + c];
            dp += dout[d + c] * qkv[v + c];
        }
        float p = exp(score * push.scale - lse[t]);
        float keep = keep_factors(push.drop, key / 4u, query, head, w.ordinal)[key % 4u];
        barrier(); // the block before has been read
        kepts[lane] = p * keep;
        dscores[lane] = p * (dp * keep - delta[t]) * push.scale;
        barrier();
        for (uint i = 0u; i < count; i++) {
            uint q_i = qkv_at(w.start + block + i, 0u, head) + lane;
            uint d_i = row_at(w.start + block + i, head) + lane;
            for (uint n = 0u; n < CHANNELS; n++) {
                if (lane + n * LANES < push.head_size) {
                    dk[n] += dscores[i] * qkv[q_i + n * LANES];
                    dv[n] += kepts[i] * dout[d_i + n * LANES];
                }
            }
        }
    }
    for (uint n = 0u; n < CHANNELS; n++) {
        if (lane + n * LANES < push.head_size) {
            dqkv[k + lane + n * LANES] = dk[n];
            dqkv[v + lane + n * LANES] = dv[n];
        }
    }
}
