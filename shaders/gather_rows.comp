#version 450
#extension GL_GOOGLE_include_directive : require
// y[b] = x[starts[b]]. y (B, H), x (T, H). One invocation an element; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_rows push; };
layout(std430, binding = 0) writeonly buffer b0 { float y[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };
layout(std430, binding = 2) readonly buffer b2 { uint starts[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.hidden) return;
    y[i] = x[starts[i / push.hidden] * push.hidden + i % push.hidden];
}
