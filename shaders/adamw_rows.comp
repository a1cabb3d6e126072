#version 450
#extension GL_GOOGLE_include_directive : require
// AdamW on the listed rows of a table (all rows without a list), for rows in this window. Without g:
// replays the steps from last_step + 1 to `until` with a gradient of 0. With g: applies `step`.
// p, m, v (window, H), g (list, H). One invocation an element; until - last_step iterations, which
// recording keeps below the limit by several dispatches.
#include "common.glsl"
layout(push_constant) uniform block { push_adamw push; };
layout(std430, binding = 0) buffer b0 { float p[]; };
layout(std430, binding = 1) buffer b1 { float m[]; };
layout(std430, binding = 2) buffer b2 { float v[]; };
layout(std430, binding = 3) readonly buffer b3 { float g[]; };
layout(std430, binding = 4) readonly buffer b4 { vec4 table[]; };
layout(std430, binding = 5) readonly buffer b5 { float norm[]; };
layout(std430, binding = 6) readonly buffer b6 { uint last_step[]; };
layout(std430, binding = 7) readonly buffer b7 { uint list[]; };
#include "adamw.glsl"

void main() {
    uint r = global_index() / push.hidden, channel = global_index() % push.hidden;
    if (r >= push.rows) return;
    uint row = (push.has_list != 0u ? list[r] : push.first_row + r) - push.first_row;
    if (row >= push.window_rows) return;
    float clipped = push.zero;
    uint from = last_step[row] + 1u;
    if (push.has_g != 0u) {
        if (norm[2] == 0.0) return;
        precise float product = g[r * push.hidden + channel] * norm[1];
        clipped = product;
        from = push.until;
    }
    if (from > push.until) return;
    uint i = row * push.hidden + channel;
    float p1 = p[i], m1 = m[i], v1 = v[i];
    for (uint step = from; step <= push.until; step++) {
        vec4 scalars = table[step];
        if (scalars.w == 0.0) adamw_update(p1, m1, v1, clipped, scalars);
    }
    p[i] = p1;
    m[i] = m1;
    v[i] = v1;
}
