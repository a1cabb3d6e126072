#define _XOPEN_SOURCE 700 // sigaltstack

#include "platform/interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t seen;
enum { SIGNALS = 4 };
static _Atomic unsigned depth; /* of nested begins, perhaps of several threads */
static struct sigaction before[SIGNALS];
static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};

/* The handler's own stack. oneDNN's matrix products keep their scratch below the stack pointer,
   farther than the 128 bytes that the x86-64 ABI leaves alone, so that a handler on the same stack
   would overwrite what the interrupted product goes on to use. Linux gives a signal of the process
   to its first thread, which is the one that trains, so that one stack is enough: further threads
   that train block the signals (train/group/launch.c). */
static _Alignas(16) unsigned char stack[1 << 16];
static stack_t stack_before;
static _Thread_local unsigned own_depth; /* of those of this thread */

/* Whether the signals come to this thread. */
static bool is_told(void) {
    sigset_t blocked;
    return !pthread_sigmask(SIG_BLOCK, NULL, &blocked) && !sigismember(&blocked, signals[0]);
}

static void on_signal(int number) {
    (void)number;
    seen = 1;
}

void interrupt_begin(void) {
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    if (!own_depth++ && is_told()) sigaltstack(&own, &stack_before);
    if (depth++) return;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    // a second signal finds the default action again
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART | SA_ONSTACK);
    sigemptyset(&action.sa_mask);
    seen = 0;
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &action, &before[i]);
        if (signals[i] == SIGHUP && before[i].sa_handler == SIG_IGN) // as nohup has it
            sigaction(SIGHUP, &before[i], NULL);
    }
}

void interrupt_end(void) {
    if (!--depth)
        for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &before[i], NULL);
    if (!--own_depth && is_told()) sigaltstack(&stack_before, NULL);
}

bool interrupt_seen(void) {
    return seen != 0;
}
