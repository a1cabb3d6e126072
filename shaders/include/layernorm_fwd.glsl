// mean, rstd of each row in two passes; y = dropout((x - mean) * rstd * weight + bias). y, x (T, H);
// mean, rstd (T); weight, bias (H). LANES invocations share a row; 3 H / LANES iterations.
#include "common.glsl"
#include "random.glsl"
#include "reduce.glsl"
layout(push_constant) uniform block { push_layernorm push; };
layout(std430, binding = 0) writeonly buffer b0 { float y[]; };
layout(std430, binding = 1) writeonly buffer b1 { float mean[]; };
layout(std430, binding = 2) writeonly buffer b2 { float rstd[]; };
layout(std430, binding = 3) readonly buffer b3 { float x[]; };
layout(std430, binding = 4) readonly buffer b4 { float weight[]; };
layout(std430, binding = 5) readonly buffer b5 { float bias[]; };
layout(std430, binding = 6) readonly buffer b6 { uint positions[]; };
layout(std430, binding = 7) readonly buffer b7 { uint token_sentence[]; };

void main() {
    uint t = row_index(), lane = row_lane();
    if (t >= push.rows) return;
    uint first = t * push.hidden;
    // differences from one element, summed in blocks: a plain f32 sum of 768 values loses digits, and
    // one of values near 100 loses four
    float base = x[first], total = 0.0;
    for (uint block = lane; block < push.hidden; block += LANES * 32u) {
        float part = 0.0;
        for (uint c = block; c < min(block + LANES * 32u, push.hidden); c += LANES) {
            part += x[first + c] - base;
        }
        total += part;
    }
    float center = base + row_sum(total) / float(push.hidden);
    float square = 0.0;
    for (uint c = lane; c < push.hidden; c += LANES) {
        float d = x[first + c] - center;
        square += d * d;
    }
    float scale = 1.0 / sqrt(row_sum(square) / float(push.hidden) + push.eps);
    if (lane == 0u) {
        mean[t] = center;
        rstd[t] = scale;
    }
    uint position = 0u, ordinal = 0u;
    if (push.after.threshold != 0u) {
        position = positions[t];
        ordinal = token_sentence[t];
    }
    for (uint quad = lane; quad < (push.hidden + 3u) / 4u; quad += LANES) {
        vec4 keep = keep_factors(push.after, quad, position, 0u, ordinal);
        for (uint i = 0u; i < min(4u, push.hidden - quad * 4u); i++) {
            uint c = quad * 4u + i;
            y[first + c] = ((x[first + c] - center) * scale * weight[c] + bias[c]) * keep[i];
        }
    }
}
