#include "platform/thread.h"

#include <math.h>
#include <signal.h>
#include <stddef.h>

bool thread_begin(thread *t, void *(*work)(void *), void *context) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&others, own[i]);
    pthread_sigmask(SIG_BLOCK, &others, &before);
    bool runs = !pthread_create(t, NULL, work, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return runs;
}

void thread_join(thread t) {
    pthread_join(t, NULL);
}

void mutex_init(mutex *m) {
    pthread_mutex_init(m, NULL);
}

void mutex_free(mutex *m) {
    pthread_mutex_destroy(m);
}

void mutex_take(mutex *m) {
    pthread_mutex_lock(m);
}

void mutex_give(mutex *m) {
    pthread_mutex_unlock(m);
}

void condition_init(condition *c) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(c, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void condition_free(condition *c) {
    pthread_cond_destroy(c);
}

void condition_wait(condition *c, mutex *m) {
    pthread_cond_wait(c, m);
}

void condition_wait_until(condition *c, mutex *m, double seconds) {
    double whole = floor(seconds);
    const struct timespec t = {(time_t)whole, (long)((seconds - whole) * 1e9)};
    pthread_cond_timedwait(c, m, &t);
}

void condition_wake_all(condition *c) {
    pthread_cond_broadcast(c);
}

void once_do(once_only *once, void (*work)(void)) {
    pthread_once(once, work);
}

thread_clock thread_clock_shared(void) {
    thread_clock clock = 0;
    return pthread_getcpuclockid(pthread_self(), &clock) ? 0 : clock;
}
