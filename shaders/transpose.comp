#version 450
#extension GL_GOOGLE_include_directive : require
// result (k, n) = x (n, k) transposed. One invocation an element of the result; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_linear push; };
layout(std430, binding = 0) writeonly buffer b0 { float result[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };

void main() {
    uint i = global_index();
    if (i >= push.n * push.k) return;
    result[i] = x[i % push.n * push.k + i / push.n];
}
