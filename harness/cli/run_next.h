/* What stands below a run's scores: its files, and the commands that come next. */
#ifndef HARNESS_CLI_RUN_NEXT_H
#define HARNESS_CLI_RUN_NEXT_H

#include "cli/options.h"
#include "train/run/run.h"

/* Prints both. local: its record; stored: that among the results, or NULL. */
void run_next_show(const run *r, const options *o, const char *local, const char *stored);

#endif
