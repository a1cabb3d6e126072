/* A courier: order, what waits, errors, stopping. */
#include "base/log.h"
#include "base/memory.h"
#include "support/must.h"
#include "train/step/courier.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum { PIECES = 100 };

typedef struct load {
    size_t carried[PIECES];
    atomic_size_t count;
    size_t fails_at;
    long ns; /* that a piece takes */
} load;

static err carry(void *context, size_t i) {
    load *l = context;
    const struct timespec t = {0, l->ns};
    if (l->ns) nanosleep(&t, NULL);
    l->carried[l->count++] = i;
    return i == l->fails_at ? err_set(ERR_DATA, "piece %zu", i) : ERR_OK;
}

static void open_courier(courier **c, load *l, size_t fails_at, long ns) {
    *l = (load){.fails_at = fails_at, .ns = ns};
    MUST(courier_open(c, carry, l));
    courier_begin(*c);
}

CleanTest(courier, carries_in_order_what_was_released) {
    courier *c;
    load l;
    open_courier(&c, &l, PIECES, 0);
    for (int list = 0; list < 3; list++) {
        l.count = 0;
        courier_begin(c);
        courier_release(c, 10);
        MUST(courier_wait(c));
        cr_assert_eq(l.count, 10);
        for (size_t n = 11; n <= PIECES; n++) courier_release(c, n);
        MUST(courier_wait(c));
        cr_assert_eq(l.count, PIECES);
        for (size_t i = 0; i < PIECES; i++) cr_assert_eq(l.carried[i], i);
    }
    courier_close(c);
    courier_close(NULL);
}

/* Some are waited for while others are still on their way. */
Test(courier, waits_for_the_first_pieces_alone) {
    courier *c;
    load l;
    open_courier(&c, &l, PIECES, 10000000);
    courier_release(c, PIECES);
    MUST(courier_wait_for(c, 3));
    size_t count = l.count;
    cr_expect(count >= 3 && count < PIECES, "%zu", count);
    courier_stop(c);
    MUST(courier_wait_for(c, count));
    courier_close(c);
    open_courier(&c, &l, 5, 0);
    courier_release(c, PIECES);
    MUST_FAIL(courier_wait_for(c, 8), ERR_DATA, "piece 5");
    courier_close(c);
}

/* Its message comes with it, nothing behind it is carried, and the next list begins anew. */
Test(courier, brings_an_error_to_the_thread_that_waits) {
    courier *c;
    load l;
    open_courier(&c, &l, 5, 0);
    courier_release(c, PIECES);
    MUST_FAIL(courier_wait(c), ERR_DATA, "piece 5");
    cr_assert_eq(l.count, 6);
    err_clear();
    MUST_FAIL(courier_wait(c), ERR_DATA, "piece 5");
    l.fails_at = PIECES;
    courier_begin(c);
    courier_release(c, 2);
    MUST(courier_wait(c));
    cr_assert_eq(l.count, 8);
    courier_close(c);
}

/* What is being carried is waited for, so that nobody else is in the group meanwhile. */
Test(courier, stops_behind_the_piece_at_work) {
    courier *c;
    load l;
    open_courier(&c, &l, PIECES, 20000000);
    courier_release(c, PIECES);
    double begin = clock_seconds();
    while (!l.count && clock_seconds() - begin < 60) {
    }
    courier_stop(c);
    size_t count = l.count;
    cr_assert(count >= 1 && count < PIECES, "%zu", count);
    const struct timespec t = {0, 100000000};
    nanosleep(&t, NULL);
    cr_assert_eq(l.count, count);
    courier_close(c);
}

/* Signals are for the thread that opened it, as before. */
Test(courier, leaves_signals_to_the_thread_that_opened_it) {
    courier *c;
    load l;
    sigset_t before, after;
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    open_courier(&c, &l, PIECES, 0);
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int s = 1; s < 32; s++) cr_expect_eq(sigismember(&after, s), sigismember(&before, s));
    courier_close(c);
}
