#version 450
#extension GL_GOOGLE_include_directive : require
// A workgroup of 64 a row: GPUs.
#define LANES 64
#include "layernorm_fwd.glsl"
