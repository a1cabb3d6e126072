#include "train/interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t seen;
static unsigned depth; /* of nested begins */
static struct sigaction before[2];
static const int signals[2] = {SIGINT, SIGTERM};

static void on_signal(int number) {
    (void)number;
    seen = 1;
}

void interrupt_begin(void) {
    if (depth++) return;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    // a second signal finds the default action again
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
    sigemptyset(&action.sa_mask);
    seen = 0;
    for (int i = 0; i < 2; i++) sigaction(signals[i], &action, &before[i]);
}

void interrupt_end(void) {
    if (--depth) return;
    for (int i = 0; i < 2; i++) sigaction(signals[i], &before[i], NULL);
}

bool interrupt_seen(void) {
    return seen != 0;
}
