// What the products share: operands, the epilogue, and what is done with an element of the sum.
//   out (m, n) = A (m, k) B (k, n), strides in the push constants
//   MODE_FWD   z = sum + bias[j]; pre = z where kept; out = act(z)         extra = pre, other = bias
//   MODE_DX    z = sum; z *= act'(pre) where given;  out = z + add          extra = pre, other = add
//   MODE_DW    out += sum (push.overwrites: =), or partial[split] = sum where splits are summed later
layout(constant_id = 1) const uint MODE = 0u;
layout(constant_id = 2) const uint FLAGS = 0u; // bits of linear_flags, and the activation from bit 8

const uint MODE_FWD = 0u, MODE_DX = 1u, MODE_DW = 2u;
const uint HAS_EXTRA = 1u, HAS_OTHER = 2u, IS_PARTIAL = 4u;

layout(push_constant) uniform block { push_linear push; };
layout(std430, binding = 0) buffer b0 { float result[]; };
layout(std430, binding = 1) readonly buffer b1 { float a[]; };
layout(std430, binding = 2) readonly buffer b2 { float b[]; };
layout(std430, binding = 3) buffer b3 { float extra[]; };
layout(std430, binding = 4) readonly buffer b4 { float other[]; };

void finish(uint i, uint j, uint part, float z) {
    uint at = i * push.n + j;
    if (MODE == MODE_FWD) {
        if ((FLAGS & HAS_OTHER) != 0u) z += other[j];
        if ((FLAGS & HAS_EXTRA) != 0u) extra[at] = z;
        result[at] = activate(FLAGS >> 8, z);
    } else if (MODE == MODE_DX) {
        if ((FLAGS & HAS_EXTRA) != 0u) z *= activation_slope(FLAGS >> 8, extra[at]);
        if ((FLAGS & HAS_OTHER) != 0u) z += other[at];
        result[at] = z;
    } else if ((FLAGS & IS_PARTIAL) != 0u) {
        result[part * push.m * push.n + at] = z;
    } else {
        result[at] = push.overwrites != 0u ? z : result[at] + z;
    }
}
