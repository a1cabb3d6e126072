#version 450
#extension GL_GOOGLE_include_directive : require
// z = A B; z *= act'(pre) where given; result = z + add. An add that is the result itself (ADDS_TO, then
// without pre) is what the first panel adds to. See linear_panel.glsl.
#include "linear_panel.glsl"
layout(binding = 3) uniform samplerBuffer pre;
layout(binding = 4) uniform samplerBuffer add;

#define ROW(q, e)                                                                                  \
    {                                                                                              \
        uint s = first + uint(4 * q + e);                                                          \
        p##q##_##e = load_b((s * push.n + at_left) / 4u, s < push.k);                              \
        r##q##_##e = load_b((s * push.n + at_right) / 4u, s < push.k);                             \
    }
#define LOAD(q) ROW(q, 0) ROW(q, 1) ROW(q, 2) ROW(q, 3)

void finish(uint at, vec4 z) {
    if ((FLAGS & HAS_EXTRA) != 0u) {
        vec4 x = texelFetch(pre, int(at / 4u));
        uint act = FLAGS >> 8;
        z *= vec4(activation_slope(act, x.x), activation_slope(act, x.y),
                  activation_slope(act, x.z), activation_slope(act, x.w));
    }
    if ((FLAGS & HAS_OTHER) != 0u) z += texelFetch(add, int(at / 4u));
    store_result(at, z);
}

void main() {
    uint j = column(), at_left = left_of(j), at_right = right_of(j);
    uint first_row = gl_WorkGroupID.y * push.chunk, last_row = min(first_row + push.chunk, push.m);
    for (uint first = 0u; first < push.k; first += PANEL) {
        QUADS(DECLARE)
        QUADS(LOAD)
        bool is_last = first + PANEL >= push.k, adds = first > 0u || (FLAGS & ADDS_TO) != 0u;
        for (uint row = first_row; row < last_row; row++) {
            uint from = (row * push.k + first) / 4u, row_end = (row * push.k + push.k) / 4u - 1u;
            vec4 left = vec4(0.0), right = vec4(0.0);
            QUADS(STEP_NN)
            uint at = row * push.n + j;
            if (j < push.n) {
                if (adds) left += load_result(at);
                if (is_last) {
                    finish(at, left);
                } else {
                    store_result(at, left);
                }
            }
            if (j + 4u < push.n) {
                if (adds) right += load_result(at + 4u);
                if (is_last) {
                    finish(at + 4u, right);
                } else {
                    store_result(at + 4u, right);
                }
            }
        }
    }
}
