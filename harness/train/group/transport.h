/* How the ranks of a group reach each other: what group.h is built on, and what a plugin gives.
 *
 * Plain C without the program's errors and memory: a plugin (mpi/plugin.c) is built once for each
 * MPI and is linked to that MPI, not to the program, which loads it only under a launcher. Calls
 * come from one thread at a time: where takes_threads is false, from the one that opened it. */
#ifndef HARNESS_TRAIN_GROUP_TRANSPORT_H
#define HARNESS_TRAIN_GROUP_TRANSPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { TRANSPORT_VERSION = 5, TRANSPORT_TEXT_BYTES = 256 };

/* Bytes to one rank or from it. */
typedef struct transport_piece {
    void *data;
    size_t bytes;
} transport_piece;

/* How a rank that gets on shows it. */
typedef enum transport_watch {
    WATCH_NONE,  /* it may take its time, and nobody looks */
    WATCH_LEARN, /* as WATCH_WORK, to see how long it takes: it never hangs */
    WATCH_HOST,  /* its thread reads, computes or writes: its processor time grows */
    WATCH_WORK,  /* its device computes: work grows */
    WATCH_WAIT,  /* it waits for others: looks grow */
    WATCH_KINDS
} transport_watch;

typedef struct transport transport;
struct transport {
    uint32_t rank, size;
    char engine[128]; /* "Open MPI v4.1.4" */
    void *impl;
    int takes_threads;
    /* What others may see of this rank at any moment. */
    _Atomic transport_watch watch; /* while it does not wait */
    const _Atomic uint64_t *_Atomic work;
    clockid_t thread;       /* processor time of the thread that is this rank */
    atomic_bool waits;      /* in exchange */
    atomic_bool syncs;      /* waits for a disk: file_show_sync */
    _Atomic uint64_t looks; /* of exchange, at whether the others have come */
    /* Sends send[r] to every rank r and receives receive[r] from it (both (size); its own pieces
     * are left alone), and gives the core away while it waits. Every rank knows the sizes of all
     * that it receives. Not 0: a rank is lost, or the limit of waiting was reached, as text says;
     * nothing more can be exchanged. */
    int (*exchange)(transport *t, const transport_piece *send, const transport_piece *receive,
                    char text[TRANSPORT_TEXT_BYTES]);
    /* The end of a group whose ranks are all there. */
    void (*close)(transport *t);
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
} transport_look;

static inline uint64_t transport_done(const transport *t, transport_watch watch) {
    const _Atomic uint64_t *work = t->work;
    struct timespec spent = {0, 0};
    if (watch == WATCH_WAIT) return t->looks;
    if (watch == WATCH_WORK) return *work;
    if (watch == WATCH_HOST) clock_gettime(t->thread, &spent);
    return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

/* Looks at a rank, every second or more often. True: it hangs. It stood still for longer than `silence`
 * and twice the longest that it did before and went on: slow work is none that hangs. After a longer
 * time without a look it begins anew. A sync sleeps while the disk takes what it can, and cannot be told
 * from one that never ends: the others wait for it until their limit. */
static inline bool transport_hangs(transport_look *l, const transport *t, double silence,
                                   double at) {
    transport_watch said = t->waits ? WATCH_WAIT : t->syncs ? WATCH_NONE : t->watch;
    transport_watch watch = said == WATCH_LEARN ? WATCH_WORK : said;
    uint64_t done = transport_done(t, watch);
    double still = at - l->since, *longest = &l->longest[l->watch];
    bool goes_on = watch != l->watch || done != l->done, is_known = at - l->last <= 5;
    // a step's work ends where waiting begins
    if (goes_on && is_known && still > *longest) *longest = still;
    if (goes_on || !is_known || watch == WATCH_NONE) l->since = at;
    l->watch = watch;
    l->done = done;
    l->last = at;
    return said > WATCH_LEARN && at - l->since > silence + 2 * l->longest[watch];
}

/* The one symbol of a plugin, "harness_transport_open". version: TRANSPORT_VERSION of the program;
 * t->rank: the process' number, as far as its launcher tells it. Not 0: text says why. */
typedef int transport_open(transport *t, uint32_t version, const transport_limits *limits,
                           char text[TRANSPORT_TEXT_BYTES]);

#endif
