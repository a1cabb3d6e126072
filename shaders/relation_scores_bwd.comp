#version 450
#extension GL_GOOGLE_include_directive : require
// dbilinear[r][c] = dscores[r][c] head[heads[r]]. dbilinear (R, C, size), dscores (R, C), head
// (R, size). One invocation an element; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_pairs push; };
layout(std430, binding = 0) writeonly buffer b0 { float dbilinear[]; };
layout(std430, binding = 1) readonly buffer b1 { float dscores[]; };
layout(std430, binding = 2) readonly buffer b2 { float head[]; };
layout(std430, binding = 3) readonly buffer b3 { uint heads[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.classes * push.size) return;
    uint at = i / push.size;
    dbilinear[i] = dscores[at] * head[heads[at / push.classes] * push.size + i % push.size];
}
