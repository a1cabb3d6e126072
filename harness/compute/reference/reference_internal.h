/* Shared by the files of reference/: one function per operation, and how operands are reached. */
#ifndef HARNESS_COMPUTE_REFERENCE_REFERENCE_INTERNAL_H
#define HARNESS_COMPUTE_REFERENCE_REFERENCE_INTERNAL_H

#include "compute/plan.h"

/* One function per line of ops.def; the contract of each is in ops.h. */
#define OP(name) err reference__##name(const op_call *call, const op *o) MUST_CHECK;
#include "compute/ops.def"
#undef OP

/* Host address of an operand, which plan_walk_host has resolved; NULL for an absent one. */
static inline double *reference__reals(span s) {
    return span_given(s) ? span_host(s) : NULL;
}

/* Of an operand that no plan leaves out. */
static inline double *reference__given_reals(span s) {
    return span_host(s);
}

static inline uint32_t *reference__words(span s) {
    return span_given(s) ? span_host(s) : NULL;
}

static inline uint32_t reference__size(const op_call *call, dim d) {
    return dim_value(d, call->step, call->micro);
}

/* Factor that dropout applies to one element: 0 or 1 / (1 - p). */
double reference__keep(const op_call *call, dropout_spec d, uint32_t channel, uint32_t position,
                       uint32_t head, uint32_t ordinal);

/* Exact GELU, x Phi(x), and its derivative Phi(x) + x phi(x). */
double reference__activate(activation act, double x);
double reference__slope(activation act, double x);

#endif
