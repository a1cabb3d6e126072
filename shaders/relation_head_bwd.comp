#version 450
#extension GL_GOOGLE_include_directive : require
// dhead[r] = sum over the sentence's nodes i with heads[i] = r and over c of dscores[i][c]
// bilinear[i][c]; nodes (R, 2) = {first, count}. dhead (R, size), dscores (R, C), bilinear
// (R, C, size). One invocation an element; width (C + 1) iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_pairs push; };
layout(std430, binding = 0) writeonly buffer b0 { float dhead[]; };
layout(std430, binding = 1) readonly buffer b1 { float dscores[]; };
layout(std430, binding = 2) readonly buffer b2 { float bilinear[]; };
layout(std430, binding = 3) readonly buffer b3 { uint heads[]; };
layout(std430, binding = 4) readonly buffer b4 { uint nodes[]; };

void main() {
    uint at = global_index();
    if (at >= push.rows * push.size) return;
    uint r = at / push.size, k = at % push.size, first = nodes[2u * r];
    float sum = 0.0;
    for (uint i = first; i < first + nodes[2u * r + 1u]; i++) {
        if (heads[i] != r) continue;
        for (uint c = i * push.classes; c < (i + 1u) * push.classes; c++)
            sum += dscores[c] * bilinear[c * push.size + k];
    }
    dhead[at] = sum;
}
