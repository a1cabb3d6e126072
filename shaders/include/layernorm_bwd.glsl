// dsum = rstd * (g - mean(g) - normal * mean(g * normal)) per row, where g = dropout_after'(dy) * weight
// and normal = (sum - mean) * rstd; dx = dropout_before'(dsum), where asked for. dsum, dx, dy, sum (T, H);
// mean, rstd (T); weight (H). LANES and KEPT as in layernorm_fwd.glsl. H / LANES iterations at most.
#include "common.glsl"
#include "random.glsl"
#include "reduce.glsl"
layout(push_constant) uniform block { push_layernorm push; };
#include "rows.glsl"
layout(constant_id = 2) const uint KEPT = 0u;
WRITE_ROWS(0, dsum)
WRITE_ROWS(1, dx)
READ_ROWS(2, dy)
READ_ROWS(3, sum)
layout(std430, binding = 4) readonly buffer b4 { float mean[]; };
layout(std430, binding = 5) readonly buffer b5 { float rstd[]; };
layout(std430, binding = 6) readonly buffer b6 { uint positions[]; };
layout(std430, binding = 7) readonly buffer b7 { uint token_sentence[]; };
layout(binding = 8) uniform samplerBuffer weight;

#if LANES > 1
vec4 kept_g[KEPT_MAX], kept_normal[KEPT_MAX];
#endif

void main() {
    uint t = row_index(), lane = row_lane(), quads = quad_count();
    if (t >= push.rows) return;
    uint turns = KEPT != 0u ? KEPT : (quads + LANES - 1u) / LANES;
    float center = mean[t], scale = rstd[t];
    uint position = 0u, ordinal = 0u;
    if ((push.before.threshold | push.after.threshold) != 0u) {
        position = positions[t];
        ordinal = token_sentence[t];
    }
    vec4 sum_g = vec4(0.0), sum_gn = vec4(0.0);
    for (uint i = 0u; i < turns; i++) {
        uint quad = lane + i * LANES;
        if (quad >= quads) break;
        vec4 keep = keep_factors(push.after, quad, position, 0u, ordinal);
        vec4 g = inside(load_dy(t, quad) * keep * texelFetch(weight, int(quad)), quad);
        vec4 normal = (load_sum(t, quad) - center) * scale;
#if LANES > 1
        if (KEPT != 0u) {
            kept_g[i] = g;
            kept_normal[i] = normal;
        }
#endif
        sum_g += g;
        sum_gn += g * normal;
    }
    vec2 sums = row_sums(vec2(dot(sum_g, vec4(1.0)), dot(sum_gn, vec4(1.0))));
    vec2 means = sums / float(push.hidden);
    for (uint i = 0u; i < turns; i++) {
        uint quad = lane + i * LANES;
        if (quad >= quads) break;
        vec4 g, normal;
#if LANES > 1
        if (KEPT != 0u) {
            g = kept_g[i];
            normal = kept_normal[i];
        } else
#endif
        {
            vec4 keep = keep_factors(push.after, quad, position, 0u, ordinal);
            g = load_dy(t, quad) * keep * texelFetch(weight, int(quad));
            normal = (load_sum(t, quad) - center) * scale;
        }
        vec4 z = scale * (g - means.x - normal * means.y);
        store_dsum(t, quad, z);
        if (push.has_dx != 0u) {
            store_dx(t, quad, z * keep_factors(push.before, quad, position, 0u, ordinal));
        }
    }
}
