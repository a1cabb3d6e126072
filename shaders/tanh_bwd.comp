#version 450
#extension GL_GOOGLE_include_directive : require
// dx = dy * (1 - y * y). (M, N) each; dx may be dy. One invocation an element; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_rows push; };
layout(std430, binding = 0) buffer b0 { float dx[]; };
layout(std430, binding = 1) readonly buffer b1 { float dy[]; };
layout(std430, binding = 2) readonly buffer b2 { float y[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.hidden) return;
    dx[i] = dy[i] * (1.0 - y[i] * y[i]);
}
