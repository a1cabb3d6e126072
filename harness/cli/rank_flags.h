/* The command lines of a group's ranks. */
#ifndef HARNESS_CLI_RANK_FLAGS_H
#define HARNESS_CLI_RANK_FLAGS_H

#include "cli/options.h"
#include "train/group/group.h"

/* Refuses a group whose ranks were given other flags, before they wait for one another.
 *   fields  those that count, NULL behind the last; NULL: all that are not each rank's own, such as
 *           its device and where its host has the data
 * Errors: ERR_USAGE naming the rank and the flags. */
err rank_flags_compare(const options *o, verb_id verb, struct group *g,
                       const char *const *fields) MUST_CHECK;

#endif
