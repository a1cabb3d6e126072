// Sums over the rows of a matrix, for GPUs: a workgroup of 256 has 4 neighbouring quads of columns, and 64
// lanes walk the rows of each; then a tree in shared memory, its order fixed.
const uint COLUMN_QUADS = 4u, ROW_LANES = 64u;

uint column_quad() { return gl_WorkGroupID.x * COLUMN_QUADS + gl_LocalInvocationID.x % COLUMN_QUADS; }
uint first_row() { return gl_LocalInvocationID.x / COLUMN_QUADS; }

shared mat2x4 column_part[COLUMN_QUADS * ROW_LANES];

// In lanes 0 .. 3: the sums of x over the lanes of the same quad.
mat2x4 column_sums(mat2x4 x) {
    uint lane = gl_LocalInvocationID.x;
    column_part[lane] = x;
    for (uint half_count = COLUMN_QUADS * ROW_LANES / 2u; half_count >= COLUMN_QUADS; half_count /= 2u) {
        barrier();
        if (lane < half_count) column_part[lane] += column_part[lane + half_count];
    }
    return column_part[lane]; // written by this lane
}
