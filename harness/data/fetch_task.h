/* The files of a task, downloaded where they lack (net/fetch.h). */
#ifndef HARNESS_DATA_FETCH_TASK_H
#define HARNESS_DATA_FETCH_TASK_H

#include "data/dataset.h"
#include "task/task.h"

/* Fetches the files of a task that lack: into the cache, or with `check` also into
 * options->data_dir. Call it before dataset_load. With `check` the files that are there are checked
 * too: one that is wrong is replaced in those folders, and an error in $HARNESS_DATA. Nothing is
 * done for a sample, nor, without `check`, for a data_dir that the user names: what lacks there is
 * dataset_load's to report. Errors: those of fetch_file; ERR_NETWORK when a file lacks and offline
 * forbids to fetch it; ERR_DATA when one lacks and has no url. */
err fetch_task(const task *t, const dataset_options *options, bool offline, bool check) MUST_CHECK;
/* The same of one of its files. */
err fetch_task_file(const task *t, const task_file *f, const dataset_options *options, bool offline,
                    bool check) MUST_CHECK;

#endif
