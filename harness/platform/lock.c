#define _GNU_SOURCE // F_OFD_SETLK
#include "platform/lock.h"

#include "platform/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int lock_open(const char *path, lock_way way) {
    int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    if (way == LOCK_MAKE) flags |= O_CREAT;
    return open(path, flags | (way == LOCK_LOOK ? O_RDONLY : O_RDWR), 0666);
}

lock_state lock_take(int fd) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (!fcntl(fd, F_OFD_SETLK, &whole)) return LOCK_TAKEN;
    return errno == EACCES || errno == EAGAIN ? LOCK_HELD : LOCK_NONE;
}

bool lock_is_held(int fd) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return !fcntl(fd, F_OFD_GETLK, &whole) && whole.l_type != F_UNLCK;
}

void lock_sign(int fd, const char *text) {
    size_t n = strlen(text);
    if (ftruncate(fd, 0) || pwrite(fd, text, n, 0) != (ssize_t)n) (void)!ftruncate(fd, 0);
}

bool lock_take_download(int fd, bool waits) {
    int failed = 0;
    do failed = flock(fd, LOCK_EX | (waits ? 0 : LOCK_NB));
    while (failed && waits && errno == EINTR);
    return !failed;
}

int lock_folder(const char *path, bool *alone) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    *alone = fd >= 0 && lock_take_download(fd, false);
    if (fd >= 0 && !*alone) lock_folder_share(fd);
    return fd;
}

void lock_folder_share(int fd) {
    enum { TRIES = 200 };
    for (int i = 0; i < TRIES && flock(fd, LOCK_SH | LOCK_NB); i++) {
        if (errno != EWOULDBLOCK && errno != EINTR) return;
        clock_pause(0.05);
    }
}
