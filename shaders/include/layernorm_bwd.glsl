// dsum = rstd * (g - mean(g) - normal * mean(g * normal)) per row, where g = dropout'(dy) * weight and
// normal = (sum - mean) * rstd. dsum, dy, sum (T, H); mean, rstd (T); weight (H).
// LANES invocations share a row; 2 H / LANES iterations.
#include "common.glsl"
#include "random.glsl"
#include "reduce.glsl"
layout(push_constant) uniform block { push_layernorm push; };
layout(std430, binding = 0) writeonly buffer b0 { float dsum[]; };
layout(std430, binding = 1) readonly buffer b1 { float dy[]; };
layout(std430, binding = 2) readonly buffer b2 { float sum[]; };
layout(std430, binding = 3) readonly buffer b3 { float mean[]; };
layout(std430, binding = 4) readonly buffer b4 { float rstd[]; };
layout(std430, binding = 5) readonly buffer b5 { float weight[]; };
layout(std430, binding = 6) readonly buffer b6 { uint positions[]; };
layout(std430, binding = 7) readonly buffer b7 { uint token_sentence[]; };

void main() {
    uint t = row_index(), lane = row_lane();
    if (t >= push.rows) return;
    uint first = t * push.hidden, quads = (push.hidden + 3u) / 4u;
    float center = mean[t], scale = rstd[t];
    uint position = 0u, ordinal = 0u;
    if (push.after.threshold != 0u) {
        position = positions[t];
        ordinal = token_sentence[t];
    }
    float sum_g = 0.0, sum_gx = 0.0;
    for (uint quad = lane; quad < quads; quad += LANES) {
        vec4 keep = keep_factors(push.after, quad, position, 0u, ordinal);
        for (uint i = 0u; i < min(4u, push.hidden - quad * 4u); i++) {
            uint c = quad * 4u + i;
            float g = dy[first + c] * keep[i] * weight[c];
            sum_g += g;
            sum_gx += g * (sum[first + c] - center) * scale;
        }
    }
    float mean_g = row_sum(sum_g) / float(push.hidden);
    float mean_gx = row_sum(sum_gx) / float(push.hidden);
    for (uint quad = lane; quad < quads; quad += LANES) {
        vec4 keep = keep_factors(push.after, quad, position, 0u, ordinal);
        for (uint i = 0u; i < min(4u, push.hidden - quad * 4u); i++) {
            uint c = quad * 4u + i;
            float g = dy[first + c] * keep[i] * weight[c];
            float normal = (sum[first + c] - center) * scale;
            dsum[first + c] = scale * (g - mean_g - normal * mean_gx);
        }
    }
}
