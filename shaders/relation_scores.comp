#version 450
#extension GL_GOOGLE_include_directive : require
// scores[r][c] = bilinear[r][c] . head[heads[r]] + linear[r][c]. scores, linear (R, C), bilinear
// (R, C, size), head (R, size). One invocation an element; size iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_pairs push; };
layout(std430, binding = 0) writeonly buffer b0 { float scores[]; };
layout(std430, binding = 1) readonly buffer b1 { float bilinear[]; };
layout(std430, binding = 2) readonly buffer b2 { float linear[]; };
layout(std430, binding = 3) readonly buffer b3 { float head[]; };
layout(std430, binding = 4) readonly buffer b4 { uint heads[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.classes) return;
    uint b = heads[i / push.classes] * push.size;
    float sum = 0.0;
    for (uint k = 0u; k < push.size; k++) sum += bilinear[i * push.size + k] * head[b + k];
    scores[i] = sum + linear[i];
}
