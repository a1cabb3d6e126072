/* Which task a verb means: one of a manifest, files of the user's own, or those of a run that was
 * trained on such files (train/run/kept_task.h). */
#ifndef HARNESS_CLI_TASK_FLAG_H
#define HARNESS_CLI_TASK_FLAG_H

#include "cli/options.h"
#include "task/task.h"
#include "train/run/kept_task.h"

/* The task of a name: where `folder` is that of a run (or its model; NULL: none) that keeps its task
 * and calls it so, and no --task-dir was named, that run's; else that of a manifest; else what the
 * newest finished run of that name under ./runs kept, which is said.
 * Errors: ERR_USAGE, of own files that are not known with what to type; those of task_find and
 * kept_task_read. */
err task_flag_find(task *t, const options *o, const char *name, const char *folder) MUST_CHECK;

/* The same of a verb that also takes own files by their flags, which then count; a test file alone is one
 * in place of that of the run, whose training file has to be there. name may be NULL with such flags. */
err task_flag_read(task *t, const options *o, const char *name, const char *folder) MUST_CHECK;

/* What the newest finished run from own files under ./runs has kept of such a task, to train on it
 * again: a newer run by a manifest of that name is passed over. *found is
 * false where there is a manifest, or no such run. Free with kept_task_free, also after an error.
 * Errors: ERR_USAGE where the name is one that such runs have ("own-..."), with what to type. */
err task_flag_kept(kept_task *k, bool *found, const options *o, const char *name) MUST_CHECK;

/* Whether a record's task is one of somebody's own files: called so, and no manifest describes it. A
 * board has no row of files that nobody else can have. Errors: those of task_list. */
err task_flag_unkept(bool *is, const options *o, const char *name) MUST_CHECK;

/* Refuses a name that no manifest has, suggesting that of own files which it may be of. Errors:
 * ERR_USAGE; those of task_find. */
err task_flag_check(const options *o, const char *name) MUST_CHECK;

#endif
