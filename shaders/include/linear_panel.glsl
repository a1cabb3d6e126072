// Panels in registers, for CPU-type devices: a workgroup is one row of lanes, a lane owns 8 neighbouring
// columns of the result. It loads a panel of B, 64 steps of the sum by its columns, then walks its rows of
// A with it; further panels add to what the result holds. The operands are texel buffers: such devices
// check every lane's address of a storage buffer one by one, those of a texel buffer all at once.
//   FWD  A (m, k), B (n, k): k % 4 == 0, n % 4 == 0
//   DX   A (m, k), B (k, n): likewise
//   DW   A (k, m), B (k, n): m % 4 == 0, n % 4 == 0; 4 rows of the result at a time
// Worst iterations: k / 64 * (1 + rows), or rows / 4 for DW.
#include "common.glsl"
#include "math.glsl"
layout(constant_id = 2) const uint FLAGS = 0u; // see linear.glsl
const uint HAS_EXTRA = 1u, HAS_OTHER = 2u, ADDS_TO = 8u;
layout(push_constant) uniform block { push_linear push; };
layout(std430, binding = 0) buffer b0 { float result[]; };
layout(binding = 1) uniform samplerBuffer a;
layout(binding = 2) uniform samplerBuffer b;

#define QUADS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
const uint PANEL = 64u;

// Of this lane: its first column, and where its columns are read (neighbours' where there are none).
uint column() { return (gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x) * 8u; }
uint left_of(uint j) { return min(j, push.n - 4u); }
uint right_of(uint j) { return min(j + 4u, push.n - 4u); }

vec4 load_b(uint at, bool inside) { return inside ? texelFetch(b, int(at)) : vec4(0.0); }

vec4 load_result(uint at) {
    return vec4(result[at], result[at + 1u], result[at + 2u], result[at + 3u]);
}
void store_result(uint at, vec4 z) {
    result[at] = z.x;
    result[at + 1u] = z.y;
    result[at + 2u] = z.z;
    result[at + 3u] = z.w;
}

// p, r: the lane's left and right 4 columns at step 4 q + e of the panel
#define DECLARE(q)                                                                                 \
    vec4 p##q##_0, p##q##_1, p##q##_2, p##q##_3, r##q##_0, r##q##_1, r##q##_2, r##q##_3;
// one row of A: 4 steps of the sum
#define STEP_NN(q)                                                                                 \
    {                                                                                              \
        vec4 x = texelFetch(a, int(min(from + uint(q), row_end)));                                 \
        left += (x.x * p##q##_0 + x.y * p##q##_1) + (x.z * p##q##_2 + x.w * p##q##_3);             \
        right += (x.x * r##q##_0 + x.y * r##q##_1) + (x.z * r##q##_2 + x.w * r##q##_3);            \
    }
