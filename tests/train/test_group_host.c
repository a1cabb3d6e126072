/* Ranks of one host: threads that meet, the devices and cores that they divide. */
#define _GNU_SOURCE /* sched_setaffinity */
#include "base/memory.h"
#include "compute/device.h"
#include "support/must.h"
#include "support/ranks.h"
#include "train/group/rank_device.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* One thread's side of an exchange of these sizes. */
typedef struct end {
    transport *transport;
    size_t sends, receives;
    int failed;
    char text[TRANSPORT_TEXT_BYTES];
} end;

static void *exchange_once(void *at) {
    end *x = at;
    char out[16] = {0}, in[16] = {0};
    transport_piece send[2] = {{out, x->sends}, {out, x->sends}};
    transport_piece receive[2] = {{in, x->receives}, {in, x->receives}};
    x->failed = x->transport->exchange(x->transport, send, receive, x->text);
    return NULL;
}

/* Neither takes what was not sent for it, and both hear that nothing more comes of it. */
Test(group_host, threads_that_exchange_other_sizes_end, .timeout = 50) {
    static const size_t sizes[][2] = {{8, 4}, {4, 8}};
    for (size_t i = 0; i < 2; i++) {
        transport transports[2];
        pthread_t threads[2];
        end ends[2] = {{.transport = &transports[0], .sends = sizes[i][0], .receives = 8},
                       {.transport = &transports[1], .sends = 8, .receives = sizes[i][1]}};
        MUST(threads_open(transports, 2, &(transport_limits){0, 20}));
        for (int r = 0; r < 2; r++)
            cr_assert_eq(pthread_create(&threads[r], NULL, exchange_once, &ends[r]), 0);
        for (int r = 0; r < 2; r++) pthread_join(threads[r], NULL);
        for (int r = 0; r < 2; r++) cr_expect(ends[r].failed, "%zu: rank %d", i, r);
        threads_close(transports);
    }
}

/* Selectors go round among the ranks of a host, and ranks that share cores divide them. */
Test(group_host, ranks_of_a_host_divide_its_devices_and_cores) {
    device_info cpu, reference;
    char numbers[2][12];
    MUST(device_find(&cpu, "cpu"));
    MUST(device_find(&reference, "reference"));
    snprintf(numbers[0], sizeof numbers[0], "%u", cpu.index);
    snprintf(numbers[1], sizeof numbers[1], "%u", reference.index);
    for (uint32_t r = 0; r < 5; r++) {
        const struct group g = {.size = 5, .rank = r, .host_rank = r};
        uint32_t threads = 0;
        char *selector = NULL;
        MUST(rank_device(&selector, &threads, &g, "cpu,reference"));
        cr_expect_str_eq(selector, numbers[r % 2], "rank %u", r);
        cr_expect_eq(threads, 0, "rank %u: nobody shares its cores", r);
        mem_free(selector);
    }
    // without a wish: of the devices like the default one each rank takes another, in turn
    device_info *list = NULL;
    const device_info *best = NULL;
    const char *note = "";
    size_t count = 0, alike = 0, places[64];
    MUST(device_list(&list, &count, &note));
    MUST(device_select(&best, list, count, NULL));
    for (size_t i = 0; i < count && alike < 64; i++)
        if (list[i].class == best->class && !strcmp(list[i].name, best->name)) places[alike++] = i;
    for (uint32_t r = 0; r < 3; r++) {
        const struct group g = {.size = 3, .rank = r, .host_rank = r};
        uint32_t threads = 1;
        char *selector = NULL, expected[12];
        snprintf(expected, sizeof expected, "%zu", places[r % alike]);
        MUST(rank_device(&selector, &threads, &g, NULL));
        cr_expect_str_eq(selector, expected, "rank %u", r);
        mem_free(selector);
    }
    mem_free(list);
    const uint32_t sharers[] = {1, 2, cpu.threads, 2 * cpu.threads + 1};
    for (size_t i = 0; i < sizeof sharers / sizeof *sharers; i++) {
        const struct group g = {.size = sharers[i] + 1, .sharers = sharers[i]};
        uint32_t threads = 0, asked = 7, each = cpu.threads / sharers[i];
        char *selector = NULL;
        MUST(rank_device(&selector, &threads, &g, "cpu"));
        cr_expect_eq(threads, each ? each : 1, "%u share: %u", sharers[i], threads);
        mem_free(selector);
        MUST(rank_device(&selector, &asked, &g, "cpu"));
        cr_expect_eq(asked, 7, "what was asked for stays");
        mem_free(selector);
    }
}

/* Cores of a rank as a launcher bound it: those who have the same ones share them. */
static void *open_bound(void *at) {
    rank *r = at;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(r->transport->rank == 2 ? 1 : 0, &one);
    bool is_bound = !sched_setaffinity(0, sizeof one, &one);
    r->e = is_bound ? group_open(&r->group, r->transport, "run") : ERR_UNSUPPORTED;
    r->e = group_close(&r->group, r->e);
    return NULL;
}

Test(group_host, ranks_of_other_cores_share_none) {
    cpu_set_t mine;
    cr_assert_eq(sched_getaffinity(0, sizeof mine, &mine), 0);
    if (!CPU_ISSET(0, &mine) || !CPU_ISSET(1, &mine)) cr_skip_test("needs two cores");
    rank ranks[3];
    transport transports[3];
    pthread_t threads[3];
    MUST(threads_open(transports, 3, &ranks_patience));
    for (uint32_t r = 0; r < 3; r++) {
        ranks[r] = (rank){.transport = &transports[r]};
        cr_assert_eq(pthread_create(&threads[r], NULL, open_bound, &ranks[r]), 0);
    }
    for (uint32_t r = 0; r < 3; r++) pthread_join(threads[r], NULL);
    threads_close(transports);
    for (uint32_t r = 0; r < 3; r++) {
        cr_assert_eq(ranks[r].e, ERR_OK);
        cr_expect_eq(ranks[r].group.host_rank, r);
        cr_expect_eq(ranks[r].group.sharers, r == 2 ? 1 : 2, "rank %u", r);
    }
}
