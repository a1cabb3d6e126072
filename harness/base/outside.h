/* Marks where a thread sleeps for as long as something outside of the program takes that gives no
 * sign of itself: a disk or a server in a sync, a lock that another program has, a terminal that is
 * held. Who watches the thread takes it for well meanwhile. */
#ifndef HARNESS_BASE_OUTSIDE_H
#define HARNESS_BASE_OUTSIDE_H

#include <stdatomic.h>
#include <stdbool.h>

/* From now on *waits is true while this thread is between begin and end; borrowed until the next
 * call. NULL: nobody looks. pre: it is not between them. */
void outside_show(atomic_bool *waits);
/* Pairs of them may stand in one another. */
void outside_begin(void);
void outside_end(void);

#endif
