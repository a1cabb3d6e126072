#version 450
#extension GL_GOOGLE_include_directive : require
// partial[c] = sum over j in [c * CHUNK, (c + 1) * CHUNK) of x[items[j]], j < rows: what rows_sum takes of
// long lists. partial (chunks, H), x (T, H). One invocation owns 4 channels of a chunk; CHUNK iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_rows push; };
#include "rows.glsl"
layout(constant_id = 2) const uint CHUNK = 64u;
WRITE_ROWS(0, partial)
READ_ROWS(1, x)
layout(std430, binding = 2) readonly buffer b2 { uint items[]; };

void main() {
    uint chunk = global_index() / quad_count(), quad = global_index() % quad_count();
    if (chunk * CHUNK >= push.rows) return;
    vec4 sum = vec4(0.0);
    for (uint j = chunk * CHUNK; j < min((chunk + 1u) * CHUNK, push.rows); j++) {
        sum += load_x(items[j], quad);
    }
    store_partial(chunk, quad, sum);
}
