#include "platform/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void streams_begin(void) {
    for (int fd = STREAM_IN; fd <= STREAM_ERRORS; fd++)
        if (fcntl(fd, F_GETFD) == -1) (void)open("/dev/null", fd ? O_RDONLY : O_WRONLY);
    // a run is finished all the same
    signal(SIGPIPE, SIG_IGN);
    // what was written so far is taken away
    signal(SIGXFSZ, SIG_IGN);
}

bool stream_read_once(size_t *count, int fd, void *bytes, size_t size) {
    ssize_t n = read(fd, bytes, size);
    *count = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

bool stream_read(size_t *count, int fd, void *bytes, size_t size) {
    bool done;
    do done = stream_read_once(count, fd, bytes, size);
    while (!done && errno == EINTR);
    return done;
}

size_t stream_write(int fd, const void *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t n = write(fd, (const char *)bytes + done, count - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        done += (size_t)n;
    }
    return done;
}

void stream_close(int fd) {
    close(fd);
}

int stream_await(int fd, int most_ms) {
    struct pollfd in = {.fd = fd, .events = POLLIN};
    int n = poll(&in, 1, most_ms);
    return n > 0 ? 1 : n;
}

bool stream_reader_left(int fd) {
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

int64_t stream_place(int fd) {
    return lseek(fd, 0, SEEK_CUR);
}

bool stream_cut(int fd, int64_t bytes) {
    return !ftruncate(fd, bytes) && lseek(fd, bytes, SEEK_SET) >= 0;
}

bool stream_bytes(uint64_t *bytes, int fd) {
    struct stat st;
    if (fstat(fd, &st)) return false;
    *bytes = (uint64_t)st.st_size;
    return true;
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool stream_same(int a, int b) {
    struct stat x, y;
    return !fstat(a, &x) && !fstat(b, &y) && S_ISREG(x.st_mode) && is_same(&x, &y);
}

bool stream_is_file(int fd, const char *path) {
    struct stat x, y;
    return !fstat(fd, &x) && !stat(path, &y) && S_ISREG(x.st_mode) && is_same(&x, &y);
}

bool stream_is_named(int fd, const char *path) {
    struct stat x, y;
    return !fstat(fd, &x) && !lstat(path, &y) && is_same(&x, &y);
}

void *stream_into(char **text, size_t *bytes) {
    return open_memstream(text, bytes);
}

int64_t stream_file_place(void *file) {
    return ftello(file);
}

int stream_file_seek(void *file, uint64_t place) {
    return fseeko(file, (off_t)place, SEEK_SET);
}
