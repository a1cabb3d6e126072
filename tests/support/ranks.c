#include "support/ranks.h"

#include "base/log.h"
#include "support/must.h"

#include <pthread.h>
#include <stdio.h>

const transport_limits ranks_patience = {0, 60};

static void *run_rank(void *at) {
    rank *r = at;
    log_set_rank(r->transport->rank);
    err e = group_open(&r->group, r->transport, "run");
    if (!e) e = r->work(&r->group, r->context);
    r->e = group_close(&r->group, e);
    snprintf(r->message, sizeof r->message, "%s", r->e ? err_message(r->e) : "");
    return NULL;
}

void run_ranks(rank ranks[RANKS_MAX], uint32_t size, const transport_limits *limits,
               err (*work)(struct group *g, void *context), void *context, size_t context_bytes) {
    transport transports[RANKS_MAX];
    pthread_t threads[RANKS_MAX];
    MUST(threads_open(transports, size, limits));
    for (uint32_t r = 0; r < size; r++) {
        ranks[r] = (rank){.transport = &transports[r],
                          .work = work,
                          .context = (char *)context + r * context_bytes};
        cr_assert_eq(pthread_create(&threads[r], NULL, run_rank, &ranks[r]), 0);
    }
    for (uint32_t r = 0; r < size; r++) pthread_join(threads[r], NULL);
    threads_close(transports);
}
