/* Drivers are other people's code in this process: one that aborts, crashes or exits takes the
 * program with it. What can be done is to say which one it was, and how to do without it. */
#define _GNU_SOURCE // dladdr
#include "compute/vulkan/vulkan_internal.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES_MAX = 128, DRIVERS_BYTES = 700 };

static const char *_Atomic doing; // NULL: no driver is at work
static char drivers[DRIVERS_BYTES];

static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };
static struct sigaction before[SIGNAL_COUNT];

static bool begins(const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    return !strncmp(slash ? slash + 1 : path, name, strlen(name));
}

/* The library that the loader or this program had called when the signal came, or NULL: the last of
 * the stack's before it comes to them, since libraries of the driver's own may lie between. */
static const char *culprit(void) {
    static const char *const plain[] = {"libc.so",  "libpthread", "ld-linux",
                                        "libgcc_s", "libvdso.so", "linux-vdso",
                                        "libasan",  "libm.so",    "libstdc++.so"};
    void *frames[FRAMES_MAX];
    Dl_info own, at;
    const char *found = NULL;
    int count = backtrace(frames, FRAMES_MAX);
    if (!dladdr((void *)(uintptr_t)culprit, &own)) return NULL;
    for (int i = 0, inside = 0; i < count; i++) {
        if (!dladdr(frames[i], &at) || !at.dli_fname) continue;
        bool is_own = at.dli_fbase == own.dli_fbase, skip = false;
        if (is_own && !inside) continue; // the handler
        inside = 1;
        if (is_own || (found && begins(at.dli_fname, "libvulkan.so"))) break;
        for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
            skip = skip || begins(at.dli_fname, plain[k]);
        if (!skip && !begins(at.dli_fname, "libvulkan.so")) found = at.dli_fname;
    }
    return found;
}

static void say(const char *text) {
    ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n;
}

/* Nothing here takes memory: the heap may be what broke. */
static void tell(const char *what, const char *how) {
    const char *library = culprit();
    if (!library && what == vulkan__at_work) return; // this program's own fault
    say("harness: ");
    say(library ? "the Vulkan driver " : "a Vulkan driver");
    say(library ? library : "");
    say(" ended the program (");
    say(how);
    say(") while ");
    say(what);
    say("; drivers: ");
    say(drivers);
    say("; `harness VERB --device cpu` does without Vulkan\n");
}

const char vulkan__at_work[] = "a Vulkan device was at work";

static void on_signal(int number) {
    char how[] = "signal 00", *digit = how + 7;
    const char *what = atomic_exchange(&doing, NULL);
    if (number >= 10) *digit++ = (char)('0' + number / 10);
    *digit++ = (char)('0' + number % 10);
    *digit = '\0';
    if (what) tell(what, how);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &before[i], NULL);
    raise(number); // comes when this handler returns
}

static void on_exit_inside(void) {
    const char *what = atomic_exchange(&doing, NULL);
    if (!what || what == vulkan__at_work) return;
    tell(what, "exit");
    _exit(EXIT_FAILURE); // whatever it gave: nothing was done
}

static void install(void) {
    static bool is_installed;
    void *frame[1];
    struct sigaction action = {.sa_handler = on_signal};
    if (is_installed) return;
    is_installed = true;
    vulkan__drivers(drivers, sizeof drivers);
    (void)backtrace(frame, 1); // loads its library now, not in the handler
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &action, &before[i]);
    if (atexit(on_exit_inside)) return; // one message less
}

const char *vulkan__guard(const char *what) {
    install();
    return atomic_exchange(&doing, what);
}
