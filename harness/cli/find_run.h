/* Which model a verb means. */
#ifndef HARNESS_CLI_FIND_RUN_H
#define HARNESS_CLI_FIND_RUN_H

#include "base/err.h"

/* The folder given, or that of a model of the program, or the newest finished run under ./runs whose
 * model has a classifier, of this task unless task_name is NULL. *folder is owned. Errors: ERR_DATA
 * telling how to make one. */
err find_run(char **folder, const char *given, const char *task_name) MUST_CHECK;

/* The same for its tokenizer, which a pretrained model has as well. */
err find_run_words(char **folder, const char *given) MUST_CHECK;

/* Whether the folder is one that holds runs, and none itself, nor a model: such as runs/nsmc. Errors:
 * ERR_DATA naming the runs below it. */
err find_run_check(const char *folder) MUST_CHECK;

/* The newest finished run of the task under ./runs; NULL where there is none. *folder is owned. */
err find_run_newest(char **folder, const char *task_name) MUST_CHECK;

#endif
