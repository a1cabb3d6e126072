#version 450
#extension GL_GOOGLE_include_directive : require
// best[r][j] = the c whose bilinear[r][c] . head[first + j] + linear[r][c] is largest, the first of
// equals; 0 from the sentence's end on; nodes (R, 2) = {first, count}. best (R, width), bilinear
// (R, C, size), linear (R, C), head (R, size). One invocation an element; C (size + 1) iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_pairs push; };
layout(std430, binding = 0) writeonly buffer b0 { float best[]; };
layout(std430, binding = 1) readonly buffer b1 { float bilinear[]; };
layout(std430, binding = 2) readonly buffer b2 { float linear[]; };
layout(std430, binding = 3) readonly buffer b3 { float head[]; };
layout(std430, binding = 4) readonly buffer b4 { uint nodes[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.width) return;
    uint r = i / push.width, j = i % push.width, most = 0u;
    float top = 0.0;
    for (uint c = 0u; c < push.classes && j < nodes[2u * r + 1u]; c++) {
        uint a = (r * push.classes + c) * push.size, b = (nodes[2u * r] + j) * push.size;
        float sum = linear[r * push.classes + c];
        for (uint k = 0u; k < push.size; k++) sum += bilinear[a + k] * head[b + k];
        if (c == 0u || sum > top) {
            most = c;
            top = sum;
        }
    }
    best[i] = float(most);
}
