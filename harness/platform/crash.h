/* What is said when other people's code in this process ends it: by a signal of a fault, by exit, or by
 * never coming back. */
#ifndef HARNESS_PLATFORM_CRASH_H
#define HARNESS_PLATFORM_CRASH_H

#include <stdbool.h>

/* Called at such an end, where the heap may be what broke: it takes no memory, and writes by
 * crash_say.
 *   how  "signal 6", "exit", or "no answer"
 * Behind a signal the process ends by it all the same, behind no answer with 1. True behind exit: the
 * process ends with 1, since whatever it gave, nothing was done. */
typedef bool crash_told(const char *how);

/* From now on `told` is called. through: the start of the name of a library that calls others for this
 * program, none of which it is itself. pre: called once; both stay. */
void crash_watch(crash_told *told, const char *through);

/* Unless it is called again within so many seconds, there is no answer; 0: as long as it takes. */
void crash_bound(double seconds);

/* The library that this program, or `through`, had called when the end came; NULL: it was in this
 * program's own code. pre: within `told`. */
const char *crash_culprit(void);

/* To standard error. */
void crash_say(const char *text);

#endif
