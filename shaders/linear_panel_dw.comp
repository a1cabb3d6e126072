#version 450
#extension GL_GOOGLE_include_directive : require
// result += A^T B (push.overwrites: =). See linear_panel.glsl.
#include "linear_panel.glsl"

#define ROW(q, e)                                                                                  \
    {                                                                                              \
        uint s = first + uint(4 * q + e);                                                          \
        p##q##_##e = load_b((s * push.n + at_left) / 4u, s < push.k);                              \
        r##q##_##e = load_b((s * push.n + at_right) / 4u, s < push.k);                             \
    }
#define LOAD(q) ROW(q, 0) ROW(q, 1) ROW(q, 2) ROW(q, 3)
// one step of the sum: 4 rows of the result
#define STEP_TN(q, e)                                                                              \
    {                                                                                              \
        vec4 x = texelFetch(a, int((min(first + uint(4 * q + e), push.k - 1u) * push.m + row) / 4u)); \
        left0 += x.x * p##q##_##e;                                                                 \
        left1 += x.y * p##q##_##e;                                                                 \
        left2 += x.z * p##q##_##e;                                                                 \
        left3 += x.w * p##q##_##e;                                                                 \
        right0 += x.x * r##q##_##e;                                                                \
        right1 += x.y * r##q##_##e;                                                                \
        right2 += x.z * r##q##_##e;                                                                \
        right3 += x.w * r##q##_##e;                                                                \
    }
#define STEPS(q) STEP_TN(q, 0) STEP_TN(q, 1) STEP_TN(q, 2) STEP_TN(q, 3)
void add_rows(uint at, bool adds, vec4 x0, vec4 x1, vec4 x2, vec4 x3) {
    uint n = push.n;
    if (adds) {
        x0 += load_result(at);
        x1 += load_result(at + n);
        x2 += load_result(at + 2u * n);
        x3 += load_result(at + 3u * n);
    }
    store_result(at, x0);
    store_result(at + n, x1);
    store_result(at + 2u * n, x2);
    store_result(at + 3u * n, x3);
}

void main() {
    uint j = column(), at_left = left_of(j), at_right = right_of(j);
    uint first_row = gl_WorkGroupID.y * push.chunk, last_row = min(first_row + push.chunk, push.m);
    for (uint first = 0u; first < push.k; first += PANEL) {
        bool adds = first > 0u || push.overwrites == 0u;
        QUADS(DECLARE)
        QUADS(LOAD)
        for (uint row = first_row; row < last_row; row += 4u) {
            vec4 left0 = vec4(0.0), left1 = vec4(0.0), left2 = vec4(0.0), left3 = vec4(0.0);
            vec4 right0 = vec4(0.0), right1 = vec4(0.0), right2 = vec4(0.0), right3 = vec4(0.0);
            QUADS(STEPS)
            uint at = row * push.n + j;
            if (j < push.n) add_rows(at, adds, left0, left1, left2, left3);
            if (j + 4u < push.n) add_rows(at + 4u, adds, right0, right1, right2, right3);
        }
    }
}
