// linear_matrix for large products: tiles of 128 x 128 elements a workgroup of eight subgroups, 64 x 32
// each. Operands are read 16 bytes at a time, a step of the sum ahead of the products, into registers,
// and rounded on their way to shared memory. Needs whole quads along the axis that is contiguous
// in each operand: A (m, k) along k, in MODE_DW along m; B (k, n) along k in MODE_FWD, else along n.
// chunk / 32 * (2 * 2 * 1024 / lanes + 32 / K * (64 / M + 32 / N * (1 + 64 / M))) iterations at most.
#include "common.glsl"
#include "math.glsl"
#include "linear.glsl"
#include "matrix_factor.glsl"
layout(std430, binding = 1) readonly buffer v1 { vec4 wide_a[]; };
layout(std430, binding = 2) readonly buffer v2 { vec4 wide_b[]; };

layout(constant_id = 3) const uint SHAPE = 0x101010u; // M, N << 8, K << 16: divide 64, 32 and 32
const uint M = SHAPE & 255u, N = SHAPE >> 8 & 255u, K = SHAPE >> 16 & 255u;
const bool A_BY_SUM = MODE != MODE_DW, B_BY_SUM = MODE == MODE_FWD;

const uint STEP = 32u, SIDE = 128u, DOWN = 64u / M, ACROSS = 32u / N;
const uint QUADS = SIDE * STEP / 4u; // of an operand's part
const uint HELD = QUADS / gl_WorkGroupSize.x;
// in quads, off the powers of two so that rows start in different banks
const uint PITCH_BY_SUM = (STEP + 8u) / 4u, PITCH_BY_SIDE = (SIDE + 8u) / 4u;
const uint PITCH_A = A_BY_SUM ? PITCH_BY_SUM : PITCH_BY_SIDE;
const uint PITCH_B = B_BY_SUM ? PITCH_BY_SUM : PITCH_BY_SIDE;
shared FACTORS tile_a[SIDE * PITCH_BY_SUM]; // [i][s], or [s][i]
shared FACTORS tile_b[SIDE * PITCH_BY_SUM]; // [j][s], or [s][j]
shared float stage[8u * M * N];             // one matrix for each subgroup

vec4 held_a[HELD], held_b[HELD];

// Where quad q of a part starts, (s, i).
uvec2 place(uint q, bool by_sum) {
    return by_sum ? uvec2(q % (STEP / 4u) * 4u, q / (STEP / 4u))
                  : uvec2(q / (SIDE / 4u), q % (SIDE / 4u) * 4u);
}

uint shelf(uvec2 at, bool by_sum) {
    return by_sum ? at.y * PITCH_BY_SUM + at.x / 4u : at.x * PITCH_BY_SIDE + at.y / 4u;
}

void fetch(uint s, uint last, uint row, uint column) {
    [[unroll]] for (uint h = 0u; h < HELD; h++) {
        uint q = h * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
        uvec2 at = uvec2(s, row) + place(q, A_BY_SUM);
        held_a[h] = vec4(0.0);
        if (at.x < last && at.y < push.m) {
            held_a[h] = wide_a[(at.y * push.a_row + at.x * push.a_sum) / 4u];
        }
        at = uvec2(s, column) + place(q, B_BY_SUM);
        held_b[h] = vec4(0.0);
        if (at.x < last && at.y < push.n) {
            held_b[h] = wide_b[(at.x * push.b_sum + at.y * push.b_col) / 4u];
        }
    }
}

void put() {
    [[unroll]] for (uint h = 0u; h < HELD; h++) {
        uint q = h * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
        tile_a[shelf(place(q, A_BY_SUM), A_BY_SUM)] = round_all(held_a[h]);
        tile_b[shelf(place(q, B_BY_SUM), B_BY_SUM)] = round_all(held_b[h]);
    }
}

void main() {
    uint row = gl_WorkGroupID.y * SIDE, column = gl_WorkGroupID.x * SIDE;
    uint first = gl_WorkGroupID.z * push.chunk;
    uint last = min(first + push.chunk, push.k);
    uint y = gl_SubgroupID / 4u * 64u, x = gl_SubgroupID % 4u * 32u;
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[DOWN * ACROSS];
    [[unroll]] for (uint p = 0u; p < DOWN * ACROSS; p++) {
        sum[p] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    }
    fetch(first, last, row, column);
    for (uint s = first; s < last; s += STEP) {
        barrier();
        put();
        barrier();
        if (s + STEP < last) fetch(s + STEP, last, row, column);
        [[unroll]] for (uint t = 0u; t < STEP; t += K) {
            coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA> left[DOWN];
            [[unroll]] for (uint p = 0u; p < DOWN; p++) {
                uint at = shelf(uvec2(t, y + p * M), A_BY_SUM);
                if (A_BY_SUM) {
                    coopMatLoad(left[p], tile_a, at, PITCH_A, gl_CooperativeMatrixLayoutRowMajor);
                } else {
                    coopMatLoad(left[p], tile_a, at, PITCH_A, gl_CooperativeMatrixLayoutColumnMajor);
                }
            }
            [[unroll]] for (uint q = 0u; q < ACROSS; q++) {
                coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB> right;
                uint at = shelf(uvec2(t, x + q * N), B_BY_SUM);
                if (B_BY_SUM) {
                    coopMatLoad(right, tile_b, at, PITCH_B, gl_CooperativeMatrixLayoutColumnMajor);
                } else {
                    coopMatLoad(right, tile_b, at, PITCH_B, gl_CooperativeMatrixLayoutRowMajor);
                }
                [[unroll]] for (uint p = 0u; p < DOWN; p++) {
                    sum[p * ACROSS + q] = coopMatMulAdd(left[p], right, sum[p * ACROSS + q]);
                }
            }
        }
    }
    uint part = gl_WorkGroupID.z, own = gl_SubgroupID * M * N;
    [[unroll]] for (uint p = 0u; p < DOWN; p++) {
        [[unroll]] for (uint q = 0u; q < ACROSS; q++) {
            coopMatStore(sum[p * ACROSS + q], stage, own, N, gl_CooperativeMatrixLayoutRowMajor);
            subgroupBarrier();
            for (uint e = gl_SubgroupInvocationID; e < M * N; e += gl_SubgroupSize) {
                uint i = row + y + p * M + e / N, j = column + x + q * N + e % N;
                if (i < push.m && j < push.n) finish(i, j, part, stage[own + e]);
            }
            subgroupBarrier();
        }
    }
}
