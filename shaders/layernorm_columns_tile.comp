#version 450
#extension GL_GOOGLE_include_directive : require
// dweight += sum over the rows of dropout_after'(dy) * normal, dbias += sum of dropout_after'(dy), with
// normal = (sum - mean) * rstd. dweight, dbias (H); dy, sum (T, H); mean, rstd (T). T / 64 + 6 iterations.
#include "common.glsl"
#include "random.glsl"
#include "column_tree.glsl"
layout(push_constant) uniform block { push_layernorm push; };
#include "rows.glsl"
WRITE_ROWS(0, dweight)
LOAD_ROWS(dweight)
WRITE_ROWS(1, dbias)
LOAD_ROWS(dbias)
READ_ROWS(2, dy)
READ_ROWS(3, sum)
layout(std430, binding = 4) readonly buffer b4 { float mean[]; };
layout(std430, binding = 5) readonly buffer b5 { float rstd[]; };
layout(std430, binding = 6) readonly buffer b6 { uint positions[]; };
layout(std430, binding = 7) readonly buffer b7 { uint token_sentence[]; };

void main() {
    uint quad = column_quad();
    bool is_column = quad < quad_count();
    vec4 of_weight = vec4(0.0), of_bias = vec4(0.0);
    for (uint t = first_row(); is_column && t < push.rows; t += ROW_LANES) {
        vec4 d = load_dy(t, quad);
        if (push.after.threshold != 0u) {
            d *= keep_factors(push.after, quad, positions[t], 0u, token_sentence[t]);
        }
        of_weight += d * (load_sum(t, quad) - mean[t]) * rstd[t];
        of_bias += d;
    }
    mat2x4 sums = column_sums(mat2x4(of_weight, of_bias));
    if (gl_LocalInvocationID.x < COLUMN_QUADS && is_column) {
        store_dweight(0u, quad, load_dweight(0u, quad) + sums[0]);
        store_dbias(0u, quad, load_dbias(0u, quad) + sums[1]);
    }
}
