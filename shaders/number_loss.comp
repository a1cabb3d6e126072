#version 450
#extension GL_GOOGLE_include_directive : require
// loss[b] = mean_c l(outputs[b][c], targets[b][c]); l(z, t) = (z - t)^2, or max(z, 0) - z t +
// log(1 + exp(-|z|)); doutputs = dl/dz / C * loss_scale. outputs, doutputs, targets (B, C).
// One invocation a row; C iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_loss push; };
layout(std430, binding = 0) writeonly buffer b0 { float loss[]; };
layout(std430, binding = 1) writeonly buffer b1 { float doutputs[]; };
layout(std430, binding = 2) readonly buffer b2 { float outputs[]; };
layout(std430, binding = 3) readonly buffer b3 { float targets[]; };

void main() {
    uint b = global_index();
    if (b >= push.rows) return;
    float share = 1.0 / float(push.classes), sum = 0.0;
    for (uint c = 0u; c < push.classes; c++) {
        uint i = b * push.classes + c;
        float z = outputs[i], t = targets[i], part = (z - t) * (z - t), slope = 2.0 * (z - t);
        if (push.is_binary != 0u) {
            float small = exp(-abs(z));
            part = max(z, 0.0) - z * t + log(1.0 + small);
            slope = (z >= 0.0 ? 1.0 : small) / (1.0 + small) - t;
        }
        sum += part;
        if (push.has_dlogits != 0u) doutputs[i] = slope * share * push.loss_scale;
    }
    loss[b] = sum * share;
}
