#version 450
#extension GL_GOOGLE_include_directive : require
// Attention of each sentence's first token: out[b] = dropout(softmax(q[b] k^T * scale)) v over the
// sentence's tokens. out, q (B, H); kv (T, 2H) rows k, v. A workgroup of 64 a sentence
// (x) and head (y): a lane scores a key, then owns channels. Worst iterations:
// tokens / 64 * (2 D + 256).
#include "common.glsl"
#include "random.glsl"
layout(push_constant) uniform block { push_attention push; };
layout(std430, binding = 0) writeonly buffer b0 { float result[]; };
layout(std430, binding = 1) readonly buffer b1 { float q[]; };
layout(std430, binding = 2) readonly buffer b2 { float kv[]; };
layout(std430, binding = 3) readonly buffer b3 { uint starts[]; };
layout(std430, binding = 4) readonly buffer b4 { uint ordinals[]; };

uint hidden, row, first;
#define QUERY(c) q[row + (c)]
#define KEY(key, c) kv[first + (key) * 2u * hidden + (c)]
#define VALUE(key, c) kv[first + (key) * 2u * hidden + hidden + (c)]
#include "attention_row.glsl"

void main() {
    uint b = gl_WorkGroupID.x, head = gl_WorkGroupID.y;
    hidden = push.heads * push.head_size;
    row = b * hidden + head * push.head_size;
    first = starts[b] * 2u * hidden + head * push.head_size;
    attend(starts[b + 1u] - starts[b], 0u, head, push.drop.threshold != 0u ? ordinals[b] : 0u);
    for (uint n = 0u; n < CHANNELS; n++) {
        uint c = gl_LocalInvocationID.x + n * LANES;
        if (c < push.head_size) result[row + c] = sum[n] / total;
    }
}
