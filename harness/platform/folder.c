#define _GNU_SOURCE
#include "base/memory.h"
#include "base/order.h"
#include "platform/file.h"
#include "platform/file_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { DEPTH_MAX = 64, TRIES = 16, RANDOM_DIGITS = 16 };
static const char temporary_start[] = ".harness-", temporary_end[] = ".tmp";

bool folder_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool folder_is_own(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

err folder_make(const char *path) {
    char *copy;
    err e = mem_strdup(&copy, path);
    if (e) return e;
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/') continue;
        char end = *p;
        *p = '\0';
        if (*copy && mkdir(copy, 0777) && errno != EEXIST) {
            e = file__error(copy, "cannot make folder");
            break;
        }
        *p = end;
        if (!end) break;
    }
    mem_free(copy);
    if (!e && !folder_exists(path)) e = err_set(ERR_IO, "%s: exists and is no folder", path);
    return e;
}

/* What stands there has to be a folder, and no link to one. */
static err check_own(const char *path, const struct stat *st) {
    if (S_ISDIR(st->st_mode)) return ERR_OK;
    return err_set(ERR_IO, "%s: cannot make folder: %s stands there", path,
                   S_ISREG(st->st_mode) ? "a file" : file__kind(st->st_mode));
}

err folder_make_own(const char *path) {
    struct stat st;
    if (!mkdir(path, 0777)) return ERR_OK;
    if (errno != EEXIST || lstat(path, &st)) return file__error(path, "cannot make folder");
    return check_own(path, &st);
}

static err check_if_there(const char *path) {
    struct stat st;
    return lstat(path, &st) ? ERR_OK : check_own(path, &st);
}

/* Goes down from `top`, whose part of the path stays out, to the path itself. */
static err each_below(const char *top, const char *path, err (*visit)(const char *)) {
    char *copy = NULL;
    err e = mem_strdup(&copy, path);
    if (e) return e;
    for (char *p = copy + strlen(top); *p && !e;) {
        p += strspn(p, "/");
        if (!*p) break;
        p += strcspn(p, "/");
        char end = *p;
        *p = '\0';
        e = visit(copy);
        *p = end;
    }
    mem_free(copy);
    return e;
}

err folder_check_below(const char *top, const char *path) {
    return each_below(top, path, check_if_there);
}

err folder_make_below(const char *top, const char *path) {
    err e = folder_make(top);
    return e ? e : each_below(top, path, folder_make_own);
}

err file__temporary(int *fd, char **path, const char *folder) {
    unsigned long long number;
    err e = ERR_OK;
    *fd = -1;
    *path = NULL;
    for (int tries = 0; *fd < 0 && tries < TRIES; tries++) {
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
            return file__error(folder, "no random name");
        if ((e = mem_printf(path, "%s/%s%016llx%s", folder, temporary_start, number,
                            temporary_end)))
            return e;
        *fd = open(*path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (*fd >= 0) return ERR_OK;
        int why = errno;
        mem_free(*path);
        *path = NULL;
        errno = why;
        if (errno != EEXIST) break;
    }
    return err_set(ERR_IO, "%s: cannot write: %s", folder, strerror(errno));
}

bool file_is_temporary(const char *name) {
    size_t start = sizeof temporary_start - 1;
    return !strncmp(name, temporary_start, start) &&
           strspn(name + start, "0123456789abcdef") == RANDOM_DIGITS &&
           !strcmp(name + start + RANDOM_DIGITS, temporary_end);
}

err folder_check_writable(const char *path) {
    char *probe = NULL, *there = NULL;
    int fd;
    struct stat st;
    err e = mem_strdup(&there, path);
    // the folder, or the lowest one above it that is there
    while (!e && strcmp(there, ".") && lstat(there, &st) && errno == ENOENT) {
        char *above = NULL;
        e = path_folder(&above, there);
        mem_free(there);
        there = above;
    }
    if (e || (e = file__temporary(&fd, &probe, there))) {
        if (e == ERR_IO) e = file__error(path, "folder is not writable");
        goto done;
    }
    close(fd);
    e = file_remove(probe);
done:
    mem_free(probe);
    mem_free(there);
    return e;
}

err folder_clear_temporary(const char *path) {
    folder_list list = {0};
    struct stat st;
    err e = folder_list_read(&list, path);
    int fd = e ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!e && fd < 0) e = file__error(path, "cannot open folder");
    for (size_t i = 0; !e && i < list.count; i++) {
        const char *name = list.names[i];
        if (!file_is_temporary(name) || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode))
            continue;
        if (unlinkat(fd, name, 0) && errno != ENOENT)
            e = err_set(ERR_IO, "%s/%s: cannot remove: %s", path, name, strerror(errno));
    }
    if (fd >= 0) close(fd);
    folder_list_free(&list);
    return e;
}

/* Removes the entry `name` of the open folder. Every step goes by the descriptor of the folder it
 * is in, so that nobody can put a link in the way meanwhile. On failure errno says why. */
static bool remove_entry(int folder, const char *name, int depth);

static bool remove_inside(int fd, int depth) {
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return false;
    }
    bool good = true;
    for (struct dirent *entry; good;) {
        errno = 0; // readdir tells its end from a fault by it
        if (!(entry = readdir(d))) break;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        good = remove_entry(dirfd(d), entry->d_name, depth);
    }
    int why = errno;
    closedir(d);
    errno = why;
    return !why;
}

static bool remove_entry(int folder, const char *name, int depth) {
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT;
    if (!S_ISDIR(st.st_mode)) return !unlinkat(folder, name, 0) || errno == ENOENT;
    if (depth == DEPTH_MAX) {
        errno = ELOOP;
        return false;
    }
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool readable = fd >= 0 || errno != EACCES;
    if (fd >= 0 ? !remove_inside(fd, depth + 1) : readable) return false;
    // an empty folder can be removed where it cannot be read
    if (!unlinkat(folder, name, AT_REMOVEDIR)) return true;
    if (!readable) errno = EACCES;
    return false;
}

err folder_remove(const char *path) {
    char *plain = NULL;
    struct stat st;
    err e = mem_strdup(&plain, path);
    if (e) return e;
    // with a '/' behind its name a link would be followed
    for (size_t n = strlen(plain); n > 1 && plain[n - 1] == '/'; n--) plain[n - 1] = '\0';
    if (!lstat(plain, &st) && S_ISREG(st.st_mode)) {
        e = err_set(ERR_IO, "%s: cannot remove: is a file, a folder was expected", path);
    } else if (!remove_entry(AT_FDCWD, plain, 0)) {
        e = errno == ELOOP ? err_set(ERR_IO, "%s: cannot remove: nested deeper than %d folders",
                                     path, DEPTH_MAX)
                           : file__error(path, "cannot remove");
    }
    mem_free(plain);
    return e;
}

err folder_free_bytes(uint64_t *bytes, const char *path) {
    struct statvfs st;
    if (statvfs(path, &st)) return file__error(path, "cannot read free space");
    *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return ERR_OK;
}

err folder_list_read(folder_list *list, const char *path) {
    *list = (folder_list){.folder = path};
    err e = ERR_OK;
    size_t capacity = 0;
    DIR *d = opendir(path);
    if (!d) return file__error(path, "cannot open folder");
    for (struct dirent *entry; (entry = readdir(d));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if ((e = mem_grow((void **)&list->names, &capacity, list->count + 1, sizeof(char *))))
            break;
        if ((e = mem_strdup(&list->names[list->count], entry->d_name))) break;
        list->count++;
    }
    closedir(d);
    if (e)
        folder_list_free(list);
    else if (list->count)
        qsort(list->names, list->count, sizeof(char *), order_text);
    return e;
}

bool folder_next(folder_list *list, err *e) {
    mem_free(list->path);
    list->path = NULL;
    if (*e || list->next == list->count) return false;
    list->name = list->names[list->next++];
    *e = path_join(&list->path, list->folder, list->name);
    return !*e;
}

void folder_list_free(folder_list *list) {
    mem_free(list->path);
    for (size_t i = 0; i < list->count; i++) mem_free(list->names[i]);
    mem_free(list->names);
    *list = (folder_list){0};
}

static err add_bytes(uint64_t *bytes, const char *path, int depth) {
    folder_list names = {0};
    struct stat st;
    if (lstat(path, &st)) return ERR_OK; // gone meanwhile
    if (S_ISREG(st.st_mode)) *bytes += (uint64_t)st.st_size;
    if (!S_ISDIR(st.st_mode)) return ERR_OK;
    if (depth == DEPTH_MAX)
        return err_set(ERR_IO, "%s: nested deeper than %d folders", path, DEPTH_MAX);
    err e = folder_list_read(&names, path);
    while (folder_next(&names, &e)) e = add_bytes(bytes, names.path, depth + 1);
    folder_list_free(&names);
    return e;
}

err folder_add_bytes(uint64_t *bytes, const char *path) {
    return add_bytes(bytes, path, 0);
}
