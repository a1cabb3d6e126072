/* Groups of processes: whether a launcher (mpirun, srun) has started this one with others, and the
 * plugin of its MPI, which is loaded only then. */
#ifndef HARNESS_TRAIN_GROUP_LAUNCH_H
#define HARNESS_TRAIN_GROUP_LAUNCH_H

#include "train/group/group.h"

/* Opens the group that a launcher has started this process in; without one, or one of a single
 * process, *g is a group of one. Notes and errors of ranks other than 0 are not shown (base/log.h).
 *   expected  ranks that were asked for; 0: any
 * HARNESS_GROUP=off in the environment: every process is for itself. HARNESS_GROUP_SILENCE and
 * HARNESS_GROUP_WAIT are seconds: the limits of transport.h. End with group_close.
 * Errors: ERR_USAGE for another number of ranks than expected or than the launcher announced, or a
 * launch without MPI; ERR_UNSUPPORTED naming the plugin that is missing and what to install;
 * group_open's. */
err launch_open(struct group *g, uint32_t expected) MUST_CHECK;
/* Ranks that the environment announces: 0 without a launcher. *engine: "openmpi", "mpich", or NULL
 * where none is to be told. */
uint32_t launch_announced(const char **engine);

#endif
