/* An op's operands at the sizes of one step. */
#ifndef HARNESS_COMPUTE_OPERANDS_H
#define HARNESS_COMPUTE_OPERANDS_H

#include "compute/plan.h"

/* As op_operands (plan.h), at the sizes of a step and micro-batch; step NULL: at the largest. */
size_t op_operands_at(op *o, operand out[OPERANDS_MAX], const step_info *step, uint32_t micro);

#endif
