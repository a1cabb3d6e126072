#include "net/server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PATHS = 64 };

struct server {
    int listener;
    unsigned port;
    pthread_t thread;
    atomic_bool stop;
    server_handler handler;
    void *user;
    pthread_mutex_t mutex;
    struct {
        char path[512];
        unsigned count;
    } seen[PATHS];
};

void server_write(int fd, const void *bytes, size_t count) {
    const char *p = bytes;
    while (count) {
        ssize_t n = send(fd, p, count, MSG_NOSIGNAL);
        if (n <= 0) return;
        p += n;
        count -= (size_t)n;
    }
}

void server_head(int fd, const char *format, ...) {
    char text[2048] = "HTTP/1.1 ";
    va_list args;
    va_start(args, format);
    vsnprintf(text + 9, sizeof text - 32, format, args);
    va_end(args);
    strcat(text, "\r\nConnection: close\r\n\r\n");
    server_write(fd, text, strlen(text));
}

void server_sleep(server *s, unsigned ms) {
    for (unsigned i = 0; i < ms && !atomic_load(&s->stop); i += 10) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

static unsigned *count_of(server *s, const char *path) {
    for (size_t i = 0; i < PATHS; i++) {
        if (!s->seen[i].path[0]) snprintf(s->seen[i].path, sizeof s->seen[i].path, "%s", path);
        if (!strcmp(s->seen[i].path, path)) return &s->seen[i].count;
    }
    abort();
}

unsigned server_count(server *s, const char *path) {
    pthread_mutex_lock(&s->mutex);
    unsigned count = *count_of(s, path);
    pthread_mutex_unlock(&s->mutex);
    return count;
}

static void parse(server_request *r, char *text) {
    sscanf(text, "%7s %511s", r->method, r->path);
    r->from = -1;
    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
        if (!strncasecmp(line, "Range: bytes=", 13)) r->from = atoll(line + 13);
        if (!strncasecmp(line, "Authorization: Bearer ", 22)) {
            snprintf(r->token, sizeof r->token, "%s", line + 22);
        }
    }
}

static void serve(server *s, int fd) {
    char text[8192];
    size_t used = 0;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 5}, sizeof(struct timeval));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5}, sizeof(struct timeval));
    for (;;) {
        ssize_t n = recv(fd, text + used, sizeof text - used - 1, 0);
        if (n <= 0) return;
        used += (size_t)n;
        text[used] = '\0';
        if (strstr(text, "\r\n\r\n")) break;
        if (used == sizeof text - 1) return;
    }
    server_request r = {.from = -1};
    parse(&r, text);
    pthread_mutex_lock(&s->mutex);
    r.nth = ++*count_of(s, r.path);
    pthread_mutex_unlock(&s->mutex);
    s->handler(s, fd, &r, s->user);
}

static void *run(void *argument) {
    server *s = argument;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->listener, .events = POLLIN};
        if (poll(&p, 1, 20) <= 0) continue;
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0) continue;
        serve(s, fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

server *server_start(server_handler handler, void *user) {
    server *s = calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    cr_assert_not_null(s);
    s->handler = handler;
    s->user = user;
    pthread_mutex_init(&s->mutex, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(s->listener >= 0 && !bind(s->listener, (struct sockaddr *)&address, sizeof address) &&
              !listen(s->listener, 16) &&
              !getsockname(s->listener, (struct sockaddr *)&address, &size));
    s->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&s->thread, NULL, run, s), 0);
    return s;
}

void server_stop(server *s) {
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    close(s->listener);
    free(s);
}

const char *server_url(const server *s, const char *path) {
    static char urls[8][600];
    static unsigned next;
    char *url = urls[next++ % 8];
    snprintf(url, sizeof urls[0], "http://127.0.0.1:%u%s", s->port, path);
    return url;
}
