#define _DEFAULT_SOURCE // struct winsize
#include "platform/stream.h"

#include <sys/ioctl.h>
#include <unistd.h>

bool stream_is_terminal(int fd) {
    return isatty(fd);
}

size_t stream_columns(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}
