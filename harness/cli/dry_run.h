/* `harness run --dry-run`: what a run would take. */
#ifndef HARNESS_CLI_DRY_RUN_H
#define HARNESS_CLI_DRY_RUN_H

#include "train/run/run.h"

/* Prints rows, steps, tokens, memory, disk, output folder and an estimated time, from a few steps
 * that are thrown away. pre: run_open with is_dry; nothing but run_close may follow. */
err dry_run(run *r, bool json) MUST_CHECK;

#endif
