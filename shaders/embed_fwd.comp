#version 450
#extension GL_GOOGLE_include_directive : require
// y[t] = token[ids[t]] + position[positions[t]] + type[type_ids[t]] for the tokens whose id lies in this
// window of token rows. y (T, H). One invocation takes 4 channels of a row; 4 iterations at most.
#include "common.glsl"
layout(push_constant) uniform block { push_embed push; };
layout(std430, binding = 0) writeonly buffer b0 { float y[]; };
layout(std430, binding = 1) readonly buffer b1 { float token[]; };
layout(std430, binding = 2) readonly buffer b2 { float position[]; };
layout(std430, binding = 3) readonly buffer b3 { float type[]; };
layout(std430, binding = 4) readonly buffer b4 { uint ids[]; };
layout(std430, binding = 5) readonly buffer b5 { uint positions[]; };
layout(std430, binding = 6) readonly buffer b6 { uint type_ids[]; };

void main() {
    uint quads = (push.hidden + 3u) / 4u;
    uint t = global_index() / quads;
    uint first = global_index() % quads * 4u;
    if (t >= push.rows) return;
    uint id = ids[t] - push.first_row;
    if (id >= push.window_rows) return;
    uint place = positions[t], kind = type_ids[t];
    for (uint c = first; c < min(first + 4u, push.hidden); c++) {
        y[t * push.hidden + c] = token[id * push.hidden + c] + position[place * push.hidden + c] +
                                 type[kind * push.hidden + c];
    }
}
