#include "train/group/threads.h"

#include "base/log.h"
#include "base/memory.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double look_s = 0.25; // between two looks at the others

/* What the threads share. An exchange is two meetings: once all have shown what they send, each
 * copies what is for it; once all have copied, they go on. */
typedef struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    uint32_t size, arrived;
    uint64_t round;
    transport_limits limits;
    bool is_over;
    const transport_piece **sent; /* (size) owned */
    transport *transports;        /* (size) */
    transport_look *looks;        /* (size) owned */
    uint32_t hung;                /* a rank; size: none */
} meeting;

static bool somebody_hangs(meeting *m) {
    double at = clock_seconds();
    for (uint32_t r = 0; m->limits.silence > 0 && r < m->size; r++)
        if (transport_hangs(&m->looks[r], &m->transports[r], m->limits.silence, at)) m->hung = r;
    return m->hung < m->size;
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
    while (!m->is_over && m->round == round && clock_seconds() < end && !somebody_hangs(m)) {
        double next = fmin(end, clock_seconds() + look_s), whole = floor(next);
        const struct timespec t = {(time_t)whole, (long)((next - whole) * 1e9)};
        pthread_cond_timedwait(&m->came, &m->mutex, &t);
        own->looks++;
    }
    own->waits = false;
    if (m->round == round) m->is_over = true;
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
        snprintf(text, TRANSPORT_TEXT_BYTES,
                 "rank %u hangs: it did nothing for %.0f s and waited for nobody", m->hung,
                 m->looks[m->hung].last - m->looks[m->hung].since);
    else
        snprintf(text, TRANSPORT_TEXT_BYTES, "another thread of the group did not come in time");
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

err threads_open(transport *transports, uint32_t size, const transport_limits *limits) {
    meeting *m = NULL;
    pthread_condattr_t monotonic;
    err e = mem_new(&m, 1);
    if (e) return e;
    if ((e = mem_new(&m->sent, size)) || (e = mem_new(&m->looks, size))) {
        free_meeting(m);
        return e;
    }
    m->size = m->hung = size;
    m->limits = *limits;
    m->transports = transports;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->came, &monotonic);
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
    return ERR_OK;
}

void threads_close(transport *transports) {
    meeting *m = transports[0].impl;
    pthread_cond_destroy(&m->came);
    pthread_mutex_destroy(&m->mutex);
    free_meeting(m);
    transports[0].impl = NULL;
}
