#version 450
#extension GL_GOOGLE_include_directive : require
// dlogits[b][c] = (exp(logits[b][c] - top - log_total) - (c is the target)) * loss_scale, with stats[b]
// = {top, log_total}. logits, dlogits (B, C), which may be one. One invocation an element; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_loss push; };
layout(std430, binding = 0) writeonly buffer b0 { float dlogits[]; };
layout(std430, binding = 1) readonly buffer b1 { float logits[]; };
layout(std430, binding = 2) readonly buffer b2 { float stats[]; };
layout(std430, binding = 3) readonly buffer b3 { uint targets[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.classes) return;
    uint b = i / push.classes, c = i % push.classes;
    float p = exp(logits[i] - stats[b * 2u] - stats[b * 2u + 1u]);
    float slope = (p - (c == targets[b] ? 1.0 : 0.0)) * push.loss_scale;
    dlogits[i] = targets[b] == LOSS_NO_TARGET ? 0.0 : slope;
}
