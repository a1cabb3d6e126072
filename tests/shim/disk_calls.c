/* Loaded with LD_PRELOAD: appends a line to $HARNESS_DISK_CALLS for each call that decides what is
 * on the disk after a power cut, in the order of the calls, with full paths. SIZE is that of the
 * file at that moment, 0 for a folder; what was written after a sync shows in it. Tabs between, for
 * paths with blanks.
 *   sync SIZE PATH          fsync or fdatasync of a file or folder
 *   rename SIZE FROM TO     rename, renameat or renameat2 (an exchange too)
 *   link SIZE FROM TO       link
 *   unlink 0 PATH           unlink, unlinkat of files and folders, rmdir, remove */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void say(const char *format, ...) {
    const char *name = getenv("HARNESS_DISK_CALLS");
    char line[3 * PATH_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (!name || n <= 0 || n >= (int)sizeof line) return;
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, name, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    (void)!syscall(SYS_write, fd, line, (size_t)n);
    syscall(SYS_close, fd);
}

static const char *path_of(int fd, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return path;
}

/* A name as a full path; its last part is left as it is, a link or not. */
static const char *full(int folder, const char *name, char path[PATH_MAX]) {
    char base[PATH_MAX] = "";
    if (name[0] == '/') return name;
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) base[0] = '\0';
    } else {
        path_of(folder, base);
    }
    if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) path[0] = '\0';
    return path;
}

static long long size_of(const struct stat *st) {
    return S_ISREG(st->st_mode) ? (long long)st->st_size : 0;
}

static int sync_fd(long number, int fd) {
    char path[PATH_MAX];
    struct stat st = {0};
    (void)!fstat(fd, &st);
    long failed = syscall(number, fd);
    if (!failed) say("sync\t%lld\t%s\n", size_of(&st), path_of(fd, path));
    return (int)failed;
}

EXPORT int fsync(int fd) {
    return sync_fd(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd) {
    return sync_fd(SYS_fdatasync, fd);
}

EXPORT int renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags) {
    char a[PATH_MAX], b[PATH_MAX];
    struct stat st = {0};
    (void)!fstatat(from_folder, from, &st, AT_SYMLINK_NOFOLLOW);
    long failed = syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    if (!failed)
        say("rename\t%lld\t%s\t%s\n", size_of(&st), full(from_folder, from, a),
            full(to_folder, to, b));
    return (int)failed;
}

EXPORT int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renameat2(from_folder, from, to_folder, to, 0);
}

EXPORT int rename(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int link(const char *from, const char *to) {
    char a[PATH_MAX], b[PATH_MAX];
    struct stat st = {0};
    (void)!lstat(from, &st);
    long failed = syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (!failed)
        say("link\t%lld\t%s\t%s\n", size_of(&st), full(AT_FDCWD, from, a), full(AT_FDCWD, to, b));
    return (int)failed;
}

EXPORT int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    long failed = syscall(SYS_unlinkat, folder, name, flags);
    if (!failed) say("unlink\t0\t%s\n", full(folder, name, path));
    return (int)failed;
}

EXPORT int unlink(const char *name) {
    return unlinkat(AT_FDCWD, name, 0);
}

EXPORT int rmdir(const char *name) {
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

EXPORT int remove(const char *name) {
    return unlink(name) ? rmdir(name) : 0;
}
