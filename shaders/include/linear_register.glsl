// Register tiles without barriers, for CPU-type devices: a workgroup is one row of lanes and computes
// 16 rows by 8 columns a lane. Operands that all lanes share are read at addresses that are
// uniform in the workgroup, which such devices load once. The z axis walks the splits of the sum.
//   NN  A (m, k), B (k, n): lanes own 4 neighbouring columns; k % 4 == 0, n % 4 == 0
//   TN  A (k, m), B (k, n): likewise; m % 4 == 0, n % 4 == 0
// Worst iterations: chunk.
#include "common.glsl"
#include "math.glsl"
#include "linear.glsl"
#include "factor.glsl"
layout(std430, binding = 1) readonly buffer v1 { vec4 wide_a[]; };
layout(std430, binding = 2) readonly buffer v2 { vec4 wide_b[]; };

#define ROWS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
vec4 load_a(uint at) { return factors(wide_a[at]); }
vec4 load_b(uint at) { return factors(wide_b[at]); }
