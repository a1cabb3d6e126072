#define _GNU_SOURCE // dladdr
#include "platform/crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { FRAMES_MAX = 128 };

static crash_told *tell;
static const char *between;

static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };
static struct sigaction before[SIGNAL_COUNT];

static bool begins(const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    return !strncmp(slash ? slash + 1 : path, name, strlen(name));
}

/* The file that is mapped at an address, by the kernel's list: the loader's own may be broken too. NULL:
 * none. Borrowed until the next call. */
static const char *mapped_file(const void *address) {
    static char line[4096];
    size_t used = 0;
    char c, *end;
    const char *found = NULL;
    int fd = open("/proc/self/maps", O_RDONLY);
    while (!found && fd >= 0 && read(fd, &c, 1) == 1) {
        if (c != '\n' && used < sizeof line - 1) line[used++] = c;
        if (c != '\n') continue;
        line[used] = '\0';
        used = 0;
        uintptr_t at = (uintptr_t)address, from = strtoul(line, &end, 16);
        if (at >= from && at < strtoul(end + 1, NULL, 16)) found = strchr(line, '/');
    }
    if (fd >= 0) close(fd);
    return found;
}

/* The last of the stack's before it comes to `between` or this program, since libraries of the
 * called one's own may lie between. */
const char *crash_culprit(void) {
    static const char *const plain[] = {"libc.so",  "libpthread", "ld-linux",
                                        "libgcc_s", "libvdso.so", "linux-vdso",
                                        "libasan",  "libm.so",    "libstdc++.so"};
    void *frames[FRAMES_MAX];
    Dl_info own, at;
    const char *found = NULL;
    int count = backtrace(frames, FRAMES_MAX);
    if (!dladdr((void *)(uintptr_t)crash_culprit, &own)) return NULL;
    for (int i = 0, inside = 0; i < count; i++) {
        if (!dladdr(frames[i], &at) || !at.dli_fname) {
            if (!found) found = mapped_file(frames[i]);
            continue;
        }
        bool is_own = at.dli_fbase == own.dli_fbase, skip = begins(at.dli_fname, between);
        if (is_own && !inside) continue; // the handler
        inside = 1;
        if (is_own || (found && skip)) break;
        for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
            skip = skip || begins(at.dli_fname, plain[k]);
        if (!skip) found = at.dli_fname;
    }
    return found;
}

void crash_say(const char *text) {
    ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n;
}

static void on_signal(int number) {
    char how[] = "signal 00", *digit = how + 7;
    if (number >= 10) *digit++ = (char)('0' + number / 10);
    *digit++ = (char)('0' + number % 10);
    *digit = '\0';
    (void)tell(how);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &before[i], NULL);
    raise(number); // comes when this handler returns
}

static void on_exit_inside(void) {
    if (tell("exit")) _exit(EXIT_FAILURE);
}

static void on_alarm(int number) {
    (void)number;
    (void)tell("no answer");
    _exit(EXIT_FAILURE);
}

void crash_bound(double seconds) {
    static bool is_set;
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval due = {.it_value = {.tv_sec = (time_t)seconds}};
    if (seconds <= 0 && !is_set) return; // the alarm may be another's
    is_set = seconds > 0;
    due.it_value.tv_usec = (suseconds_t)((seconds - (double)due.it_value.tv_sec) * 1e6);
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &due, NULL);
}

void crash_watch(crash_told *told, const char *through) {
    void *frame[1];
    struct sigaction action = {.sa_handler = on_signal};
    tell = told;
    between = through;
    (void)backtrace(frame, 1); // loads its library now, not in the handler
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &action, &before[i]);
    if (atexit(on_exit_inside)) return; // one message less
}
