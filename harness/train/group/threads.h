/* Ranks that are threads of this process. */
#ifndef HARNESS_TRAIN_GROUP_THREADS_H
#define HARNESS_TRAIN_GROUP_THREADS_H

#include "base/err.h"
#include "train/group/transport.h"

/* Fills transports (size), one for each thread. waiting: seconds until a rank that does not come is
 * given up. Free with threads_close after all threads have ended. Errors: ERR_MEMORY. */
err threads_open(transport *transports, uint32_t size, double waiting) MUST_CHECK;
void threads_close(transport *transports);

#endif
