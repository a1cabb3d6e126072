/* A worker's part of a sweep's list, where workers share no folder in which they could claim runs. */
#ifndef HARNESS_RESULT_SHARD_H
#define HARNESS_RESULT_SHARD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct shard {
    uint32_t number, count; /* the first is 1; 0 and 0: all runs */
} shard;

/* "2/8"; "array": as SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT say; NULL: all. Errors: ERR_USAGE
 * naming what was found. */
err shard_parse(shard *s, const char *text) MUST_CHECK;
/* By a hash of task, model and seed: the same part on every machine, whatever else is on the list. */
bool shard_has(const shard *s, const char *task, const char *model, uint32_t seed);

/* The run of the list (runs) that this worker begins with, so that those of a Slurm array don't all
 * look at the same ones first; 0 outside of one. */
size_t shard_start(size_t runs);

#endif
