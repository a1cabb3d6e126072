#version 450
#extension GL_GOOGLE_include_directive : require
// NT: the forward product. See linear_register.glsl.
#include "linear_register.glsl"

#define DECLARE(r) vec4 p##r = vec4(0.0), q##r = vec4(0.0);
#define STEP(r)                                                                                    \
    {                                                                                              \
        vec4 x = wide_a[(min(row + uint(r), push.m - 1u) * push.k + s) / 4u];                      \
        p##r += vec4(dot(x, u0), dot(x, u1), dot(x, u2), dot(x, u3));                              \
        q##r += vec4(dot(x, w0), dot(x, w1), dot(x, w2), dot(x, w3));                              \
    }
#define STORE(r)                                                                                   \
    if (row + uint(r) < push.m) {                                                                  \
        for (uint c = 0u; c < 4u; c++) {                                                           \
            uint left = column + c * lanes, right = left + 4u * lanes;                             \
            if (left < push.n) finish(row + uint(r), left, gl_WorkGroupID.z, p##r[c]);             \
            if (right < push.n) finish(row + uint(r), right, gl_WorkGroupID.z, q##r[c]);           \
        }                                                                                          \
    }

// Index of the lane's element c of the row of B that is summed, in units of 4.
uint start_of(uint column) { return min(column, push.n - 1u) * (push.k / 4u); }

void main() {
    uint lanes = gl_WorkGroupSize.x, row = gl_WorkGroupID.y * 16u;
    uint column = gl_WorkGroupID.x * 8u * lanes + gl_LocalInvocationID.x;
    uint a0 = start_of(column), a1 = start_of(column + lanes);
    uint a2 = start_of(column + 2u * lanes), a3 = start_of(column + 3u * lanes);
    uint a4 = start_of(column + 4u * lanes), a5 = start_of(column + 5u * lanes);
    uint a6 = start_of(column + 6u * lanes), a7 = start_of(column + 7u * lanes);
    uint first = gl_WorkGroupID.z * push.chunk;
    uint last = min(first + push.chunk, push.k);
    ROWS(DECLARE)
    for (uint s = first; s < last; s += 4u) {
        uint at = s / 4u;
        vec4 u0 = wide_b[a0 + at], u1 = wide_b[a1 + at];
        vec4 u2 = wide_b[a2 + at], u3 = wide_b[a3 + at];
        vec4 w0 = wide_b[a4 + at], w1 = wide_b[a5 + at];
        vec4 w2 = wide_b[a6 + at], w3 = wide_b[a7 + at];
        ROWS(STEP)
    }
    ROWS(STORE)
}
