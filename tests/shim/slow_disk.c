/* Loaded with LD_PRELOAD: a disk that takes $HARNESS_DISK_SECONDS for each file of a checkpoint that is to
 * be on it, and gets on all the while. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

__attribute__((visibility("default"))) int fsync(int fd) {
    static const struct timespec part = {0, 20000000};
    const char *seconds = getenv("HARNESS_DISK_SECONDS");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    double end = now() + (seconds && strstr(path, "checkpoint-") ? atof(seconds) : 0);
    while (now() < end) nanosleep(&part, NULL);
    return (int)syscall(SYS_fsync, fd);
}
