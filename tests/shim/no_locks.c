/* Loaded with LD_PRELOAD: a file system without locks of open files, and without hard links where
 * HARNESS_NO_LINKS is set. Where HARNESS_COMES_FIRST is set, another process takes the name that a link
 * is to get, just before: with an empty file, or ("same") with the bytes that were to get it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef int fcntl_call(int fd, int command, ...);

static int call(const char *name, int fd, int command, void *argument) {
    fcntl_call *real = NULL;
    if (command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK) {
        errno = ENOLCK;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(fd, command, argument);
}

EXPORT int fcntl(int fd, int command, ...) {
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    return call("fcntl", fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...) {
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    return call("fcntl64", fd, command, argument);
}

static void take_name(const char *name) {
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) close(fd);
}

EXPORT int link(const char *from, const char *to) {
    int (*real)(const char *, const char *) = NULL;
    const char *first = getenv("HARNESS_COMES_FIRST");
    if (first && strcmp(first, "same") != 0) take_name(to);
    if (getenv("HARNESS_NO_LINKS")) {
        errno = EPERM;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "link");
    if (first && !strcmp(first, "same") && real(from, to)) return -1;
    return real(from, to);
}
