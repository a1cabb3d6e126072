/* Open files by their numbers: reading, writing, waiting, whether two are one file; and the standard
 * streams. What a name stands for is platform/file.h's. Where one fails, errno says why. */
#ifndef HARNESS_PLATFORM_STREAM_H
#define HARNESS_PLATFORM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the standard streams. */
enum { STREAM_IN, STREAM_OUT, STREAM_ERRORS };

/* A standard stream that is closed is held by one that fails as it would, since the next file that is
 * opened would get its number; a pipe that nobody reads and a limit on file sizes become errors of
 * writing. pre: called once, by main, before anything is opened. */
void streams_begin(void);

bool stream_is_terminal(int fd);
/* 0: no terminal, or one that does not tell. */
size_t stream_columns(int fd);

/* Reads what is there, waiting for the first byte; *count is 0 at the end. False: *count is 0. */
bool stream_read(size_t *count, int fd, void *bytes, size_t size);
/* Reads once, and a signal ends it too (errno is EINTR). */
bool stream_read_once(size_t *count, int fd, void *bytes, size_t size);
/* Writes all; returns how many bytes were written, less than count where writing failed. */
size_t stream_write(int fd, const void *bytes, size_t count);
void stream_close(int fd);

/* Whether something can be read, or the end is there, within so many ms: 1; 0: not; -1: a signal
 * came, or another fault. */
int stream_await(int fd, int most_ms);
/* Whether nobody reads the pipe any more. */
bool stream_reader_left(int fd);

/* How far it was read or written; -1: it has no places. */
int64_t stream_place(int fd);
/* Cuts the file behind so many bytes; writing goes on there. */
bool stream_cut(int fd, int64_t bytes);
bool stream_bytes(uint64_t *bytes, int fd);

/* Whether both are one regular file. */
bool stream_same(int a, int b);
/* The same of the file that the path leads to. */
bool stream_is_file(int fd, const char *path);
/* Whether the path is a name of the file, of any kind, and no link to it. */
bool stream_is_named(int fd, const char *path);

/* A FILE * that writes into *text (freed with free; whole when the stream is closed), or NULL. */
void *stream_into(char **text, size_t *bytes);
/* Where a FILE * stands, as stream_place; and its way there, 0 where it arrived. */
int64_t stream_file_place(void *file);
int stream_file_seek(void *file, uint64_t place);

#endif
