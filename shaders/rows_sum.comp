#version 450
#extension GL_GOOGLE_include_directive : require
// out[rows[r]] += sum over j in [starts[r], starts[r + 1]) of x[items[j]], for rows in this window.
// out (R, H), x (T, H). One invocation owns 4 channels of a list; T iterations at most.
#include "common.glsl"
layout(push_constant) uniform block { push_embed push; };
layout(std430, binding = 0) buffer b0 { float result[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };
layout(std430, binding = 2) readonly buffer b2 { uint starts[]; };
layout(std430, binding = 3) readonly buffer b3 { uint items[]; };
layout(std430, binding = 4) readonly buffer b4 { uint rows[]; };

void main() {
    uint quads = (push.hidden + 3u) / 4u;
    uint list = global_index() / quads;
    uint first = global_index() % quads * 4u;
    if (list >= push.rows) return;
    uint row = rows[list] - push.first_row;
    if (row >= push.window_rows) return;
    uvec4 c = min(uvec4(first) + uvec4(0u, 1u, 2u, 3u), uvec4(push.hidden - 1u));
    vec4 sum = vec4(0.0);
    uint end = starts[list + 1u];
#ifdef PLANT_OFF_BY_ONE
    end--;
#endif
    for (uint j = starts[list]; j < end; j++) {
        uint at = items[j] * push.hidden;
        sum += vec4(x[at + c.x], x[at + c.y], x[at + c.z], x[at + c.w]);
    }
    for (uint i = 0u; i < min(4u, push.hidden - first); i++) {
        result[row * push.hidden + first + i] += sum[i];
    }
}
