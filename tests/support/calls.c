/* What stands in place of the functions that read and write files (--wrap) under the program, in builds with
 * tests: HARNESS_CALL_LIST=FILE and HARNESS_CALL_FAILS=N as in support/places.h. A call that fails finds no device
 * behind its file (EIO); what goes to standard error never fails. A file or folder that the program opened and never
 * closed ends it with 70, named. And of what begins a thread: HARNESS_THREAD_LIST, HARNESS_THREAD_FAILS. */
#ifdef HARNESS_CALLS
#define _GNU_SOURCE
#include "support/places.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static places calls, threads;

// by descriptor: what was last opened under it
enum { DESCRIPTORS = 1024 };
static struct {
    dev_t device;
    ino_t file;
} opened[DESCRIPTORS];

// what it has open, and nobody closed: another's file may have the same number since
static bool is_left(int fd) {
    struct stat is;
    return opened[fd].file && !fstat(fd, &is) && is.st_dev == opened[fd].device &&
           is.st_ino == opened[fd].file;
}

static int keep_opened(int fd) {
    struct stat is;
    if (fd >= 0 && fd < DESCRIPTORS && !fstat(fd, &is)) {
        opened[fd].device = is.st_dev;
        opened[fd].file = is.st_ino;
    }
    return fd;
}

static DIR *keep_folder(DIR *folder) {
    if (folder) keep_opened(dirfd(folder));
    return folder;
}

__attribute__((constructor)) static void begin(void) {
    places_begin(&calls, "HARNESS_CALL_LIST", "HARNESS_CALL_FAILS");
    places_begin(&threads, "HARNESS_THREAD_LIST", "HARNESS_THREAD_FAILS");
}

__attribute__((destructor)) static void end(void) {
    places_end(&calls);
    places_end(&threads);
    for (int fd = 3; fd < DESCRIPTORS; fd++) {
        char link[32], name[512];
        if (!is_left(fd)) continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, name, sizeof name);
        fflush(NULL);
        fprintf(stderr, "harness: %.*s was not closed\n", n > 0 ? (int)n : 0, name);
        _exit(70);
    }
}

// as ferror is told
static void in_error(FILE *f) {
    enum { IO_ERR_SEEN = 0x20 };
    if (f) f->_flags |= IO_ERR_SEEN;
}

#define REPLACE(type, name, parameters, arguments, is_told, failed, kept)                          \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        if ((is_told) || !places_fail(&calls)) return kept(__real_##name arguments);               \
        errno = EIO;                                                                               \
        return failed;                                                                             \
    }

REPLACE(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode), false, -1,
        keep_opened)
REPLACE(ssize_t, read, (int fd, void *to, size_t bytes), (fd, to, bytes), false, -1, )
REPLACE(ssize_t, pread, (int fd, void *to, size_t bytes, off_t at), (fd, to, bytes, at), false,
        -1, )
REPLACE(ssize_t, write, (int fd, const void *from, size_t bytes), (fd, from, bytes), fd == 2, -1, )
REPLACE(size_t, fread, (void *to, size_t size, size_t count, FILE *f), (to, size, count, f), false,
        (in_error(f), 0), )
REPLACE(size_t, fwrite, (const void *from, size_t size, size_t count, FILE *f),
        (from, size, count, f), f == stderr, (in_error(f), 0), )
REPLACE(int, fflush, (FILE * f), (f), f == stderr, (in_error(f), EOF), )
REPLACE(FILE *, fdopen, (int fd, const char *mode), (fd, mode), false, NULL, )
REPLACE(DIR *, opendir, (const char *path), (path), false, NULL, keep_folder)
REPLACE(int, rename, (const char *from, const char *to), (from, to), false, -1, )
REPLACE(int, fsync, (int fd), (fd), false, -1, )
REPLACE(int, mkdir, (const char *path, mode_t mode), (path, mode), false, -1, )
REPLACE(int, ftruncate, (int fd, off_t bytes), (fd, bytes), false, -1, )

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*work)(void *),
                          void *of);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*work)(void *),
                          void *of);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*work)(void *),
                          void *of) {
    return places_fail(&threads) ? EAGAIN : __real_pthread_create(thread, how, work, of);
}
#else
// an empty file is none to a compiler that is strict
typedef int no_calls;
#endif
