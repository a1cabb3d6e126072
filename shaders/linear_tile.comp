#version 450
#extension GL_GOOGLE_include_directive : require
// Tiles of 64 x 64 elements a workgroup of 256, 4 x 4 each, through shared memory in steps of 16 along
// the sum: GPUs. chunk / 16 * (4 + 4 + 16) iterations; the z axis walks the splits of the sum.
#include "common.glsl"
#include "math.glsl"
#include "linear.glsl"
#include "factor.glsl"

const uint STEP = 16u, SIDE = 64u;
const uint PITCH = SIDE + 1u; // neighbours along the sum fall into different banks
shared float tile_a[STEP * PITCH]; // [s][i]
shared float tile_b[STEP * PITCH]; // [s][j]

// Where this invocation's element e of a tile lies: along the axis that is contiguous in memory first.
uvec2 place(uint e, bool sum_first) {
    return sum_first ? uvec2(e % STEP, e / STEP) : uvec2(e / SIDE, e % SIDE);
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint row = gl_WorkGroupID.y * SIDE, column = gl_WorkGroupID.x * SIDE;
    uint first = gl_WorkGroupID.z * push.chunk;
    uint last = min(first + push.chunk, push.k);
    uint y = lane / 16u * 4u, x = lane % 16u * 4u;
    vec4 sum0 = vec4(0.0), sum1 = vec4(0.0), sum2 = vec4(0.0), sum3 = vec4(0.0);
    for (uint s = first; s < last; s += STEP) {
        barrier();
        for (uint e = lane; e < STEP * SIDE; e += 256u) {
            uvec2 at = place(e, push.a_sum == 1u);
            bool inside = s + at.x < last && row + at.y < push.m;
            tile_a[at.x * PITCH + at.y] =
                inside ? factor(a[(row + at.y) * push.a_row + (s + at.x) * push.a_sum]) : 0.0;
        }
        for (uint e = lane; e < STEP * SIDE; e += 256u) {
            uvec2 at = place(e, push.b_sum == 1u);
            bool inside = s + at.x < last && column + at.y < push.n;
            tile_b[at.x * PITCH + at.y] =
                inside ? factor(b[(s + at.x) * push.b_sum + (column + at.y) * push.b_col]) : 0.0;
        }
        barrier();
        for (uint t = 0u; t < STEP; t++) {
            uint at = t * PITCH + x, from = t * PITCH + y;
            vec4 right = vec4(tile_b[at], tile_b[at + 1u], tile_b[at + 2u], tile_b[at + 3u]);
            sum0 += tile_a[from] * right;
            sum1 += tile_a[from + 1u] * right;
            sum2 += tile_a[from + 2u] * right;
            sum3 += tile_a[from + 3u] * right;
        }
    }
    uint part = gl_WorkGroupID.z;
    for (uint c = 0u; c < 4u; c++) {
        uint i = row + y, j = column + x + c;
        if (j >= push.n) break;
        if (i < push.m) finish(i, j, part, sum0[c]);
        if (i + 1u < push.m) finish(i + 1u, j, part, sum1[c]);
        if (i + 2u < push.m) finish(i + 2u, j, part, sum2[c]);
        if (i + 3u < push.m) finish(i + 3u, j, part, sum3[c]);
    }
}
