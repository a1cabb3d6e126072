#version 450
#extension GL_GOOGLE_include_directive : require
// result = {norm, clip factor, norm is finite, 0} from `count` partial sums of squares.
// One invocation in all; `count` iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_norm push; };
layout(std430, binding = 0) writeonly buffer b0 { float result[]; };
layout(std430, binding = 1) readonly buffer b1 { float partial[]; };

void main() {
    if (global_index() != 0u) return;
    float sum = 0.0;
    for (uint i = 0u; i < push.count; i++) sum += partial[i];
    float norm = sqrt(sum) * push.unscale;
    // exponent bits: comparisons with inf and nan may be optimised away
    bool finite = (floatBitsToUint(sum) & 0x7f800000u) != 0x7f800000u;
    float clip = push.max_norm / (norm + 1e-6);
    result[0] = norm;
    result[1] = push.max_norm != 0.0 && clip < 1.0 ? clip * push.unscale : push.unscale;
    result[2] = finite ? 1.0 : 0.0;
    result[3] = 0.0;
}
