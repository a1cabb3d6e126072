#version 450
#extension GL_GOOGLE_include_directive : require
// TN: the gradient of the weights. See linear_register.glsl.
#include "linear_register.glsl"

#define DECLARE(r) vec4 p##r = vec4(0.0), q##r = vec4(0.0);
#define STEP(r, x)                                                                                 \
    p##r += x * u;                                                                                 \
    q##r += x * w;
#define STORE(r)                                                                                   \
    if (row + uint(r) < push.m) {                                                                  \
        for (uint c = 0u; c < 4u; c++) {                                                           \
            if (left < push.n) finish(row + uint(r), left + c, gl_WorkGroupID.z, p##r[c]);         \
            if (right < push.n) finish(row + uint(r), right + c, gl_WorkGroupID.z, q##r[c]);       \
        }                                                                                          \
    }

// Step t of the sum; past its end a row of zeros.
#define PART(t)                                                                                    \
    {                                                                                              \
        uint at = min(t, last - 1u), a_row = at * (push.m / 4u), b_row = at * (push.n / 4u);       \
        float inside = (t) < last ? 1.0 : 0.0;                                                     \
        vec4 u = load_b(b_row + at_left) * inside, w = load_b(b_row + at_right) * inside;          \
        vec4 x0 = load_a(a_row + from), x1 = load_a(a_row + from1);                                \
        vec4 x2 = load_a(a_row + from2), x3 = load_a(a_row + from3);                               \
        STEP(0, x0.x) STEP(1, x0.y) STEP(2, x0.z) STEP(3, x0.w)                                    \
        STEP(4, x1.x) STEP(5, x1.y) STEP(6, x1.z) STEP(7, x1.w)                                    \
        STEP(8, x2.x) STEP(9, x2.y) STEP(10, x2.z) STEP(11, x2.w)                                  \
        STEP(12, x3.x) STEP(13, x3.y) STEP(14, x3.z) STEP(15, x3.w)                                \
    }

void main() {
    uint lanes = gl_WorkGroupSize.x, row = gl_WorkGroupID.y * 16u;
    uint left = (gl_WorkGroupID.x * 2u * lanes + gl_LocalInvocationID.x) * 4u;
    uint right = left + lanes * 4u;
    uint at_left = min(left, push.n - 4u) / 4u, at_right = min(right, push.n - 4u) / 4u;
    // the tile's rows of the result are 16 neighbouring numbers of a row of A
    uint most = push.m / 4u - 1u, from = row / 4u;
    uint from1 = min(from + 1u, most), from2 = min(from + 2u, most), from3 = min(from + 3u, most);
    uint first = gl_WorkGroupID.z * push.chunk;
    uint last = min(first + push.chunk, push.k);
    ROWS(DECLARE)
    for (uint s = first; s < last; s += 4u) {
        PART(s)
        PART(s + 1u)
        PART(s + 2u)
        PART(s + 3u)
    }
    ROWS(STORE)
}
