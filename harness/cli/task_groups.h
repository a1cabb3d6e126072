/* Groups of tasks, which `run --task GROUP` runs together, as `tasks` shows them. */
#ifndef HARNESS_CLI_TASK_GROUPS_H
#define HARNESS_CLI_TASK_GROUPS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The names of all groups, in the order of their first tasks; tasks that cannot be read are passed
 * over. Free with words_free, also after an error. Errors: those of task_list. */
err task_groups_names(char ***names, size_t *count, const char *task_dir) MUST_CHECK;

/* Of those alone that have a recipe, which --recipe names by the group. */
err task_groups_recipes(char ***names, size_t *count, const char *task_dir) MUST_CHECK;

/* One line a group, with its tasks, behind an empty one; nothing where there is none. Errors: those
 * of task_list. */
err task_groups_list(const char *task_dir) MUST_CHECK;

/* The tasks of a group in the order of its table, with their columns and scores. pre: group_known.
 * Errors: those of task_group_members. */
err task_group_show(const char *group, const char *task_dir, bool json) MUST_CHECK;

#endif
