#include "train/group/threads.h"

#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What the threads share. An exchange is two meetings: once all have shown what they send, each
 * copies what is for it; once all have copied, they go on. */
typedef struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    uint32_t size, arrived;
    uint64_t round;
    double waiting;
    bool is_over;
    const transport_piece **sent; /* (size) owned */
} meeting;

/* pre: the mutex is held. False: somebody did not come in time, or never will. */
static bool wait_for_all(meeting *m, double waiting) {
    uint64_t round = m->round;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)waiting;
    end.tv_nsec += (long)((waiting - (double)(time_t)waiting) * 1e9);
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    if (++m->arrived == m->size) {
        m->arrived = 0;
        m->round++;
        pthread_cond_broadcast(&m->came);
    }
    while (!m->is_over && m->round == round)
        if (pthread_cond_timedwait(&m->came, &m->mutex, &end) == ETIMEDOUT) break;
    if (m->round == round) m->is_over = true;
    if (m->is_over) pthread_cond_broadcast(&m->came);
    return !m->is_over;
}

static int exchange(transport *t, const transport_piece *send, const transport_piece *receive,
                    char text[TRANSPORT_TEXT_BYTES]) {
    meeting *m = t->impl;
    double waiting = transport_waiting(t, m->waiting);
    int failed = 0;
    pthread_mutex_lock(&m->mutex);
    m->sent[t->rank] = send;
    bool all = wait_for_all(m, waiting);
    pthread_mutex_unlock(&m->mutex);
    for (uint32_t r = 0; all && r < t->size; r++) {
        const transport_piece *from = &m->sent[r][t->rank];
        if (r == t->rank) continue;
        if (from->bytes != receive[r].bytes)
            failed = 1; // the others may have got all of theirs: they meet once more
        else
            memcpy(receive[r].data, from->data, from->bytes);
    }
    pthread_mutex_lock(&m->mutex);
    if (failed) m->is_over = true;
    all = all && wait_for_all(m, waiting);
    pthread_mutex_unlock(&m->mutex);
    if (all) return 0;
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

err threads_open(transport *transports, uint32_t size, double waiting) {
    meeting *m = NULL;
    pthread_condattr_t monotonic;
    err e = mem_new(&m, 1);
    if (e || (e = mem_new(&m->sent, size))) {
        mem_free(m);
        return e;
    }
    m->size = size;
    m->waiting = waiting;
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
    mem_free(m->sent);
    mem_free(m);
    transports[0].impl = NULL;
}
