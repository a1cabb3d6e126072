#version 450
#extension GL_GOOGLE_include_directive : require
// dx[starts[b]] = dy[b]; the other rows were zeroed before. dx (T, H), dy (B, H). One invocation an
// element; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_rows push; };
layout(std430, binding = 0) writeonly buffer b0 { float dx[]; };
layout(std430, binding = 1) readonly buffer b1 { float dy[]; };
layout(std430, binding = 2) readonly buffer b2 { uint starts[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.hidden) return;
    dx[starts[i / push.hidden] * push.hidden + i % push.hidden] = dy[i];
}
