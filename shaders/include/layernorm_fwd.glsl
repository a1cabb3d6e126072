// sum = residual + dropout_before(x), where asked for, else x; mean, rstd of its rows in two passes;
// y = dropout_after((sum - mean) * rstd * weight + bias). y, sum, x, residual (T, H); mean, rstd (T);
// weight, bias (H). LANES invocations share a row; each keeps its KEPT quads of it in registers, or,
// when KEPT is 0, reads them again. H / LANES iterations at most.
#include "common.glsl"
#include "random.glsl"
#include "reduce.glsl"
layout(push_constant) uniform block { push_layernorm push; };
#include "rows.glsl"
layout(constant_id = 2) const uint KEPT = 0u;
WRITE_ROWS(0, y)
WRITE_ROWS(1, sum)
LOAD_ROWS(sum)
layout(std430, binding = 2) writeonly buffer b2 { float mean[]; };
layout(std430, binding = 3) writeonly buffer b3 { float rstd[]; };
READ_ROWS(4, x)
READ_ROWS(5, residual)
layout(std430, binding = 6) readonly buffer b6 { uint positions[]; };
layout(std430, binding = 7) readonly buffer b7 { uint token_sentence[]; };
layout(binding = 8) uniform samplerBuffer weight;
layout(binding = 9) uniform samplerBuffer bias;

#if LANES > 1
vec4 kept[KEPT_MAX];
#define KEEP(i, value)                                                                             \
    if (KEPT != 0u) kept[i] = value;
#define NORMALISED(t, quad, i) (KEPT != 0u ? kept[i] : row_quad(t, quad))
#else
#define KEEP(i, value)
#define NORMALISED(t, quad, i) row_quad(t, quad)
#endif

// What is normalised, once `sum` is written.
vec4 row_quad(uint t, uint quad) {
    if (push.has_sum != 0u) return load_sum(t, quad);
    return load_x(t, quad);
}

void main() {
    uint t = row_index(), lane = row_lane(), quads = quad_count();
    if (t >= push.rows) return;
    uint turns = KEPT != 0u ? KEPT : (quads + LANES - 1u) / LANES;
    uint position = 0u, ordinal = 0u;
    if ((push.before.threshold | push.after.threshold) != 0u) {
        position = positions[t];
        ordinal = token_sentence[t];
    }
    // differences from one number of the row's size, summed in blocks: a plain f32 sum of 768 values
    // loses digits, and one of values near 100 loses four
    float base = x[t * push.hidden];
    if (push.has_residual != 0u) base += residual[t * push.hidden];
    vec4 total = vec4(0.0), part = vec4(0.0);
    for (uint i = 0u; i < turns; i++) {
        uint quad = lane + i * LANES;
        if (quad < quads) {
            vec4 z = load_x(t, quad);
            if (push.has_sum != 0u) {
                z *= keep_factors(push.before, quad, position, 0u, ordinal);
                if (push.has_residual != 0u) z += load_residual(t, quad);
                store_sum(t, quad, z);
            }
            KEEP(i, z)
            part += inside(z - base, quad);
        }
        if (i % 8u == 7u) {
            total += part;
            part = vec4(0.0);
        }
    }
    total += part;
    float center = base + row_sum(dot(total, vec4(1.0))) / float(push.hidden);
    vec4 square = vec4(0.0);
    for (uint i = 0u; i < turns; i++) {
        uint quad = lane + i * LANES;
        if (quad >= quads) break;
        vec4 d = inside(NORMALISED(t, quad, i) - center, quad);
        square += d * d;
    }
    float variance = row_sum(dot(square, vec4(1.0))) / float(push.hidden);
    float scale = 1.0 / sqrt(variance + push.eps);
    if (lane == 0u) {
        mean[t] = center;
        rstd[t] = scale;
    }
    for (uint i = 0u; i < turns; i++) {
        uint quad = lane + i * LANES;
        if (quad >= quads) break;
        vec4 normal = (NORMALISED(t, quad, i) - center) * scale;
        vec4 z = normal * texelFetch(weight, int(quad)) + texelFetch(bias, int(quad));
        store_y(t, quad, z * keep_factors(push.after, quad, position, 0u, ordinal));
    }
}
