#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of first_attention_fwd. e = exp(q k^T * scale - max), p = e / sum of e; delta = sum of
// p keep (dout v); ds = p (keep (dout v) - delta); dq = scale ds k; dk = scale ds q;
// dv = p keep dout. dq, dout, q (B, H); dkv, kv (T, 2H). A workgroup of 64 a sentence (x) and head
// (y): a lane takes keys, then owns channels. Two passes over the keys, the first for max, sum and
// delta. Worst iterations: tokens / 64 * (2 D + 128), and 64.
#include "common.glsl"
#include "random.glsl"
layout(constant_id = 3) const uint CHANNELS = 1u; // of one lane: D / 64, rounded up
layout(push_constant) uniform block { push_attention push; };
layout(std430, binding = 0) writeonly buffer b0 { float dq[]; };
layout(std430, binding = 1) writeonly buffer b1 { float dkv[]; };
layout(std430, binding = 2) readonly buffer b2 { float dout[]; };
layout(std430, binding = 3) readonly buffer b3 { float q[]; };
layout(std430, binding = 4) readonly buffer b4 { float kv[]; };
layout(std430, binding = 5) readonly buffer b5 { uint starts[]; };
layout(std430, binding = 6) readonly buffer b6 { uint ordinals[]; };

const uint LANES = 64u;
shared float left[LANES];  // a lane's maximum, then scale ds of the block's keys
shared float right[LANES]; // a lane's sum of e, then p keep
shared float third[LANES]; // a lane's sum of e keep (dout v)

uint hidden, stride, row, first, ordinal;

// score, keep and keep (dout v) of one key
vec3 of_key(uint key, uint head) {
    float score = 0.0, dp = 0.0;
    for (uint c = 0u; c < push.head_size; c++) {
        uint at = first + key * stride + c;
        score += q[row + c] * kv[at];
        dp += dout[row + c] * kv[at + hidden];
    }
    float keep = keep_factors(push.drop, key / 4u, 0u, head, ordinal)[key % 4u];
    return vec3(score * push.scale, keep, dp * keep);
}

void main() {
    uint b = gl_WorkGroupID.x, head = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
    uint start = starts[b], length = starts[b + 1u] - start;
    hidden = push.heads * push.head_size;
    stride = 2u * hidden;
    row = b * hidden + head * push.head_size;
    first = start * stride + head * push.head_size;
    ordinal = push.drop.threshold != 0u ? ordinals[b] : 0u;
    float top = -3.0e38, total = 0.0, weighted = 0.0;
    for (uint key = lane; key < length; key += LANES) {
        vec3 k = of_key(key, head);
        float higher = max(top, k.x), rescale = exp(top - higher), e = exp(k.x - higher);
        total = total * rescale + e;
        weighted = weighted * rescale + e * k.z;
        top = higher;
    }
    left[lane] = top;
    right[lane] = total;
    third[lane] = weighted;
    barrier();
    for (uint i = 0u; i < LANES; i++) top = max(top, left[i]);
    total = 0.0;
    weighted = 0.0;
    for (uint i = 0u; i < min(LANES, length); i++) {
        float rescale = exp(left[i] - top);
        total += right[i] * rescale;
        weighted += third[i] * rescale;
    }
    float delta = weighted / total;
    float sum[CHANNELS]; // dq of channels lane, lane + 64 ...
    for (uint n = 0u; n < CHANNELS; n++) sum[n] = 0.0;
    for (uint block = 0u; block < length; block += LANES) {
        uint key = block + lane, count = min(LANES, length - block);
        vec3 k = key < length ? of_key(key, head) : vec3(top, 0.0, 0.0);
        float p = exp(k.x - top) / total;
        barrier(); // what was there has been read
        left[lane] = p * (k.z - delta) * push.scale;
        right[lane] = p * k.y;
        barrier();
        float part[CHANNELS], query[CHANNELS], from[CHANNELS];
        for (uint n = 0u; n < CHANNELS; n++) {
            uint c = row + min(lane + n * LANES, push.head_size - 1u);
            part[n] = 0.0;
            query[n] = q[c];
            from[n] = dout[c];
        }
        for (uint i = 0u; i < count; i++) {
            for (uint n = 0u; n < CHANNELS; n++) {
                uint c = lane + n * LANES, at = first + (block + i) * stride + c;
                if (c >= push.head_size) continue;
                part[n] += left[i] * kv[at];
                dkv[at] = left[i] * query[n];
                dkv[at + hidden] = right[i] * from[n];
            }
        }
        for (uint n = 0u; n < CHANNELS; n++) sum[n] += part[n];
    }
    for (uint n = 0u; n < CHANNELS; n++) {
        uint c = lane + n * LANES;
        if (c < push.head_size) dq[row + c] = sum[n];
    }
}
