#version 450
#extension GL_GOOGLE_include_directive : require
// One invocation a row: CPU-type devices.
#define LANES 1
#include "layernorm_bwd.glsl"
