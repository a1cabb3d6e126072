/* Ranks that are threads of this process. */
#ifndef HARNESS_TRAIN_GROUP_THREADS_H
#define HARNESS_TRAIN_GROUP_THREADS_H

#include "base/err.h"
#include "train/group/transport.h"

/* Fills transports (size), one for each thread, which lie where they are until threads_close. A rank
 * that does not come, or whose work stands still, is given up as the limits say. Free with
 * threads_close after all threads have ended. Errors: ERR_MEMORY. */
err threads_open(transport *transports, uint32_t size, const transport_limits *limits) MUST_CHECK;
void threads_close(transport *transports);

#endif
