/* What the other ranks get of a run that rank 0 goes on with: all that a checkpoint holds. */
#include "base/memory.h"
#include "support/must.h"
#include "support/ranks.h"
#include "support/toy.h"
#include "train/run/run_internal.h"

#include <string.h>

#if HARNESS_CPU

enum { SIZE = 3, STEPS = 8, DONE = 4, GOOD = 3, MOMENT = 7 };

/* What a rank knows afterwards. */
typedef struct known {
    char digest[65];
    uint32_t done, set_at, good_steps, skipped_count, skipped, evaluation_count, best;
    float scale, losses[DONE], moments[2];
    double rate;
    trainer_evaluation evaluation;
} known;

static err no_hook(void *context, trainer *t) {
    (void)context;
    (void)t;
    return ERR_OK;
}

/* As checkpoint_read leaves it. */
static void go_on(trainer *t) {
    static const float losses[DONE] = {4, 3, 2, 1};
    static const uint32_t skipped[] = {2};
    const param *p = &t->model.params.list[MOMENT];
    const float m = 0.25f, v = 0.5f;
    MUST(trainer_set(t, DONE, losses));
    MUST(trainer_set_scaling(t, 8192, GOOD, skipped, 1));
    MUST(trainer_add_evaluation(t, 0.75, 0.5));
    MUST(device_write_f32(p->m, &m, 1));
    MUST(device_write_f32(p->v, &v, 1));
}

static err share(struct group *g, void *context) {
    known *k = context;
    toy t;
    loss_scaler scaler = loss_scaler_default();
    run r = {.request.group = g, .best.higher_is_better = true};
    const trainer_options options = {.seed = g->rank + 1,
                                     .group = g,
                                     .scaler = &scaler,
                                     .evaluate = {.call = no_hook, .every = DONE}};
    trainer *tr = &r.trainer;
    toy_open(&t, "cpu", 8);
    t.recipe.max_steps = STEPS;
    toy_trainer(tr, &t, &options);
    if (!g->rank) go_on(tr);
    err e = run__share_state(&r);
    const param *p = &tr->model.params.list[MOMENT];
    MUST(params_digest(&tr->model.params, k->digest));
    MUST(device_read_f32(&k->moments[0], p->m, 1));
    MUST(device_read_f32(&k->moments[1], p->v, 1));
    memcpy(k->losses, tr->losses, sizeof k->losses);
    k->done = tr->done;
    k->set_at = tr->set_at;
    k->good_steps = tr->scaler.good_steps;
    k->scale = tr->scaler.scale;
    k->skipped_count = tr->skipped_count;
    k->skipped = tr->skipped[0];
    k->rate = trainer_rate(tr, DONE + 1);
    k->evaluation_count = tr->evaluation_count;
    k->evaluation = tr->evaluations[0];
    k->best = r.best.step;
    trainer_free(tr);
    toy_close(&t);
    return e;
}

CleanTest(ranks_state, is_all_that_a_checkpoint_holds) {
    rank ranks[RANKS_MAX];
    known all[RANKS_MAX] = {0};
    run_ranks(ranks, SIZE, &ranks_patience, share, all, sizeof *all);
    for (uint32_t r = 0; r < SIZE; r++) {
        const known *k = &all[r];
        cr_assert_eq(ranks[r].e, ERR_OK, "rank %u: %s", r, ranks[r].message);
        cr_expect_eq(k->done, DONE, "rank %u: %u", r, k->done);
        cr_expect_eq(k->set_at, DONE, "rank %u: %u", r, k->set_at);
        cr_expect_eq(k->good_steps, GOOD, "rank %u: %u", r, k->good_steps);
        cr_expect_eq(k->scale, 8192, "rank %u: %g", r, (double)k->scale);
        cr_expect(k->skipped_count == 1 && k->skipped == 2, "rank %u: %u", r, k->skipped_count);
        cr_expect_eq(k->rate, all[0].rate, "rank %u: %g and %g", r, k->rate, all[0].rate);
        cr_expect(k->evaluation_count == 1 && k->evaluation.step == DONE, "rank %u", r);
        cr_expect(k->evaluation.score == 0.75 && k->evaluation.loss == 0.5, "rank %u", r);
        cr_expect_eq(k->best, r ? DONE : 0, "rank %u: %u", r, k->best);
        cr_expect(k->moments[0] == 0.25f && k->moments[1] == 0.5f, "rank %u", r);
        cr_expect(k->losses[0] == 4 && k->losses[DONE - 1] == 1, "rank %u", r);
        cr_expect_str_eq(k->digest, all[0].digest, "rank %u", r);
    }
}

#endif
