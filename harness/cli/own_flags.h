/* The flags of a run from own files. */
#ifndef HARNESS_CLI_OWN_FLAGS_H
#define HARNESS_CLI_OWN_FLAGS_H

#include "base/memory.h"
#include "cli/options.h"
#include "cli/own_files.h"
#include "task/task.h"

/* Whether a file of the user's own was named. */
bool own_flags_given(const options *o);

/* What the flags ask for. Errors: ERR_USAGE for files without a training file, for columns without
 * files, and beside --task, --sample or --data. */
err own_flags_read(own_files *w, const options *o) MUST_CHECK;

/* Whether a test file alone was named: another one for a model of own files. Errors: ERR_USAGE for
 * flags that the training file's run has answered. */
err own_flags_retest(bool *is, const options *o) MUST_CHECK;

/* Appends the flags to the command that repeats a run; of files their names alone where it goes
 * into a record: paths of this machine stay out of those. */
err own_flags_text(strbuf *out, const options *o, bool names_alone) MUST_CHECK;

/* The same by the manifest of such files (a task's). */
err own_flags_of_task(strbuf *out, const task *t, bool names_alone) MUST_CHECK;

/* `harness tasks new`. */
err tasks_new(const options *o) MUST_CHECK;

#endif
