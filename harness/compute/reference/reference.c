/* The reference device: f64 on the host, one thread, plain loops. It is the oracle that every other
 * device is compared with; nothing here is written for speed. */
#include "compute/reference/reference_internal.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

static const op_function functions[OP_COUNT] = {
#define OP(name) [OP_##name] = reference__##name,
#include "compute/ops.def"
#undef OP
};

double reference__keep(const op_call *call, dropout_spec d, uint32_t channel, uint32_t position,
                       uint32_t head, uint32_t ordinal) {
    if (d.p == 0) return 1;
    philox c = {{channel / 4, position | head << 16, ordinal, call->step->step}};
    uint32_t word = philox4x32(c, call->step->seed, d.site).v[channel % 4];
    return word >= dropout_threshold(d.p) ? 1 / (1 - (double)d.p) : 0;
}

/* tanh's argument in GELU's approximation, and its slope. */
static double gelu_argument(double x) {
    return 0.79788456080286535588 * (x + 0.044715 * x * x * x);
}

static double gelu_argument_slope(double x) {
    return 0.79788456080286535588 * (1 + 3 * 0.044715 * x * x);
}

double reference__activate(activation act, double x) {
    switch (act) {
    case ACT_GELU: return 0.5 * x * erfc(-x * 0.70710678118654752440);
    case ACT_TANH: return tanh(x);
    case ACT_RELU: return x > 0 ? x : 0;
    case ACT_GELU_TANH: return 0.5 * x * (1 + tanh(gelu_argument(x)));
    case ACT_NONE:
    case ACT_COUNT: break;
    }
    return x;
}

double reference__slope(activation act, double x) {
    double t = act == ACT_GELU_TANH ? tanh(gelu_argument(x)) : 0;
    switch (act) {
    case ACT_GELU:
        return 0.5 * erfc(-x * 0.70710678118654752440) +
               x * 0.39894228040143267794 * exp(-0.5 * x * x);
    case ACT_TANH: return 1 - x * x;
    case ACT_RELU: return x > 0;
    case ACT_GELU_TANH: return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * gelu_argument_slope(x);
    case ACT_NONE:
    case ACT_COUNT: break;
    }
    return 1;
}

static void close_device(device *d) {
    (void)d;
}

static err buffer_init(device *d, buffer *b, size_t bytes, bool host_visible) {
    (void)d, (void)host_visible;
    return mem_aligned(&b->mapped, bytes, SPAN_ALIGN);
}

static void buffer_free(buffer *b) {
    mem_free(b->mapped);
    b->mapped = NULL;
}

static err submit(plan *p, const step_info *step) {
    return plan_walk_host(p, step, functions);
}

static const device_vtable vtable = {
    .close = close_device,
    .buffer_init = buffer_init,
    .buffer_free = buffer_free,
    .submit = submit, // which has done the work when it returns
};

void reference_info(device_info *info) {
    *info = (device_info){.kind = DEVICE_REFERENCE,
                          .class = CLASS_REFERENCE,
                          .name = "reference (f64)",
                          .driver = "C",
                          .isa = "baseline",
                          .kernels = "reference",
                          .threads = 1,
                          .max_buffer_bytes = SIZE_MAX / 2,
                          .max_binding_bytes = SIZE_MAX / 2};
#ifdef __VERSION__
    strncpy(info->version, __VERSION__, sizeof info->version - 1);
#endif
}

err reference_open(device *d) {
    d->vtable = &vtable;
    d->real = ELEM_F64;
    d->tile_rows = 32;
    return ERR_OK;
}
