// Philox4x32-10 and dropout, bit for bit as base/rng.h and compute/ops.h define them.
uvec4 philox4x32(uvec4 c, uvec2 k) {
    for (int round = 0; round < 10; round++) {
        uint a_high, a_low, b_high, b_low;
        umulExtended(0xD2511F53u, c.x, a_high, a_low);
        umulExtended(0xCD9E8D57u, c.z, b_high, b_low);
        c = uvec4(b_high ^ c.y ^ k.x, b_low, a_high ^ c.w ^ k.y, a_low);
        k += uvec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// Factors (0 or scale) of channels 4 * quad .. 4 * quad + 3.
vec4 keep_factors(push_drop d, uint quad, uint position, uint head, uint ordinal) {
    if (d.threshold == 0u) return vec4(1.0);
    uvec4 words =
        philox4x32(uvec4(quad, position | (head << 16), ordinal, d.step), uvec2(d.seed, d.site));
    return mix(vec4(0.0), vec4(d.scale), greaterThanEqual(words, uvec4(d.threshold)));
}
