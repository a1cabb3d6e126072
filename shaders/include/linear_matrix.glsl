// Tiles of 64 x 64 elements a workgroup of four subgroups, 32 x 32 each, as products of cooperative
// matrices M x K by K x N with FACTOR factors and f32 sums. The operands are f32 and are rounded on
// their way to shared memory; sums and results stay f32. chunk / 32 * (2 * 2048 / lanes + 32 / K *
// (32 / M) * (32 / N)) iterations at most; the z axis walks the splits of the sum.
#include "common.glsl"
#include "math.glsl"
#include "linear.glsl"
#include "matrix_factor.glsl"

layout(constant_id = 3) const uint SHAPE = 0x101010u; // M, N << 8, K << 16: each divides 32
const uint M = SHAPE & 255u, N = SHAPE >> 8 & 255u, K = SHAPE >> 16 & 255u;

const uint STEP = 32u, SIDE = 64u, PART = 32u;
const uint PITCH = STEP + 8u;
const uint DOWN = PART / M, ACROSS = PART / N;
shared FACTOR tile_a[SIDE * PITCH]; // [i][s]
shared FACTOR tile_b[SIDE * PITCH]; // [j][s]
shared float stage[4u * PART * PART];  // a quarter for each subgroup

// Where element e of a tile lies, (s, i): along the axis that is contiguous in memory first.
uvec2 place(uint e, bool sum_first) {
    return sum_first ? uvec2(e % STEP, e / STEP) : uvec2(e / SIDE, e % SIDE);
}

void main() {
    uint lane = gl_LocalInvocationID.x, lanes = gl_WorkGroupSize.x;
    uint row = gl_WorkGroupID.y * SIDE, column = gl_WorkGroupID.x * SIDE;
    uint first = gl_WorkGroupID.z * push.chunk;
    uint last = min(first + push.chunk, push.k);
    uint y = gl_SubgroupID / 2u * PART, x = gl_SubgroupID % 2u * PART;
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[DOWN * ACROSS];
    for (uint p = 0u; p < DOWN * ACROSS; p++) {
        sum[p] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    }
    for (uint s = first; s < last; s += STEP) {
        barrier();
        for (uint e = lane; e < STEP * SIDE; e += lanes) {
            uvec2 at = place(e, push.a_sum == 1u);
            bool inside = s + at.x < last && row + at.y < push.m;
            tile_a[at.y * PITCH + at.x] = round_one(
                inside ? a[(row + at.y) * push.a_row + (s + at.x) * push.a_sum] : 0.0);
        }
        for (uint e = lane; e < STEP * SIDE; e += lanes) {
            uvec2 at = place(e, push.b_sum == 1u);
            bool inside = s + at.x < last && column + at.y < push.n;
            tile_b[at.y * PITCH + at.x] = round_one(
                inside ? b[(s + at.x) * push.b_sum + (column + at.y) * push.b_col] : 0.0);
        }
        barrier();
        for (uint t = 0u; t < STEP; t += K) {
            for (uint p = 0u; p < DOWN; p++) {
                coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA> left;
                coopMatLoad(left, tile_a, (y + p * M) * PITCH + t, PITCH,
                            gl_CooperativeMatrixLayoutRowMajor);
                for (uint q = 0u; q < ACROSS; q++) {
                    coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB> right;
                    coopMatLoad(right, tile_b, (x + q * N) * PITCH + t, PITCH,
                                gl_CooperativeMatrixLayoutColumnMajor);
                    sum[p * ACROSS + q] = coopMatMulAdd(left, right, sum[p * ACROSS + q]);
                }
            }
        }
    }
    uint part = gl_WorkGroupID.z, own = gl_SubgroupID * PART * PART;
    for (uint p = 0u; p < DOWN; p++) {
        for (uint q = 0u; q < ACROSS; q++) {
            coopMatStore(sum[p * ACROSS + q], stage, own + p * M * PART + q * N, PART,
                         gl_CooperativeMatrixLayoutRowMajor);
        }
    }
    barrier();
    for (uint e = gl_SubgroupInvocationID; e < PART * PART; e += gl_SubgroupSize) {
        uint i = row + y + e / PART, j = column + x + e % PART;
        if (i < push.m && j < push.n) finish(i, j, part, stage[own + e]);
    }
}
