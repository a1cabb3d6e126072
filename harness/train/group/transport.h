/* How the ranks of a group reach each other: what group.h is built on, and what a plugin gives.
 *
 * Plain C without the program's errors and memory: a plugin (mpi/plugin.c) is built once for each
 * MPI and is linked to that MPI, not to the program, which loads it only under a launcher. Calls
 * come from one thread at a time: where takes_threads is false, from the one that opened it. */
#ifndef HARNESS_TRAIN_GROUP_TRANSPORT_H
#define HARNESS_TRAIN_GROUP_TRANSPORT_H

#include "platform/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TRANSPORT_VERSION = 6, TRANSPORT_TEXT_BYTES = 256 };

/* Bytes to one rank or from it. */
typedef struct transport_piece {
    void *data;
    size_t bytes;
} transport_piece;

/* How a rank that gets on shows it. */
typedef enum transport_watch {
    WATCH_BEGIN,   /* it makes ready, reads, downloads: any processor time of its thread grows */
    WATCH_BUILD,   /* a driver builds what the first work needs: processor time, or work, grows */
    WATCH_LEARN,   /* as WATCH_BUILD, and it is seen how long work takes */
    WATCH_HOST,    /* its thread reads, computes or writes: its processor time grows */
    WATCH_WORK,    /* its device computes: work grows */
    WATCH_WAIT,    /* it waits for others: looks grow */
    WATCH_OUTSIDE, /* it waits for what gives no sign: left alone */
    WATCH_KINDS
} transport_watch;

typedef struct transport transport;
struct transport {
    uint32_t rank, size;
    char engine[128]; /* "Open MPI v4.1.4" */
    void *impl;
    int takes_threads;
    /* What others may see of this rank at any moment. */
    _Atomic transport_watch watch;        /* while it does not wait */
    const _Atomic uint64_t *_Atomic work; /* or NULL */
    thread_clock thread;    /* processor time of the thread that is this rank; 0: not yet known */
    atomic_bool waits;      /* in exchange */
    atomic_bool outside;    /* base/outside.h */
    _Atomic uint64_t looks; /* of exchange, at whether the others have come */
    /* Sends send[r] to every rank r and receives receive[r] from it (both (size); its own pieces
     * are left alone), and gives the core away while it waits. Every rank knows the sizes of all
     * that it receives. Not 0: a rank is lost, or the limit of waiting was reached, as text says;
     * nothing more can be exchanged. */
    int (*exchange)(transport *t, const transport_piece *send, const transport_piece *receive,
                    char text[TRANSPORT_TEXT_BYTES]);
    /* The end of a group whose ranks are all there. An engine that does not come to its own end in
     * time is not waited for: the process ends with this exit code. */
    void (*close)(transport *t, int code);
    /* Ends every rank with this exit code, as well as the engine can. May not come back. */
    void (*abort)(transport *t, int code);
};

/* Seconds. */
typedef struct transport_limits {
    double silence; /* without a sign of life of a rank, or of its work; 0: no look */
    double waiting; /* in one exchange */
} transport_limits;

/* What was seen of a rank's work, in seconds of one clock. */
typedef struct transport_look {
    transport_watch watch;
    uint64_t done;
    double since;                /* it stands still */
    double last;                 /* look */
    double longest[WATCH_KINDS]; /* that it stood still and went on */
    uint64_t own, work, spent;   /* its thread's ns and its work last seen, ns that last counted */
    double quiet;                /* since the last sign of life */
    double still;                /* s, as the last look has it */
} transport_look;

static inline uint64_t transport_done(const transport *t, transport_watch watch) {
    const _Atomic uint64_t *work = t->work;
    if (watch == WATCH_WAIT) return t->looks;
    if (watch == WATCH_HOST) return thread_spent(t->thread);
    return watch == WATCH_WORK && work ? *work : 0;
}

/* Whether anything at all goes on. A thread that is woken for the next bytes has a little processor
 * time each time; at a driver, which may poll a device that hangs, and of other threads, which may take
 * some without work, it has to be more. Little is enough: on a busy machine who builds may hardly get
 * a turn. */
static inline bool transport_lives(transport_look *l, const transport *t, transport_watch said,
                                   uint64_t helpers) {
    const uint64_t much_ns = 5000000;
    uint64_t own = thread_spent(t->thread), work = transport_done(t, WATCH_WORK);
    bool much = own + helpers > l->spent + much_ns;
    bool lives = much || work != l->work || (said == WATCH_BEGIN && own != l->own);
    if (much) l->spent = own + helpers;
    l->own = own;
    l->work = work;
    return lives || said > WATCH_LEARN;
}

/* Looks at a rank, every second or more often. True: it hangs. It stood still for longer than `silence`
 * and twice the longest that it did before and went on: slow work is none that hangs. Where nothing is
 * known yet of how long it takes, it gave no sign of life at all for longer than `silence`. After a
 * longer time without a look it begins anew. A sync, outside, sleeps while the disk takes what it can,
 * and cannot be told from one that never ends: the others wait for it until their limit.
 *   helpers  processor time, ns, of threads that may work for the rank: those of drivers, of OpenMP */
static inline bool transport_hangs(transport_look *l, const transport *t, double silence, double at,
                                   uint64_t helpers) {
    transport_watch said = t->waits ? WATCH_WAIT : t->outside ? WATCH_OUTSIDE : t->watch;
    transport_watch watch = said == WATCH_LEARN ? WATCH_WORK : said;
    uint64_t done = transport_done(t, watch);
    double still = at - l->since, *longest = &l->longest[l->watch];
    bool goes_on = watch != l->watch || done != l->done, is_known = at - l->last <= 5;
    bool is_at_ease = watch <= WATCH_LEARN || watch == WATCH_OUTSIDE;
    if (transport_lives(l, t, said, helpers) || !is_known) l->quiet = at;
    // a step's work ends where waiting begins
    if (goes_on && is_known && still > *longest) *longest = still;
    if (goes_on || !is_known || is_at_ease) l->since = at;
    l->watch = watch;
    l->done = done;
    l->last = at;
    l->still = at - (said <= WATCH_LEARN ? l->quiet : l->since);
    return l->still > silence + (said <= WATCH_LEARN ? 0 : 2 * l->longest[watch]);
}

/* Of a rank that reached the limit of waiting. */
static inline void transport_tell_late(char text[TRANSPORT_TEXT_BYTES], uint32_t rank,
                                       double waiting) {
    snprintf(text, TRANSPORT_TEXT_BYTES, "rank %u did not come within %g s (HARNESS_GROUP_WAIT)",
             rank, waiting);
}

/* The one symbol of a plugin, "harness_transport_open". version: TRANSPORT_VERSION of the program;
 * t->rank: the process' number, as far as its launcher tells it. Not 0: text says why. */
typedef int transport_open(transport *t, uint32_t version, const transport_limits *limits,
                           char text[TRANSPORT_TEXT_BYTES]);

#endif
