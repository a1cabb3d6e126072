#version 450
#extension GL_GOOGLE_include_directive : require
// partial[i] = sum over j of x[i + j * parts]. One invocation a sum; count / parts iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_square push; };
layout(std430, binding = 0) writeonly buffer b0 { float partial[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };

void main() {
    uint i = global_index();
    if (i >= push.parts) return;
    float sum = 0.0;
    for (uint at = i; at < push.count; at += push.parts) sum += x[at];
    partial[push.out_first + i] = sum;
}
