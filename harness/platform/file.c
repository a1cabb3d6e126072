#define _GNU_SOURCE /* renameat2 */
#include "platform/file.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static err io_error(const char *path, const char *what) {
    return err_set(ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

err file_read(void **bytes, size_t *count, const char *path, size_t limit_bytes) {
    err e = ERR_OK;
    char *block = NULL;
    size_t used = 0, capacity = 0;
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f) return io_error(path, "cannot open");
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        e = err_set(ERR_IO, "%s: is a folder, a file was expected", path);
        goto done;
    }
    if (st.st_size > 0 && (!limit_bytes || (uint64_t)st.st_size <= limit_bytes)) {
        if ((e = mem_grow((void **)&block, &capacity, (size_t)st.st_size + 2, 1))) goto done;
    }
    for (;;) {
        if ((e = mem_grow((void **)&block, &capacity, used + 2, 1))) goto done;
        size_t got = fread(block + used, 1, capacity - used - 1, f);
        if (!got) break;
        used += got;
        if (limit_bytes && used > limit_bytes) {
            e = err_set(ERR_FORMAT, "%s: larger than the %zu bytes allowed", path, limit_bytes);
            goto done;
        }
    }
    if (ferror(f)) {
        e = io_error(path, "cannot read");
        goto done;
    }
    block[used] = '\0';
    *bytes = block;
    *count = used;
    block = NULL;
done:
    fclose(f);
    mem_free(block);
    return e;
}

err file_writer_begin(file_writer *w, const char *path) {
    *w = (file_writer){0};
    err e;
    if ((e = mem_strdup(&w->path, path))) return e;
    if ((e = mem_printf(&w->temporary, "%s.%ld.tmp", path, (long)getpid()))) goto fail;
    w->file = fopen(w->temporary, "wb");
    if (!w->file) {
        e = io_error(w->temporary, "cannot write");
        goto fail;
    }
    return ERR_OK;
fail:
    file_writer_abort(w);
    return e;
}

err file_writer_add(file_writer *w, const void *bytes, size_t count) {
    if (count && fwrite(bytes, 1, count, (FILE *)w->file) != count) {
        return io_error(w->temporary, "cannot write");
    }
    return ERR_OK;
}

static err sync_folder_of(const char *path) {
    char *folder;
    const char *slash = strrchr(path, '/');
    err e =
        slash ? mem_strndup(&folder, path, (size_t)(slash - path) + 1) : mem_strdup(&folder, ".");
    if (e) return e;
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    // some file systems refuse to sync a folder: the rename is then as durable as they make it
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    mem_free(folder);
    return ERR_OK;
}

static err commit(file_writer *w, bool durable) {
    err e = ERR_OK;
    FILE *f = (FILE *)w->file;
    if (fflush(f) || (durable && fsync(fileno(f)))) e = io_error(w->temporary, "cannot write");
    if (fclose(f) && !e) e = io_error(w->temporary, "cannot write");
    w->file = NULL;
    if (!e && rename(w->temporary, w->path)) e = io_error(w->path, "cannot write");
    if (!e) {
        mem_free(w->temporary);
        w->temporary = NULL;
        if (durable) e = sync_folder_of(w->path);
    }
    file_writer_abort(w);
    return e;
}

err file_writer_commit(file_writer *w) {
    return commit(w, true);
}

void file_writer_abort(file_writer *w) {
    if (w->file) fclose((FILE *)w->file);
    if (w->temporary) unlink(w->temporary);
    mem_free(w->temporary);
    mem_free(w->path);
    *w = (file_writer){0};
}

static err write_whole(const char *path, const void *bytes, size_t count, bool durable) {
    file_writer w;
    err e = file_writer_begin(&w, path);
    if (e) return e;
    if ((e = file_writer_add(&w, bytes, count))) {
        file_writer_abort(&w);
        return e;
    }
    return commit(&w, durable);
}

err file_write(const char *path, const void *bytes, size_t count) {
    return write_whole(path, bytes, count, true);
}

err file_write_quick(const char *path, const void *bytes, size_t count) {
    return write_whole(path, bytes, count, false);
}

bool file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool folder_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

err file_size(uint64_t *bytes, const char *path) {
    struct stat st;
    if (stat(path, &st)) return io_error(path, "cannot read");
    *bytes = (uint64_t)st.st_size;
    return ERR_OK;
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
            e = io_error(copy, "cannot make folder");
            break;
        }
        *p = end;
        if (!end) break;
    }
    mem_free(copy);
    if (!e && !folder_exists(path)) e = err_set(ERR_IO, "%s: exists and is no folder", path);
    return e;
}

err folder_check_writable(const char *path) {
    err e = folder_make(path);
    if (e) return e;
    char *probe;
    if ((e = mem_printf(&probe, "%s/.probe.%ld", path, (long)getpid()))) return e;
    int fd = open(probe, O_CREAT | O_WRONLY | O_EXCL, 0666);
    if (fd < 0) {
        e = io_error(path, "folder is not writable");
    } else {
        close(fd);
        unlink(probe);
    }
    mem_free(probe);
    return e;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

err folder_remove(const char *path) {
    if (!folder_exists(path)) return ERR_OK;
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS)) return io_error(path, "cannot remove");
    return ERR_OK;
}

err folder_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return io_error(path, "cannot open folder");
    // some file systems refuse to sync a folder: its names are then as durable as they make them
    (void)fsync(fd);
    close(fd);
    return ERR_OK;
}

err folder_exchange(const char *fresh, const char *place) {
    struct stat st;
    bool is_there = lstat(place, &st) == 0;
    if (!renameat2(AT_FDCWD, fresh, AT_FDCWD, place, is_there ? RENAME_EXCHANGE : 0)) return ERR_OK;
    if (is_there && (errno == EINVAL || errno == ENOSYS))
        return err_set(ERR_UNSUPPORTED, "%s: folders cannot be exchanged here", place);
    return err_set(ERR_IO, "%s: cannot rename to %s: %s", fresh, place, strerror(errno));
}

err folder_free_bytes(uint64_t *bytes, const char *path) {
    struct statvfs st;
    if (statvfs(path, &st)) return io_error(path, "cannot read free space");
    *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return ERR_OK;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

err folder_list_read(folder_list *list, const char *path) {
    *list = (folder_list){0};
    err e = ERR_OK;
    size_t capacity = 0;
    DIR *d = opendir(path);
    if (!d) return io_error(path, "cannot open folder");
    for (struct dirent *entry; (entry = readdir(d));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if ((e = mem_grow((void **)&list->names, &capacity, list->count + 1, sizeof(char *))))
            break;
        if ((e = mem_strdup(&list->names[list->count], entry->d_name))) break;
        list->count++;
    }
    closedir(d);
    if (e) {
        folder_list_free(list);
    } else if (list->count) {
        qsort(list->names, list->count, sizeof(char *), by_bytes);
    }
    return e;
}

void folder_list_free(folder_list *list) {
    for (size_t i = 0; i < list->count; i++) mem_free(list->names[i]);
    mem_free(list->names);
    *list = (folder_list){0};
}

/* "record.json.4711.tmp", as file_writer_begin names it */
static bool is_temporary(const char *name) {
    static const char ending[] = ".tmp";
    size_t n = strlen(name), tail = sizeof ending - 1;
    if (n < tail || strcmp(name + n - tail, ending) != 0) return false;
    size_t digits = 0, end = n - tail;
    while (digits < end && name[end - digits - 1] >= '0' && name[end - digits - 1] <= '9') digits++;
    return digits > 0 && digits + 1 < end && name[end - digits - 1] == '.';
}

err folder_clear_temporary(const char *path) {
    folder_list list = {0};
    err e = folder_list_read(&list, path);
    for (size_t i = 0; !e && i < list.count; i++) {
        char *file = NULL;
        if (!is_temporary(list.names[i])) continue;
        e = path_join(&file, path, list.names[i]);
        if (!e && file_exists(file) && unlink(file) && errno != ENOENT)
            e = io_error(file, "cannot remove");
        mem_free(file);
    }
    folder_list_free(&list);
    return e;
}

err path_join(char **out, const char *a, const char *b) {
    size_t n = strlen(a);
    return mem_printf(out, n && a[n - 1] == '/' ? "%s%s" : "%s/%s", a, b);
}

const char *path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
