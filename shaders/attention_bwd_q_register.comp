#version 450
#extension GL_GOOGLE_include_directive : require
// Barrier-free: CPU-type devices.
#define TEXELS 0
#include "attention_bwd_q.glsl"
