/* Which device a rank of a group takes. */
#ifndef HARNESS_TRAIN_GROUP_RANK_DEVICE_H
#define HARNESS_TRAIN_GROUP_RANK_DEVICE_H

#include "compute/device.h"
#include "train/group/group.h"

/* Finds this rank's device and its threads.
 *   *selector  as device_open_named takes it, NULL for the default; owned
 *   *threads   in: what was asked for (0: all cores); out: of the native CPU with 0, the cores
 *              divided by the ranks that share them
 *   wish       selectors with commas, for the ranks of a host in turn; NULL: the default device,
 *              and where there are several like it, each rank of the host takes another
 * Alone, wish stays as it is. Errors: those of device_find. */
err rank_device(char **selector, uint32_t *threads, const struct group *g,
                const char *wish) MUST_CHECK;
/* Every rank's device, "A (gpu); B (cpu)", on all.
 *   *names  owned; NULL: alone, or all have the same, unless `always` */
err rank_device_names(char **names, struct group *g, const device_info *own,
                      bool always) MUST_CHECK;
/* What the device, just opened, does is a sign of life of this rank, until group_watch is called with
 * WATCH_BEGIN, which has to come before it is closed. */
void rank_device_watch(struct group *g, device *d);

#endif
