/* Loaded with LD_PRELOAD: a disk that sleeps, without a sign, for $HARNESS_DISK_SECONDS in the first fsync
 * of what belongs to a checkpoint, for $HARNESS_WRITE_SECONDS in the first fwrite to it, and for
 * $HARNESS_OPEN_SECONDS in the first open of a path with $HARNESS_OPEN_PATH in it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void sleep_at_path(const char *path, const char *part, const char *variable) {
    const char *seconds = getenv(variable);
    if (!seconds || !part || !strstr(path, part)) return;
    const struct timespec whole = {atol(seconds), 0};
    unsetenv(variable);
    nanosleep(&whole, NULL);
}

static void sleep_at(int fd, const char *variable) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    sleep_at_path(path, "checkpoint-", variable);
}

EXPORT int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    unsigned mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, unsigned) : 0;
    va_end(more);
    sleep_at_path(path, getenv("HARNESS_OPEN_PATH"), "HARNESS_OPEN_SECONDS");
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
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
