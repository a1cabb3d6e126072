/* The command that repeats a run. */
#ifndef HARNESS_CLI_RUN_REPEAT_H
#define HARNESS_CLI_RUN_REPEAT_H

#include "base/memory.h"
#include "cli/options.h"
#include "train/run/run.h"

/* Appends it as the record keeps it: paths of this machine stay out of it. Errors: those of own_flags_text and
 * task_is_shipped. */
err run_repeat_text(strbuf *out, const options *o, const run *r) MUST_CHECK;

/* Appends that of own files to be typed here, with the run's seed and two more. Errors: those of
 * own_flags_of_task. */
err run_repeat_seeds(strbuf *out, const options *o, const run *r) MUST_CHECK;

#endif
