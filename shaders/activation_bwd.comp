#version 450
#extension GL_GOOGLE_include_directive : require
// dx = dy * act'(pre), that of tanh by y. (M, N) each; dx may be dy. One invocation an element; no loop.
#include "common.glsl"
#include "math.glsl"
layout(push_constant) uniform block { push_activation push; };
layout(std430, binding = 0) buffer b0 { float dx[]; };
layout(std430, binding = 1) readonly buffer b1 { float dy[]; };
layout(std430, binding = 2) readonly buffer b2 { float pre[]; };

void main() {
    uint i = global_index();
    if (i >= push.rows * push.hidden) return;
    float x = pre[i];
    dx[i] = dy[i] * (push.act == ACT_TANH ? 1.0 - x * x : activation_slope(push.act, x));
}
