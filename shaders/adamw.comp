#version 450
#extension GL_GOOGLE_include_directive : require
// AdamW on rows * hidden elements, all touched by this step. One invocation an element; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_adamw push; };
layout(std430, binding = 0) buffer b0 { float p[]; };
layout(std430, binding = 1) buffer b1 { float m[]; };
layout(std430, binding = 2) buffer b2 { float v[]; };
layout(std430, binding = 3) readonly buffer b3 { float g[]; };
layout(std430, binding = 4) readonly buffer b4 { vec4 table[]; };
layout(std430, binding = 5) readonly buffer b5 { float norm[]; };
#include "adamw.glsl"

void main() {
    uint i = global_index();
    vec4 row = table[push.step];
    if (i >= push.rows || norm[2] == 0.0 || row.w != 0.0) return;
    precise float clipped = g[i] * norm[1];
    float p1 = p[i], m1 = m[i], v1 = v[i];
    adamw_update(p1, m1, v1, clipped, row);
    p[i] = p1;
    m[i] = m1;
    v[i] = v1;
}
