#version 450
#extension GL_GOOGLE_include_directive : require
// scores[r][j] = dependent[r] . head[first + j], or -1e30 from the sentence's end on; nodes (R, 2) =
// {first, count}. scores (R, width), dependent, head (R, size). One invocation an element; size
// iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_pairs push; };
layout(std430, binding = 0) writeonly buffer b0 { float scores[]; };
layout(std430, binding = 1) readonly buffer b1 { float dependent[]; };
layout(std430, binding = 2) readonly buffer b2 { float head[]; };
layout(std430, binding = 3) readonly buffer b3 { uint nodes[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.width) return;
    uint r = i / push.width, j = i % push.width;
    float sum = -1e30;
    if (j < nodes[2u * r + 1u]) {
        uint a = r * push.size, b = (nodes[2u * r] + j) * push.size;
        sum = 0.0;
        for (uint k = 0u; k < push.size; k++) sum += dependent[a + k] * head[b + k];
    }
    scores[i] = sum;
}
