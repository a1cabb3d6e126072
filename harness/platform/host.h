/* This machine and this process as the system names them. */
#ifndef HARNESS_PLATFORM_HOST_H
#define HARNESS_PLATFORM_HOST_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the machine, cut to size; "" where none is told. */
void host_name(char *out, size_t size);
/* The number of this process, other than that of every other now. */
long host_process(void);
/* Processors that are switched on. */
long host_processors(void);
/* What tells the set of processors that this process may use from others. */
void host_cores(char hex[HASH_HEX_BYTES]);

enum { HOST_NAME_BYTES = 64 };
/* Release of the kernel, kind of the machine ("x86_64"), each cut to size. False: not told. */
bool host_system(char release[HOST_NAME_BYTES], char machine[HOST_NAME_BYTES]);

/* The most that the stack of the first thread may grow to; UINT64_MAX: no limit is told. */
uint64_t host_stack_bytes(void);
/* Bytes that nobody can foretell. False: there are none. */
bool host_random(void *bytes, size_t count);
/* The program's own file, whatever has become of its name. */
extern const char host_program[];

#endif
