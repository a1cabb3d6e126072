#version 450
#extension GL_GOOGLE_include_directive : require
// sum = residual + dropout(x), or dropout(x) without a residual. (T, H) each. One invocation takes 4
// channels of a row; 4 iterations.
#include "common.glsl"
#include "random.glsl"
layout(push_constant) uniform block { push_layernorm push; };
layout(std430, binding = 0) writeonly buffer b0 { float sum[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };
layout(std430, binding = 2) readonly buffer b2 { float residual[]; };
layout(std430, binding = 3) readonly buffer b3 { uint positions[]; };
layout(std430, binding = 4) readonly buffer b4 { uint token_sentence[]; };

void main() {
    uint quads = (push.hidden + 3u) / 4u;
    uint t = global_index() / quads, quad = global_index() % quads;
    if (t >= push.rows) return;
    vec4 keep = vec4(1.0);
    if (push.before.threshold != 0u) {
        keep = keep_factors(push.before, quad, positions[t], 0u, token_sentence[t]);
    }
    for (uint i = 0u; i < min(4u, push.hidden - quad * 4u); i++) {
        uint at = t * push.hidden + quad * 4u + i;
        float base = push.has_residual != 0u ? residual[at] : 0.0;
        sum[at] = base + x[at] * keep[i];
    }
}
