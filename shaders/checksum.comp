#version 450
#extension GL_GOOGLE_include_directive : require
// lanes[i] (+)= sum of x[j] * (2 (first + j) + 1) over j = i, i + LANES ..., modulo 2^32; x as bits, so
// that no load rounds or flushes. One invocation a lane; count / LANES iterations.
#include "common.glsl"
layout(constant_id = 1) const uint LANES = 1;
layout(push_constant) uniform block { push_checksum push; };
layout(std430, binding = 0) buffer b0 { uint lanes[]; };
layout(std430, binding = 1) readonly buffer b1 { uint x[]; };

void main() {
    uint i = global_index();
    if (i >= LANES) return;
    uint sum = push.first == 0u ? 0u : lanes[i];
    for (uint j = i; j < push.count; j += LANES) sum += x[j] * (2u * (push.first + j) + 1u);
    lanes[i] = sum;
}
