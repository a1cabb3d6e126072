/* Tasks of the program and tasks of its users: whose a manifest is. */
#ifndef HARNESS_TASK_TASK_SHIPPED_H
#define HARNESS_TASK_TASK_SHIPPED_H

#include "task/task.h"

/* Whether the manifest is one of those that come with the program. Errors: those of asset_folder. */
err task_is_shipped(bool *is, const task *t) MUST_CHECK;

#endif
