#define _GNU_SOURCE
#include "platform/file.h"

#include "base/memory.h"
#include "base/outside.h"
#include "platform/file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OWN_LOOK_BYTES = 4096, SYNC_BYTES = 64 << 20 };

int file_sync(int fd) {
    outside_begin();
    int failed = fsync(fd);
    outside_end();
    return failed;
}

err file__error(const char *path, const char *what) {
    return err_set(ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

const char *file__kind(mode_t mode) {
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISLNK(mode)  ? "a link"
                            : "a device";
}

static err check_pointer(const char *path, int fd) {
    static const char start[] = "version https://git-lfs.github.com/spec/";
    char bytes[sizeof start - 1];
    if (pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes ||
        memcmp(bytes, start, sizeof bytes) != 0)
        return ERR_OK;
    return err_set(ERR_FORMAT, "%s: a Git LFS pointer, not the file: run `git lfs pull`", path);
}

static err too_large(const char *path, uint64_t limit_bytes) {
    return err_set(ERR_FORMAT, "%s: larger than the %llu bytes allowed", path,
                   (unsigned long long)limit_bytes);
}

err file_open(int *fd, uint64_t *bytes, const char *path, uint64_t limit_bytes) {
    struct stat st;
    // not blocking: opening a FIFO would wait for a writer
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    // a socket cannot be opened, and errno's text does not say what it is
    if (*fd < 0 && (errno != ENXIO || stat(path, &st))) return file__error(path, "cannot open");
    err e = ERR_OK;
    if (*fd >= 0 && fstat(*fd, &st))
        e = file__error(path, "cannot open");
    else if (!S_ISREG(st.st_mode))
        e = err_set(ERR_IO, "%s: is %s, a file was expected", path, file__kind(st.st_mode));
    else if (limit_bytes && (uint64_t)st.st_size > limit_bytes)
        e = too_large(path, limit_bytes);
    else
        e = check_pointer(path, *fd);
    if (!e && bytes) *bytes = (uint64_t)st.st_size;
    if (e && *fd >= 0) close(*fd);
    if (e) *fd = -1;
    return e;
}

err file_open_stream(void **file, uint64_t *bytes, const char *path) {
    int fd;
    *file = NULL;
    err e = file_open(&fd, bytes, path, 0);
    if (e) return e;
    if ((*file = fdopen(fd, "rb"))) return ERR_OK;
    e = file__error(path, "cannot open");
    close(fd);
    return e;
}

/* From fd to its end; size is what it may be expected to have. */
static err read_all(void **bytes, size_t *count, int fd, uint64_t size, const char *path,
                    size_t limit_bytes) {
    char *block = NULL;
    size_t used = 0, capacity = (size_t)size + 2;
    err e = mem_resize((void **)&block, capacity, 1);
    while (!e) {
        // what the kernel makes up (/proc) has size 0, and a file may grow meanwhile
        if ((e = mem_grow((void **)&block, &capacity, used + 2, 1))) break;
        ssize_t got = read(fd, block + used, capacity - used - 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) e = file__error(path, "cannot read");
        if (got <= 0) break;
        used += (size_t)got;
        if (limit_bytes && used > limit_bytes) e = too_large(path, limit_bytes);
    }
    if (e) {
        mem_free(block);
        return e;
    }
    block[used] = '\0';
    *bytes = block;
    *count = used;
    return ERR_OK;
}

err file_read(void **bytes, size_t *count, const char *path, size_t limit_bytes) {
    uint64_t size = 0;
    int fd;
    err e = file_open(&fd, &size, path, limit_bytes);
    if (e) return e;
    e = read_all(bytes, count, fd, size, path, limit_bytes);
    close(fd);
    return e;
}

bool file_is_input(const char *path) {
    return !strcmp(path, "-");
}

const char *file_given_name(const char *path) {
    return file_is_input(path) ? "standard input" : path;
}

err file_read_given(void **bytes, size_t *count, const char *path, size_t limit_bytes) {
    static bool was_read;
    if (!file_is_input(path)) return file_read(bytes, count, path, limit_bytes);
    if (was_read) return err_set(ERR_USAGE, "- (standard input) can be read once alone");
    was_read = true;
    return read_all(bytes, count, STDIN_FILENO, 0, file_given_name(path), limit_bytes);
}

bool file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool file_is_own(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

const char *file_other_kind(const char *path) {
    struct stat st;
    if (!stat(path, &st)) return S_ISREG(st.st_mode) ? NULL : file__kind(st.st_mode);
    return lstat(path, &st) ? NULL : "a link that leads nowhere";
}

bool file_named(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

bool file_is_same(const char *a, const char *b) {
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

err file_size(uint64_t *bytes, const char *path) {
    struct stat st;
    if (stat(path, &st)) return file__error(path, "cannot read");
    *bytes = (uint64_t)st.st_size;
    return ERR_OK;
}

/* What a rename would do away with and cannot be made again: /dev/null, a FIFO that a program waits
 * on, also behind a link. */
static err check_target(const char *path) {
    struct stat st;
    if (stat(path, &st) || S_ISREG(st.st_mode)) return ERR_OK;
    return err_set(ERR_IO, "%s: cannot write: is %s, a file was expected", path,
                   file__kind(st.st_mode));
}

err file_writer_begin(file_writer *w, const char *path) {
    char *folder = NULL;
    int fd = -1;
    *w = (file_writer){0};
    err e = check_target(path);
    if (e || (e = mem_strdup(&w->path, path)) || (e = path_folder(&folder, path))) goto done;
    if ((e = file__temporary(&fd, &w->temporary, folder))) {
        // the file that was asked for is what people know
        if (e == ERR_IO) e = file__error(path, "cannot write");
        goto done;
    }
    if (!(w->file = fdopen(fd, "wb"))) {
        e = file__error(path, "cannot write");
        close(fd);
    }
done:
    mem_free(folder);
    if (e) file_writer_abort(w);
    return e;
}

/* A slow disk takes each part in a while, where all at the end would look like one that hangs. */
static bool sync_part(file_writer *w, size_t count) {
    if ((w->unsynced += count) < SYNC_BYTES) return true;
    w->unsynced = 0;
    return !fflush((FILE *)w->file) && !file_sync(fileno((FILE *)w->file));
}

err file_writer_add(file_writer *w, const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        size_t n = count - done < SYNC_BYTES ? count - done : SYNC_BYTES;
        if (fwrite((const char *)bytes + done, 1, n, (FILE *)w->file) != n || !sync_part(w, n))
            return file__error(w->path, "cannot write");
        done += n;
    }
    return ERR_OK;
}

static err sync_folder_of(const char *path) {
    char *folder;
    err e = path_folder(&folder, path);
    if (e) return e;
    e = folder_sync(folder);
    mem_free(folder);
    return e;
}

/* Gives a complete file a name that is free, as one step for all who ask for it at once; without
 * hard links (FAT, some network file systems) as one that does not replace. */
static err put_new(bool *stays, const char *temporary, const char *path) {
    *stays = false;
    if (!link(temporary, path)) return ERR_OK;
    int why = errno;
    if (why == EPERM || why == ENOTSUP || why == ENOSYS || why == EMLINK) {
        if (!renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE)) return ERR_OK;
        why = errno;
    }
    *stays = why == EEXIST;
    errno = why;
    return *stays ? ERR_OK : file__error(path, "cannot write");
}

/* stays: NULL, or as file_write_new has it. */
static err commit(file_writer *w, bool durable, bool *stays) {
    err e = ERR_OK;
    FILE *f = (FILE *)w->file;
    if (fflush(f) || (durable && file_sync(fileno(f)))) e = file__error(w->path, "cannot write");
    if (fclose(f) && !e) e = file__error(w->path, "cannot write");
    w->file = NULL;
    if (!e && stays) e = put_new(stays, w->temporary, w->path);
    if (!e && !stays && rename(w->temporary, w->path)) e = file__error(w->path, "cannot write");
    if (!e && stays) (void)unlink(w->temporary); // its second name
    if (!e) {
        mem_free(w->temporary);
        w->temporary = NULL;
        if (durable) e = sync_folder_of(w->path);
    }
    file_writer_abort(w);
    return e;
}

err file_writer_commit(file_writer *w) {
    return commit(w, true, NULL);
}

void file_writer_abort(file_writer *w) {
    if (w->file) fclose((FILE *)w->file);
    if (w->temporary) unlink(w->temporary);
    mem_free(w->temporary);
    mem_free(w->path);
    *w = (file_writer){0};
}

static err write_whole(const char *path, const void *bytes, size_t count, bool durable,
                       bool *stays) {
    file_writer w;
    err e = file_writer_begin(&w, path);
    if (e) return e;
    if ((e = file_writer_add(&w, bytes, count))) {
        file_writer_abort(&w);
        return e;
    }
    return commit(&w, durable, stays);
}

err file_write(const char *path, const void *bytes, size_t count) {
    return write_whole(path, bytes, count, true, NULL);
}

err file_write_new(bool *stays, const char *path, const void *bytes, size_t count) {
    return write_whole(path, bytes, count, true, stays);
}

err file_write_quick(const char *path, const void *bytes, size_t count) {
    return write_whole(path, bytes, count, false, NULL);
}

err file_refuse_strange(const char *path) {
    return err_set(ERR_DATA,
                   "%s: this program did not make it (or it is damaged), and it would be replaced: "
                   "move it away%s",
                   path, err_advice("output-dir", ", or name another folder with --output-dir"));
}

err file_check_own(const char *path, const char *mark) {
    char start[OWN_LOOK_BYTES];
    struct stat st;
    int fd = -1;
    uint64_t bytes = 0;
    if (lstat(path, &st)) return errno == ENOENT ? ERR_OK : file__error(path, "cannot read");
    err e = check_target(path);
    if (e) return e;
    if (stat(path, &st)) return file_refuse_strange(path); // a link that leads nowhere
    if ((e = file_open(&fd, &bytes, path, 0))) return e;
    ssize_t count = pread(fd, start, sizeof start, 0);
    if (count < 0) e = file__error(path, "cannot read");
    close(fd);
    if (!e && bytes && !memmem(start, (size_t)count, mark, strlen(mark)))
        e = file_refuse_strange(path);
    return e;
}

static err open_own(int *fd, const char *path, int flags) {
    struct stat st;
    err e = ERR_OK;
    *fd = open(path, flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0666);
    if (*fd < 0) {
        // ELOOP's own text speaks of many links
        if (errno != ELOOP || lstat(path, &st) || !S_ISLNK(st.st_mode))
            return file__error(path, "cannot write");
        return err_set(ERR_IO, "%s: cannot write: is a link, which is not followed", path);
    }
    if (fstat(*fd, &st)) {
        e = file__error(path, "cannot write");
    } else if (!S_ISREG(st.st_mode)) {
        e = err_set(ERR_IO, "%s: cannot write: is %s, a file was expected", path,
                    file__kind(st.st_mode));
    }
    if (e) close(*fd);
    if (e) *fd = -1;
    return e;
}

err file_open_own(int *fd, const char *path) {
    return open_own(fd, path, O_RDWR);
}

err file_open_log(void **file, const char *path, bool keep) {
    int fd;
    *file = NULL;
    err e = keep ? ERR_OK : check_target(path);
    if (e || (!keep && (e = file_remove(path)))) return e;
    if ((e = open_own(&fd, path, O_WRONLY | O_APPEND | (keep ? 0 : O_EXCL)))) return e;
    if ((*file = fdopen(fd, "ab"))) return ERR_OK;
    e = file__error(path, "cannot write");
    close(fd);
    return e;
}

err file_remove(const char *path) {
    return unlink(path) && errno != ENOENT ? file__error(path, "cannot remove") : ERR_OK;
}

static err sync_path(const char *path, int flags) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    // a folder that may be written but not read can be neither opened nor synced
    if (fd < 0) return errno == EACCES ? ERR_OK : file__error(path, "cannot open");
    err e = ERR_OK;
    // some file systems refuse to sync a folder: the rename is then as durable as they make it
    if (file_sync(fd) && errno != EINVAL && errno != EROFS && errno != ENOTSUP && errno != EBADF)
        e = file__error(path, "cannot write");
    close(fd);
    return e;
}

err folder_sync(const char *path) {
    return sync_path(path, O_DIRECTORY);
}

err file_rename_durable(const char *from, const char *to) {
    char *source = NULL, *target = NULL;
    err e = sync_path(from, O_NOFOLLOW);
    if (e || (e = path_folder(&source, from)) || (e = path_folder(&target, to))) goto done;
    if (rename(from, to))
        e = err_set(ERR_IO, "%s: cannot rename to %s: %s", from, to, strerror(errno));
    else if (!(e = folder_sync(target)) && strcmp(source, target) != 0)
        e = folder_sync(source);
done:
    mem_free(source);
    mem_free(target);
    return e;
}

err folder_rename_durable(const char *from, const char *to) {
    return file_rename_durable(from, to);
}

err folder_exchange(const char *fresh, const char *place) {
    struct stat st;
    char *folder = NULL;
    if (lstat(place, &st)) return folder_rename_durable(fresh, place);
    err e = sync_path(fresh, O_DIRECTORY | O_NOFOLLOW);
    if (e || (e = path_folder(&folder, place))) return e;
    if (!renameat2(AT_FDCWD, fresh, AT_FDCWD, place, RENAME_EXCHANGE))
        e = folder_sync(folder);
    else if (errno == EINVAL || errno == ENOSYS)
        e = err_set(ERR_UNSUPPORTED, "%s: folders cannot be exchanged here", place);
    else
        e = err_set(ERR_IO, "%s: cannot rename to %s: %s", fresh, place, strerror(errno));
    mem_free(folder);
    return e;
}

err path_join(char **out, const char *a, const char *b) {
    size_t n = strlen(a);
    return mem_printf(out, n && a[n - 1] == '/' ? "%s%s" : "%s/%s", a, b);
}

err path_in(char out[PATH_MAX], const char *a, const char *b) {
    size_t n = strlen(a);
    int bytes = snprintf(out, PATH_MAX, n && a[n - 1] == '/' ? "%s%s" : "%s/%s", a, b);
    if (bytes >= 0 && bytes < PATH_MAX) return ERR_OK;
    return err_set(ERR_IO, "%s/%s: %s", a, b, strerror(ENAMETOOLONG));
}

const char *path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

err path_real_name(char **out, const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    *out = NULL;
    char *whole = NULL, *real = NULL;
    err e = mem_strndup(&whole, path, length);
    if (e) return e;
    const char *name = path_name(whole);
    if (!strcmp(name, ".") || !strcmp(name, "..")) real = realpath(path, NULL);
    e = mem_strdup(out, real && *path_name(real) ? path_name(real) : name);
    free(real);
    mem_free(whole);
    return e;
}

err path_folder(char **out, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return mem_strdup(out, ".");
    return mem_strndup(out, path, slash == path ? 1 : (size_t)(slash - path));
}
