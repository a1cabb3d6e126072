#version 450
#extension GL_GOOGLE_include_directive : require
// out[rows[r]] += sum over j in [starts[r], starts[r + 1]) of x[items[j]], for rows in this window.
// out (R, H), x (T, H). With CHUNK, chunks of that many items that lie in a list whole are taken from
// partial (chunks, H), which items_sum made. One invocation owns 4 channels of a list; T iterations at
// most, or 2 CHUNK + T / CHUNK.
#include "common.glsl"
layout(push_constant) uniform block { push_embed push; };
#include "rows.glsl"
layout(constant_id = 2) const uint CHUNK = 0u;
WRITE_ROWS(0, result)
LOAD_ROWS(result)
READ_ROWS(1, x)
layout(std430, binding = 2) readonly buffer b2 { uint starts[]; };
layout(std430, binding = 3) readonly buffer b3 { uint items[]; };
layout(std430, binding = 4) readonly buffer b4 { uint rows[]; };
READ_ROWS(5, partial)

vec4 sum_items(uint quad, uint begin, uint end) {
    vec4 sum = vec4(0.0);
    for (uint j = begin; j < end; j++) sum += load_x(items[j], quad);
    return sum;
}

vec4 sum_chunks(uint quad, uint begin, uint end) {
    vec4 sum = vec4(0.0);
    for (uint chunk = begin; chunk < end; chunk++) sum += load_partial(chunk, quad);
    return sum;
}

void main() {
    uint list = global_index() / quad_count(), quad = global_index() % quad_count();
    if (list >= push.rows) return;
    uint row = rows[list] - push.first_row;
    if (row >= push.window_rows) return;
    uint begin = starts[list], end = starts[list + 1u];
    vec4 sum = vec4(0.0);
    if (CHUNK != 0u) {
        uint from = (begin + CHUNK - 1u) / CHUNK, to = end / CHUNK; // whole chunks
        if (from < to) {
            sum = sum_items(quad, begin, from * CHUNK) + sum_chunks(quad, from, to);
            begin = to * CHUNK;
        }
    }
    sum += sum_items(quad, begin, end);
    store_result(row, quad, load_result(row, quad) + sum);
}
