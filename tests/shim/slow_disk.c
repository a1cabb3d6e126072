/* Loaded with LD_PRELOAD: a disk that sleeps, without a sign, for $HARNESS_DISK_SECONDS in the first fsync
 * of what belongs to a checkpoint, and for $HARNESS_WRITE_SECONDS in the first fwrite to it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void sleep_at(int fd, const char *variable) {
    const char *seconds = getenv(variable);
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    if (!seconds || !strstr(path, "checkpoint-")) return;
    const struct timespec whole = {atol(seconds), 0};
    unsetenv(variable);
    nanosleep(&whole, NULL);
}

EXPORT int fsync(int fd) {
    sleep_at(fd, "HARNESS_DISK_SECONDS");
    return (int)syscall(SYS_fsync, fd);
}

EXPORT size_t fwrite(const void *bytes, size_t size, size_t count, FILE *f) {
    size_t (*next)(const void *, size_t, size_t, FILE *);
    *(void **)&next = dlsym(RTLD_NEXT, "fwrite");
    sleep_at(fileno(f), "HARNESS_WRITE_SECONDS");
    return next(bytes, size, count, f);
}
