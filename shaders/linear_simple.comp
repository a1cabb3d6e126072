#version 450
#extension GL_GOOGLE_include_directive : require
// One element of a product per invocation: any shape, and the small ones (heads with few classes).
// `chunk` iterations; a dispatch's z axis walks the splits of the sum.
#include "common.glsl"
#include "math.glsl"
#include "linear.glsl"
#include "factor.glsl"

void main() {
    uint index = global_index();
    uint i = index / push.n, j = index % push.n;
    if (i >= push.m) return;
    uint first = gl_WorkGroupID.z * push.chunk;
    float sum = 0.0;
    for (uint s = first; s < min(first + push.chunk, push.k); s++) {
        sum += factor(a[i * push.a_row + s * push.a_sum]) *
               factor(b[s * push.b_sum + j * push.b_col]);
    }
    finish(i, j, gl_WorkGroupID.z, sum);
}
