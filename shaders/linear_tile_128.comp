#version 450
#extension GL_GOOGLE_include_directive : require
// Tiles of 128 x 128 elements a workgroup: GPUs.
#define TILE_SIDE 128
#include "linear_tile.glsl"
