#version 450
#extension GL_GOOGLE_include_directive : require
// result += sums of the columns of x. result (H), x (T, H). T / 64 + 6 iterations.
#include "common.glsl"
#include "column_tree.glsl"
layout(push_constant) uniform block { push_rows push; };
#include "rows.glsl"
WRITE_ROWS(0, result)
LOAD_ROWS(result)
READ_ROWS(1, x)

void main() {
    uint quad = column_quad();
    bool is_column = quad < quad_count();
    vec4 sum = vec4(0.0);
    for (uint t = first_row(); is_column && t < push.rows; t += ROW_LANES) sum += load_x(t, quad);
    mat2x4 sums = column_sums(mat2x4(sum, vec4(0.0)));
    if (gl_LocalInvocationID.x < COLUMN_QUADS && is_column) {
        store_result(0u, quad, load_result(0u, quad) + sums[0]);
    }
}
