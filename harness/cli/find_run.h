/* Which model a verb means. */
#ifndef HARNESS_CLI_FIND_RUN_H
#define HARNESS_CLI_FIND_RUN_H

#include "base/err.h"

#include <stdbool.h>

/* The folder of the model given: itself, or what the hub's cache holds of its name (downloaded unless
 * offline); where none is given, the newest finished run under ./runs whose model has a classifier,
 * of this task unless task_name is NULL. *folder is owned. Errors: ERR_DATA telling how to make one,
 * also of a preset and of a model of the program, which have no classifier; those of
 * base_model_check_name, find_run_check and hub_model. */
err find_run(char **folder, const char *given, const char *task_name, bool offline) MUST_CHECK;

/* Whether a model that is given is one of the hub, by the form of its name. */
bool find_run_is_hub(const char *given);

/* The folder given, or the newest run for its tokenizer, which a pretrained model has as well. */
err find_run_words(char **folder, const char *given) MUST_CHECK;

/* Whether the folder is one that holds runs, and none itself, nor a model: such as runs/nsmc. Errors:
 * ERR_DATA naming the runs below it, of which `several` may be named. */
err find_run_check(const char *folder, bool several) MUST_CHECK;

/* The record that a path names: the file itself, or record.json of a run's folder. *path is owned.
 * Errors: ERR_DATA of a folder without one; those of find_run_check. */
err find_run_record(char **path, const char *given, bool several) MUST_CHECK;

/* Whether the folder is one of records, or else one that runs alone lie in, two folders deep at most.
 * Errors: ERR_DATA naming the first finished one. */
err find_run_not_records(const char *folder) MUST_CHECK;

/* The newest finished run of the task under ./runs, or that of own files (train/run/kept_task.h);
 * NULL where there is none. *folder is owned. */
err find_run_newest(char **folder, const char *task_name, bool of_own_files) MUST_CHECK;
/* The same of unfinished runs. */
err find_run_unfinished(char **folder, const char *task_name) MUST_CHECK;

#endif
