// Large tiles, for GPUs: SIDE x SIDE elements a workgroup of 256, 8 x 8 or 4 x 4 an invocation,
// in steps of STEP along the sum through two buffers of shared memory: while one is multiplied,
// the next step travels from memory to registers and then to the other, so that a step takes one barrier.
// Who includes this defines TILE_SIDE, 128 or 64. 32 KiB of shared memory.
//   FWD  A (m, k), B (n, k)     DX  A (m, k), B (k, n)     DW  A (k, m), B (k, n)
// chunk / STEP * (1 + STEP / 4) + SIDE * SIDE / 256 iterations; the z axis walks the splits.
#include "common.glsl"
#include "math.glsl"
#include "linear.glsl"
#include "factor.glsl"
layout(constant_id = 3) const uint WIDE = 0u; // bit 0, 1: rows of A, B are read 16 bytes at a time
layout(std430, binding = 1) readonly buffer v1 { vec4 a_quads[]; };
layout(std430, binding = 2) readonly buffer v2 { vec4 b_quads[]; };

const uint SIDE = TILE_SIDE, STEP = 2048u / SIDE;
const uint COLUMNS = SIDE / 4u, DEPTH = STEP / 4u; // a tile in blocks of 4 x 4: COLUMNS x DEPTH = 128
const uint TILE = STEP * COLUMNS, BUFFER = 2u * TILE;
// [buffer][operand][s][i / 4]; at the end, a part of the result
shared vec4 tiles[2u * BUFFER];

// Lanes of one quarter of a warp store blocks that lie 4 or 8 rows apart: they are put into different
// banks.
uint column_of(uint block, uint depth) { return block ^ (depth * (8u / DEPTH)); }

// One operand: along its sum or along its rows contiguous in memory.
struct source {
    bool sum_first;
    uint pitch; // between rows of memory
    uint i, end; // first row of this tile, and rows in all
};

// Lanes 0 .. 127 carry A's blocks of 4 x 4, the others B's: neighbours read neighbouring memory.
uvec2 block_of(uint lane, bool sum_first) {
    uint e = lane % 128u;
    return sum_first ? uvec2(e / DEPTH, e % DEPTH) : uvec2(e % COLUMNS, e / COLUMNS);
}

#define FETCH(name, scalars, vectors, bit)                                                         \
    vec4 name(uint at, uint valid) {                                                               \
        if (valid == 0u) return vec4(0.0);                                                         \
        if ((WIDE & bit) != 0u) return vectors[at / 4u];                                           \
        uvec4 i = at + min(uvec4(0u, 1u, 2u, 3u), uvec4(valid - 1u));                              \
        vec4 r = vec4(scalars[i.x], scalars[i.y], scalars[i.z], scalars[i.w]);                     \
        return mix(vec4(0.0), r, lessThan(uvec4(0u, 1u, 2u, 3u), uvec4(valid)));                   \
    }
FETCH(fetch_a, a, a_quads, 1u)
FETCH(fetch_b, b, b_quads, 2u)

// How many of the 4 numbers from `first` on lie before `end`.
uint before(uint first, uint end) { return first < end ? min(end - first, 4u) : 0u; }

// Row r of the block at steps s ..: where it lies in memory, and how many of its numbers are there.
uvec2 row_of(source from, uvec2 block, uint s, uint last, uint r) {
    uint i = from.i + block.x * 4u, t = s + block.y * 4u;
    if (from.sum_first) {
        return uvec2((i + r) * from.pitch + t, i + r < from.end ? before(t, last) : 0u);
    }
    return uvec2((t + r) * from.pitch + i, t + r < last ? before(i, from.end) : 0u);
}

// Where it lies when all these steps are there. Rows of the result that do not exist take what the last
// one has: nothing is made of them, and the load needs no branch.
uint whole_row_of(source from, uvec2 block, uint s, uint r) {
    uint i = from.i + block.x * 4u, t = s + block.y * 4u;
    if (from.sum_first) return min(i + r, from.end - 1u) * from.pitch + t;
    return (t + r) * from.pitch + min(i, from.end - 4u);
}

#define LOAD_ROW(fetch, from, r)                                                                   \
    {                                                                                              \
        uvec2 at = row_of(from, block, s, last, r);                                                \
        x[r] = fetch(at.x, at.y);                                                                  \
    }
#define LOAD(fetch, vectors, bit, from)                                                            \
    if ((WIDE & bit) != 0u && s + STEP <= last) {                                                  \
        x[0] = vectors[whole_row_of(from, block, s, 0u) / 4u];                                     \
        x[1] = vectors[whole_row_of(from, block, s, 1u) / 4u];                                     \
        x[2] = vectors[whole_row_of(from, block, s, 2u) / 4u];                                     \
        x[3] = vectors[whole_row_of(from, block, s, 3u) / 4u];                                     \
    } else {                                                                                       \
        LOAD_ROW(fetch, from, 0u) LOAD_ROW(fetch, from, 1u) LOAD_ROW(fetch, from, 2u)              \
        LOAD_ROW(fetch, from, 3u)                                                                  \
    }

mat4 load(source from_a, source from_b, bool is_a, uvec2 block, uint s, uint last) {
    mat4 x;
    if (is_a) {
        LOAD(fetch_a, a_quads, 1u, from_a)
    } else {
        LOAD(fetch_b, b_quads, 2u, from_b)
    }
    return x;
}

void store(mat4 x, bool is_a, bool sum_first, uvec2 block, uint at) {
    if (sum_first) x = transpose(x);
    at += (is_a ? 0u : TILE) + block.y * 4u * COLUMNS + column_of(block.x, block.y);
    tiles[at] = factors(x[0]);
    tiles[at + COLUMNS] = factors(x[1]);
    tiles[at + 2u * COLUMNS] = factors(x[2]);
    tiles[at + 3u * COLUMNS] = factors(x[3]);
}

// An invocation has rows 4 y .. 4 y + 3 and columns 4 x .. 4 x + 3 of the tile; with SIDE 128 those 64
// further down and to the right too. sum: a vector for each 4 columns, row by row.
#define ZEROS vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0)
#if TILE_SIDE == 128
vec4 sum[16] = vec4[](ZEROS, ZEROS, ZEROS, ZEROS);
#define ADD_ROW(r, factor)                                                                         \
    sum[2 * r] += factor * right0;                                                                 \
    sum[2 * r + 1] += factor * right1;
#define ADD_STEP(t)                                                                                \
    {                                                                                              \
        vec4 left0 = tiles[up + t * COLUMNS], left1 = tiles[up_far + t * COLUMNS];                 \
        vec4 right0 = tiles[along + t * COLUMNS], right1 = tiles[along_far + t * COLUMNS];         \
        ADD_ROW(0, left0.x) ADD_ROW(1, left0.y) ADD_ROW(2, left0.z) ADD_ROW(3, left0.w)            \
        ADD_ROW(4, left1.x) ADD_ROW(5, left1.y) ADD_ROW(6, left1.z) ADD_ROW(7, left1.w)            \
    }
#define STAGE_ROW(part, r)                                                                         \
    tiles[at + r * COLUMNS] = sum[8 * part + 2 * r];                                               \
    tiles[at + r * COLUMNS + 16] = sum[8 * part + 2 * r + 1];
#else
vec4 sum[4] = vec4[](ZEROS);
#define ADD_STEP(t)                                                                                \
    {                                                                                              \
        vec4 left = tiles[up + t * COLUMNS], right = tiles[along + t * COLUMNS];                   \
        sum[0] += left.x * right;                                                                  \
        sum[1] += left.y * right;                                                                  \
        sum[2] += left.z * right;                                                                  \
        sum[3] += left.w * right;                                                                  \
    }
#define STAGE_ROW(part, r) tiles[at + r * COLUMNS] = sum[r];
#endif

void multiply(uint buffer_at, uint y, uint x) {
    for (uint depth = 0u; depth < DEPTH; depth++) {
        uint from = buffer_at + depth * 4u * COLUMNS;
        uint up = from + column_of(y, depth), along = from + TILE + column_of(x, depth);
#if TILE_SIDE == 128
        uint up_far = up + 16u, along_far = along + 16u; // the same banks
#endif
        ADD_STEP(0u) ADD_STEP(1u) ADD_STEP(2u) ADD_STEP(3u)
    }
}

// 64 rows of the result go through shared memory, so that neighbouring lanes finish neighbouring
// elements.
#define STAGE(part)                                                                                \
    {                                                                                              \
        uint at = y * 4u * COLUMNS + x;                                                            \
        STAGE_ROW(part, 0) STAGE_ROW(part, 1) STAGE_ROW(part, 2) STAGE_ROW(part, 3)                \
    }

void finish_staged(uint lane, uint row, uint column) {
    for (uint e = lane; e < 64u * SIDE; e += 256u) {
        uint i = row + e / SIDE, j = column + e % SIDE;
        if (i < push.m && j < push.n) finish(i, j, gl_WorkGroupID.z, tiles[e / 4u][e % 4u]);
    }
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint row = gl_WorkGroupID.y * SIDE, column = gl_WorkGroupID.x * SIDE;
    uint first = gl_WorkGroupID.z * push.chunk, last = min(first + push.chunk, push.k);
    uint y = lane / 16u, x = lane % 16u;
    source from_a = source(MODE != MODE_DW, MODE == MODE_DW ? push.m : push.k, row, push.m);
    source from_b = source(MODE == MODE_FWD, MODE == MODE_FWD ? push.k : push.n, column, push.n);
    bool is_a = lane < 128u, sum_first = is_a ? from_a.sum_first : from_b.sum_first;
    uvec2 block = block_of(lane, sum_first);
    store(load(from_a, from_b, is_a, block, first, last), is_a, sum_first, block, 0u);
    barrier();
    uint now = 0u;
    for (uint s = first; s < last; s += STEP) {
        bool has_next = s + STEP < last;
        mat4 next = mat4(0.0);
        if (has_next) next = load(from_a, from_b, is_a, block, s + STEP, last);
        multiply(now, y, x);
        now = BUFFER - now;
        if (has_next) store(next, is_a, sum_first, block, now);
        barrier();
    }
    STAGE(0)
    barrier();
    finish_staged(lane, row, column);
#if TILE_SIDE == 128
    barrier();
    STAGE(1)
    barrier();
    finish_staged(lane, row + 64u, column);
#endif
}
