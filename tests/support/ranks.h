/* Ranks of a group, as threads of a test. */
#ifndef HARNESS_TESTS_SUPPORT_RANKS_H
#define HARNESS_TESTS_SUPPORT_RANKS_H

#include "train/group/group.h"
#include "train/group/threads.h"

enum { RANKS_MAX = 5 };

typedef struct rank {
    transport *transport;
    err (*work)(struct group *g, void *context);
    void *context;
    err e;
    char message[512];
    struct group group; /* as it was in the end */
} rank;

/* Nobody looks at work: a busy machine may take its time. */
extern const transport_limits ranks_patience;

/* Each rank calls work with its context, (size, context_bytes). */
void run_ranks(rank ranks[RANKS_MAX], uint32_t size, const transport_limits *limits,
               err (*work)(struct group *g, void *context), void *context, size_t context_bytes);

#endif
