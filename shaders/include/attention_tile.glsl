// What the attention kernels of GPUs share. A workgroup has one (sentence, tile) entry and one head;
// SHARES invocations have a row of the tile together, each a share of its channels, so that what a row
// takes stays in registers. Rows of the sentence are staged in blocks in shared memory. Every
// invocation multiplies its share with each row of the block; one of the SHARES sums the parts of a
// score and makes its weight; then every invocation adds the block's rows to its share by their weights.
// Worst iterations of a block: STAGED / 16 + 3 BLOCK; loops over OWN are unrolled.
#define TEXELS 0
#include "attention.glsl"

const uint ROWS = 32u;  // of a tile: device->tile_rows
const uint SHARES = 4u; // and so many times ROWS invocations
const uint OWN = (QUADS + SHARES - 1u) / SHARES; // quads of an invocation's share
const uint STAGED = OWN * SHARES;                // quads of a staged row, those behind QUADS 0
const uint BLOCK = QUADS > 16u ? 4u : 8u;        // rows staged at a time
const uint WEIGHED = BLOCK / SHARES;             // scores of a row that an invocation sums
shared vec4 shared_left[BLOCK * STAGED];
shared vec4 shared_right[BLOCK * STAGED];
shared vec2 parts[BLOCK * SHARES * ROWS];
shared vec2 weights[BLOCK * ROWS];

uint row_in_tile() { return gl_LocalInvocationID.x % ROWS; }
uint own_share() { return gl_LocalInvocationID.x / ROWS; }

#define LOAD_PADDED(load, at, c) ((c) < QUADS ? load(at, c) : vec4(0.0))

// Of row r of the block: quad n of this invocation's share.
uint staged_at(uint r, uint n) { return r * STAGED + own_share() * OWN + n; }

void set_part(uint r, vec2 part) {
    parts[(r * SHARES + own_share()) * ROWS + row_in_tile()] = part;
}

// Sum of the parts for row r of the block.
vec2 sum_parts(uint r) {
    uint at = r * SHARES * ROWS + row_in_tile();
    return parts[at] + parts[at + ROWS] + parts[at + 2u * ROWS] + parts[at + 3u * ROWS];
}
