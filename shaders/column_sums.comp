#version 450
#extension GL_GOOGLE_include_directive : require
// partial[chunk][n] = sum of x[m][n] over the rows m of the chunk. x (rows, n); `chunk` rows each.
// One invocation a column of a chunk; `chunk` iterations.
#include "common.glsl"
layout(push_constant) uniform block { push_linear push; };
layout(std430, binding = 0) writeonly buffer b0 { float partial[]; };
layout(std430, binding = 1) readonly buffer b1 { float x[]; };

void main() {
    uint i = global_index();
    uint first = i / push.n * push.chunk, column = i % push.n;
    if (first >= push.m) return;
    float sum = 0.0;
    for (uint row = first; row < min(first + push.chunk, push.m); row++) {
        sum += x[row * push.n + column];
    }
    partial[i] = sum;
}
