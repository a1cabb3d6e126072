/* Plans: the list of operations of one optimizer step, made once and walked every step.
 *
 * Three parts: PART_BEGIN runs once (zero gradients, catch rows up), PART_MICRO once per
 * micro-batch (forward and backward), PART_END once (norm, clip, update). An evaluation plan has
 * only PART_MICRO. Sizes that differ from step to step come in step_info. The native CPU calls
 * through the list; Vulkan records it into the command buffer of the step's slot. */
#ifndef HARNESS_COMPUTE_PLAN_H
#define HARNESS_COMPUTE_PLAN_H

#include "compute/device.h"
#include "compute/ops.h"

enum { SLOT_COUNT = 2 };

typedef enum plan_part { PART_BEGIN, PART_MICRO, PART_END, PART_COUNT } plan_part;

/* Sizes of one micro-batch. */
typedef struct micro_sizes {
    uint32_t tokens, sentences, tiles, lists[LISTS_MAX], chosen, units;
} micro_sizes;

typedef struct step_info {
    uint32_t slot; /* < SLOT_COUNT */
    uint32_t step; /* optimizer step, 1-based */
    uint32_t seed;
    uint32_t step_rows; /* U */
    float loss_scale;   /* factor of dlogits: 1 / sentences (or units) of the optimizer step */
    /* What loss_scale holds beside that, and grad_norm divides by; 0 is 1: nothing is scaled. */
    float gradient_scale;
    uint32_t micro_count;
    const micro_sizes *micros; /* (micro_count), borrowed until plan_submit returns */
} step_info;

typedef struct op_list {
    op *ops; /* owned */
    size_t count, capacity;
} op_list;

/* What one op cost so far: bench reads it. */
typedef struct op_profile {
    double seconds;       /* of the device, over all submissions and micro-batches */
    uint32_t dispatches;  /* kernels launched (host devices: calls), likewise */
    uint64_t invocations; /* Vulkan: of the widest of them */
} op_profile;

/* Who is told how far a plan has come. Only devices that work within plan_submit tell it (the native
 * CPU); of others all is done by the time plan_wait returns. */
typedef struct plan_watch {
    /* of each op of the last micro-batch's PART_MICRO when it is done, by its place there; NULL:
     * nobody is told */
    void (*passed)(void *context, size_t op);
    void *context;
    /* of each op before it begins, by its place in plan->profile: what it reads may have to come
     * first; an error ends the submission. NULL: everything is there */
    err (*begins)(void *context, size_t op);
} plan_watch;

/* A copy for the host of what an op has written last, made while what follows it is computed. */
typedef struct plan_copy {
    /* its place in PART_MICRO, of the last micro-batch; without any, behind PART_BEGIN */
    size_t op;
    span from, to; /* to: of memory that the host sees, as long */
} plan_copy;

/* Bytes of a buffer that some op writes. */
typedef struct plan_range {
    const buffer *buffer;
    size_t from, to;
} plan_range;

typedef struct plan {
    device *device;
    op_list parts[PART_COUNT];
    plan_part current;
    /* (written_count) owned; of PART_MICRO's ops, in order, none touches another */
    plan_range *written;
    size_t written_count, written_capacity;
    arena scratch_arena;
    span scratch; /* real, shared by all ops that need some; absent when none does */
    bool is_ready;
    /* NULL: nothing is timed. Else one entry per op, the parts' ops one behind the other, added to
     * by the time plan_wait returns. The caller sets, reads and clears it while nothing is
     * submitted. Timing may keep the device from overlapping ops. */
    op_profile *profile;
    plan_watch watch; /* set by the caller while nothing is submitted */
    /* (copy_count) in the order of their ops; borrowed until plan_free. The caller sets them while
     * nothing is submitted, where plan_copies. */
    const plan_copy *copies;
    size_t copy_count;
} plan;

/* plan_init, then plan_part_begin and op_* in any order of parts, then plan_ready once. */
void plan_init(plan *p, device *d);
void plan_part_begin(plan *p, plan_part part);
err plan_ready(plan *p) MUST_CHECK;
void plan_free(plan *p); /* waits for both slots */

/* Place of the part's first op in plan->profile; PART_COUNT gives the number of ops. */
size_t plan_first_op(const plan *p, plan_part part);

/* Place in PART_MICRO of the last op that writes to any of the span's elements: behind it they are
 * final. 0 when none does. */
size_t plan_last_writer(const plan *p, span x);

/* Place in plan->profile of the first op that reads or writes any of the span's elements; the number
 * of ops when none does. */
size_t plan_first_user(const plan *p, span x);

/* Whether an op of PART_MICRO, so far, writes to any of the span's elements. */
bool plan_is_written(const plan *p, span x);
/* How many of the span's elements PART_MICRO's ops overwrite in the first micro-batch of a step
 * (linear_dw). */
size_t plan_overwritten(const plan *p, span x);

/* Appends one operation to the current part. Spans are borrowed until plan_free.
 * Errors: ERR_ARG when a span is absent, short for its largest size, or of the wrong type. */
#define OP(name) err op_##name(plan *p, const struct name *args) MUST_CHECK;
#include "compute/ops.def"
#undef OP

/* Starts the step on the device and returns; the slot's step data must not change until plan_wait.
 */
err plan_submit(plan *p, const step_info *step) MUST_CHECK;
/* Whether the device works on while plan_take waits. */
bool plan_copies(const plan *p);
/* Waits until the first `count` copies of the slot's last submission are there. *ended: all that was
 * submitted is done, which nothing hides any more. pre: plan_copies; plan_wait was not called. */
err plan_take(plan *p, uint32_t slot, size_t count, bool *ended) MUST_CHECK;
/* Waits for the slot's last submission; its results can then be read from mapped memory. */
err plan_wait(plan *p, uint32_t slot) MUST_CHECK;

/* Factor that undoes gradient_scale. */
static inline float step_unscale(const step_info *step) {
    return step->gradient_scale > 0 ? 1 / step->gradient_scale : 1;
}

/* Size of a dimension in this step. */
uint32_t dim_value(dim d, const step_info *step, uint32_t micro);

/* What one op costs in this step: what cutting a submission into segments, and bench, go by. */
typedef struct op_cost {
    double flops; /* floating-point operations; multiply and add count 2 */
    double reals; /* moved at least: every operand once, of a table the rows that are used */
} op_cost;
op_cost op_cost_of(const op *o, const step_info *step, uint32_t micro);

typedef struct device_vtable {
    void (*close)(device *d);
    err (*buffer_init)(device *d, buffer *b, size_t bytes, bool host_visible);
    void (*buffer_free)(buffer *b);
    /* for tools that look at the device; NULL: there are none */
    void (*buffer_name)(buffer *b, const char *name);
    /* ERR_DEVICE unless so many bytes more can be had, of device memory and of memory that the host
     * sees; NULL: it is not known before */
    err (*has_room)(device *d, uint64_t device_bytes, uint64_t host_bytes, const char *what);
    /* raw bytes; only called for buffers without `mapped`, NULL where there are none */
    err (*upload)(buffer *b, size_t offset, const void *bytes, size_t count);
    err (*download)(void *bytes, buffer *b, size_t offset, size_t count);
    /* reals of plan->scratch that this op needs at its largest sizes */
    size_t (*scratch_count)(const device *d, const op *o);
    err (*plan_ready)(plan *p);
    err (*submit)(plan *p, const step_info *step);
    err (*wait)(device *d, uint32_t slot);
    /* plan_take; NULL: all is done when submit returns */
    err (*take)(device *d, uint32_t slot, size_t count, bool *ended);
    /* sums (blocks, 2): of the squares of each NORM_BLOCK of x's numbers, high and low part of a
     * double, as grad_norm adds them up. Any thread may call it. NULL: the norm is not made of such,
     * or the host does not see the numbers */
    void (*square_sums)(const device *d, float *sums, const float *x, size_t count);
} device_vtable;

/* Operands of an op: every span it names, with what it does to it and how many elements it needs at
 * its largest sizes. ops.c is the one place where shapes and costs are written down: plans check by
 * it, host devices resolve by it, Vulkan tracks hazards by it, verify draws by it, bench counts. */
typedef enum operand_access { ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_BOTH = 3 } operand_access;
enum { OPERANDS_MAX = 24 };
typedef struct operand {
    const char *name;
    span *at; /* into the op given */
    operand_access access;
    bool is_optional;
    bool is_real; /* else u32 */
    bool is_kept; /* one memory for all steps and micro-batches: parameters, optimizer state */
    size_t count;
    size_t used; /* of a real one: elements that are touched; fewer of a table */
} operand;
/* Fills out and returns how many there are. */
size_t op_operands(op *o, operand out[OPERANDS_MAX]);

/* What an implementation in C of one op is called with (reference and cpu). The spans inside the op
 * are already resolved to this slot and micro-batch. */
typedef struct op_call {
    device *device;
    const step_info *step;
    uint32_t micro;
} op_call;

/* Walks begin, micro parts and end on the host, calling table[kind]. */
typedef err (*op_function)(const op_call *call, const op *o);
err plan_walk_host(plan *p, const step_info *step, const op_function table[OP_COUNT]) MUST_CHECK;

/* Entry points of the kinds; device.c calls them. */
err reference_open(device *d) MUST_CHECK;
void reference_info(device_info *info);
#if HARNESS_CPU
err cpu_open(device *d) MUST_CHECK;
void cpu_info(device_info *info, uint32_t threads);
#endif
#if HARNESS_VULKAN
err vulkan_open(device *d) MUST_CHECK;
/* Appends the physical devices to *list (grown with mem_grow). No loader or driver: ERR_OK, and
 * *note tells the package to install. */
err vulkan_list(device_info **list, size_t *count, size_t *capacity, const char **note) MUST_CHECK;
#endif

#endif
