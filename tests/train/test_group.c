/* Groups, as threads of this process: what ranks do together, who fails, and the training loop. */
#include "base/memory.h"
#include "model/head/head.h"
#include "support/must.h"
#include "support/ranks.h"
#include "support/toy.h"
#include "train/evaluate/shared.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NUMBERS = 1003 };

static float number(uint32_t r, size_t i) {
    // of many magnitudes, so that the order of a sum shows in its bits
    uint32_t h = (uint32_t)(i * 2654435761u + r * 0x9e3779b9u + 12345u);
    h = (h ^ h >> 15) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return ldexpf((float)(h % 2000003u) - 1e6f, (int)(h >> 27) - 16);
}

/* x[i] becomes the sum over all ranks, ((x_0 + x_1) + x_2) + ... */
static err sum_all(struct group *g, float *x, size_t count) {
    return group_sum_parts(g, x, &(group_addends){x, 1, count, count});
}

static err use_all(struct group *g, void *context) {
    float *x = NULL;
    uint32_t all[RANKS_MAX], own = 100 + g->rank, told = g->rank ? 0 : 77;
    size_t bounds[RANKS_MAX + 1];
    bool any = false;
    char parts[64] = "";
    (void)context;
    MUST(mem_new(&x, NUMBERS));
    for (size_t n = 0; n <= NUMBERS; n = n < 7 ? n + 1 : n + 996) {
        for (size_t i = 0; i < n; i++) x[i] = number(g->rank, i);
        MUST(sum_all(g, x, n));
        for (size_t i = 0; i < n; i++) {
            volatile float sum = number(0, i);
            for (uint32_t r = 1; r < group_size(g); r++) sum += number(r, i);
            cr_assert_eq(x[i], sum, "%u ranks, %zu of %zu: %a and %a", group_size(g), i, n,
                         (double)x[i], (double)sum);
        }
    }
    mem_free(x);
    MUST(group_gather(g, all, &own, sizeof own));
    for (uint32_t r = 0; r < group_size(g); r++) cr_assert_eq(all[r], 100 + r);
    MUST(group_broadcast(g, &told, sizeof told));
    cr_assert_eq(told, 77);
    MUST(group_any(g, &any, g->rank + 1 == group_size(g)));
    cr_assert(any);
    MUST(group_any(g, &any, false));
    cr_assert_not(any);
    for (uint32_t r = 0; r <= group_size(g); r++) bounds[r] = r * (r + 1) / 2; // 1, 2, 3... bytes
    for (size_t i = bounds[g->rank]; i < bounds[g->rank + 1]; i++) parts[i] = (char)('a' + g->rank);
    MUST(group_gather_parts(g, parts, bounds));
    if (!group_is_alone(g))
        cr_assert_eq(strncmp(parts, "abbcccddddeeeee", bounds[group_size(g)]), 0, "%s", parts);
    return group_barrier(g);
}

Test(group, sums_are_in_the_order_of_the_ranks) {
    rank ranks[RANKS_MAX];
    size_t live = mem_live_count();
    for (uint32_t size = 1; size <= RANKS_MAX; size++) {
        run_ranks(ranks, size, &ranks_patience, use_all, NULL, 0);
        for (uint32_t r = 0; r < size; r++) {
            cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
            cr_assert_eq(ranks[r].group.host_rank, size > 1 ? r : 0);
            cr_assert_eq(ranks[r].group.sharers, size > 1 ? size : 0);
        }
    }
    cr_assert_eq(mem_live_count(), live);
    struct group alone = {0};
    MUST(use_all(&alone, NULL));
    cr_assert(group_writes(NULL) && group_is_alone(NULL) && group_size(NULL) == 1);
}

/* Another program, and one with other numerics, which is named. */
Test(group, ranks_of_other_numerics_are_refused_by_name) {
    group_hello all[3] = {{"a", "0123456789abcdef", "", 7, "run"},
                          {"b", "0123456789abcdef", "", 7, "run"},
                          {"c", "0123456789abcdef", "", 7, "run"}};
    cr_assert_eq(group_compare_hellos(all, 3), ERR_OK);
    all[2].numerics = 8;
    cr_assert_eq(group_compare_hellos(all, 3), ERR_USAGE);
    cr_assert_str_eq(err_message(ERR_USAGE),
                     "rank 2 (c) runs another program than rank 0 (a): numerics version is 7 "
                     "there, 8 here; SHA-256 is 0123456789ab there, 0123456789ab here");
    all[1].program[0] = 'f';
    cr_assert_eq(group_compare_hellos(all, 3), ERR_USAGE);
    cr_assert_str_eq(err_message(ERR_USAGE),
                     "rank 1 (b) runs another program than rank 0 (a): SHA-256 is 0123456789ab "
                     "there, f123456789ab here");
}

/* As where a launcher was given two command lines. */
Test(group, ranks_of_other_verbs_are_refused_by_name) {
    group_hello all[2] = {{"a", "01", "", 7, "run"}, {"b", "01", "", 7, "bench"}};
    cr_assert_eq(group_compare_hellos(all, 2), ERR_USAGE);
    cr_assert_str_eq(
        err_message(ERR_USAGE),
        "rank 1 (b) was started with bench, rank 0 (a) with run: the ranks of a group do "
        "one thing together");
}

static err fail_on_two(struct group *g, void *context) {
    float x = 1;
    (void)context;
    err e = sum_all(g, &x, 1);
    if (!e && g->rank == 2) return err_set(ERR_DATA, "the disk of rank 2 is full");
    for (int i = 0; !e && i < 3; i++) e = sum_all(g, &x, 1);
    return e;
}

static err fail_alike(struct group *g, void *context) {
    (void)g;
    (void)context;
    return err_set(ERR_USAGE, "unknown task");
}

static err fail_first(struct group *g, void *context) {
    (void)context;
    return g->rank ? group_barrier(g) : err_set(ERR_IO, "no space");
}

static err do_other_things(struct group *g, void *context) {
    float x = 1;
    (void)context;
    return g->rank ? sum_all(g, &x, 1) : group_barrier(g);
}

static err gather_unlike(struct group *g, void *context) {
    uint32_t own[2] = {1, 2}, all[2 * RANKS_MAX];
    (void)context;
    return group_gather(g, all, own, (g->rank == 1 ? 2 : 1) * sizeof *own);
}

/* As many bytes, of which each rank thinks that others have them. */
static err gather_otherwise(struct group *g, void *context) {
    static const size_t bounds[2][4] = {{0, 4, 8, 12}, {0, 8, 8, 12}};
    char all[12] = "";
    (void)context;
    return group_gather_parts(g, all, bounds[g->rank == 1]);
}

static err sum_otherwise(struct group *g, void *context) {
    static const size_t bounds[2][4] = {{0, 1, 2, 3}, {0, 2, 2, 3}};
    float x[3] = {1, 2, 3};
    const group_addends a = {.x = x, .count = 3, .parts = 1};
    (void)context;
    return group_sum_own(g, x, &a, bounds[g->rank == 1]);
}

static err stay_away(struct group *g, void *context) {
    (void)context;
    // rank 1 is lost: it leaves without a word
    if (g->rank == 1) {
        g->is_over = true;
        return ERR_OK;
    }
    return group_barrier(g);
}

CleanTest(group, an_error_of_one_rank_is_that_of_all) {
    static const struct {
        err (*work)(struct group *g, void *context);
        err e;
        const char *message;
    } cases[] = {
        {fail_on_two, ERR_DATA, "rank 2 of 3 (HOST): the disk of rank 2 is full"},
        {fail_alike, ERR_USAGE, "unknown task"},
        {fail_first, ERR_IO, "no space"},
        {do_other_things, ERR_DATA, "rank 0 waits (0 bytes) while rank 1 sums (4 bytes)"},
        {gather_unlike, ERR_DATA, "rank 0 gathers (4 bytes) while rank 1 gathers (8 bytes)"},
        {gather_otherwise, ERR_DATA,
         "rank 0 gathers parts (12 bytes) while rank 1 gathers parts (12 bytes), otherwise "
         "divided"},
        {sum_otherwise, ERR_DATA,
         "rank 0 sums (12 bytes) while rank 1 sums (12 bytes), otherwise divided"},
    };
    rank ranks[RANKS_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_ranks(ranks, 3, &ranks_patience, cases[i].work, NULL, 0);
        for (uint32_t r = 0; r < 3; r++) {
            char expected[512];
            const char *host = strstr(cases[i].message, "HOST");
            if (host)
                snprintf(expected, sizeof expected, "%.*s%s%s", (int)(host - cases[i].message),
                         cases[i].message, ranks[0].group.host, host + 4);
            else
                snprintf(expected, sizeof expected, "%s", cases[i].message);
            cr_assert_eq(ranks[r].e, cases[i].e, "case %zu, rank %u: %s", i, r, ranks[r].message);
            cr_assert_str_eq(ranks[r].message, expected, "case %zu, rank %u", i, r);
        }
    }
}

Test(group, a_rank_that_does_not_come_is_given_up) {
    rank ranks[RANKS_MAX];
    run_ranks(ranks, 3, &(transport_limits){0, 0.3}, stay_away, NULL, 0);
    for (uint32_t r = 0; r < 3; r += 2) {
        cr_assert_eq(ranks[r].e, ERR_NETWORK);
        cr_assert(strstr(ranks[r].message, "rank 1 did not come within 0.3 s"), "%s",
                  ranks[r].message);
        cr_assert(ranks[r].group.is_lost);
    }
}

static const _Atomic uint64_t no_work;
enum { SECOND = 1000000000 }; // ns

static err hang_at_work(struct group *g, void *context) {
    group_watch(g, WATCH_WORK, &no_work);
    return stay_away(g, context);
}

/* One that gets on, slowly, and comes late. */
static err work_slowly(struct group *g, void *context) {
    _Atomic uint64_t *work = context;
    group_watch(g, WATCH_WORK, g->rank == 1 ? work : &no_work);
    const struct timespec half = {0, 500000000};
    for (int i = 0; g->rank == 1 && i < 8; i++, ++*work) nanosleep(&half, NULL);
    err e = group_barrier(g);
    group_watch(g, WATCH_BEGIN, NULL);
    return e;
}

/* Silence ends a group, slowness does not, nor does who waits for others. */
Test(group, a_rank_that_does_no_work_is_given_up, .timeout = 50) {
    const transport_limits watched = {2, 60};
    rank ranks[RANKS_MAX];
    run_ranks(ranks, 3, &watched, hang_at_work, NULL, 0);
    for (uint32_t r = 0; r < 3; r += 2) {
        cr_assert_eq(ranks[r].e, ERR_NETWORK);
        cr_assert(strstr(ranks[r].message, "rank 1 hangs"), "%s", ranks[r].message);
    }
    _Atomic uint64_t work[3] = {0};
    run_ranks(ranks, 3, &watched, work_slowly, work, sizeof *work);
    for (uint32_t r = 0; r < 3; r++) cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
}

/* Who once stood still for a while and went on may do so for twice as long. */
Test(group, a_look_learns_how_slow_work_is) {
    _Atomic uint64_t work = 0;
    transport t = {.watch = WATCH_WORK, .work = &work};
    transport_look l = {0};
    cr_assert_not(transport_hangs(&l, &t, 15, 100, 0));
    for (int s = 1; s <= 15; s++) cr_assert_not(transport_hangs(&l, &t, 15, 100 + s, 0), "%d", s);
    cr_assert(transport_hangs(&l, &t, 15, 115.5, 0));
    work++;
    cr_assert_not(transport_hangs(&l, &t, 15, 116, 0));
    cr_assert_float_eq(l.longest[WATCH_WORK], 16, 1e-9);
    for (int s = 1; s <= 47; s++) cr_assert_not(transport_hangs(&l, &t, 15, 116 + s, 0), "%d", s);
    cr_assert(transport_hangs(&l, &t, 15, 163.5, 0));
    // the whole process was stopped
    cr_assert_not(transport_hangs(&l, &t, 15, 300, 0));
    cr_assert_float_eq(l.longest[WATCH_WORK], 16, 1e-9);
    t.watch = WATCH_OUTSIDE;
    for (int s = 1; s < 100; s++) cr_assert_not(transport_hangs(&l, &t, 15, 300 + s, 0));
    // who waits looks, whatever it did before: how slow its work was says nothing of that
    t.waits = true;
    for (int s = 1; s < 100; s++, t.looks++) cr_assert_not(transport_hangs(&l, &t, 15, 400 + s, 0));
    for (int s = 1; s <= 18; s++) cr_assert_not(transport_hangs(&l, &t, 15, 499 + s, 0), "%d", s);
    cr_assert(transport_hangs(&l, &t, 15, 517.5, 0));
}

/* A sync tells nothing of itself, and takes its time; what comes behind it does not. */
Test(group, a_look_leaves_what_is_outside_alone) {
    transport t = {.watch = WATCH_WORK, .work = &no_work, .outside = true};
    transport_look l = {0};
    for (int s = 0; s <= 200; s++) cr_assert_not(transport_hangs(&l, &t, 15, 100 + s, 0), "%d", s);
    t.outside = false;
    for (int s = 0; s <= 15; s++) cr_assert_not(transport_hangs(&l, &t, 15, 301 + s, 0), "%d", s);
    cr_assert(transport_hangs(&l, &t, 15, 316.5, 0));
}

/* Of work that ends in waiting too, and while it is said to be slow. */
Test(group, a_look_learns_from_the_first_steps) {
    _Atomic uint64_t work = 0;
    transport t = {.watch = WATCH_LEARN, .work = &work};
    transport_look l = {0};
    // a driver's threads build
    for (int s = 0; s <= 40; s++)
        cr_assert_not(transport_hangs(&l, &t, 15, 100 + s, (uint64_t)s * SECOND / 50), "%d", s);
    work++;
    t.waits = true;
    cr_assert_not(transport_hangs(&l, &t, 15, 141, 0));
    cr_assert_float_eq(l.longest[WATCH_WORK], 41, 1e-9);
    t.waits = false;
    t.watch = WATCH_WORK;
    for (int s = 0; s <= 97; s++) cr_assert_not(transport_hangs(&l, &t, 15, 142 + s, 0), "%d", s);
    cr_assert(transport_hangs(&l, &t, 15, 239.5, 0));
}

/* What a rank does that begins, each second. */
typedef struct beginning {
    transport_watch watch;
    bool moves, works; /* its thread, a little; its device */
    uint64_t help_ns;  /* by other threads */
    bool hangs;
} beginning;

/* Whoever reads, builds or computes is well; who does nothing is not, whatever idle threads take for
 * themselves, nor who only polls a driver. */
Test(group, a_look_hears_who_begins, .timeout = 60) {
    static const beginning cases[] = {
        {WATCH_BEGIN, false, false, 0, true},
        {WATCH_BUILD, false, false, 0, true},
        {WATCH_LEARN, false, false, 0, true},
        {WATCH_BEGIN, true, false, 0, false},
        {WATCH_BUILD, true, false, 0, true},
        {WATCH_LEARN, true, false, 0, true},
        {WATCH_BEGIN, false, true, 0, false},
        {WATCH_BUILD, false, true, 0, false},
        {WATCH_BEGIN, false, false, SECOND / 1000, false},
        {WATCH_BUILD, false, false, SECOND / 1000, false},
        {WATCH_BEGIN, false, false, SECOND / 5000, true},
        {WATCH_BUILD, false, false, SECOND / 5000, true},
    };
    clockid_t own;
    cr_assert_eq(pthread_getcpuclockid(pthread_self(), &own), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const beginning *c = &cases[i];
        _Atomic uint64_t work = 0;
        transport t = {.watch = c->watch, .work = &work, .thread = c->moves ? own : 0};
        transport_look l = {0};
        bool hangs = false;
        for (uint64_t s = 0; s <= 40; s++, work += c->works)
            hangs |= transport_hangs(&l, &t, 15, 100 + (double)s, s * c->help_ns);
        cr_assert_eq(hangs, c->hangs, "case %zu", i);
        t.outside = true;
        for (uint64_t s = 41; s <= 80; s++)
            cr_assert_not(transport_hangs(&l, &t, 15, 100 + (double)s, 0), "case %zu", i);
    }
}

Test(group, shares_cover_a_step_and_are_alike) {
    pack_sentence s[40];
    share_list shared = {0};
    for (uint32_t i = 0; i < 40; i++) s[i] = (pack_sentence){.count = 3 + (i * 37) % 50};
    for (uint32_t size = 1; size <= 7; size++) {
        for (uint32_t count = 0; count <= 40; count++) {
            uint64_t all = 0, tokens[7] = {0}, most = 0, longest = 0;
            MUST(shares_make(&shared, s, count, size));
            for (uint32_t i = 0; i < count; i++) {
                cr_assert_lt(shared.owners[i], size);
                tokens[shared.owners[i]] += s[i].count;
                all += s[i].count;
                longest = s[i].count > longest ? s[i].count : longest;
            }
            for (uint32_t r = 0; r < size; r++) most = tokens[r] > most ? tokens[r] : most;
            cr_assert_leq(most * size, all + (size - 1) * longest, "%u ranks, %u sentences", size,
                          count);
            if (count == 40) cr_assert_leq(100 * most * size, 103 * all, "%u ranks", size);
        }
    }
    // by hand: 9 7 6 to the three, then 6 to the third, 5 to the second
    const pack_sentence few[] = {
        {.count = 6}, {.count = 9}, {.count = 6}, {.count = 5}, {.count = 7}};
    static const uint32_t owners[] = {2, 0, 2, 1, 1};
    MUST(shares_make(&shared, few, 5, 3));
    cr_assert_arr_eq(shared.owners, owners, sizeof owners);
    shares_free(&shared);
}

enum { NOBODY = RANKS_MAX, HOOK_STEPS = 2, EVAL_BATCH = 5 /* 24 rows: 5 batches, the last of 4 */ };

typedef struct taken {
    float *logits;
    size_t width, count, most;
} taken;

static err take(void *context, const float *logits, size_t first, size_t count) {
    taken *t = context;
    cr_assert_eq(first, t->count, "results come in their order");
    memcpy(t->logits + first * t->width, logits, count * t->width * sizeof *logits);
    t->count += count;
    if (count > t->most) t->most = count;
    return ERR_OK;
}

/* All rows, by all ranks. */
static void score(float *logits, double *loss, const trainer *tr, const encoded *rows) {
    evaluator ev;
    batch_capacity c = {0};
    evaluator_capacity(&c, rows, EVAL_BATCH, NULL);
    MUST(evaluator_init(&ev, &tr->model, NULL, &c, EVAL_BATCH));
    MUST(evaluator_run_shared(&ev, tr->options.group, logits, loss, rows, NULL));
    // who takes them gets the same, of one process a batch at once
    taken t = {.width = evaluated_width(&tr->model)};
    size_t results = encoded_results(rows);
    double again = 0;
    MUST(mem_new(&t.logits, results * t.width));
    ev.take = take;
    ev.take_context = &t;
    MUST(evaluator_run_shared(&ev, tr->options.group, NULL, &again, rows, NULL));
    cr_assert(t.count == results && again == *loss, "%zu of %zu, %g", t.count, results, again);
    cr_assert_arr_eq(t.logits, logits, results * t.width * sizeof *logits);
    if (group_is_alone(tr->options.group) && !rows->units) cr_assert_leq(t.most, EVAL_BATCH);
    mem_free(t.logits);
    ev.take = NULL;
    // its batches are watched as work
    MUST(evaluator_run(&ev, logits, loss, rows, NULL));
    transport_watch was = group_watch(tr->options.group, WATCH_HOST, NULL);
    cr_assert(group_is_alone(tr->options.group) || was == WATCH_BUILD || was == WATCH_LEARN ||
                  was == WATCH_WORK,
              "%d", (int)was);
    evaluator_free(&ev);
}

/* A hook in which rank 0 is slow, as with a disk that takes a part in a while, and perhaps one hangs. */
typedef struct played {
    uint32_t hung;
    bool scores; /* before */
    const encoded *rows;
} played;

static err play(void *context, trainer *t) {
    const played *p = context;
    const struct timespec part = {0, 20000000}, long_time = {8, 0};
    float logits[TOY_ROWS * TOY_CLASSES];
    double loss = 0;
    if (p->scores) score(logits, &loss, t, p->rows);
    if (t->options.group->rank == p->hung) return (void)nanosleep(&long_time, NULL), ERR_OK;
    for (int i = 0; t->options.group->rank == 0 && i < 250; i++) nanosleep(&part, NULL);
    return ERR_OK;
}

static err train_with_hooks(struct group *g, void *context) {
    played *p = context;
    toy t;
    trainer tr;
    toy_open(&t, HARNESS_CPU ? "cpu" : "reference", TOY_ROWS);
    t.recipe.max_steps = HOOK_STEPS;
    p->rows = &t.data;
    toy_trainer(&tr, &t, &(trainer_options){.group = g, .save = {play, p, 1, false}});
    err e = trainer_run(&tr);
    group_watch(g, WATCH_BEGIN, NULL);
    trainer_free(&tr);
    toy_close(&t);
    return e;
}

/* Rank 0 may save for longer than a rank may stand still; another, or itself, may not hang meanwhile. */
Test(group, a_rank_that_hangs_in_a_hook_is_given_up, .timeout = 90) {
    static const struct {
        uint32_t hung;
        bool scores;
    } cases[] = {{NOBODY, false}, {NOBODY, true}, {1, false}, {1, true}, {0, false}};
    const transport_limits watched = {3, 60};
    rank ranks[RANKS_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        played all[RANKS_MAX];
        uint32_t hung = cases[i].hung;
        char words[32];
        for (uint32_t r = 0; r < 3; r++) all[r] = (played){.hung = hung, .scores = cases[i].scores};
        run_ranks(ranks, 3, &watched, train_with_hooks, all, sizeof *all);
        snprintf(words, sizeof words, "rank %u hangs", hung);
        for (uint32_t r = 0; r < 3; r++) {
            if (hung == NOBODY) cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
            if (hung == NOBODY || r == hung) continue;
            cr_assert_eq(ranks[r].e, ERR_NETWORK, "case %zu, rank %u: %s", i, r, ranks[r].message);
            cr_assert(strstr(ranks[r].message, words), "%s", ranks[r].message);
        }
    }
}

typedef struct training {
    const char *selector;
    void (*change)(recipe *r);
    char digest[65];
    float losses[64];
    const head *head; /* NULL: classes */
    uint32_t shards;
    uint32_t steps;
    double norm;
    uint64_t tokens;
    float logits[TOY_ROWS * TOY_LONGEST * TOY_CLASSES];
    double loss; /* of an evaluation */
} training;

/* What rows answer, of every kind. */
typedef struct told {
    uint8_t sets[TOY_ROWS][TOY_CLASSES];
    uint32_t places[TOY_ROWS][TOY_LONGEST], ids[TOY_ROWS][ARC_WIDTH * TOY_LONGEST];
    encoded_units units[TOY_ROWS]; /* what they hold is for decoding */
} told;

/* Of a row some tokens, none of some; arcs: the root, then words that hang from the one before, of
 * which one is not known. */
static void choose(told *a, toy *t, uint32_t i, const head *h) {
    bool arcs = h == &head_dependency_parsing;
    uint32_t n = t->sentences[i].count, count = 0;
    uint32_t most = arcs ? n : i % 4 ? 1 + (i * 3) % n : 0;
    for (; count < most; count++) {
        uint32_t word = t->ids[i][count];
        a->places[i][count] = count;
        if (arcs) {
            uint32_t *arc = a->ids[i] + count * ARC_WIDTH;
            arc[ARC_HEAD] = !count || (i + count) % 5 == 0 ? CLASS_NONE : count - 1;
            arc[ARC_RELATION] = word % TOY_CLASSES;
        } else {
            a->ids[i][count] = h == &head_masked_lm ? word : word % TOY_CLASSES;
        }
    }
    t->sentences[i].target.chosen = (example_chosen){a->places[i], a->ids[i], count};
    t->data.unit_results += count;
}

static void tell(told *a, toy *t, const head *h) {
    if (!h) return;
    t->config.head = h;
    if (h == &head_dependency_parsing) model_config_parse(&t->config, 0, false);
    if (h == &head_regression) t->config.classes = 1;
    for (uint32_t i = 0; i < TOY_ROWS; i++) {
        if (h->reads == HEAD_READS_CHOSEN) choose(a, t, i, h);
        for (uint32_t c = 0; c < TOY_CLASSES; c++) a->sets[i][c] = (i + c) % 3 == 0 || c == i % 2;
        if (h == &head_multi_label) t->sentences[i].target.set = a->sets[i];
        if (h == &head_regression) t->sentences[i].target.number = (float)(i % 7) / 3 - 1;
    }
    if (h->reads == HEAD_READS_CHOSEN) t->data.units = a->units;
}

static err train(struct group *g, void *context) {
    training *out = context;
    toy t;
    trainer tr;
    told wanted = {0};
    toy_open(&t, out->selector, TOY_ROWS);
    tell(&wanted, &t, out->head);
    out->change(&t.recipe);
    toy_trainer(&tr, &t, &(trainer_options){.seed = 5, .group = g, .shards = out->shards});
    err e = trainer_run(&tr);
    if (!e) {
        MUST(params_digest(&tr.model.params, out->digest));
        out->steps = tr.total_steps;
        if (!tr.model.head->hides_outputs) score(out->logits, &out->loss, &tr, &t.data);
        out->norm = tr.grad_norm;
        out->tokens = tr.work.tokens;
        memcpy(out->losses, tr.losses, tr.total_steps * sizeof *tr.losses);
    }
    trainer_free(&tr);
    toy_close(&t);
    return e;
}

static void train_group(training out[RANKS_MAX], uint32_t size, const char *selector,
                        void (*change)(recipe *r), const head *h) {
    rank ranks[RANKS_MAX];
    for (uint32_t r = 0; r < size; r++)
        out[r] = (training){.selector = selector, .change = change, .head = h};
    run_ranks(ranks, size, &ranks_patience, train, out, sizeof *out);
    for (uint32_t r = 0; r < size; r++)
        cr_assert_eq(ranks[r].e, ERR_OK, "rank %u of %u: %s", r, size, ranks[r].message);
}

static void plain(recipe *r) {
    r->num_train_epochs = 2;
    r->per_device_train_batch_size = 10; // 24 rows: steps of 10, 10, 4
    r->weight_decay = 0.01;
}

/* More ranks than sentences in a step, at times: 24 rows by 5, the last step 4, or micro-batches. */
static void few(recipe *r) {
    r->num_train_epochs = 1;
    r->per_device_train_batch_size = 1;
    r->gradient_accumulation_steps = 3;
    r->max_steps = 6;
}

static void weighted(recipe *r) {
    plain(r);
    snprintf(r->class_weights, sizeof r->class_weights, "1,2,0.5");
    r->freeze_embeddings = true;
    r->freeze_layers = 1;
}

static void check_training_of(const head *h, const char *selector, void (*change)(recipe *r),
                              double bound, uint32_t least, uint32_t most) {
    static training alone[RANKS_MAX], group[RANKS_MAX], again[RANKS_MAX];
    const char *name = h ? h->class_name : "";
    train_group(alone, 1, selector, change, h);
    for (uint32_t size = least; size <= most; size++) {
        train_group(group, size, selector, change, h);
        memcpy(again, group, sizeof again);
        if (size == least) train_group(again, size, selector, change, h);
        for (uint32_t s = 0; s < alone[0].steps; s++) {
            double a = (double)alone[0].losses[s], b = (double)group[0].losses[s];
            cr_assert_leq(fabs(a - b), bound * fabs(a), "%s%s, %u ranks, step %u: %.9g and %.9g",
                          selector, name, size, s + 1, a, b);
        }
        cr_assert_eq(group[0].tokens, alone[0].tokens);
        cr_assert_float_eq(group[0].loss, alone[0].loss, bound * 10 * (1 + alone[0].loss),
                           "%s%s, %u ranks: %.9g and %.9g", selector, name, size, group[0].loss,
                           alone[0].loss);
        for (uint32_t r = 0; r < size; r++) {
            cr_assert_str_eq(group[r].digest, group[0].digest, "%u ranks: rank %u has others", size,
                             r);
            cr_assert_eq(memcmp(group[r].losses, group[0].losses, sizeof group[r].losses), 0);
            cr_assert_str_eq(again[r].digest, group[0].digest, "%u ranks twice", size);
            cr_assert_eq(memcmp(group[r].logits, group[0].logits, sizeof group[r].logits), 0);
        }
    }
}

static void check_training(const char *selector, void (*change)(recipe *r), double bound,
                           uint32_t least, uint32_t most) {
    check_training_of(NULL, selector, change, bound, least, most);
}

/* Untrained: the same weights, so the same bits. */
static void untrained(recipe *r) {
    r->max_steps = 1;
    r->learning_rate = 0;
}

Test(group, scores_with_the_bits_of_one_process) {
    static training alone[RANKS_MAX], group[RANKS_MAX];
    train_group(alone, 1, "reference", untrained, NULL);
    for (uint32_t size = 2; size <= RANKS_MAX; size += 3) {
        train_group(group, size, "reference", untrained, NULL);
        for (uint32_t r = 0; r < size; r++) {
            cr_assert_eq(memcmp(group[r].logits, alone[0].logits, sizeof alone[0].logits), 0);
            cr_assert_float_eq(group[r].loss, alone[0].loss, 1e-12);
        }
    }
}

CleanTest(group, trains_as_one_process_does) {
    check_training("reference", plain, 1e-6, 2, 2);
#if HARNESS_CPU
    check_training("cpu", plain, 1e-5, 2, 4);
    check_training("cpu", few, 1e-5, 4, 4);
    check_training("cpu", weighted, 1e-5, 2, 2);
#endif
}

CleanTest(group, trains_every_head_as_one_process_does) {
#define X(name) &head_##name,
    static const head *const heads[] = {HEADS(X)};
#undef X
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
#if HARNESS_CPU
        check_training_of(heads[i], "cpu", plain, 1e-5, 3, 3);
#else
        check_training_of(heads[i], "reference", plain, 1e-6, 3, 3);
#endif
    }
}

static void train_shards(training out[RANKS_MAX], uint32_t ranks, uint32_t shards,
                         const char *selector, const head *h) {
    rank threads[RANKS_MAX];
    for (uint32_t r = 0; r < ranks; r++)
        out[r] = (training){.selector = selector, .change = plain, .head = h, .shards = shards};
    run_ranks(threads, ranks, &ranks_patience, train, out, sizeof *out);
    for (uint32_t r = 0; r < ranks; r++)
        cr_assert_eq(threads[r].e, ERR_OK, "%s", threads[r].message);
}

static void check_shards(const char *selector, const head *h) {
    static training one[RANKS_MAX], several[RANKS_MAX];
    train_shards(one, 1, 4, selector, h);
    for (uint32_t ranks = 2; ranks <= 4; ranks += 2) {
        train_shards(several, ranks, 4, selector, h);
        for (uint32_t r = 0; r < ranks; r++) {
            cr_assert_str_eq(several[r].digest, one[0].digest, "%s, %u ranks", selector, ranks);
            cr_assert_arr_eq(several[r].losses, one[0].losses, sizeof one[0].losses);
        }
    }
    // as many as ranks: what a group does without
    train_group(several, 4, selector, plain, h);
    cr_assert_str_eq(several[0].digest, one[0].digest);
    // and other parts round otherwise
    train_shards(several, 1, 3, selector, h);
    cr_assert_str_neq(several[0].digest, one[0].digest);
    for (uint32_t s = 0; s < one[0].steps; s++) {
        double a = (double)one[0].losses[s];
        cr_assert_float_eq((double)several[0].losses[s], a, 1e-5 * a);
    }
}

CleanTest(group, shards_have_the_same_bits_by_any_number_of_ranks) {
#if HARNESS_CPU
    check_shards("cpu", &head_token_classification);
#else
    check_shards("reference", &head_masked_lm);
#endif
}

static err train_uneven(struct group *g, void *context) {
    trainer tr;
    toy t;
    (void)context;
    toy_open(&t, "reference", TOY_ROWS);
    err e = trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe,
                         &(trainer_options){.group = g, .shards = 3});
    toy_close(&t);
    return e;
}

Test(group, shards_that_ranks_do_not_divide_are_refused) {
    rank ranks[RANKS_MAX];
    run_ranks(ranks, 2, &ranks_patience, train_uneven, NULL, 0);
    for (uint32_t r = 0; r < 2; r++)
        cr_assert_str_eq(ranks[r].message, "3 shards cannot be divided among 2 ranks: expected a "
                                           "multiple");
}
