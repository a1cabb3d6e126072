/* Memory of this machine, as far as this process may use it. */
#ifndef HARNESS_PLATFORM_HOST_MEMORY_H
#define HARNESS_PLATFORM_HOST_MEMORY_H

#include <stdint.h>

/* Bytes that can be taken now before the kernel ends a process for want of memory: MemAvailable and
 * free swap, and no more than what the control group has left. 0: it cannot be told. */
uint64_t host_memory_available(void);

/* Bytes in all; 0: it cannot be told. */
uint64_t host_memory_total(void);

/* Most bytes that this process has had resident, by the kernel's count; 0: it cannot be told. */
uint64_t host_memory_peak(void);

#endif
