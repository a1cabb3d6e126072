/* Dynamic loss scaling: the rules, and training that skips steps. */
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "support/toy.h"
#include "train/checkpoint/checkpoint.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* What torch's _amp_update_scale_ states: inf: scale * backoff and tracker 0; else tracker + 1, at
 * the interval (3 here) scale * growth and tracker 0. */
Test(loss_scaler, follows_torch) {
    static const struct {
        bool finite;
        float scale;
        uint32_t good_steps;
    } steps[] = {
        {true, 65536, 1},  {true, 65536, 2}, {true, 131072, 0}, {false, 65536, 0},
        {true, 65536, 1},  {true, 65536, 2}, {false, 32768, 0}, {false, 16384, 0},
        {true, 16384, 1},  {true, 16384, 2}, {true, 32768, 0},  {true, 32768, 1},
        {false, 16384, 0}, {true, 16384, 1}, {true, 16384, 2},  {true, 32768, 0},
    };
    loss_scaler s = loss_scaler_default();
    cr_assert(s.scale == 65536 && s.growth == 2 && s.backoff == 0.5f && s.interval == 2000);
    s.interval = 3;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        cr_assert(loss_scaler_update(&s, steps[i].finite), "step %zu: below the floor", i);
        cr_assert_eq(s.scale, steps[i].scale, "step %zu: scale %g", i, (double)s.scale);
        cr_assert_eq(s.good_steps, steps[i].good_steps, "step %zu: %u", i, s.good_steps);
    }
}

Test(loss_scaler, grows_after_2000_steps_and_stays_finite) {
    loss_scaler s = loss_scaler_default();
    for (int i = 0; i < 1999; i++) cr_assert(loss_scaler_update(&s, true));
    cr_assert_eq(s.scale, 65536);
    cr_assert(loss_scaler_update(&s, true));
    cr_assert_eq(s.scale, 131072);
    s.scale = 0x1p127f;
    s.interval = 1;
    cr_assert(loss_scaler_update(&s, true));
    cr_assert_eq(s.scale, 0x1p127f, "%g", (double)s.scale);
}

Test(loss_scaler, ends_below_the_floor) {
    loss_scaler s = loss_scaler_default();
    for (int i = 0; i < 16; i++) cr_assert(loss_scaler_update(&s, false), "after %d", i + 1);
    cr_assert_eq(s.scale, 1);
    cr_assert_not(loss_scaler_update(&s, false));
}

#if HARNESS_CPU
/* Every step takes the same 8 rows, so that a step differs from its neighbour by the weights. */
static void toy_of_eight(toy *t, uint32_t steps) {
    toy_open(t, "cpu", 8);
    t->recipe.max_steps = steps;
    t->recipe.dropout = 0;
    t->recipe.weight_decay = 0.01;
}

static void train(trainer *tr, toy *t, const loss_scaler *scaler) {
    trainer_options options = {.seed = 1, .scaler = scaler};
    toy_trainer(tr, t, &options);
    MUST(trainer_run(tr));
}

/* The scale is a power of two and nothing overflows: it rounds nothing. */
CleanTest(loss_scaler, changes_no_bit_where_nothing_overflows) {
    toy t;
    trainer plain, scaled;
    char digest[65], other[65];
    loss_scaler s = loss_scaler_default();
    s.interval = 4;
    toy_of_eight(&t, 10);
    t.recipe.dropout = -1;
    train(&plain, &t, NULL);
    train(&scaled, &t, &s);
    MUST(params_digest(&plain.model.params, digest));
    MUST(params_digest(&scaled.model.params, other));
    cr_assert_str_eq(digest, other);
    cr_assert_eq(scaled.skipped_count, 0);
    cr_assert_eq(scaled.scaler.scale, 65536 * 4);
    cr_assert_eq(scaled.scaler.good_steps, 2);
    cr_assert_eq(scaled.grad_norm, plain.grad_norm);
    trainer_free(&plain);
    trainer_free(&scaled);
    toy_close(&t);
}

/* 2^120 overflows the sum of squares, 2^80 too, 2^40 does not: the first two steps are skipped, and
 * what follows is what a run without them does. */
static loss_scaler overflowing(void) {
    loss_scaler s = loss_scaler_default();
    s.scale = 0x1p120f;
    s.backoff = 0x1p-40f;
    return s;
}

Test(loss_scaler, skips_steps_that_overflow) {
    toy t;
    trainer plain, scaled;
    loss_scaler s = overflowing();
    toy_of_eight(&t, 10);
    t.recipe.warmup_steps = 3;
    train(&plain, &t, NULL);
    train(&scaled, &t, &s);
    cr_assert_eq(scaled.skipped_count, 2);
    cr_assert(scaled.skipped[0] == 1 && scaled.skipped[1] == 2);
    cr_assert_eq(scaled.scaler.scale, 0x1p40f);
    cr_assert_eq(scaled.losses[0], plain.losses[0]);
    for (uint32_t i = 2; i < 10; i++) // the rows' order differs, so sums round differently
        cr_assert_float_eq(scaled.losses[i], plain.losses[i - 2], 1e-5, "step %u: %.9g, %.9g",
                           i + 1, (double)scaled.losses[i], (double)plain.losses[i - 2]);
    cr_assert_gt(fabs((double)(plain.losses[9] - plain.losses[7])), 1e-3, "the check sees nothing");
    // what AdamW reads: rows that catch up later leave steps 1 and 2 out, the next take their
    // places
    float rows[11 * 4];
    MUST(device_read_f32(rows, scaled.training.table, 11 * 4));
    for (size_t i = 1; i <= 10; i++) {
        cr_assert_eq(rows[i * 4 + 3], i <= 2, "row %zu", i);
        for (size_t k = 0; k < 3 && i > 2; k++)
            cr_assert_eq(rows[i * 4 + k], (float)scaled.table[(i - 2) * 4 + k], "row %zu", i);
    }
    // a skipped step shows the rate that it was to have, which the next one takes again
    static const uint32_t rates[] = {1, 1, 1, 2, 3, 4, 5, 6, 7, 8};
    for (uint32_t i = 1; i <= 10; i++) {
        double before = i > 1 ? schedule_rate(&plain.schedule, i - 1) : -1;
        cr_assert_eq(trainer_rate(&scaled, i), schedule_rate(&plain.schedule, rates[i - 1]),
                     "step %u: rate %g", i, trainer_rate(&scaled, i));
        cr_assert_neq(schedule_rate(&plain.schedule, i), before, "rates of step %u are equal", i);
    }
    trainer_free(&plain);
    trainer_free(&scaled);
    toy_close(&t);
}

/* Rows of words that no sentence has only decay, all at once at the end: not at a skipped step. */
Test(loss_scaler, rows_caught_up_later_skip_it_too) {
    enum { WIDTH = 24 };
    toy t;
    trainer plain, scaled;
    loss_scaler s = overflowing();
    trainer_options options = {.seed = 1, .stop_at = 8};
    float a[WIDTH], b[WIDTH], drawn[WIDTH];
    toy_of_eight(&t, 10);
    t.recipe.lr_scheduler_type = SCHEDULE_constant;
    t.recipe.weight_decay = 0.5;
    toy_trainer(&plain, &t, &options);
    // no sentence has word 1; word 0, [PAD], begins as zeros
    span unused = span_part(params_at(&plain.model.params, PARAM_token, 0)->p, WIDTH, WIDTH);
    MUST(device_read_f32(drawn, unused, WIDTH));
    MUST(trainer_run(&plain));
    MUST(device_read_f32(a, unused, WIDTH));
    train(&scaled, &t, &s);
    MUST(device_read_f32(
        b, span_part(params_at(&scaled.model.params, PARAM_token, 0)->p, WIDTH, WIDTH), WIDTH));
    cr_assert_eq(scaled.skipped_count, 2);
    cr_assert_neq(memcmp(a, drawn, sizeof a), 0, "nothing decays");
    cr_assert_eq(memcmp(a, b, sizeof a), 0, "8 steps give %g, 10 with 2 skipped %g", (double)a[0],
                 (double)b[0]);
    trainer_free(&plain);
    trainer_free(&scaled);
    toy_close(&t);
}

Test(loss_scaler, stops_below_the_floor) {
    toy t;
    trainer tr;
    loss_scaler s = overflowing();
    s.floor = 0x1p60f;
    trainer_options options = {.seed = 1, .scaler = &s};
    toy_of_eight(&t, 10);
    toy_trainer(&tr, &t, &options);
    MUST_FAIL(trainer_run(&tr), ERR_NUMERIC,
              "step 2 of 10: gradients are not finite at a loss scale of 1.20893e+24 either");
    trainer_free(&tr);
    toy_close(&t);
}

/* A loss that is not finite stops a scaled run too: no scale reaches it. */
Test(loss_scaler, stops_at_a_loss_that_is_not_finite) {
    toy t;
    trainer tr;
    float bad = NAN;
    loss_scaler s = loss_scaler_default();
    trainer_options options = {.seed = 1, .scaler = &s};
    toy_of_eight(&t, 10);
    toy_trainer(&tr, &t, &options);
    const param *p = params_at(&tr.model.params, PARAM_head_dense_bias, 0);
    MUST(device_write_f32(span_part(p->p, 0, 1), &bad, 1));
    MUST_FAIL(trainer_run(&tr), ERR_NUMERIC, "step 1 of 10: the loss is not finite");
    trainer_free(&tr);
    toy_close(&t);
}

/* Stopped after a step that was skipped, or after the one that follows it, and again from the
 * checkpoint: as `whole`, which was not. */
static void expect_resumed(toy *t, const trainer *whole, const tokenizer *words,
                           const loss_scaler *s, uint32_t stop) {
    trainer half, rest;
    char digest[65], again[65], name[32];
    cJSON *identity = cJSON_CreateObject();
    checkpoint_run run = {.id = "one", .identity = identity};
    trainer_options options = {.seed = 1, .scaler = s, .stop_at = stop};
    snprintf(name, sizeof name, "checkpoint-%u", stop);
    toy_trainer(&half, t, &options);
    MUST(trainer_run(&half));
    MUST(checkpoint_write(temporary_folder(), &half, words, &run, 0));
    options.stop_at = 0;
    toy_trainer(&rest, t, &options);
    MUST(checkpoint_read(&rest, &run, temporary_path(name)));
    cr_assert_eq(rest.scaler.scale, half.scaler.scale);
    cr_assert_eq(rest.scaler.good_steps, stop - 2);
    cr_assert_eq(rest.skipped_count, 2);
    MUST(trainer_run(&rest));
    MUST(params_digest(&whole->model.params, digest));
    MUST(params_digest(&rest.model.params, again));
    cr_assert_str_eq(digest, again, "stopped after step %u", stop);
    cr_assert_eq(memcmp(whole->losses, rest.losses, 9 * sizeof *whole->losses), 0);
    cr_assert_eq(whole->scaler.scale, rest.scaler.scale);
    cr_assert_eq(whole->scaler.good_steps, rest.scaler.good_steps);
    trainer_free(&half);
    trainer_free(&rest);
    cJSON_Delete(identity);
}

CleanTest(loss_scaler, resumes_with_the_same_bits) {
    toy t;
    trainer whole;
    tokenizer words;
    loss_scaler s = overflowing();
    s.interval = 2;
    toy_words(&words);
    toy_of_eight(&t, 9);
    train(&whole, &t, &s);
    expect_resumed(&t, &whole, &words, &s, 2);
    expect_resumed(&t, &whole, &words, &s, 3);
    trainer_free(&whole);
    tokenizer_free(&words);
    toy_close(&t);
}
#endif
