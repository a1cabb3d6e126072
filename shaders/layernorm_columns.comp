#version 450
#extension GL_GOOGLE_include_directive : require
// partial[chunk] = {dweight (H), dbias (H)} of the chunk's rows: sums of dropout'(dy) * normal and of
// dropout'(dy). dy, sum (T, H); partial (chunks, 2 H). One invocation takes 4 channels of a chunk;
// 4 * chunk_rows iterations.
#include "common.glsl"
#include "random.glsl"
layout(push_constant) uniform block { push_layernorm push; };
layout(std430, binding = 0) writeonly buffer b0 { float partial[]; };
layout(std430, binding = 1) readonly buffer b1 { float dy[]; };
layout(std430, binding = 2) readonly buffer b2 { float sum[]; };
layout(std430, binding = 3) readonly buffer b3 { float mean[]; };
layout(std430, binding = 4) readonly buffer b4 { float rstd[]; };
layout(std430, binding = 5) readonly buffer b5 { uint positions[]; };
layout(std430, binding = 6) readonly buffer b6 { uint token_sentence[]; };

void main() {
    uint quads = (push.hidden + 3u) / 4u;
    uint chunk = global_index() / quads, quad = global_index() % quads;
    uint begin = chunk * push.chunk_rows;
    if (begin >= push.rows) return;
    uvec4 c = min(uvec4(quad * 4u) + uvec4(0u, 1u, 2u, 3u), uvec4(push.hidden - 1u));
    vec4 dweight = vec4(0.0), dbias = vec4(0.0);
    for (uint t = begin; t < min(begin + push.chunk_rows, push.rows); t++) {
        vec4 keep = vec4(1.0);
        if (push.after.threshold != 0u) {
            keep = keep_factors(push.after, quad, positions[t], 0u, token_sentence[t]);
        }
        uvec4 at = c + t * push.hidden;
        vec4 d = vec4(dy[at.x], dy[at.y], dy[at.z], dy[at.w]) * keep;
        vec4 normal = (vec4(sum[at.x], sum[at.y], sum[at.z], sum[at.w]) - mean[t]) * rstd[t];
        dweight += d * normal;
        dbias += d;
    }
    uint first = chunk * 2u * push.hidden;
    for (uint i = 0u; i < min(4u, push.hidden - quad * 4u); i++) {
        partial[first + quad * 4u + i] = dweight[i];
        partial[first + push.hidden + quad * 4u + i] = dbias[i];
    }
}
