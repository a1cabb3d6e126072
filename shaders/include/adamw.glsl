// One step of AdamW on one element, in the fixed order of compute/ops.h. `precise` keeps the compiler
// from contracting or reordering: the dense and the row-wise kernel give equal bits.
//   row    {decay, step size, bias2, skipped} of the step
void adamw_update(inout float p, inout float m, inout float v, float g, vec4 row) {
    precise float p1 = push.decay != 0u ? p * row.x : p;
    precise float m1 = m + push.rest1 * (g - m);
    precise float scaled = push.rest2 * g;
    precise float v1 = v * push.beta2 + scaled * g;
    precise float root = sqrt(v1) / row.z + push.eps;
    precise float p2 = p1 - row.y * (m1 / root);
    p = p2;
    m = m1;
    v = v1;
}
