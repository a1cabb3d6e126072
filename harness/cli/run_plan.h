/* What a run is of, before it is trained. */
#ifndef HARNESS_CLI_RUN_PLAN_H
#define HARNESS_CLI_RUN_PLAN_H

#include "cli/output.h"
#include "train/run/run.h"

/* Task, rows, model, device and recipe, a line each by its label. */
void run_plan(const run *r, output_line *line);

#endif
