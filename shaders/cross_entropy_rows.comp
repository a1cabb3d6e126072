#version 450
#extension GL_GOOGLE_include_directive : require
// loss[b] = log(sum of exp(logit - top)) - (logit of the target - top) from the parts of a row;
// stats[b] = {top, that logarithm}; predicted[b] = the class of the largest logit, the first of
// equals. logits (B, C). One invocation a row; 2 LOSS_LANES iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_loss push; };
layout(std430, binding = 0) buffer b0 { float loss[]; };
layout(std430, binding = 1) writeonly buffer b1 { float stats[]; };
layout(std430, binding = 2) readonly buffer b2 { float parts[]; };
layout(std430, binding = 3) readonly buffer b3 { float logits[]; };
layout(std430, binding = 4) readonly buffer b4 { uint targets[]; };
layout(std430, binding = 5) writeonly buffer b5 { uint predicted[]; };

void main() {
    uint b = global_index();
    if (b >= push.rows) return;
    uint first = b * LOSS_LANES * 3u;
    float top = parts[first], best = parts[first + 2u], total = 0.0;
    for (uint lane = 1u; lane < LOSS_LANES; lane++) {
        float other = parts[first + lane * 3u], place = parts[first + lane * 3u + 2u];
        if (other > top || (other == top && place < best)) best = place;
        top = max(top, other);
    }
    for (uint lane = 0u; lane < LOSS_LANES; lane++)
        total += parts[first + lane * 3u + 1u] * exp(parts[first + lane * 3u] - top);
    float log_total = log(total);
    float sum = 0.0;
    if (targets[b] != LOSS_NO_TARGET)
        sum = log_total - (logits[b * push.classes + targets[b]] - top);
    loss[b] = (push.adds != 0u ? loss[b] : 0.0) + sum;
    stats[b * 2u] = top;
    stats[b * 2u + 1u] = log_total;
    if (push.has_predicted != 0u) predicted[b] = uint(best);
}
