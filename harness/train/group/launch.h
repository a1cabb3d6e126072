/* Where the ranks of a group come from: a launcher (mpirun, srun) has started this process with
 * others, and the plugin of its MPI, which is loaded only then, joins them; or several devices are
 * named, and there is a thread for each. */
#ifndef HARNESS_TRAIN_GROUP_LAUNCH_H
#define HARNESS_TRAIN_GROUP_LAUNCH_H

#include "train/group/group.h"

/* What every rank does. */
typedef err launch_work(const void *context, struct group *g);

/* Calls work as a rank of the group that a launcher has started this process in; without one as
 * each of the ranks that are threads of this process, one for each of the devices between commas,
 * of which rank 0 is this thread; else alone, with a group of one. Notes and errors of ranks other
 * than 0 are not shown (base/log.h).
 *   verb      the same on all ranks
 *   devices   as rank_device takes it, or NULL
 *   expected  ranks that were asked for; 0: any
 * HARNESS_GROUP=off in the environment: no launcher is looked for. HARNESS_GROUP_SILENCE and
 * HARNESS_GROUP_WAIT are seconds: the limits of transport.h.
 * Returns what group_close does. Errors: ERR_USAGE naming the variable of these, or of a launcher's
 * for its size, that holds no such thing, for another number of ranks than expected or
 * than the launcher announced, or a launch without MPI; ERR_UNSUPPORTED naming the plugin that is
 * missing and what to install; group_open's. */
err launch_run(const char *verb, launch_work *work, const void *context, const char *devices,
               uint32_t expected) MUST_CHECK;
/* Ranks that the environment announces: 0 without a launcher. *engine: "openmpi", "mpich", or NULL
 * where none is to be told. */
uint32_t launch_announced(const char **engine);
/* Of a verb that knows no groups: where a launcher has started several processes for it, one of them
 * warns that each does the whole. */
void launch_warn_apart(const char *verb);

#endif
