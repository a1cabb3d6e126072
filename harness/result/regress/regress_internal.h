/* Shared by the gate's files. */
#ifndef HARNESS_RESULT_REGRESS_REGRESS_INTERNAL_H
#define HARNESS_RESULT_REGRESS_REGRESS_INTERNAL_H

#include "result/regress/regress.h"
#include "train/run/run.h"

/* The run of a case. Strings are borrowed from c and o. */
void regress__request(run_request *q, const regress_case *c, const regress_options *o,
                      uint32_t seed);

/* Removes the folder of the runs, unless another process is at work there. */
void regress__clear(const char *folder);

/* What a state has of a case; NULL: nothing. */
regress_result *regress__result(const regress_state *s, const char *name);

#endif
