#include "train/group/threads.h"

#include "base/log.h"
#include "base/memory.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double look_s = 0.25; // between two looks at the others
static const double alone_s = 12;  // in which a rank that waits tells of one that hangs

/* What the threads share. An exchange is two meetings: once all have shown what they send, each
 * copies what is for it; once all have copied, they go on. */
typedef struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t came, ended;
    pthread_t watcher; /* with limits.silence */
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
    uint64_t all = transport_spent(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t known = transport_spent(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t r = 0; r < m->size; r++) known += transport_spent(m->transports[r].thread);
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
static void wait_a_look(meeting *m, pthread_cond_t *what, double end) {
    double next = fmin(end, clock_seconds() + look_s), whole = floor(next);
    const struct timespec t = {(time_t)whole, (long)((next - whole) * 1e9)};
    pthread_cond_timedwait(what, &m->mutex, &t);
}

/* Where all hang, or wait for what one that hangs holds, none of them looks or tells. */
static void *watch(void *context) {
    meeting *m = context;
    char text[TRANSPORT_TEXT_BYTES];
    double end = INFINITY;
    pthread_mutex_lock(&m->mutex);
    while (!m->ends && clock_seconds() < end) {
        wait_a_look(m, &m->ended, INFINITY);
        if (m->is_over || !somebody_hangs(m)) continue;
        end = clock_seconds() + alone_s;
        m->is_over = true;
        pthread_cond_broadcast(&m->came);
    }
    bool is_alone = !m->ends;
    pthread_mutex_unlock(&m->mutex);
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
        pthread_cond_broadcast(&m->came);
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
    if (m->is_over) pthread_cond_broadcast(&m->came);
    return !m->is_over;
}

static int exchange(transport *t, const transport_piece *send, const transport_piece *receive,
                    char text[TRANSPORT_TEXT_BYTES]) {
    meeting *m = t->impl;
    int failed = 0;
    pthread_mutex_lock(&m->mutex);
    m->sent[t->rank] = send;
    bool all = wait_for_all(m, t->rank);
    pthread_mutex_unlock(&m->mutex);
    for (uint32_t r = 0; all && r < t->size; r++) {
        const transport_piece *from = &m->sent[r][t->rank];
        if (r == t->rank) continue;
        if (from->bytes != receive[r].bytes)
            failed = 1;       // the others may have got all of theirs: they meet once more
        else if (from->bytes) // of nothing there need not be a place
            memcpy(receive[r].data, from->data, from->bytes);
    }
    pthread_mutex_lock(&m->mutex);
    if (failed) m->is_over = true;
    all = all && wait_for_all(m, t->rank);
    pthread_mutex_unlock(&m->mutex);
    if (all) return 0;
    if (m->hung < m->size)
        tell_hung(text, m);
    else if (m->late < m->size)
        transport_tell_late(text, m->late, m->limits.waiting);
    else
        snprintf(text, TRANSPORT_TEXT_BYTES, "another thread of the group has given up");
    return 1;
}

static void close_thread(transport *t) {
    (void)t;
}

/* Who waits, and who comes, finds that it is over. */
static void give_up(transport *t, int code) {
    meeting *m = t->impl;
    (void)code;
    pthread_mutex_lock(&m->mutex);
    m->is_over = true;
    pthread_cond_broadcast(&m->came);
    pthread_mutex_unlock(&m->mutex);
}

static void free_meeting(meeting *m) {
    mem_free(m->sent);
    mem_free(m->looks);
    mem_free(m);
}

static bool begin_watch(meeting *m) {
    // signals are for the thread that trains
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool runs = !pthread_create(&m->watcher, NULL, watch, m);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return runs;
}

err threads_open(transport *transports, uint32_t size, const transport_limits *limits) {
    meeting *m = NULL;
    pthread_condattr_t monotonic;
    err e = mem_new(&m, 1);
    if (e) return e;
    if ((e = mem_new(&m->sent, size)) || (e = mem_new(&m->looks, size))) {
        free_meeting(m);
        return e;
    }
    m->size = m->hung = m->late = size;
    m->limits = *limits;
    m->transports = transports;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->came, &monotonic);
    pthread_cond_init(&m->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (uint32_t r = 0; r < size; r++)
        transports[r] = (transport){.rank = r,
                                    .size = size,
                                    .engine = "threads",
                                    .takes_threads = 1,
                                    .impl = m,
                                    .exchange = exchange,
                                    .close = close_thread,
                                    .abort = give_up};
    if (limits->silence <= 0 || begin_watch(m)) return ERR_OK;
    m->limits.silence = 0;
    threads_close(transports);
    return err_set(ERR_MEMORY, "cannot start a further thread");
}

void threads_close(transport *transports) {
    meeting *m = transports[0].impl;
    pthread_mutex_lock(&m->mutex);
    m->ends = true;
    pthread_cond_broadcast(&m->ended);
    pthread_mutex_unlock(&m->mutex);
    if (m->limits.silence > 0) pthread_join(m->watcher, NULL);
    pthread_cond_destroy(&m->came);
    pthread_cond_destroy(&m->ended);
    pthread_mutex_destroy(&m->mutex);
    free_meeting(m);
    transports[0].impl = NULL;
}
