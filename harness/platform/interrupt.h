/* Ctrl-C: the first one asks the training loop to stop after its step, the second ends the
 * program. */
#ifndef HARNESS_PLATFORM_INTERRUPT_H
#define HARNESS_PLATFORM_INTERRUPT_H

#include <stdbool.h>

/* Catches SIGINT, SIGTERM, SIGUSR1, which every launcher passes on to its ranks, and SIGHUP of a
 * terminal or a connection that is gone, unless that is ignored, until interrupt_end, which restores
 * what was there. Pairs may be nested: the outermost counts, so that nothing is lost between two parts
 * of one training. */
void interrupt_begin(void);
void interrupt_end(void);
bool interrupt_seen(void);

#endif
