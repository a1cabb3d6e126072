/* What the processor of this machine is called. */
#ifndef HARNESS_PLATFORM_PROCESSOR_H
#define HARNESS_PLATFORM_PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

/* The name, cut to size: "model name" of /proc/cpuinfo; on arm64, whose kernels write none, what
 * processor_name_from makes. "CPU" when nothing tells. */
void processor_name(char *out, size_t size);

/* The same from given texts.
 *   cpuinfo  of /proc/cpuinfo. Its "CPU implementer" and "CPU part" name arm64's cores: each kind
 *            of core once, in the order met
 *   midr     the register of that name, used when cpuinfo names no core; 0: it cannot be read
 *   board    the device tree's model, in brackets behind the cores; may be empty
 * Source: names as util-linux's lscpu has them. */
void processor_name_from(char *out, size_t size, const char *cpuinfo, uint32_t midr,
                         const char *board);

#endif
