/* Libraries that are loaded while the program runs. */
#ifndef HARNESS_PLATFORM_LIBRARY_H
#define HARNESS_PLATFORM_LIBRARY_H

#include <stdbool.h>

/* By its path, or its name where the system looks for such; NULL: library_fault says why. lazy: what it
 * lacks itself is looked for when it is called. */
void *library_open(const char *name, bool lazy);
/* Why the last one was not loaded; borrowed until the next call. */
const char *library_fault(void);
/* A function or variable of it, NULL where it has none of that name. */
void *library_find(void *library, const char *name);
/* Whether that name or path means this library, which is open. */
bool library_is(void *library, const char *name);
void library_close(void *library);

#endif
