/* Loaded with LD_PRELOAD: the clock on the wall is an hour earlier each time it is asked for, as if
 * someone kept setting it back. The monotonic clock runs on. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static atomic_long asked;

EXPORT int clock_gettime(clockid_t clock, struct timespec *out) {
    long failed = syscall(SYS_clock_gettime, clock, out);
    if (!failed && clock == CLOCK_REALTIME) out->tv_sec -= 3600 * atomic_fetch_add(&asked, 1);
    return (int)failed;
}

EXPORT time_t time(time_t *out) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
