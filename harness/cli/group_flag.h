/* Groups of tasks (task_group) as what --task and --recipe name. */
#ifndef HARNESS_CLI_GROUP_FLAG_H
#define HARNESS_CLI_GROUP_FLAG_H

#include "train/run/run.h"

/* Whether it is the name of a group, and of no task. Errors: those of task_list. */
err group_known(bool *is_group, const char *name, const char *task_dir) MUST_CHECK;

/* A recipe by its name or file (recipe_load); a group's name is the recipe that the group has for
 * q->task. Errors: those of recipe_load and recipe_read; ERR_USAGE where the task is of another
 * group. */
err group_recipe(recipe *r, const char *name, const run_request *q) MUST_CHECK;

#endif
