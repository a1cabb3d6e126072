/* The warmup as flags name it, for the verbs that train. */
#ifndef HARNESS_CLI_WARMUP_H
#define HARNESS_CLI_WARMUP_H

#include "cli/options.h"
#include "train/step/trainer.h"

/* Before the flags go into the recipe: of the two ways to say the warmup the one that was given
 * takes the other's place. Errors: ERR_USAGE when both were. */
err warmup_choose(recipe *r, const options *o) MUST_CHECK;

/* After it. Errors: ERR_USAGE for a warmup that the schedule has not. */
err warmup_check(const recipe *r, const options *o) MUST_CHECK;

/* Warns of a training that ends before its warmup does. */
void warmup_warn(const trainer *t);

#endif
