/* Files and folders: reading, atomic writes, paths. All paths are UTF-8 as the user typed them.
 *
 * Files that enter: only regular files are read. What a name stands for is asked for before
 * anything waits on it, so a FIFO, a device, a socket or a folder is refused by name at once; links
 * are followed. A Git LFS pointer is refused as what it is.
 *
 * Files that leave: links are never followed. A link that stands at the place of a file is
 * replaced, one inside a folder that is cleaned is removed, and what it leads to stays as it is. */
#ifndef HARNESS_PLATFORM_FILE_H
#define HARNESS_PLATFORM_FILE_H

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opens a regular file of at most limit_bytes (0 = no limit); *fd is closed by the caller (close),
 * *bytes (may be NULL) is its size now. Errors: ERR_IO naming the path; ERR_FORMAT when it is
 * larger or a Git LFS pointer. */
err file_open(int *fd, uint64_t *bytes, const char *path, uint64_t limit_bytes) MUST_CHECK;

/* The same as a stream, of any size: *file is a FILE *, closed with fclose. */
err file_open_stream(void **file, uint64_t *bytes, const char *path) MUST_CHECK;

/* Reads a whole file into *bytes (owned, mem_free), with a 0 byte after the last that is not
 * counted. Never takes more memory than the file has bytes, nor than the limit. Errors: those of
 * file_open. */
err file_read(void **bytes, size_t *count, const char *path, size_t limit_bytes) MUST_CHECK;

/* The same for a file that a person named: "-" is standard input, to its end, and once. What
 * messages call it is file_given_name. Errors: also ERR_USAGE when standard input was read
 * already. */
err file_read_given(void **bytes, size_t *count, const char *path, size_t limit_bytes) MUST_CHECK;
const char *file_given_name(const char *path);
bool file_is_input(const char *path); /* "-" */

bool file_exists(const char *path); /* a regular file, or a link to one */
bool file_is_own(const char *path); /* a regular file: not a link to one */
/* What stands there where a file is expected: "a folder", "a FIFO", "a link that leads nowhere"; NULL
 * for a file and for nothing. */
const char *file_other_kind(const char *path);

/* Anything of this name, also what cannot be read: a folder, a FIFO, a link that leads nowhere. For
 * files that may be absent but not ignored: reading refuses what is none. */
bool file_named(const char *path);
/* The same, but of a link what it leads to. */
bool path_is_there(const char *path);
/* A regular file without a byte; not a link to one. */
bool file_is_empty(const char *path);
/* When it was changed last, in seconds since 1970: a file, a folder, or a link itself; 0: it is not there. */
int64_t path_changed(const char *path);
err file_size(uint64_t *bytes, const char *path) MUST_CHECK;

/* Writes atomically: a temporary file of random name in the same folder, fsync, rename, fsync of
 * the folder. What stood there stays whole until the new content is on the disk. Errors: ERR_IO
 * naming the path, also when a device, FIFO, socket or folder stands there. */
err file_write(const char *path, const void *bytes, size_t count) MUST_CHECK;

/* The same, but a file that stands there already stays: then *stays is true, and nothing was
 * written. Of two processes that write one file at once, the second finds the first one's. */
err file_write_new(bool *stays, const char *path, const void *bytes, size_t count) MUST_CHECK;

/* The same without waiting for the disk: readers see the old content or the new, a power cut may
 * leave neither. For many files that can be made again. */
err file_write_quick(const char *path, const void *bytes, size_t count) MUST_CHECK;

/* The same for content that is streamed: write to w->file, then commit; abort removes the temporary
 * file and is harmless after commit. */
typedef struct file_writer {
    void *file;      /* FILE * */
    char *path;      /* owned */
    char *temporary; /* owned */
    size_t unsynced; /* bytes since the last part was put on the disk */
} file_writer;
err file_writer_begin(file_writer *w, const char *path) MUST_CHECK;
err file_writer_add(file_writer *w, const void *bytes, size_t count) MUST_CHECK;
err file_writer_commit(file_writer *w) MUST_CHECK;
void file_writer_abort(file_writer *w);
/* Puts what was written so far on the disk, still without the file's name. */
err file_writer_sync(file_writer *w) MUST_CHECK;

/* Writes a new file in its place, and on the disk: no other name stands in the folder before it does.
 * Errors: ERR_IO naming the path, also when anything stands there. */
err file_write_in_place(const char *path, const void *bytes, size_t count) MUST_CHECK;
/* Makes `path` a link with that text, in one step; what stood there is replaced. Errors: ERR_IO. */
err file_link(const char *target, const char *path) MUST_CHECK;

/* Opens a file of this program for reading and writing in place, made if absent: locks, downloads
 * that go on. Errors: ERR_IO naming the path, also when a link or no regular file stands there. */
err file_open_own(int *fd, const char *path) MUST_CHECK;

/* Opens a log: *file is a FILE * whose writes go to the end. keep: of the file that is there, as
 * file_open_own; else of a new file that takes its place. */
err file_open_log(void **file, const char *path, bool keep) MUST_CHECK;

/* Whether this program may write at the path: nothing is there, an empty file, or one that holds
 * `mark` (words that only this program writes) among its first 4096 bytes. For files of fixed names
 * in folders that may be another's; to be asked before anything is written. Errors: ERR_DATA, that
 * of file_refuse_strange; ERR_IO when it cannot be told or no file stands there. */
err file_check_own(const char *path, const char *mark) MUST_CHECK;
/* The one refusal to replace what another made. ERR_DATA naming it and the ways out. */
err file_refuse_strange(const char *path) MUST_CHECK;

/* Removes a file or a link, not what it leads to; fine if absent. */
err file_remove(const char *path) MUST_CHECK;
/* The same where it does not matter if it stays. Sets no message. */
void file_drop(const char *path);

/* fsync, outside of the program (base/outside.h); as it returns. */
int file_sync(int fd) MUST_CHECK;

/* Waits until the names in a folder are on the disk (a file system that cannot tell is taken at its
 * word). Errors: ERR_IO. */
err folder_sync(const char *path) MUST_CHECK;

/* Renames a complete folder or file: its content is synced, then it is renamed, then the folder it
 * goes to and the one it came from are synced. What stands at `to` is replaced when it is a file
 * (by a file) or an empty folder (by a folder). Errors: ERR_IO naming both. */
err folder_rename_durable(const char *from, const char *to) MUST_CHECK;
err file_rename_durable(const char *from, const char *to) MUST_CHECK;

/* Puts the complete folder `fresh` where `place` is, as durably; at no moment is nothing there.
 * What stood there, if anything, is then at `fresh`. Errors: ERR_UNSUPPORTED when the file system
 * cannot exchange folders; ERR_IO. */
err folder_exchange(const char *fresh, const char *place) MUST_CHECK;

bool folder_exists(const char *path); /* a folder, or a link to one */
/* A folder of this program's own: not a link to one. */
bool folder_is_own(const char *path);
/* What keeps the path from being read as a folder: folder_absent ("no such folder"), "not a folder" or the
 * system's words (borrowed until the next); NULL: nothing. */
const char *folder_fault(const char *path);
extern const char folder_absent[];
err folder_make(const char *path) MUST_CHECK;     /* with its parents; fine if it exists */
err folder_make_new(const char *path) MUST_CHECK; /* in one that is there; none may stand there */
/* Makes a folder in one that is there; fine if it exists, but not as a link: what is written into
 * it would land elsewhere. */
err folder_make_own(const char *path) MUST_CHECK;
/* Refuses what stands in the way of folder_make_below. Errors: ERR_IO naming it. */
err folder_check_below(const char *top, const char *path) MUST_CHECK;
/* Makes `top` as folder_make does (a link that a person put there is followed), and below it each
 * folder of `path`, as folder_make_own. pre: path is top, or begins with top and '/'. */
err folder_make_below(const char *top, const char *path) MUST_CHECK;
/* Whether the folder can be made and written to: a probe is written into it, or into the lowest
 * folder above it that is there, and removed. Leaves nothing. Errors: ERR_IO naming the path and
 * why. */
err folder_check_writable(const char *path) MUST_CHECK;
/* Removes a folder with all it holds; fine if absent. Links are removed, at the top and below it,
 * and never followed. Errors: ERR_IO, also for a folder nested deeper than 64. */
err folder_remove(const char *path) MUST_CHECK;
/* A folder that holds nothing; fine if absent. folder_drop: false where it stays, and no message. */
err folder_remove_empty(const char *path) MUST_CHECK;
bool folder_drop(const char *path);
err folder_free_bytes(uint64_t *bytes, const char *path) MUST_CHECK;
/* Whether it is the name of a file that this program is writing (.harness-<16 hexadecimal
 * digits>.tmp). */
bool file_is_temporary(const char *name);
/* Removes what killed processes left of such files, in the folder alone and not below it. pre: no other process writes there. */
err folder_clear_temporary(const char *path) MUST_CHECK;

/* Whether two paths lead to one file or folder, which is there. */
bool file_is_same(const char *a, const char *b);

/* The bytes of an open file, to be read alone; NULL: errno says why. */
void *file_map(int fd, size_t bytes);
void file_unmap(void *map, size_t bytes);

/* Names in a folder but "." and "..", in byte order. Owned: folder_list_free. */
typedef struct folder_list {
    char **names;
    size_t count, next;
    const char *folder, *name; /* borrowed from the caller, from names */
    char *path;                /* owned; NULL but between folder_next and its next call */
} folder_list;
/* path is borrowed until folder_list_free. */
err folder_list_read(folder_list *list, const char *path) MUST_CHECK;
/* Goes to the next entry: its name in list->name, in list->path with the folder before it. False at
 * the end, and when *e is an error or becomes one. */
bool folder_next(folder_list *list, err *e);
void folder_list_free(folder_list *list);

/* Adds the bytes of a file, or of all files below a folder. Links count nothing, and nothing is
 * followed; what is gone meanwhile counts nothing. Errors: ERR_IO, also for a folder nested deeper
 * than 64. */
err folder_add_bytes(uint64_t *bytes, const char *path) MUST_CHECK;

/* "a/b"; *out is owned. */
err path_join(char **out, const char *a, const char *b) MUST_CHECK;
/* The same in a place of the caller's, for a path that is used at once. Errors: ERR_IO where it is
 * longer than any path can be. */
err path_in(char out[PATH_MAX], const char *a, const char *b) MUST_CHECK;
/* The part after the last '/'; borrowed from path. */
const char *path_name(const char *path);
/* The same as a name, without slashes at its end: of "." or ".." that of the folder that it is, where that can be told; *out is
 * owned. */
err path_real_name(char **out, const char *path) MUST_CHECK;
/* Everything before that part, "." when there is none; *out is owned. */
err path_folder(char **out, const char *path) MUST_CHECK;
/* The absolute path without links, freed with free (the C library's); NULL where nothing is there, and errno
 * says why. */
char *path_real(const char *path);

#endif
