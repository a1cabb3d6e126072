#version 450
#extension GL_GOOGLE_include_directive : require
// Barrier-free, operands through texel buffers: lavapipe.
#define TEXELS 1
#include "attention_fwd.glsl"
