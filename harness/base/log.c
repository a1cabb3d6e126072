#define _DEFAULT_SOURCE
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool is_quiet, line_shown;
static double last_shown;
static char progress_prefix[128];

void log_set_progress_prefix(const char *text) {
    snprintf(progress_prefix, sizeof progress_prefix, "%s", text);
}

void log_set_quiet(bool quiet) {
    is_quiet = quiet;
}
bool log_is_quiet(void) {
    return is_quiet;
}

bool log_is_terminal(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
}

bool log_wants_color(void) {
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

size_t log_columns(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) return size.ws_col;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) return size.ws_col;
    return 80;
}

void log_progress_end(void) {
    if (!line_shown) return;
    fputs("\r\033[K", stderr);
    line_shown = false;
}

void log_note(const char *format, ...) {
    if (is_quiet) return;
    log_progress_end();
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void log_warn(const char *format, ...) {
    log_progress_end();
    fputs("warning: ", stderr);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void log_progress(const char *format, ...) {
    if (is_quiet || !log_is_terminal()) return;
    double now = clock_seconds();
    if (line_shown && now - last_shown < 0.1) return;
    last_shown = now;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "\r\033[K%s%s", progress_prefix, line);
    fflush(stderr);
    line_shown = true;
}

double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
