// Factors of products in f32 kernels: with ROUNDS_FACTORS in FLAGS rounded to bf16, bit for bit as
// compute/bf16.h does it; products and sums are f32 all the same. Without a branch, which would cost
// compilers of kernels with hundreds of loads their time.
const bool ROUNDS_FACTORS = (FLAGS & 16u) != 0u;

uvec4 nearest_bf16(uvec4 bits) {
    uvec4 rounded = bits + 0x7fffu + (bits >> 16u & 1u);
    bvec4 is_nan = greaterThan(bits & 0x7fffffffu, uvec4(0x7f800000u));
    return mix(rounded & 0xffff0000u, bits & 0xffff0000u | 0x400000u, is_nan);
}
vec4 factors(vec4 x) {
    return mix(x, uintBitsToFloat(nearest_bf16(floatBitsToUint(x))), bvec4(ROUNDS_FACTORS));
}
float factor(float x) { return factors(vec4(x)).x; }
