/* A group: the ranks that do one run together, each on a device of its own.
 *
 * Ranks are processes under a launcher (launch.h) or threads of one process (threads.h). All of
 * them call the same functions of this file in the same order. Each begins with a look at all
 * others: a rank that has failed (group_close with its error) makes every function here return that
 * error on all ranks, so that nobody waits for it. A rank that is lost is found by the transport.
 *
 * Results depend on the number of ranks alone, never on the engine: sums are added in the order of
 * the ranks, in f32, and only data moves in the engine.
 *
 * A group of one (NULL, or zeroed) exchanges nothing: every function is then the identity. */
#ifndef HARNESS_TRAIN_GROUP_GROUP_H
#define HARNESS_TRAIN_GROUP_GROUP_H

#include "base/err.h"
#include "base/hash.h"
#include "train/group/transport.h"

enum { GROUP_HOST_BYTES = 64 };

struct group {
    transport *transport; /* NULL: alone; borrowed */
    uint32_t rank, size;  /* alone: 0 and 0 */
    uint32_t host_rank;   /* among the ranks of this host */
    uint32_t sharers;     /* ranks of this host that may use the same cores, itself among them */
    char host[GROUP_HOST_BYTES];
    bool is_over; /* a rank failed, or is lost: nothing more is exchanged */
    bool is_lost;
    err heard;    /* by all ranks, of the one that failed and stays; is_over is then true too */
    float *spare; /* owned: what comes in while a sum is made */
    size_t spare_count;
    transport_piece *send, *receive; /* (size) owned */
    struct group_notice *notices;    /* (size) owned */
    size_t *bounds;                  /* (size + 1) owned */
    uint32_t division;               /* of what is exchanged next; 0: it is not divided */
    uint64_t bytes;                  /* received so far */
    double seconds;                  /* in exchanges so far, waiting included */
};

static inline bool group_is_alone(const struct group *g) {
    return !g || g->size < 2;
}
static inline uint32_t group_size(const struct group *g) {
    return group_is_alone(g) ? 1 : g->size;
}
/* Rank 0 writes files and talks; alone too. */
static inline bool group_writes(const struct group *g) {
    return !g || g->rank == 0;
}

/* What a rank is, told before all else. */
typedef struct group_hello {
    char host[GROUP_HOST_BYTES];
    char program[HASH_HEX_BYTES]; /* SHA-256 of its file */
    char cores[HASH_HEX_BYTES];   /* that it may use */
    uint32_t numerics;            /* NUMERICS_VERSION */
    char verb[16];                /* what it was told to do: "run" */
} group_hello;
/* Other programs have other numbers, or another idea of what to say: ERR_USAGE naming the first rank
 * whose program, numerics or verb are not rank 0's, and both. */
err group_compare_hellos(const group_hello *all, uint32_t size) MUST_CHECK;

/* Takes a transport (borrowed until group_close) and gets to know the others. Errors: ERR_USAGE
 * when a rank is another program, or does another verb, naming it; ERR_NETWORK; ERR_MEMORY. */
err group_open(struct group *g, transport *t, const char *verb) MUST_CHECK;

/* Ends it. e: how this rank ended; returns how the group did: the error of the lowest rank that
 * failed, with its message, which names the rank unless all failed alike. After a loss of a rank
 * the error is shown and every rank ended: it does not come back. pre: on every way out. */
err group_close(struct group *g, err e) MUST_CHECK;

/* From now on all ranks are ended when this one does not get on, as `watch` has it (WATCH_BEGIN from
 * group_open on); returns what was before. Who waits for others is watched always, and who is outside
 * (base/outside.h) never.
 *   work  of its device: borrowed until the next call with another, or with WATCH_BEGIN; NULL: the
 *         same, with WATCH_BEGIN none */
transport_watch group_watch(struct group *g, transport_watch watch, const _Atomic uint64_t *work);

/* Waits for all. */
err group_barrier(struct group *g) MUST_CHECK;
/* Behind a work that may have failed on this rank (e): returns how it went for the group, as
 * group_close does, and the ranks can go on together, unless one is lost. pre: all that the work has
 * begun has ended. */
err group_agree(struct group *g, err e) MUST_CHECK;
/* *any: whether `mine` is true on any rank. */
err group_any(struct group *g, bool *any, bool mine) MUST_CHECK;
/* What each rank adds to a sum: as many parts on all, `count` numbers each, `stride` apart. They are
 * added in the order of ranks, and of each rank's parts: a fixed number of parts in all has the same
 * bits by any number of ranks, one too. */
typedef struct group_addends {
    const float *x; /* (parts, stride); may be the sum where it is one part */
    uint32_t parts;
    size_t count, stride;
} group_addends;
/* sum (count): all ranks' sum, on all. */
err group_sum_parts(struct group *g, float *sum, const group_addends *a) MUST_CHECK;
/* The first half of that: sum has each rank's own numbers alone, bounds[rank] to bounds[rank + 1];
 * its others are left as they are.
 *   bounds  (size + 1), from 0 to count, the same on all ranks */
err group_sum_own(struct group *g, float *sum, const group_addends *a,
                  const size_t *bounds) MUST_CHECK;
/* all (size, bytes): what each rank gave as mine (bytes). */
err group_gather(struct group *g, void *all, const void *mine, size_t bytes) MUST_CHECK;
/* Each rank has filled bytes bounds[rank] to bounds[rank + 1] of `all`; fills the others'.
 *   bounds  (size + 1), the same on all ranks */
err group_gather_parts(struct group *g, void *all, const size_t *bounds) MUST_CHECK;
/* The same of several at once: all (count) addresses, bounds (count, size + 1). */
err group_gather_lists(struct group *g, void *const *all, const size_t *bounds,
                       size_t count) MUST_CHECK;
/* Rank 0's bytes to all. */
err group_broadcast(struct group *g, void *bytes, size_t count) MUST_CHECK;

/* Calls work(context) on rank 0, then, once it is done there, on all others: for what leaves
 * something in a cache that others find. */
err group_first(struct group *g, err (*work)(void *context), void *context) MUST_CHECK;

#endif
