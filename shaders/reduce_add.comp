#version 450
#extension GL_GOOGLE_include_directive : require
// result[i] += (overwrites: =) sum over c < chunks of x[c * stride + i]. Sums over partial results, in their order.
// One invocation an element; `chunks` iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_reduce push; };
layout(std430, binding = 0) buffer b0 { float result[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };

void main() {
    uint i = global_index();
    if (i >= push.count) return;
    float sum = 0.0;
    for (uint c = 0u; c < push.chunks; c++) sum += x[push.x_first + c * push.stride + i];
    uint at = push.out_first + i;
    result[at] = push.overwrites != 0u ? sum : result[at] + sum;
}
