#version 450
#extension GL_GOOGLE_include_directive : require
// y = dropout(x) at token position 0. y, x (B, H); y may be x. One invocation takes 4 channels of a row;
// 4 iterations.
#include "common.glsl"
#include "random.glsl"
layout(push_constant) uniform block { push_rows push; };
layout(std430, binding = 0) buffer b0 { float y[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };
layout(std430, binding = 2) readonly buffer b2 { uint ordinals[]; };

void main() {
    uint quads = (push.hidden + 3u) / 4u;
    uint b = global_index() / quads;
    uint quad = global_index() % quads;
    if (b >= push.rows) return;
    vec4 keep = keep_factors(push.drop, quad, 0u, 0u, ordinals[b]);
    for (uint i = 0u; i < min(4u, push.hidden - quad * 4u); i++) {
        uint at = b * push.hidden + quad * 4u + i;
        y[at] = x[at] * keep[i];
    }
}
