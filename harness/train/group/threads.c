#include "train/group/threads.h"

#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/thread.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const double look_s = 0.25; // between two looks at the others
static const double alone_s = 12;  // in which a rank that waits tells of one that hangs

/* What the threads share. An exchange is two meetings: once all have shown what they send, each
 * copies what is for it; once all have copied, they go on. */
typedef struct meeting {
    mutex mutex;
    condition came, ended;
    thread watcher; /* with limits.silence */
    uint32_t size, arrived;
    uint64_t round;
    transport_limits limits;
    bool is_over, ends;
    const transport_piece **sent; /* (size) owned */
    transport *transports;        /* (size) */
    transport_look *looks;        /* (size) owned */
    uint32_t hung, late;          /* a rank; size: none */
} meeting;

/* Processor time of the threads that are no ranks, nor this one. */
static uint64_t helpers_spent(const meeting *m) {
    uint64_t all = thread_spent(THREAD_CLOCK_ALL);
    uint64_t known = thread_spent(THREAD_CLOCK_OWN);
    for (uint32_t r = 0; r < m->size; r++) known += thread_spent(m->transports[r].thread);
    return all > known ? all - known : 0;
}

static bool somebody_hangs(meeting *m) {
    double at = clock_seconds();
    uint64_t helpers = helpers_spent(m);
    for (uint32_t r = 0; r < m->size; r++)
        if (transport_hangs(&m->looks[r], &m->transports[r], m->limits.silence, at, helpers))
            m->hung = r;
    return m->hung < m->size;
}

static void tell_hung(char text[TRANSPORT_TEXT_BYTES], const meeting *m) {
    snprintf(text, TRANSPORT_TEXT_BYTES,
             "rank %u hangs: it did nothing for %.0f s and waited for nobody", m->hung,
             m->looks[m->hung].still);
}

/* pre: the mutex is held. Until then, or the next look. */
static void wait_a_look(meeting *m, condition *what, double end) {
    condition_wait_until(what, &m->mutex, fmin(end, clock_seconds() + look_s));
}

/* Where all hang, or wait for what one that hangs holds, none of them looks or tells. */
static void *watch(void *context) {
    meeting *m = context;
    char text[TRANSPORT_TEXT_BYTES];
    double end = INFINITY;
    mutex_take(&m->mutex);
    while (!m->ends && clock_seconds() < end) {
        wait_a_look(m, &m->ended, INFINITY);
        if (m->is_over || !somebody_hangs(m)) continue;
        end = clock_seconds() + alone_s;
        m->is_over = true;
        condition_wake_all(&m->came);
    }
    bool is_alone = !m->ends;
    mutex_give(&m->mutex);
    if (!is_alone) return NULL;
    tell_hung(text, m);
    fprintf(stderr, "harness: %s\n", text);
    m->transports->abort(m->transports, 1);
    return NULL;
}

/* Who has not come to the others that wait. */
static uint32_t find_late(const meeting *m) {
    uint32_t r = 0;
    while (r < m->size && m->transports[r].waits) r++;
    return r;
}

/* pre: the mutex is held. False: somebody did not come in time, or never will. */
static bool wait_for_all(meeting *m, uint32_t rank) {
    uint64_t round = m->round;
    double end = clock_seconds() + m->limits.waiting;
    transport *own = &m->transports[rank];
    own->waits = true;
    if (++m->arrived == m->size) {
        m->arrived = 0;
        m->round++;
        condition_wake_all(&m->came);
    }
    while (!m->is_over && m->round == round && clock_seconds() < end) {
        wait_a_look(m, &m->came, end);
        own->looks++;
    }
    if (m->round == round && !m->is_over) {
        m->late = find_late(m);
        m->is_over = true;
    }
    own->waits = false;
    if (m->is_over) condition_wake_all(&m->came);
    return !m->is_over;
}

static int exchange(transport *t, const transport_piece *send, const transport_piece *receive,
                    char text[TRANSPORT_TEXT_BYTES]) {
    meeting *m = t->impl;
    int failed = 0;
    mutex_take(&m->mutex);
    m->sent[t->rank] = send;
    bool all = wait_for_all(m, t->rank);
    mutex_give(&m->mutex);
    for (uint32_t r = 0; all && r < t->size; r++) {
        const transport_piece *from = &m->sent[r][t->rank];
        if (r == t->rank) continue;
        if (from->bytes != receive[r].bytes)
            failed = 1;       // the others may have got all of theirs: they meet once more
        else if (from->bytes) // of nothing there need not be a place
            memcpy(receive[r].data, from->data, from->bytes);
    }
    mutex_take(&m->mutex);
    if (failed) m->is_over = true;
    all = all && wait_for_all(m, t->rank);
    mutex_give(&m->mutex);
    if (all) return 0;
    if (m->hung < m->size)
        tell_hung(text, m);
    else if (m->late < m->size)
        transport_tell_late(text, m->late, m->limits.waiting);
    else
        snprintf(text, TRANSPORT_TEXT_BYTES, "another thread of the group has given up");
    return 1;
}

static void close_thread(transport *t, int code) {
    (void)t;
    (void)code;
}

/* Who waits, and who comes, finds that it is over. */
static void give_up(transport *t, int code) {
    meeting *m = t->impl;
    (void)code;
    mutex_take(&m->mutex);
    m->is_over = true;
    condition_wake_all(&m->came);
    mutex_give(&m->mutex);
}

static void free_meeting(meeting *m) {
    mem_free(m->sent);
    mem_free(m->looks);
    mem_free(m);
}

err threads_open(transport *transports, uint32_t size, const transport_limits *limits) {
    meeting *m = NULL;
    err e = mem_new(&m, 1);
    if (e) return e;
    if ((e = mem_new(&m->sent, size)) || (e = mem_new(&m->looks, size))) {
        free_meeting(m);
        return e;
    }
    m->size = m->hung = m->late = size;
    m->limits = *limits;
    m->transports = transports;
    mutex_init(&m->mutex);
    condition_init(&m->came);
    condition_init(&m->ended);
    for (uint32_t r = 0; r < size; r++)
        transports[r] = (transport){.rank = r,
                                    .size = size,
                                    .engine = "threads",
                                    .takes_threads = 1,
                                    .impl = m,
                                    .exchange = exchange,
                                    .close = close_thread,
                                    .abort = give_up};
    if (limits->silence <= 0 || thread_begin(&m->watcher, watch, m)) return ERR_OK;
    m->limits.silence = 0;
    threads_close(transports);
    return err_set(ERR_MEMORY, "cannot start a further thread");
}

void threads_close(transport *transports) {
    meeting *m = transports[0].impl;
    mutex_take(&m->mutex);
    m->ends = true;
    condition_wake_all(&m->ended);
    mutex_give(&m->mutex);
    if (m->limits.silence > 0) thread_join(m->watcher);
    condition_free(&m->came);
    condition_free(&m->ended);
    mutex_free(&m->mutex);
    free_meeting(m);
    transports[0].impl = NULL;
}
