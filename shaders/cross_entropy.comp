#version 450
#extension GL_GOOGLE_include_directive : require
// loss[b] = sum_c w[c] target[c] (lse - logits[b][c]), target = (1 - smoothing) at the label plus
// smoothing / C everywhere, or no target; dlogits = (softmax * sum_c w[c] target[c] - w target) * loss_scale.
// predicted[b] = the class of the largest logit, the first of equals. logits, dlogits (B, C). One
// invocation a row; 4 C iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_loss push; };
layout(std430, binding = 0) buffer b0 { float loss[]; };
layout(std430, binding = 1) writeonly buffer b1 { float dlogits[]; };
layout(std430, binding = 2) readonly buffer b2 { float logits[]; };
layout(std430, binding = 3) readonly buffer b3 { uint targets[]; };
layout(std430, binding = 4) readonly buffer b4 { float class_weights[]; };
layout(std430, binding = 5) writeonly buffer b5 { uint predicted[]; };

float weighted_target(uint c, uint target_class) {
    float target = push.smoothing / float(push.classes);
    if (c == target_class) target += 1.0 - push.smoothing;
    return push.has_weights != 0u ? class_weights[c] * target : target;
}

void main() {
    uint b = global_index();
    if (b >= push.rows) return;
    uint first = b * push.classes, label = targets[b];
    float top = logits[first];
    uint best = 0u;
    for (uint c = 1u; c < push.classes; c++) {
        float z = logits[first + c];
        if (z > top) best = c;
        top = max(top, z);
    }
    if (push.has_predicted != 0u) predicted[b] = best;
    float total = 0.0;
    for (uint c = 0u; c < push.classes; c++) total += exp(logits[first + c] - top);
    float log_total = log(total);
    float sum = 0.0, mass = 0.0;
    for (uint c = 0u; c < push.classes; c++) {
        float w = weighted_target(c, label);
        sum += w * (log_total - (logits[first + c] - top));
        mass += w;
    }
    bool has_loss = label != LOSS_NO_TARGET;
    loss[b] = (push.adds != 0u ? loss[b] : 0.0) + (has_loss ? sum : 0.0);
    if (push.has_dlogits == 0u) return;
    for (uint c = 0u; c < push.classes; c++) {
        float p = exp(logits[first + c] - top) / total;
        float slope = (p * mass - weighted_target(c, label)) * push.loss_scale;
        dlogits[first + c] = has_loss ? slope : 0.0;
    }
}
