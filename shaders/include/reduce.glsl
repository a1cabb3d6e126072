// Sums over the LANES invocations that share a row. LANES 1 (CPU-type devices): nothing to share, no
// barrier. Else a workgroup has one row and the sum is a tree in shared memory, its order fixed.
#if LANES > 1
shared vec2 shared_part[LANES];

vec2 row_sums(vec2 x) {
    uint lane = gl_LocalInvocationID.x;
    barrier(); // what was read before must not be overwritten
    shared_part[lane] = x;
    for (uint half_count = LANES / 2u; half_count > 0u; half_count /= 2u) {
        barrier();
        if (lane < half_count) shared_part[lane] += shared_part[lane + half_count];
    }
    barrier();
    return shared_part[0];
}
uint row_index() { return group_index(); }
uint row_lane() { return gl_LocalInvocationID.x; }
#else
vec2 row_sums(vec2 x) { return x; }
uint row_index() { return global_index(); }
uint row_lane() { return 0u; }
#endif
float row_sum(float x) { return row_sums(vec2(x, 0.0)).x; }
