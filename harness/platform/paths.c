/* Smaller steps with names than those of file.c and folder.c. */
#define _XOPEN_SOURCE 700 // realpath
#include "base/memory.h"
#include "platform/file.h"
#include "platform/file_internal.h"
#include "platform/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_real(const char *path) {
    return realpath(path, NULL);
}

bool path_is_there(const char *path) {
    return !access(path, F_OK);
}

const char folder_absent[] = "no such folder";

const char *folder_fault(const char *path) {
    if (folder_exists(path)) return access(path, X_OK) ? strerror(errno) : NULL;
    if (file_named(path)) return "not a folder";
    return errno == ENOENT ? folder_absent : strerror(errno); // of the last look
}

int64_t path_changed(const char *path) {
    struct stat st;
    return lstat(path, &st) ? 0 : st.st_mtime;
}

bool file_is_empty(const char *path) {
    struct stat st;
    return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_size == 0;
}

void file_drop(const char *path) {
    (void)unlink(path);
}

bool folder_drop(const char *path) {
    return !rmdir(path);
}

err folder_remove_empty(const char *path) {
    return rmdir(path) && errno != ENOENT ? file__error(path, "cannot remove") : ERR_OK;
}

err folder_make_new(const char *path) {
    return mkdir(path, 0777) ? file__error(path, "cannot make folder") : ERR_OK;
}

err file_write_in_place(const char *path, const void *bytes, size_t count) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) return file__error(path, "cannot write");
    bool done = write(fd, bytes, count) == (ssize_t)count && file_sync(fd) == 0;
    err e = done ? ERR_OK : file__error(path, "cannot write");
    if (close(fd) && !e) e = file__error(path, "cannot write");
    return e;
}

err file_writer_sync(file_writer *w) {
    FILE *f = (FILE *)w->file;
    return fflush(f) || file_sync(fileno(f)) ? file__error(w->path, "cannot write") : ERR_OK;
}

err file_link(const char *target, const char *path) {
    char *temporary = NULL;
    err e = mem_printf(&temporary, "%s.%ld.tmp", path, host_process());
    if (!e && (symlink(target, temporary) || rename(temporary, path))) {
        unlink(temporary);
        e = err_set(ERR_IO, "%s: cannot make a link", path);
    }
    mem_free(temporary);
    return e;
}

void *file_map(int fd, size_t bytes) {
    void *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

void file_unmap(void *map, size_t bytes) {
    munmap(map, bytes);
}
