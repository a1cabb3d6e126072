/* What a hostile input may cost at most: five seconds of the processor and 500 MB of memory. */
#ifndef HARNESS_TESTS_SUPPORT_LIMITS_H
#define HARNESS_TESTS_SUPPORT_LIMITS_H

#include <stdint.h>

/* For child_setup: what a child of the program may take. */
enum { HOSTILE_SECONDS = 5, HOSTILE_BYTES = 500 << 20 };

/* Holds this test's own process to them from here on; memory not under the address sanitizer, which
 * reserves terabytes. A test that passes them dies of it. */
void limits_hostile(void);

#endif
