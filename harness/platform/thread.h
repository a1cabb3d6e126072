/* Threads, what they wait for, and the processor time that they took. */
#ifndef HARNESS_PLATFORM_THREAD_H
#define HARNESS_PLATFORM_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef pthread_t thread;
typedef pthread_mutex_t mutex;
typedef pthread_cond_t condition;
typedef pthread_once_t once_only;
#define MUTEX_FREE PTHREAD_MUTEX_INITIALIZER /* of a static one */
#define ONCE_ONLY PTHREAD_ONCE_INIT

/* Signals that come to the process do not come to the new thread, but those of its own faults do.
 * False: it cannot be started. */
bool thread_begin(thread *t, void *(*work)(void *), void *context);
void thread_join(thread t);

void mutex_init(mutex *m);
void mutex_free(mutex *m);
void mutex_take(mutex *m);
void mutex_give(mutex *m);

void condition_init(condition *c);
void condition_free(condition *c);
/* pre: the mutex is held; it is given back meanwhile. May end before anybody wakes it. */
void condition_wait(condition *c, mutex *m);
/* The same, and no longer than to that moment of clock_seconds. */
void condition_wait_until(condition *c, mutex *m, double seconds);
void condition_wake_all(condition *c);

/* Calls it unless that was done already, by whichever thread; all go on behind its end. */
void once_do(once_only *once, void (*work)(void));

/* Processor time: of this thread, of the process, or of a thread that another looks at. */
typedef clockid_t thread_clock;
#define THREAD_CLOCK_OWN CLOCK_THREAD_CPUTIME_ID
#define THREAD_CLOCK_ALL CLOCK_PROCESS_CPUTIME_ID
/* By which others may look at this thread; 0: it has none. */
thread_clock thread_clock_shared(void);

/* In ns; 0 of a clock that is not known. */
static inline uint64_t thread_spent(thread_clock clock) {
    struct timespec spent = {0, 0};
    if (clock) clock_gettime(clock, &spent);
    return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

#endif
