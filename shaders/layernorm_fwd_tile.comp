#version 450
#extension GL_GOOGLE_include_directive : require
// A workgroup of 64 a row: GPUs. Rows of up to 1024 numbers are kept in registers.
#define LANES 64
#define KEPT_MAX 4
#include "layernorm_fwd.glsl"
