#version 450
#extension GL_GOOGLE_include_directive : require
// ddependent[r] = sum over j of dscores[r][j] head[first + j]; dhead[r] = sum over the sentence's nodes
// i of dscores[i][r - first] dependent[i]; nodes (R, 2) = {first, count}. dscores (R, width), the
// others (R, size). One invocation an element; `width` iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_pairs push; };
layout(std430, binding = 0) writeonly buffer b0 { float ddependent[]; };
layout(std430, binding = 1) writeonly buffer b1 { float dhead[]; };
layout(std430, binding = 2) readonly buffer b2 { float dscores[]; };
layout(std430, binding = 3) readonly buffer b3 { float dependent[]; };
layout(std430, binding = 4) readonly buffer b4 { float head[]; };
layout(std430, binding = 5) readonly buffer b5 { uint nodes[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.size) return;
    uint r = i / push.size, k = i % push.size, first = nodes[2u * r];
    float of_dependent = 0.0, of_head = 0.0;
    for (uint j = 0u; j < nodes[2u * r + 1u]; j++) {
        uint other = (first + j) * push.size + k;
        of_dependent += dscores[r * push.width + j] * head[other];
        of_head += dscores[(first + j) * push.width + r - first] * dependent[other];
    }
    ddependent[i] = of_dependent;
    dhead[i] = of_head;
}
