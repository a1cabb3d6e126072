/* oneDNN's matmul primitive with factors in bf16, each executed by one thread: C = A B, sums in f32.
 * matmul.c is the one file that knows how the library's versions 2 and 3 differ.
 *
 * B is packed beforehand, in the order that the processor's instructions take it, which the library
 * decides by n and k. Primitives and packings are made once for their sizes and kept. */
#ifndef HARNESS_COMPUTE_CPU_MATMUL_H
#define HARNESS_COMPUTE_CPU_MATMUL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The products that this processor has instructions for, as far as the library uses them.
 * cpu__bf16_best: no better than at_most, which holds the library for the whole process where it has
 * not begun yet. */
typedef enum cpu_bf16_way {
    BF16_IN_F32, /* none: rounded factors are multiplied in f32 */
    BF16_AVX512, /* AVX512-BF16 */
    BF16_AMX     /* AMX-BF16 */
} cpu_bf16_way;
cpu_bf16_way cpu__bf16_best(cpu_bf16_way at_most);

struct cpu_matmuls;
struct cpu_packing;
struct cpu_matmul;

/* *out is owned: cpu__matmuls_close. Errors: ERR_DEVICE (as well where the library has begun with
 * better ones than `way`), ERR_MEMORY. */
err cpu__matmuls_open(struct cpu_matmuls **out, cpu_bf16_way way) MUST_CHECK;
void cpu__matmuls_close(struct cpu_matmuls *all);

/* How B (k, n) is packed. It lies in f32 where it comes from, in rows that are `stride` apart;
 * is_transposed: it is B^T (n, k) that lies so. Borrowed from `all`. */
err cpu__packing_find(const struct cpu_packing **out, struct cpu_matmuls *all, size_t n, size_t k,
                      size_t stride, bool is_transposed) MUST_CHECK;
size_t cpu__packing_bytes(const struct cpu_packing *p);
/* It is what the kernel pair_bf16 makes: twice as fast as the library from columns, eight times from rows. */
bool cpu__packing_is_pairs(const struct cpu_packing *p);
/* Packs one B. False when the library refuses. */
bool cpu__pack(struct cpu_matmuls *all, const struct cpu_packing *p, void *to, const float *from);

/* The product of m rows, A (m, k) bf16 and C (m, n) f32 both without gaps; adds: to what is in C.
 * Borrowed from `all`. */
err cpu__matmul_find(const struct cpu_matmul **out, struct cpu_matmuls *all, size_t m,
                     const struct cpu_packing *p, bool adds) MUST_CHECK;
size_t cpu__matmul_scratch_bytes(const struct cpu_matmul *p);
/* scratch: that many bytes, of this thread alone. False when the library refuses. */
bool cpu__matmul_run(struct cpu_matmuls *all, const struct cpu_matmul *p, float *c,
                     const uint16_t *a, const void *packed, void *scratch);

#endif
