/* A courier: a thread that carries pieces of work, in their order, while the thread that owns it
 * computes what comes next. */
#ifndef HARNESS_TRAIN_STEP_COURIER_H
#define HARNESS_TRAIN_STEP_COURIER_H

#include "base/err.h"

#include <stddef.h>

typedef struct courier courier;
/* Carries piece i. Called in the courier's thread alone. */
typedef err courier_work(void *context, size_t i);

/* *c: NULL after an error. Errors: ERR_MEMORY. Free with courier_close. */
err courier_open(courier **c, courier_work *work, void *context) MUST_CHECK;
/* Waits for the piece that is being carried. NULL is fine. */
void courier_close(courier *c);

/* A new list, none of whose pieces may be carried yet. pre: nothing is being carried. */
void courier_begin(courier *c);
/* The first `count` pieces may be carried. */
void courier_release(courier *c, size_t count);
/* Waits until all that were released are carried. Returns the work's first error, behind which
 * nothing was carried. */
err courier_wait(courier *c) MUST_CHECK;
/* Waits until the first `count` are carried. Returns the work's error, if one of those that were
 * carried failed. pre: they are released. */
err courier_wait_for(courier *c, size_t count) MUST_CHECK;
/* Gives up what is not yet being carried, and waits for what is. */
void courier_stop(courier *c);

#endif
