/* An update that ranks divide: the bits of one process with the same parts of a step, in weights,
 * moments, losses and norms. */
#include "base/hash.h"
#include "base/memory.h"
#include "support/must.h"
#include "support/ranks.h"
#include "support/toy.h"

#include <string.h>
#include <time.h>

enum { PARTS = 4, STEPS = 3 };
static const long late_ns = 10000000; // longer than a step computes

/* Layers of 2 x 128 x 512 numbers and more: several blocks a rank, the last one not full. */
static void widen(toy *t) {
    t->config.hidden = 128;
    t->config.intermediate = 520;
    t->recipe.max_steps = STEPS;
    t->recipe.per_device_train_batch_size = 10;
    t->recipe.weight_decay = 0.01;
    t->recipe.max_grad_norm = 0.05; // far below what it is: each weight depends on the norm
}

typedef struct outcome {
    uint32_t shards;
    double rate;
    uint32_t fails_at; /* a step; 0: none */
    bool divides, has_moments;
    size_t under_way; /* slices of weights beside the steps, of all steps */
    size_t left;      /* of them when training is over */
    size_t spread;    /* ops between the first and the last use of them in a step */
    char weights[65], first[65], second[65], gradients[65];
    float losses[STEPS];
    double norm;
} outcome;

static span first_moment(const param *p) {
    return p->m;
}
static span second_moment(const param *p) {
    return p->v;
}
static span gradient(const param *p) {
    return p->g;
}

/* SHA-256 of these of all parameters. */
static void digest(char hex[65], const params *ps, span (*of)(const param *p)) {
    float *all = NULL;
    size_t count = 0;
    MUST(mem_new(&all, ps->total));
    for (size_t i = 0; i < ps->count; i++) {
        span s = of(&ps->list[i]);
        MUST(device_read_f32(all + count, s, s.count));
        count += s.count;
    }
    hash_bytes_hex(all, count * sizeof *all, hex);
    mem_free(all);
}

static err note_moments(void *context, trainer *tr) {
    outcome *out = context;
    digest(out->first, &tr->model.params, first_moment);
    digest(out->second, &tr->model.params, second_moment);
    out->has_moments = true;
    return ERR_OK;
}

/* Behind each step but the last of a stretch, whose weights are waited for. */
static err look(void *context, trainer *tr) {
    outcome *out = context;
    out->under_way += tr->sum.behind;
    return out->fails_at == tr->done ? err_set(ERR_DATA, "planted") : ERR_OK;
}

static int (*in_time)(transport *t, const transport_piece *send, const transport_piece *receive,
                      char text[TRANSPORT_TEXT_BYTES]);
static int be_late(transport *t, const transport_piece *send, const transport_piece *receive,
                   char text[TRANSPORT_TEXT_BYTES]) {
    const struct timespec late = {0, late_ns};
    nanosleep(&late, NULL);
    return in_time(t, send, receive, text);
}

static err train(struct group *g, void *context) {
    outcome *out = context;
    trainer tr;
    toy t;
    toy_open(&t, "cpu", TOY_ROWS);
    widen(&t);
    if (out->rate > 0) t.recipe.learning_rate = out->rate;
    trainer_options options = {.seed = 5, .group = g, .shards = out->shards};
    options.save.call = note_moments;
    options.save.context = out;
    options.save.every = 2;
    options.log.call = look;
    options.log.context = out;
    options.log.every = 1;
    toy_trainer(&tr, &t, &options);
    out->divides = tr.sum.divides;
    // what the first ops need comes first
    const share_division *d = &tr.sum.division;
    for (size_t i = 1; i < d->use_count; i++) cr_expect_leq(d->uses[i - 1].place, d->uses[i].place);
    out->spread = d->use_count ? d->uses[d->use_count - 1].place - d->uses[0].place : 0;
    err e = trainer_run(&tr);
    out->left = tr.sum.behind;
    if (!e) {
        MUST(params_digest(&tr.model.params, out->weights));
        MUST(share_sum_gather(&tr.sum, SHARE_GRADIENTS));
        digest(out->gradients, &tr.model.params, gradient);
        memcpy(out->losses, tr.losses, sizeof out->losses);
        out->norm = tr.grad_norm;
    }
    trainer_free(&tr);
    toy_close(&t);
    return e;
}

#if HARNESS_CPU
CleanTest(divided_update, has_the_bits_of_one_process) {
    static outcome one[RANKS_MAX], group[RANKS_MAX];
    rank ranks[RANKS_MAX];
    one[0] = (outcome){.shards = PARTS};
    run_ranks(ranks, 1, &ranks_patience, train, one, sizeof *one);
    cr_assert_eq(ranks[0].e, ERR_OK, "%s", ranks[0].message);
    cr_assert(one[0].has_moments && !one[0].divides && one[0].norm > 0.5, "%g", one[0].norm);
    for (uint32_t size = 2; size <= PARTS; size += 2) {
        for (uint32_t r = 0; r < size; r++) group[r] = (outcome){.shards = PARTS};
        run_ranks(ranks, size, &ranks_patience, train, group, sizeof *group);
        for (uint32_t r = 0; r < size; r++) {
            cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
            cr_assert(group[r].divides);
            cr_expect_gt(group[r].spread, 10);
            cr_expect_str_eq(group[r].weights, one[0].weights, "weights, rank %u of %u", r, size);
            cr_expect_str_eq(group[r].first, one[0].first, "rank %u of %u", r, size);
            cr_expect_str_eq(group[r].second, one[0].second, "rank %u of %u", r, size);
            cr_expect_str_eq(group[r].gradients, one[0].gradients, "rank %u of %u", r, size);
            cr_expect_arr_eq(group[r].losses, one[0].losses, sizeof one[0].losses);
            cr_expect_eq(group[r].norm, one[0].norm, "%u ranks: %a", size, group[r].norm);
        }
    }
}

static err train_late(struct group *g, void *context) {
    if (group_is_alone(g)) return train(g, context);
    g->transport->exchange = be_late;
    return train(g, context);
}

/* New weights are on their way while the next step computes, which waits for them where it needs
 * them. */
Test(divided_update, weights_that_come_late_are_waited_for) {
    static outcome one[RANKS_MAX], group[RANKS_MAX];
    transport transports[2];
    rank ranks[RANKS_MAX];
    MUST(threads_open(transports, 2, &ranks_patience));
    in_time = transports[0].exchange;
    threads_close(transports);
    one[0] = (outcome){.shards = 2};
    run_ranks(ranks, 1, &ranks_patience, train, one, sizeof *one);
    cr_assert_eq(ranks[0].e, ERR_OK, "%s", ranks[0].message);
    cr_assert_eq(one[0].under_way, 0);
    run_ranks(ranks, 2, &ranks_patience, train_late, group, sizeof *group);
    for (uint32_t r = 0; r < 2; r++) {
        cr_assert_eq(ranks[r].e, ERR_OK, "%s", ranks[r].message);
        cr_expect_gt(group[r].under_way, 1);
        cr_expect_eq(group[r].left, 0);
        cr_expect_str_eq(group[r].weights, one[0].weights, "weights, rank %u", r);
        cr_expect_str_eq(group[r].first, one[0].first, "rank %u", r);
        cr_expect_arr_eq(group[r].losses, one[0].losses, sizeof one[0].losses);
    }
}

/* A rank fails while weights are on their way to it. */
CleanTest(divided_update, an_error_beside_the_exchange_is_that_of_all) {
    static outcome group[RANKS_MAX];
    rank ranks[RANKS_MAX];
    for (uint32_t victim = 0; victim < 3; victim++) {
        memset(group, 0, sizeof group);
        group[victim].fails_at = 1;
        run_ranks(ranks, 3, &ranks_patience, train, group, sizeof *group);
        for (uint32_t r = 0; r < 3; r++) {
            cr_assert_eq(ranks[r].e, ERR_DATA, "%s", ranks[r].message);
            cr_expect(strstr(ranks[r].message, "planted"), "%s", ranks[r].message);
            cr_expect_eq(group[r].left, 0);
        }
        cr_expect_gt(group[victim].under_way, 0);
    }
}

/* Each rank has a part of the sums, but all name the tensor that is not finite. */
Test(divided_update, all_ranks_name_what_is_not_finite) {
    static outcome group[RANKS_MAX];
    rank ranks[RANKS_MAX];
    for (uint32_t r = 0; r < 3; r++) group[r] = (outcome){.rate = 1e30};
    run_ranks(ranks, 3, &ranks_patience, train, group, sizeof *group);
    for (uint32_t r = 0; r < 3; r++) {
        cr_assert_eq(ranks[r].e, ERR_NUMERIC, "%s", ranks[r].message);
        cr_expect(strstr(ranks[r].message, "not finite") && strstr(ranks[r].message, "nor is the"),
                  "%s", ranks[r].message);
        cr_expect_str_eq(ranks[r].message, ranks[0].message);
    }
}
#endif
