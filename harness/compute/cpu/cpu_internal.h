/* The native CPU device: f32 on the host's cores. Shared by the files of cpu/.
 *
 * Work is cut into items by shape alone and spread over threads by cpu__for; an item's result does
 * not depend on which thread computes it nor on how many there are. Products go through
 * cpu__gemm. */
#ifndef HARNESS_COMPUTE_CPU_CPU_INTERNAL_H
#define HARNESS_COMPUTE_CPU_CPU_INTERNAL_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/matmul.h"
#include "compute/plan.h"

#define OP(name) err cpu__##name(const op_call *call, const op *o) MUST_CHECK;
#include "compute/ops.def"
#undef OP

/* Copies of weights as products in bf16 take them, each made when it is first asked for and again
 * when the device's generation has moved on. */
typedef struct cpu_weight {
    const float *from; /* of the device's memory */
    size_t n, k;       /* of B (k, n) */
    bool is_transposed, is_packed;
    uint64_t generation;
    void *copy; /* owned: rounded f32, or packed */
} cpu_weight;
typedef struct cpu_weights {
    cpu_weight *list; /* owned */
    size_t count, capacity;
} cpu_weights;

typedef struct cpu_device {
    uint32_t threads;
    const cpu_kernels *kernels;
    size_t workspace_count; /* floats of each thread's workspace */
    float *workspace;       /* (threads, workspace_count), aligned to 64 bytes */
    size_t shared_count;
    float *shared; /* (shared_count), aligned likewise */
    /* with precision bf16 */
    cpu_weights weights;
    struct cpu_matmuls *matmuls; /* owned; NULL with BF16_IN_F32 */
} cpu_device;

static inline const cpu_kernels *cpu__kernels(const op_call *call) {
    return ((const cpu_device *)call->device->impl)->kernels;
}

static inline float *cpu__reals(span s) {
    return span_given(s) ? span_host(s) : NULL;
}

static inline uint32_t *cpu__words(span s) {
    return span_given(s) ? span_host(s) : NULL;
}

/* A row of (rows, width). */
static inline float *cpu__row_if_any(span s, size_t row, size_t width) {
    return span_given(s) ? (float *)span_host(s) + row * width : NULL;
}

/* Of operands that no plan leaves out. */
static inline float *cpu__given_reals(span s) {
    return span_host(s);
}

static inline float *cpu__row(span s, size_t row, size_t width) {
    return cpu__given_reals(s) + row * width;
}

static inline uint32_t *cpu__given_words(span s) {
    return span_host(s);
}

static inline uint32_t cpu__size(const op_call *call, dim d) {
    return dim_value(d, call->step, call->micro);
}

/* `count` things in parts of `each`, of which the last may have fewer: how many parts, and where one ends. */
static inline size_t cpu__parts(size_t count, size_t each) {
    return (count + each - 1) / each;
}

static inline size_t cpu__end(size_t part, size_t each, size_t count) {
    return (part + 1) * each < count ? (part + 1) * each : count;
}

/* An op asks for what it needs beside its operands where it needs it; what was had stays with the
 * device. Makes every thread's workspace at least `count` floats. pre: no cpu__for is running. */
err cpu__workspace(device *d, size_t count) MUST_CHECK;
/* `count` floats that threads hand each other partial sums in, until the next call. */
err cpu__shared(float **out, device *d, size_t count) MUST_CHECK;

/* Runs work(context, item, workspace) for item 0 to items - 1, each once, on the device's threads,
 * subnormal numbers flushed to zero. workspace is the running thread's own. */
typedef void cpu_work(void *context, size_t item, float *workspace);
void cpu__for(device *d, size_t items, cpu_work *work, void *context);
/* The same in the thread that calls, without a workspace. */
void cpu__alone(size_t items, cpu_work *work, void *context);

/* What an item of an op gets: the op, the running thread's workspace, and what cpu__shared gave. */
typedef struct cpu_job {
    const op_call *call;
    const op *o;
    const cpu_kernels *kernels;
    float *workspace, *shared;
} cpu_job;
typedef void cpu_item(const cpu_job *job, size_t item);
/* cpu__for over the items of an op; gives ERR_OK. */
err cpu__items(const op_call *call, const op *o, size_t items, cpu_item *run) MUST_CHECK;
/* device_vtable's. */
void cpu__square_sums(const device *d, float *sums, const float *x, size_t count);

/* One matrix product, C = op(A) op(B) + beta C, row-major, ta and tb 'N' or 'T'.
 *   m, n, k            C is (m, n); op(A) (m, k); op(B) (k, n)
 *   finish             called for each finished tile, by the thread that made it, to write it into C
 *                      where it does not lie there already; beta is 0. May be NULL
 *   through_workspace  a tile never lies in C before finish
 *   is_weight          B is a parameter, which changes from step to step at most
 *   extra              further items that the same threads run first; may be NULL */
typedef struct cpu_tile {
    size_t row, column, rows, columns;
    float *at; /* first element, rows stride apart */
    size_t stride;
} cpu_tile;
typedef struct cpu_product {
    char ta, tb;
    size_t m, n, k;
    const float *a, *b;
    size_t lda, ldb;
    float beta;
    float *c;
    size_t ldc;
    void (*finish)(void *context, const cpu_tile *tile);
    bool through_workspace, is_weight;
    cpu_work *extra;
    size_t extra_items;
    void *context; /* of finish and extra */
} cpu_product;

/* Bits do not depend on the number of threads: C is cut into tiles fixed by m and n, each made by
 * one thread. Errors: ERR_DEVICE when the library refuses. */
err cpu__gemm(device *d, const cpu_product *p) MUST_CHECK;
/* The same of factors in the device's precision: with bf16, A and B are rounded first. */
err cpu__product(device *d, const cpu_product *p) MUST_CHECK;
/* cpu__product by oneDNN's matmul. pre: the device has matmuls. */
err cpu__product_packed(device *d, const cpu_product *p) MUST_CHECK;
/* The copy for these sizes, of `bytes`; *is_old: it must be made (again). */
err cpu__weight_find(cpu_weight **out, bool *is_old, device *d, const cpu_weight *wanted,
                     size_t bytes) MUST_CHECK;
/* Drops the copies of weights that lie in these bytes, or all when from is NULL. */
void cpu__weights_drop(cpu_weights *w, const void *from, size_t bytes);
/* Makes oneDNN compile its kernels, where an error is still possible: it crashes when it finds no
 * memory for them within a product. */
err cpu__gemm_ready(void) MUST_CHECK;

/* Dropout of a row; scale and threshold as ops.h says. */
cpu_dropout cpu__dropout_of(const op_call *call, dropout_spec spec, uint32_t position,
                            uint32_t ordinal);

#endif
