/* Files and folders: whole reads, atomic writes, paths. All paths are UTF-8 as the user typed them.
 */
#ifndef HARNESS_PLATFORM_FILE_H
#define HARNESS_PLATFORM_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a whole file into *bytes (owned, mem_free), with a 0 byte after the last that is not
 * counted. Errors: ERR_IO naming the path; ERR_FORMAT when it is larger than limit_bytes (0 = no
 * limit). */
err file_read(void **bytes, size_t *count, const char *path, size_t limit_bytes) MUST_CHECK;

/* Writes atomically: temporary file in the same folder, fsync, rename. What stood there stays whole
 * until the new content is on the disk. Errors: ERR_IO naming the path. */
err file_write(const char *path, const void *bytes, size_t count) MUST_CHECK;

/* The same without waiting for the disk: readers see the old content or the new, a power cut may
 * leave neither. For many files that can be made again. */
err file_write_quick(const char *path, const void *bytes, size_t count) MUST_CHECK;

/* The same for content that is streamed: write to w->file, then commit; abort removes the temporary
 * file and is harmless after commit. */
typedef struct file_writer {
    void *file;      /* FILE * */
    char *path;      /* owned */
    char *temporary; /* owned */
} file_writer;
err file_writer_begin(file_writer *w, const char *path) MUST_CHECK;
err file_writer_add(file_writer *w, const void *bytes, size_t count) MUST_CHECK;
err file_writer_commit(file_writer *w) MUST_CHECK;
void file_writer_abort(file_writer *w);

bool file_exists(const char *path); /* a regular file */
bool folder_exists(const char *path);
err file_size(uint64_t *bytes, const char *path) MUST_CHECK;
err folder_make(const char *path) MUST_CHECK;           /* with its parents; fine if it exists */
err folder_check_writable(const char *path) MUST_CHECK; /* makes it, writes and removes a probe */
err folder_remove(const char *path) MUST_CHECK;         /* with all it holds; fine if absent */
/* Waits until the names in the folder are on the disk: what was renamed there stays renamed. */
err folder_sync(const char *path) MUST_CHECK;
/* Moves the folder `fresh` to `place` at once: whoever looks sees what was there before or the new
 * one. What was at `place`, if anything, is then at `fresh`. Errors: ERR_UNSUPPORTED when the file
 * system cannot exchange folders; ERR_IO. */
err folder_exchange(const char *fresh, const char *place) MUST_CHECK;
err folder_free_bytes(uint64_t *bytes, const char *path) MUST_CHECK;
/* Removes what killed processes left of files they were writing (NAME.<process id>.tmp), in the
 * folder alone and not below it. pre: no other process writes there. */
err folder_clear_temporary(const char *path) MUST_CHECK;

/* Names in a folder but "." and "..", in byte order. Owned: folder_list_free. */
typedef struct folder_list {
    char **names;
    size_t count;
} folder_list;
err folder_list_read(folder_list *list, const char *path) MUST_CHECK;
void folder_list_free(folder_list *list);

/* "a/b"; *out is owned. */
err path_join(char **out, const char *a, const char *b) MUST_CHECK;
/* The part after the last '/'; borrowed from path. */
const char *path_name(const char *path);

#endif
