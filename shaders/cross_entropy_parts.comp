#version 450
#extension GL_GOOGLE_include_directive : require
// Of a row's many classes, lane l of LOSS_LANES takes those that leave l when divided by it:
// parts[b][l] = {largest logit, sum of exp(logit - largest), class of the largest}. logits (B, C). One
// invocation a row and lane; 2 C / LOSS_LANES iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_loss push; };
layout(std430, binding = 0) writeonly buffer b0 { float parts[]; };
layout(std430, binding = 1) readonly buffer b1 { float logits[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * LOSS_LANES) return;
    uint lane = i % LOSS_LANES, first = i / LOSS_LANES * push.classes, best = lane;
    float top = logits[first + lane], total = 0.0;
    for (uint c = lane + LOSS_LANES; c < push.classes; c += LOSS_LANES) {
        float z = logits[first + c];
        if (z > top) best = c;
        top = max(top, z);
    }
    for (uint c = lane; c < push.classes; c += LOSS_LANES) total += exp(logits[first + c] - top);
    parts[i * 3u] = top;
    parts[i * 3u + 1u] = total;
    parts[i * 3u + 2u] = float(best); // below 2^24
}
