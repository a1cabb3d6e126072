#version 450
#extension GL_GOOGLE_include_directive : require
// Tiles of 64 x 64 elements a workgroup: GPUs, for products that few tiles of 128 cover.
#define TILE_SIDE 64
#include "linear_tile.glsl"
