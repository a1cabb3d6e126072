#include "train/group/group.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/numerics.h"
#include "base/outside.h"
#include "platform/clock.h"
#include "platform/host.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };

typedef enum notice_kind {
    NOTICE_END,
    NOTICE_ANY,
    NOTICE_SUM,
    NOTICE_GATHER,
    NOTICE_PARTS,
    NOTICE_BROADCAST,
    NOTICE_KINDS
} notice_kind;

static const char *const kind_names[NOTICE_KINDS] = {
    "ends", "waits", "sums", "gathers", "gathers parts", "broadcasts",
};

/* What every function tells the other ranks first. */
typedef struct group_notice {
    uint32_t kind, failed /* an err */, flag, division /* division_of what is exchanged */;
    uint64_t bytes;
} group_notice;

/* Tells bounds of parts from others. */
static uint32_t division_of(const size_t *bounds, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += (uint32_t)((i + 1) * bounds[i]);
    return sum;
}

static err exchange(struct group *g) {
    char text[TRANSPORT_TEXT_BYTES] = "";
    double begin = clock_seconds();
    int failed = g->transport->exchange(g->transport, g->send, g->receive, text);
    g->seconds += clock_seconds() - begin;
    for (uint32_t r = 0; r < g->size; r++)
        if (r != g->rank) g->bytes += g->receive[r].bytes;
    if (!failed) return ERR_OK;
    g->is_over = g->is_lost = true;
    return err_set(ERR_NETWORK, "rank %u of %u (%s): %s", g->rank, g->size, g->host, text);
}

/* The same bytes to all, and `bytes` of each rank into all (size, bytes). */
static err exchange_equal(struct group *g, const void *mine, void *all, size_t bytes) {
    for (uint32_t r = 0; r < g->size; r++) {
        g->send[r] = (transport_piece){(void *)mine, bytes};
        g->receive[r] = (transport_piece){(char *)all + r * bytes, bytes};
    }
    if ((char *)all + g->rank * bytes != mine) memcpy((char *)all + g->rank * bytes, mine, bytes);
    return exchange(g);
}

/* How a rank failed. */
typedef struct farewell {
    char host[GROUP_HOST_BYTES], message[MESSAGE_BYTES];
} farewell;

/* All ranks hear from the lowest that failed. */
static err spread_failure(struct group *g, uint32_t from, bool is_common) {
    farewell told = {0};
    err failed = (err)g->notices[from].failed;
    snprintf(told.host, sizeof told.host, "%s", g->host);
    snprintf(told.message, sizeof told.message, "%s", err_message(failed));
    for (uint32_t r = 0; r < g->size; r++) {
        g->send[r] = (transport_piece){&told, g->rank == from ? sizeof told : 0};
        g->receive[r] = (transport_piece){&told, r == from && g->rank != from ? sizeof told : 0};
    }
    err e = exchange(g);
    g->is_over = true;
    if (e) return e;
    bool leaves = false; // a rank, for good
    for (uint32_t r = 0; r < g->size; r++)
        leaves |= g->notices[r].failed && g->notices[r].kind == NOTICE_END;
    if (!leaves) g->heard = failed;
    if (is_common || from == 0) return err_set(failed, "%s", told.message);
    return err_set(failed, "rank %u of %u (%s): %s", from, g->size, told.host, told.message);
}

/* What each function begins with. */
static err meet(struct group *g, notice_kind kind, size_t bytes, err mine, bool flag, bool *any) {
    if (g->is_over) return mine ? mine : err_set(ERR_NETWORK, "the group has ended already");
    const group_notice own = {.kind = kind,
                              .failed = (uint32_t)mine,
                              .flag = flag,
                              .division = g->division,
                              .bytes = bytes};
    g->division = 0;
    err e = exchange_equal(g, &own, g->notices, sizeof own);
    if (e) return e;
    uint32_t failed = g->size, failures = 0;
    bool is_common = true;
    if (any) *any = false;
    for (uint32_t r = g->size; r-- > 0;) {
        const group_notice *n = &g->notices[r];
        if (any) *any |= n->flag != 0;
        if (!n->failed) continue;
        is_common = is_common && (failed == g->size || n->failed == g->notices[failed].failed);
        failed = r;
        failures++;
    }
    if (failures) return spread_failure(g, failed, is_common && failures == g->size);
    for (uint32_t r = 0; r < g->size; r++) {
        const group_notice *n = &g->notices[r], *first = &g->notices[0];
        bool is_like = n->kind == first->kind && n->bytes == first->bytes;
        if (is_like && n->division == first->division) continue;
        g->is_over = true;
        return err_set(ERR_DATA, "rank 0 %s (%llu bytes) while rank %u %s (%llu bytes)%s",
                       kind_names[first->kind % NOTICE_KINDS], (unsigned long long)first->bytes, r,
                       kind_names[n->kind % NOTICE_KINDS], (unsigned long long)n->bytes,
                       is_like ? ", otherwise divided" : "");
    }
    return ERR_OK;
}

static err introduce(group_hello *h) {
    host_cores(h->cores);
    host_name(h->host, sizeof h->host);
    h->numerics = NUMERICS_VERSION;
    return hash_file_hex(host_program, h->program);
}

err group_compare_hellos(const group_hello *all, uint32_t size) {
    for (uint32_t r = 1; r < size; r++) {
        const group_hello *h = &all[r];
        char numerics[64] = "";
        if (!strcmp(h->program, all->program) && h->numerics == all->numerics) continue;
        if (h->numerics != all->numerics)
            snprintf(numerics, sizeof numerics, "numerics version is %u there, %u here; ",
                     all->numerics, h->numerics);
        return err_set(ERR_USAGE,
                       "rank %u (%s) runs another program than rank 0 (%s): %sSHA-256 is %.12s "
                       "there, %.12s here",
                       r, h->host, all->host, numerics, all->program, h->program);
    }
    for (uint32_t r = 1; r < size; r++)
        if (strcmp(all[r].verb, all->verb) != 0)
            return err_set(ERR_USAGE,
                           "rank %u (%s) was started with %s, rank 0 (%s) with %s: the ranks of a "
                           "group do one thing together",
                           r, all[r].host, all[r].verb, all->host, all->verb);
    return ERR_OK;
}

static void find_neighbours(struct group *g, const group_hello *all) {
    const group_hello *own = &all[g->rank];
    for (uint32_t r = 0; r < g->size; r++) {
        bool is_near = !strcmp(all[r].host, own->host);
        g->host_rank += is_near && r < g->rank;
        g->sharers += is_near && !strcmp(all[r].cores, own->cores);
    }
}

static void release(struct group *g) {
    mem_free(g->spare);
    mem_free(g->send);
    mem_free(g->receive);
    mem_free(g->notices);
    mem_free(g->bounds);
    g->spare = NULL;
    g->send = g->receive = NULL;
    g->notices = NULL;
    g->bounds = NULL;
}

err group_open(struct group *g, transport *t, const char *verb) {
    group_hello own = {0}, *all = NULL;
    *g = (struct group){.transport = t, .rank = t->rank, .size = t->size};
    if (group_is_alone(g)) return ERR_OK;
    err e = ERR_OK;
    t->thread = thread_clock_shared();
    outside_show(&t->outside);
    if (t->rank == 0) log_hold_output();
    snprintf(own.verb, sizeof own.verb, "%s", verb);
    if ((e = mem_new(&g->send, g->size)) || (e = mem_new(&g->receive, g->size)) ||
        (e = mem_new(&g->notices, g->size)) || (e = mem_new(&g->bounds, g->size + 1)) ||
        (e = mem_new(&all, g->size)) || (e = introduce(&own))) {
        // the others wait for this rank until the transport's limit
        release(g);
        mem_free(all);
        g->is_over = g->is_lost = true;
        return e;
    }
    memcpy(g->host, own.host, sizeof g->host);
    e = exchange_equal(g, &own, all, sizeof own);
    if (!e && !(e = group_compare_hellos(all, g->size))) find_neighbours(g, all);
    mem_free(all);
    return e;
}

/* Behind everything else, also of a group that is over. */
static void wait_for_all(struct group *g) {
    const group_notice own = {.kind = NOTICE_END};
    if (exchange_equal(g, &own, g->notices, sizeof own)) g->is_lost = true;
}

err group_close(struct group *g, err e) {
    if (group_is_alone(g)) return e;
    if (!g->is_over) e = meet(g, NOTICE_END, 0, e, false, NULL);
    // launchers end the others as soon as one rank has left with an error
    if (e && !g->is_lost && g->rank == 0) log_error_early(e);
    if (e && !g->is_lost) wait_for_all(g);
    release(g);
    if (!g->is_lost) {
        outside_show(NULL);
        g->transport->close(g->transport, err_exit_code(e));
        return e;
    }
    // one rank tells it, and ends the others before it is their turn
    clock_pause(g->rank ? 2 + g->rank % 8 : 0);
    log_error_early(e);
    outside_show(NULL);
    g->transport->abort(g->transport, err_exit_code(e));
    return e;
}

transport_watch group_watch(struct group *g, transport_watch watch, const _Atomic uint64_t *work) {
    if (group_is_alone(g)) return WATCH_BEGIN;
    if (work || watch == WATCH_BEGIN) g->transport->work = work;
    return atomic_exchange(&g->transport->watch, watch);
}

err group_barrier(struct group *g) {
    return group_is_alone(g) ? ERR_OK : meet(g, NOTICE_ANY, 0, ERR_OK, false, NULL);
}

err group_agree(struct group *g, err e) {
    if (group_is_alone(g)) return e;
    if (!g->is_over) e = meet(g, NOTICE_ANY, 0, e, false, NULL);
    if (!g->heard || g->is_lost) return e;
    e = g->heard;
    g->heard = ERR_OK;
    g->is_over = false;
    return e;
}

err group_any(struct group *g, bool *any, bool mine) {
    *any = mine;
    return group_is_alone(g) ? ERR_OK : meet(g, NOTICE_ANY, 0, ERR_OK, mine, any);
}

static err take_spare(struct group *g, size_t count) {
    float *longer = NULL;
    if (count <= g->spare_count) return ERR_OK;
    err e = mem_new(&longer, count);
    if (e) return e;
    mem_free(g->spare);
    g->spare = longer;
    g->spare_count = count;
    return ERR_OK;
}

/* Each other rank gets its numbers of every part. */
static err scatter_parts(struct group *g, const group_addends *a, const size_t *bounds) {
    size_t mine = bounds[g->rank + 1] - bounds[g->rank];
    for (uint32_t p = 0; p < a->parts; p++) {
        for (uint32_t r = 0; r < g->size; r++) {
            g->send[r] = (transport_piece){(float *)a->x + p * a->stride + bounds[r],
                                           (bounds[r + 1] - bounds[r]) * sizeof *a->x};
            g->receive[r] = (transport_piece){g->spare + ((size_t)r * a->parts + p) * mine,
                                              mine * sizeof *a->x};
        }
        err e = exchange(g);
        if (e) return e;
    }
    return ERR_OK;
}

/* sum (count) = x_0 + x_1 + ..., block by block, so that each number is read and written once. sum
 * may be one of them.
 *   x(context, i)  the i-th */
typedef const float *part_at(const void *context, size_t i);
static void add_parts(float *sum, part_at *x, const void *context, size_t parts, size_t count) {
    enum { BLOCK = 1024 };
    float block[BLOCK];
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t n = count - first < BLOCK ? count - first : BLOCK;
        memcpy(block, x(context, 0) + first, n * sizeof *block);
        for (size_t p = 1; p < parts; p++) {
            const float *more = x(context, p) + first;
            for (size_t i = 0; i < n; i++) block[i] += more[i];
        }
        memcpy(sum + first, block, n * sizeof *block);
    }
}

/* One rank's numbers of all ranks' parts: its own lie where they were made. */
typedef struct slices {
    const struct group *g;
    const group_addends *a;
    size_t first, mine; /* `mine` numbers from `first` on */
} slices;

static const float *slice_of(const void *context, size_t i) {
    const slices *s = context;
    if (i / s->a->parts == s->g->rank) return s->a->x + i % s->a->parts * s->a->stride + s->first;
    return s->g->spare + i * s->mine;
}

static const float *part_of(const void *context, size_t i) {
    const group_addends *a = context;
    return a->x + i * a->stride;
}

static err sum_alone(float *sum, const group_addends *a) {
    if (a->parts > 1 || sum != a->x) add_parts(sum, part_of, a, a->parts, a->count);
    return ERR_OK;
}

err group_sum_own(struct group *g, float *sum, const group_addends *a, const size_t *bounds) {
    if (group_is_alone(g)) return sum_alone(sum, a);
    const slices s = {g, a, bounds[g->rank], bounds[g->rank + 1] - bounds[g->rank]};
    err e = take_spare(g, s.mine * g->size * a->parts);
    g->division = division_of(bounds, (size_t)g->size + 1);
    if (!e) e = meet(g, NOTICE_SUM, a->parts * a->count * sizeof *a->x, ERR_OK, false, NULL);
    if (!e) e = scatter_parts(g, a, bounds);
    if (!e) add_parts(sum + s.first, slice_of, &s, (size_t)g->size * a->parts, s.mine);
    return e;
}

/* What each rank has of `all` goes to all others. bounds: of bytes. */
static err exchange_parts(struct group *g, void *all, const size_t *bounds) {
    const transport_piece own = {(char *)all + bounds[g->rank],
                                 bounds[g->rank + 1] - bounds[g->rank]};
    for (uint32_t r = 0; r < g->size; r++) {
        g->send[r] = own;
        g->receive[r] = (transport_piece){(char *)all + bounds[r], bounds[r + 1] - bounds[r]};
    }
    return exchange(g);
}

/* Every rank sums its numbers of all ranks', in order, and gives them to all. */
err group_sum_parts(struct group *g, float *sum, const group_addends *a) {
    if (group_is_alone(g)) return sum_alone(sum, a);
    for (uint32_t r = 0; r <= g->size; r++)
        g->bounds[r] = (size_t)((uint64_t)a->count * r / g->size);
    err e = group_sum_own(g, sum, a, g->bounds);
    for (uint32_t r = 0; r <= g->size; r++) g->bounds[r] *= sizeof *sum;
    return e ? e : exchange_parts(g, sum, g->bounds);
}

err group_gather(struct group *g, void *all, const void *mine, size_t bytes) {
    if (group_is_alone(g)) {
        memcpy(all, mine, bytes);
        return ERR_OK;
    }
    err e = meet(g, NOTICE_GATHER, bytes, ERR_OK, false, NULL);
    return e ? e : exchange_equal(g, mine, all, bytes);
}

err group_gather_lists(struct group *g, void *const *all, const size_t *bounds, size_t count) {
    size_t bytes = 0, width = (size_t)group_size(g) + 1;
    if (group_is_alone(g)) return ERR_OK;
    for (size_t i = 0; i < count; i++) bytes += bounds[i * width + g->size];
    g->division = division_of(bounds, count * width);
    err e = meet(g, NOTICE_PARTS, bytes, ERR_OK, false, NULL);
    for (size_t i = 0; !e && i < count; i++) e = exchange_parts(g, all[i], bounds + i * width);
    return e;
}

err group_gather_parts(struct group *g, void *all, const size_t *bounds) {
    return group_gather_lists(g, &all, bounds, 1);
}

err group_broadcast(struct group *g, void *bytes, size_t count) {
    if (group_is_alone(g)) return ERR_OK;
    err e = meet(g, NOTICE_BROADCAST, count, ERR_OK, false, NULL);
    if (e) return e;
    for (uint32_t r = 0; r < g->size; r++) {
        g->send[r] = (transport_piece){bytes, g->rank == 0 ? count : 0};
        g->receive[r] = (transport_piece){bytes, r == 0 && g->rank ? count : 0};
    }
    return exchange(g);
}

err group_first(struct group *g, err (*work)(void *context), void *context) {
    err e = group_writes(g) ? work(context) : ERR_OK;
    if (e || group_is_alone(g) || (e = group_barrier(g))) return e;
    return group_writes(g) ? ERR_OK : work(context);
}
