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

enum { TRANSPORT_VERSION = 3, TRANSPORT_TEXT_BYTES = 256 };

/* Bytes to one rank or from it. */
typedef struct transport_piece {
    void *data;
    size_t bytes;
} transport_piece;

typedef struct transport transport;
struct transport {
    uint32_t rank, size;
    char engine[128]; /* "Open MPI v4.1.4" */
    void *impl;
    int takes_threads;
    /* Grows while this rank gets on; NULL: it may take its time, and nobody looks. */
    const _Atomic uint64_t *_Atomic work;
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
    uint64_t work;
    double since;   /* it stands still */
    double last;    /* look */
    double longest; /* that it stood still and went on */
} transport_look;

/* Looks at a rank that does not wait for others, every second or more often. True: it hangs. It stood
 * still for longer than `silence` and twice the longest that it did before and went on: slow work is
 * none that hangs. After a longer time without a look it begins anew. */
static inline bool transport_hangs(transport_look *l, const transport *t, double silence,
                                   double at) {
    const _Atomic uint64_t *work = t->work;
    uint64_t done = work ? *work : 0;
    bool is_fresh = !work || at - l->last > 5;
    if (!is_fresh && done != l->work && at - l->since > l->longest) l->longest = at - l->since;
    if (is_fresh || done != l->work) l->since = at;
    l->work = done;
    l->last = at;
    return at - l->since > silence + 2 * l->longest;
}

/* The one symbol of a plugin, "harness_transport_open". version: TRANSPORT_VERSION of the program.
 * Not 0: text says why. */
typedef int transport_open(transport *t, uint32_t version, const transport_limits *limits,
                           char text[TRANSPORT_TEXT_BYTES]);

#endif
