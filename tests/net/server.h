/* A small http server on this machine for tests of downloads: it does what the test's handler does,
 * one connection at a time, in a thread of the test. Every wait in it is bounded. */
#ifndef TESTS_DATA_SERVER_H
#define TESTS_DATA_SERVER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct server_request {
    char method[8];
    char path[512];
    char token[64]; /* after "Authorization: Bearer ", or empty */
    long long from; /* first byte of the range asked for, -1 without one */
    unsigned nth;   /* of this path, from 1 */
} server_request;

typedef struct server server;

/* Answers one request by writing to fd; the connection is closed when it returns. */
typedef void (*server_handler)(server *s, int fd, const server_request *r, void *user);

server *server_start(server_handler handler, void *user);
void server_stop(server *s);

/* "http://127.0.0.1:PORT" + path; borrowed until the next call but seven. */
const char *server_url(const server *s, const char *path);

/* Requests so far for a path. */
unsigned server_count(server *s, const char *path);

/* Writes all bytes, as far as the other side takes them. */
void server_write(int fd, const void *bytes, size_t count);
/* "HTTP/1.1 <head>\r\n\r\n" with printf. */
void server_head(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sleeps, but not past server_stop. */
void server_sleep(server *s, unsigned ms);

#endif
