#version 450
#extension GL_GOOGLE_include_directive : require
// last_step[row] = max(last_step[row], until) for the rows of the list (all without one) in this
// window; with g, nothing when the gradient's norm is not finite. One invocation a row; no loop.
#include "common.glsl"
layout(push_constant) uniform block { push_adamw push; };
layout(std430, binding = 0) buffer b0 { uint last_step[]; };
layout(std430, binding = 1) readonly buffer b1 { float norm[]; };
layout(std430, binding = 2) readonly buffer b2 { uint list[]; };

void main() {
    uint r = global_index();
    if (r >= push.rows) return;
    uint row = (push.has_list != 0u ? list[r] : push.first_row + r) - push.first_row;
    if (row >= push.window_rows) return;
    if (push.has_g != 0u && norm[2] == 0.0) return;
    last_step[row] = max(last_step[row], push.until);
}
