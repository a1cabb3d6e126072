#version 450
#extension GL_GOOGLE_include_directive : require
// NN: the gradient of the input; the forward product over transposed weights. See
// linear_register.glsl.
#include "linear_register.glsl"

#define DECLARE(r) vec4 p##r = vec4(0.0), q##r = vec4(0.0);
#define STEP(r)                                                                                    \
    {                                                                                              \
        vec4 x = load_a((min(row + uint(r), push.m - 1u) * push.k + s) / 4u);                             \
        p##r += x.x * u0 + x.y * u1 + x.z * u2 + x.w * u3;                                         \
        q##r += x.x * w0 + x.y * w1 + x.z * w2 + x.w * w3;                                         \
    }
#define STORE(r)                                                                                   \
    if (row + uint(r) < push.m) {                                                                     \
        for (uint c = 0u; c < 4u; c++) {                                                           \
            if (left < push.n) finish(row + uint(r), left + c, gl_WorkGroupID.z, p##r[c]);            \
            if (right < push.n) finish(row + uint(r), right + c, gl_WorkGroupID.z, q##r[c]);          \
        }                                                                                          \
    }

void main() {
    uint lanes = gl_WorkGroupSize.x, row = gl_WorkGroupID.y * 16u;
    uint left = (gl_WorkGroupID.x * 2u * lanes + gl_LocalInvocationID.x) * 4u;
    uint right = left + lanes * 4u;
    uint at_left = min(left, push.n - 4u) / 4u, at_right = min(right, push.n - 4u) / 4u;
    uint first = gl_WorkGroupID.z * push.chunk, stride = push.n / 4u;
    uint last = min(first + push.chunk, push.k);
    ROWS(DECLARE)
    for (uint s = first; s < last; s += 4u) {
        uint at = s * stride;
        vec4 u0 = load_b(at + at_left), w0 = load_b(at + at_right);
        vec4 u1 = load_b(at + stride + at_left), w1 = load_b(at + stride + at_right);
        vec4 u2 = load_b(at + 2u * stride + at_left), w2 = load_b(at + 2u * stride + at_right);
        vec4 u3 = load_b(at + 3u * stride + at_left), w3 = load_b(at + 3u * stride + at_right);
        ROWS(STEP)
    }
    ROWS(STORE)
}
