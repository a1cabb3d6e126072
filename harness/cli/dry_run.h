/* `run --dry-run` and `pretrain --dry-run`: what a run would take. */
#ifndef HARNESS_CLI_DRY_RUN_H
#define HARNESS_CLI_DRY_RUN_H

#include "train/pretrain/pretrain.h"
#include "train/run/run.h"

/* Of all runs that were looked at. */
typedef struct dry_total {
    size_t runs;
    uint64_t steps, device_bytes, disk_bytes, free_bytes; /* device_bytes: of the largest */
    double train_s, eval_s;
    char *shape; /* what the steps that were tried last are of, owned; NULL: none were */
    double step_s;
    uint32_t tried;
} dry_total;

/* Prints rows, steps, tokens, memory, disk, output folder and an estimated time, from a few steps
 * that are thrown away; adds them up. pre: run_open with is_dry; nothing but run_close may follow. */
err dry_run(dry_total *sum, run *r, bool json) MUST_CHECK;

/* Prints what several take together. Of JSON, which has one object a run, nothing was added up. */
void dry_run_end(const dry_total *sum);

void dry_run_free(dry_total *sum);

/* The same of a pretraining, with the lines of its corpus in place of rows; an evaluation is timed
 * whole. pre: pretrain_open with is_dry; nothing but pretrain_close may follow. */
err dry_run_pretrain(pretrain *p, bool json) MUST_CHECK;

#endif
