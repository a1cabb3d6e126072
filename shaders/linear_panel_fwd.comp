#version 450
#extension GL_GOOGLE_include_directive : require
// z = A B^T + bias; pre = z where kept; result = act(z). See linear_panel.glsl.
#include "linear_panel.glsl"
layout(std430, binding = 3) writeonly buffer b3 { float pre[]; };
layout(std430, binding = 4) readonly buffer b4 { float bias[]; };

#define COLUMN(q, c, first) vec4 t##c = load_b((first + uint(c)) * quads + s, s < quads);
#define LOAD(q)                                                                                    \
    {                                                                                              \
        uint s = first + uint(q);                                                                  \
        COLUMN(q, 0, at_left) COLUMN(q, 1, at_left) COLUMN(q, 2, at_left) COLUMN(q, 3, at_left)    \
        p##q##_0 = vec4(t0.x, t1.x, t2.x, t3.x);                                                   \
        p##q##_1 = vec4(t0.y, t1.y, t2.y, t3.y);                                                   \
        p##q##_2 = vec4(t0.z, t1.z, t2.z, t3.z);                                                   \
        p##q##_3 = vec4(t0.w, t1.w, t2.w, t3.w);                                                   \
    }                                                                                              \
    {                                                                                              \
        uint s = first + uint(q);                                                                  \
        COLUMN(q, 0, at_right) COLUMN(q, 1, at_right) COLUMN(q, 2, at_right)                       \
        COLUMN(q, 3, at_right)                                                                     \
        r##q##_0 = vec4(t0.x, t1.x, t2.x, t3.x);                                                   \
        r##q##_1 = vec4(t0.y, t1.y, t2.y, t3.y);                                                   \
        r##q##_2 = vec4(t0.z, t1.z, t2.z, t3.z);                                                   \
        r##q##_3 = vec4(t0.w, t1.w, t2.w, t3.w);                                                   \
    }

void finish(uint at, vec4 z) {
    if ((FLAGS & HAS_EXTRA) != 0u) {
        pre[at] = z.x;
        pre[at + 1u] = z.y;
        pre[at + 2u] = z.z;
        pre[at + 3u] = z.w;
    }
    uint act = FLAGS >> 8;
    store_result(at, vec4(activate(act, z.x), activate(act, z.y), activate(act, z.z),
                          activate(act, z.w)));
}

void main() {
    uint j = column(), at_left = left_of(j), at_right = right_of(j), quads = push.k / 4u;
    uint first_row = gl_WorkGroupID.y * push.chunk, last_row = min(first_row + push.chunk, push.m);
    vec4 bias_left = vec4(0.0), bias_right = vec4(0.0);
    if ((FLAGS & HAS_OTHER) != 0u) {
        uvec4 at = uvec4(0u, 1u, 2u, 3u), l = at_left + at, r = at_right + at;
        bias_left = vec4(bias[l.x], bias[l.y], bias[l.z], bias[l.w]);
        bias_right = vec4(bias[r.x], bias[r.y], bias[r.z], bias[r.w]);
    }
    for (uint first = 0u; first < quads; first += PANEL / 4u) {
        QUADS(DECLARE)
        QUADS(LOAD)
        bool is_last = first + PANEL / 4u >= quads;
        for (uint row = first_row; row < last_row; row++) {
            uint from = row * quads + first, row_end = row * quads + quads - 1u;
            vec4 left = vec4(0.0), right = vec4(0.0);
            QUADS(STEP_NN)
            uint at = row * push.n + j;
            if (j < push.n) {
                if (first > 0u) left += load_result(at);
                if (is_last) {
                    finish(at, left + bias_left);
                } else {
                    store_result(at, left);
                }
            }
            if (j + 4u < push.n) {
                if (first > 0u) right += load_result(at + 4u);
                if (is_last) {
                    finish(at + 4u, right + bias_right);
                } else {
                    store_result(at + 4u, right);
                }
            }
        }
    }
}
