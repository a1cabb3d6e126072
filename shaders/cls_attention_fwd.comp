#version 450
#extension GL_GOOGLE_include_directive : require
// Attention of each sentence's first token: out[b] = dropout(softmax(q[b] k^T * scale)) v over the
// sentence's tokens. out, q (B, H); kv (T, 2H) rows k, v. A workgroup of 64 a sentence
// (x) and head (y): a lane scores a key, then owns channels. Worst iterations:
// tokens / 64 * (D + 128).
#include "common.glsl"
#include "random.glsl"
layout(push_constant) uniform block { push_attention push; };
layout(std430, binding = 0) writeonly buffer b0 { float result[]; };
layout(std430, binding = 1) readonly buffer b1 { float q[]; };
layout(std430, binding = 2) readonly buffer b2 { float kv[]; };
layout(std430, binding = 3) readonly buffer b3 { uint starts[]; };
layout(std430, binding = 4) readonly buffer b4 { uint ordinals[]; };

const uint LANES = 64u;
shared float scores[LANES];
shared float keeps[LANES];

void main() {
    uint b = gl_WorkGroupID.x, head = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
    uint hidden = push.heads * push.head_size, stride = 2u * hidden;
    uint start = starts[b], length = starts[b + 1u] - start;
    uint row = b * hidden + head * push.head_size;
    uint first = start * stride + head * push.head_size;
    uint ordinal = push.drop.threshold != 0u ? ordinals[b] : 0u;
    float top = -3.0e38, total = 0.0;
    vec2 sum = vec2(0.0); // of channels lane and lane + 64
    for (uint block = 0u; block < length; block += LANES) {
        uint key = block + lane, count = min(LANES, length - block);
        float score = -3.0e38;
        if (key < length) {
            score = 0.0;
            for (uint c = 0u; c < push.head_size; c++) {
                score += q[row + c] * kv[first + key * stride + c];
            }
            score *= push.scale;
        }
        barrier(); // the block before has been read
        scores[lane] = score;
        keeps[lane] = keep_factors(push.drop, key / 4u, 0u, head, ordinal)[key % 4u];
        barrier();
        float higher = top;
        for (uint i = 0u; i < count; i++) higher = max(higher, scores[i]);
        float rescale = exp(top - higher), part = 0.0;
        vec2 added = vec2(0.0);
        for (uint i = 0u; i < count; i++) {
            float p = exp(scores[i] - higher), kept = p * keeps[i];
            uint at = first + (block + i) * stride + hidden + lane;
            part += p;
            if (lane < push.head_size) added.x += kept * kv[at];
            if (lane + LANES < push.head_size) added.y += kept * kv[at + LANES];
        }
        total = total * rescale + part;
        sum = sum * rescale + added;
        top = higher;
    }
    if (lane < push.head_size) result[row + lane] = sum.x / total;
    if (lane + LANES < push.head_size) result[row + lane + LANES] = sum.y / total;
}
