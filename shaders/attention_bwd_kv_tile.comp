#version 450
#extension GL_GOOGLE_include_directive : require
// Blocks of rows staged in shared memory: GPUs.
#define TEXELS 0
#define TILE 1
#include "attention_bwd_kv.glsl"
