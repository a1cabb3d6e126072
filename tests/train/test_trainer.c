/* The training loop on small models: it learns, it repeats itself, and it goes on where it
 * stopped. */
#include "base/log.h"
#include "base/memory.h"
#if HARNESS_VULKAN
#include "compute/vulkan/vulkan_internal.h"
#endif
#include "support/must.h"
#include "support/program.h"
#include "support/toy.h"
#include "train/run/run.h"
#include "train/step/capacity.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* f32, for bits that go through files; the reference device works in f64. */
#if HARNESS_CPU
static const char native[] = "cpu";
#else
static const char native[] = "";
#endif

static void check_overfits(const char *selector) {
    size_t live = mem_live_count();
    toy t;
    char digest[65], again[65];
    float losses[60], second[60];
    toy_open(&t, selector, 8);
    t.recipe.max_steps = 60;
    t.recipe.learning_rate = 5e-3;
    t.recipe.lr_scheduler_type = SCHEDULE_constant;
    t.recipe.dropout = 0;
    toy_train(&t, 1, digest, losses);
    cr_assert_lt(losses[59], 0.01, "%s: loss is %g after 60 steps", selector, (double)losses[59]);
    toy_train(&t, 1, again, second);
    cr_assert_str_eq(digest, again, "%s: two equal runs differ", selector);
    cr_assert_eq(memcmp(losses, second, sizeof losses), 0);
    toy_train(&t, 2, again, NULL);
    cr_assert_str_neq(digest, again, "%s: the seed changes nothing", selector);
    toy_close(&t);
    cr_assert_eq(mem_live_count(), live);
}

Test(trainer, overfits_eight_examples_and_repeats_itself) {
    check_overfits("reference");
    if (native[0]) check_overfits(native);
}

typedef struct times {
    double begin, naps_s;
    double rate_s, rest_s; /* at the last step: what the rate shown is of, and all but the naps */
    uint32_t naps;
} times;

static err nap(void *context, trainer *tr) {
    const struct timespec t = {0, 60000000};
    times *x = context;
    double begin = clock_seconds();
    (void)tr;
    x->naps++;
    if (nanosleep(&t, NULL)) return ERR_DEVICE;
    x->naps_s += clock_seconds() - begin;
    return ERR_OK;
}

static err note_times(void *context, trainer *tr) {
    times *x = context;
    double now = clock_seconds();
    x->rate_s = now - tr->warm_begin;
    x->rest_s = now - x->begin - x->naps_s;
    return ERR_OK;
}

/* What saving takes counts neither in the steps' times, nor in the training's, nor in the rate that is
 * shown. */
Test(trainer, hooks_take_no_time_of_training) {
    toy t;
    trainer tr;
    double steps_s = 0;
    toy_open(&t, native[0] ? native : "reference", 8);
    t.recipe.max_steps = 20;
    times x = {.begin = clock_seconds()};
    trainer_options options = {.seed = 1, .log = {note_times, &x, 1}, .save = {nap, &x, 1, false}};
    toy_trainer(&tr, &t, &options);
    x.begin = clock_seconds();
    MUST(trainer_run(&tr));
    double rest = clock_seconds() - x.begin - x.naps_s;
    cr_assert_eq(x.naps, 19);
    for (uint32_t s = 0; s < 20; s++) steps_s += tr.step_ms[s] / 1000;
    cr_expect_leq(steps_s, rest + 1e-6, "%g s of %g", steps_s, rest);
    cr_expect_leq(tr.work.seconds, rest + 1e-6, "%g s of %g", tr.work.seconds, rest);
    cr_expect_leq(x.rate_s, x.rest_s + 1e-6, "%g s of %g", x.rate_s, x.rest_s);
    trainer_free(&tr);
    toy_close(&t);
}

/* By hand: what no gradient reaches is multiplied by 1 - rate * decay at each step, whole rows of
 * words too. */
Test(trainer, decay_is_that_of_the_recipe) {
    enum { STEPS = 3, WIDTH = 24, WORD = 1 };
    toy t;
    trainer tr;
    float before[WIDTH], after[WIDTH];
    toy_open(&t, "reference", 8); // no sentence has word 1
    t.recipe.max_steps = STEPS;
    t.recipe.learning_rate = 0.01;
    t.recipe.weight_decay = 0.5;
    t.recipe.lr_scheduler_type = SCHEDULE_constant;
    toy_trainer(&tr, &t, &(trainer_options){.seed = 1});
    span row = span_part(params_at(&tr.model.params, PARAM_token, 0)->p, WORD * WIDTH, WIDTH);
    MUST(device_read_f32(before, row, WIDTH));
    MUST(trainer_run(&tr));
    MUST(device_read_f32(after, row, WIDTH));
    for (int i = 0; i < WIDTH; i++)
        cr_assert_float_eq(after[i], before[i] * pow(1 - 0.01 * 0.5, STEPS),
                           1e-6 * fabs((double)before[i]), "%d: %.9g from %.9g", i,
                           (double)after[i], (double)before[i]);
    trainer_free(&tr);
    // every layer may be frozen
    t.recipe.freeze_layers = t.config.layers;
    toy_trainer(&tr, &t, &(trainer_options){.seed = 1, .stop_at = 1});
    MUST(trainer_run(&tr));
    trainer_free(&tr);
    toy_close(&t);
}

Test(trainer, accumulation_equals_the_larger_batch) {
    // dropout is keyed by the sentence within the optimizer step, so it may stay on
    toy t;
    char digest[65];
    float whole[9], parts[9];
    toy_open(&t, "reference", TOY_ROWS);
    t.recipe.num_train_epochs = 3;
    t.recipe.per_device_train_batch_size = 10; // 24 rows: steps of 10, 10, 4
    toy_train(&t, 3, digest, whole);
    t.recipe.per_device_train_batch_size = 5;
    t.recipe.gradient_accumulation_steps = 2;
    toy_train(&t, 3, digest, parts);
    for (int i = 0; i < 9; i++)
        cr_assert_float_eq(whole[i], parts[i], 1e-6, "step %d: %.9g and %.9g", i + 1,
                           (double)whole[i], (double)parts[i]);
    toy_close(&t);
}

Test(trainer, capacity_is_what_packing_needs) {
    batch_capacity c = {0};
    pack_sentence s[5] = {{NULL, 3000, 0, {0}},
                          {NULL, 1000, 0, {0}},
                          {NULL, 200, 0, {0}},
                          {NULL, 5000, 0, {0}},
                          {NULL, 10, 0, {0}}};
    capacity_raise(&c, s, NULL, 5, 0);
    // 3000 + 1000 | 200 | 5000 | 10: one sentence may exceed the bound
    cr_assert_eq(c.micros, 4);
    cr_assert_eq(c.tokens, 5000);
    cr_assert_eq(c.sentences, 2);
    cr_assert_eq(c.max_length, 5000);
    c = (batch_capacity){0};
    const uint32_t order[] = {1, 2, 4};
    capacity_raise(&c, s, order, 3, 2);
    cr_assert_eq(c.micros, 2);
    cr_assert_eq(c.tokens, 1200);
    cr_assert_eq(c.sentences, 2);
}

/* An evaluation uses the memory that training leaves idle, however much it would take at once: its
 * sentences are cut into what fits there, at least the longest. */
Test(trainer, evaluations_take_no_memory_beside_training) {
    enum { SENTENCES = 400, SLACK = 4096 + SENTENCES * 4 };
    static const batch_capacity wishes[] = {
        {0},
        {.tokens = 8, .sentences = 1, .micros = 1, .max_length = 12},
        {.tokens = 4000, .sentences = SENTENCES, .micros = 1, .max_length = 12}};
    uint64_t alone = 0;
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        toy t;
        trainer tr;
        toy_open(&t, "reference", 8);
        trainer_options options = {.seed = 1, .lend = wishes[i]};
        toy_trainer(&tr, &t, &options);
        const model_memory *m = trainer_evaluation_memory(&tr);
        const batch_capacity *lent = &tr.options.lend;
        cr_expect(m->tokens >= lent->tokens && m->sentences >= lent->sentences, "wish %zu", i);
        cr_expect(lent->tokens >= wishes[i].max_length || lent->tokens == wishes[i].tokens);
        cr_expect_leq(lent->tokens, wishes[i].tokens);
        // more than a step's: one layer is kept, not all
        if (i == 2) cr_expect_gt(lent->tokens, tr.memory.tokens, "%u", lent->tokens);
        if (!i) alone = t.device.allocated_bytes;
        cr_expect_leq(t.device.allocated_bytes, alone + SLACK, "wish %zu: %zu bytes more", i,
                      (size_t)(t.device.allocated_bytes - alone));
        trainer_free(&tr);
        toy_close(&t);
    }
}

/* What a step finds in its activations is of no matter: evaluations leave theirs there. */
static err spoil(void *context, trainer *tr) {
    const arena *a = &tr->memory.arena;
    (void)context;
    for (size_t i = 0; i < a->count; i++)
        memset(a->blocks[i].buffer->mapped, 0xff, a->blocks[i].used);
    return ERR_OK;
}

Test(trainer, activations_are_free_between_steps) {
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        static char digests[2][65];
        toy t;
        trainer tr;
        toy_open(&t, native[0] ? native : "reference", TOY_ROWS);
        t.recipe.max_steps = 5;
        t.config.hidden = 64; // whose last layer is of first rows alone
        trainer_options options = {.seed = 1, .save = {spoil, NULL, 1, false}};
        if (!spoilt) options.save.call = NULL;
        toy_trainer(&tr, &t, &options);
        if (spoilt) MUST(spoil(NULL, &tr));
        MUST(trainer_run(&tr));
        MUST(params_digest(&tr.model.params, digests[spoilt]));
        if (spoilt) cr_expect_str_eq(digests[0], digests[1]);
        trainer_free(&tr);
        toy_close(&t);
    }
}

static void shrink(device *d, uint64_t memory_bytes) {
    d->info.memory_bytes = memory_bytes; // what a software driver goes by, and a GPU by its heaps
#if HARNESS_VULKAN
    VkPhysicalDeviceMemoryProperties *m = &vulkan__of(d)->memory;
    for (uint32_t i = 0; i < m->memoryHeapCount; i++) m->memoryHeaps[i].size = memory_bytes;
#endif
}

/* A model that the device cannot hold is refused before any of its memory is taken: what it needs
 * and what there is are named, and the device is as good as before. */
static void refuse_a_giant(const char *selector, uint64_t memory_bytes, const char *has) {
    enum { HIDDEN = 1024, LAYER_BYTES = 12 * HIDDEN * HIDDEN * 4 };
    static const char said[] = "lacks memory: training takes ";
    toy t;
    trainer tr;
    trainer_options options = {.seed = 1};
    toy_open(&t, selector, 8);
    model_config small = t.config;
    if (memory_bytes) shrink(&t.device, memory_bytes);
    // weights as large as one buffer may be, nearly; training takes four times as much
    t.config.hidden = HIDDEN;
    t.config.intermediate = 4 * HIDDEN;
    t.config.layers = (uint32_t)(t.device.info.max_buffer_bytes / LAYER_BYTES / 10 * 9);
    double least = 4.0 * LAYER_BYTES * t.config.layers / 0x1p20;
    uint64_t before = t.device.allocated_bytes;
    MUST_FAIL(trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe, &options), ERR_DEVICE,
              has);
    const char *message = err_message(ERR_DEVICE), *need = strstr(message, said);
    cr_assert(need && strtod(need + strlen(said), NULL) > least, "%g: %s", least, message);
    cr_assert_eq(t.device.allocated_bytes, before);
    cr_assert_eq(t.device.peak_bytes, before);
    t.config = small;
    MUST(trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe, &options));
    trainer_free(&tr);
    toy_close(&t);
}

#if HARNESS_CPU
CleanTest(trainer, memory_that_is_not_there_is_told_first_on_cpu) {
    refuse_a_giant("cpu", 0, "MiB are available");
}
#endif

#if HARNESS_VULKAN
CleanTest(trainer, memory_that_is_not_there_is_told_first_on_vulkan) {
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    refuse_a_giant(test_device(), 1 << 30, "MiB left of 1024 MiB");
}
#endif

Test(trainer, stops_at_a_loss_that_is_not_finite) {
    toy t;
    trainer tr;
    trainer_options options = {.seed = 1};
    toy_open(&t, "reference", 8);
    t.recipe.max_steps = 5;
    MUST(trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe, &options));
    MUST(params_draw(&tr.model.params, 1, 0.1f, NULL));
    float bad = NAN;
    const param *p = params_at(&tr.model.params, PARAM_head_dense_bias, 0);
    MUST(device_write_f32(span_part(p->p, 0, 1), &bad, 1));
    MUST_FAIL(trainer_run(&tr), ERR_NUMERIC, "step 1 of 5: the loss is not finite");
    cr_assert(
        strstr(err_message(ERR_NUMERIC), "nor is the weight of head_dense_bias; training stopped"),
        "%s", err_message(ERR_NUMERIC));
    trainer_free(&tr);
    device_close(&t.device);
}

/* Finite weights whose products overflow: the gradient nearest to the loss is named. */
Test(trainer, names_the_gradient_that_is_not_finite) {
    toy t;
    trainer tr;
    trainer_options options = {.seed = 1};
    toy_open(&t, "cpu", 8);
    t.recipe.max_steps = 5;
    MUST(trainer_init(&tr, &t.device, &t.config, &t.data, &t.recipe, &options));
    MUST(params_draw(&tr.model.params, 1, 0.1f, NULL));
    float large = 3e38f, ten = 10;
    const param *p = params_at(&tr.model.params, PARAM_head_output_weight, 0);
    const param *bias = params_at(&tr.model.params, PARAM_head_dense_bias, 0);
    for (size_t i = 0; i < p->cols; i++) {
        MUST(device_write_f32(span_part(p->p, i, 1), &large, 1));
        MUST(device_write_f32(span_part(bias->p, i, 1), &ten, 1)); // its tanh is 1
    }
    MUST_FAIL(trainer_run(&tr), ERR_NUMERIC, "step 1 of 5: the ");
    cr_assert(strstr(err_message(ERR_NUMERIC), "nor is the gradient of head_output_bias"), "%s",
              err_message(ERR_NUMERIC));
    trainer_free(&tr);
    toy_close(&t);
}

static run_request sample_request(const char *selector, const char *output) {
    run_request q = {.task = "kor_hate", .sample = true, .model = "tiny", .device = selector};
    q.seed = 11;
    q.output = output;
    MUST(recipe_load(&q.recipe, "tiny"));
    q.recipe.num_train_epochs = 4; // 48 rows: 2 steps an epoch
    q.recipe.save_steps = 3;
    return q;
}

/* Runs to the end and leaves the digest of the final weights and the losses (8). */
static void run_through(const run_request *q, char digest[65], float *losses) {
    run r;
    MUST(run_open(&r, q));
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    MUST(run_keep_model(&r));
    MUST(run_finish(&r));
    strcpy(digest, r.final_sha256);
    memcpy(losses, r.trainer.losses, 8 * sizeof *losses);
    run_close(&r);
}

CleanTest(run, resumed_ends_with_the_same_bits) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    char whole[65], resumed[65];
    float losses[8], again[8];
    run r;
    run_request q = sample_request(native, temporary_path("whole"));
    run_through(&q, whole, losses);

    q.output = temporary_path("stopped");
    MUST(run_open(&r, &q));
    r.trainer.options.stop_at = 5; // as if killed there: checkpoint-3 is the newest
    MUST(run_train(&r));
    run_close(&r);
    MUST_FAIL(run_open(&r, &q), ERR_USAGE, "holds an unfinished run: go on with --resume");
    run_close(&r);
    q.resume = true;
    MUST(run_open(&r, &q));
    cr_assert_eq(r.trainer.set_at, 3);
    run_close(&r);
    run_through(&q, resumed, again);
    cr_assert_str_eq(whole, resumed);
    cr_assert_eq(memcmp(losses, again, sizeof losses), 0);
    // finished: the same run is not done again, with --resume or without, until it is asked for
    for (int i = 0; i < 2; i++, q.resume = !q.resume) {
        MUST(run_open(&r, &q));
        cr_assert(r.is_finished);
        run_close(&r);
    }
    q.overwrite = true;
    run_through(&q, resumed, again);
    cr_assert_str_eq(whole, resumed);
}

Test(run, resume_refuses_other_runs_and_damaged_files) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    run r;
    char digest[65];
    float losses[8];
    run_request q = sample_request(native, temporary_path("stopped"));
    MUST(run_open(&r, &q));
    r.trainer.options.stop_at = 4;
    MUST(run_train(&r));
    run_close(&r);
    q.resume = true;
    q.seed = 12;
    MUST_FAIL(run_open(&r, &q), ERR_DATA, "is of another run: seed is 11 there, 12 now");
    run_close(&r);
    q.seed = 11;
    double rate = q.recipe.learning_rate;
    q.recipe.learning_rate = 0.1;
    MUST_FAIL(run_open(&r, &q), ERR_DATA,
              "is of another run: recipe's learning_rate is 0.0007 there, 0.1 now;");
    run_close(&r);
    q.recipe.learning_rate = rate;
    FILE *f = fopen(temporary_path("stopped/checkpoint-3/optimizer.safetensors"), "r+b");
    cr_assert_not_null(f);
    fseek(f, -9, SEEK_END);
    int byte = fgetc(f);
    fseek(f, -9, SEEK_END);
    fputc(byte ^ 4, f);
    fclose(f);
    MUST_FAIL(run_open(&r, &q), ERR_DATA, "none of the 1 checkpoints there is whole");
    run_close(&r);
    q.resume = false;
    q.overwrite = true;
    run_through(&q, digest, losses);
}

static bool has(const char *name) {
    return access(temporary_path(name), F_OK) == 0;
}

Test(run, keeps_as_many_checkpoints_as_asked) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    char digest[65];
    float losses[8];
    run_request q = sample_request(native, temporary_path("out"));
    q.recipe.save_steps = 2;
    q.recipe.save_total_limit = 2;
    run_through(&q, digest, losses);
    cr_assert(!has("out/checkpoint-2") && has("out/checkpoint-4") && has("out/checkpoint-6"));
    cr_assert(!has("out/checkpoint-8"), "the last step is the model itself");
    cr_assert(has("out/model/config.json") && has("out/model/vocab.txt"));
    cr_assert(!has("out/unfinished.json"));
    // the next run's checkpoints take the place of these
    q.recipe.save_steps = 5;
    q.overwrite = true;
    run_through(&q, digest, losses);
    cr_assert(has("out/checkpoint-5") && !has("out/checkpoint-4") && !has("out/checkpoint-6"));
}

static err interrupt_now(void *context, trainer *t) {
    (void)context;
    (void)t;
    raise(SIGINT);
    return ERR_OK;
}

Test(run, an_interrupted_run_saves_and_goes_on) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    char whole[65], resumed[65];
    float losses[8], again[8];
    run r;
    run_request q = sample_request(native, temporary_path("whole"));
    q.recipe.save_steps = 0;
    run_through(&q, whole, losses);
    q.output = temporary_path("stopped");
    MUST(run_open(&r, &q));
    r.trainer.options.evaluate.call = interrupt_now;
    r.trainer.options.evaluate.every = 5;
    MUST_FAIL(run_train(&r), ERR_INTERRUPTED, "interrupted after step 5 of 8");
    run_close(&r);
    cr_assert(has("stopped/checkpoint-5/trainer_state.json"));
    q.resume = true;
    run_through(&q, resumed, again);
    cr_assert_str_eq(whole, resumed);
    cr_assert_eq(memcmp(losses, again, sizeof losses), 0);
}

Test(run, dev_scores_the_best_weights_of_a_held_out_part) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    run r;
    run_request q = sample_request(native, temporary_path("dev"));
    q.protocol = PROTOCOL_DEV;
    q.recipe.save_steps = 0;
    MUST(run_open(&r, &q));
    // a tenth of 16 sentences a label, rounded up, is 2
    cr_assert_eq(r.dev.count, 6);
    cr_assert_eq(r.train.count, 42);
    MUST(run_train(&r));
    cr_assert(r.best.step == 2 || r.best.step == 4 || r.best.step == 6 || r.best.step == 8,
              "best step %u is no end of an epoch", r.best.step);
    cr_assert(r.best.score >= 0 && r.best.score <= 1);
    MUST(run_evaluate(&r));
    MUST(run_keep_model(&r));
    MUST(run_finish(&r));
    cr_assert(!has("dev/best"));
    run_close(&r);
}

CleanTest(run, faults_are_found_before_training) {
    run r;
    run_request q = sample_request("reference", temporary_path("x"));
    q.task = "kor_hat";
    MUST_FAIL(run_open(&r, &q), ERR_USAGE, "kor_hate");
    run_close(&r);
    q.task = "kor_hate";
    q.model = "tinny";
    MUST_FAIL(run_open(&r, &q), ERR_USAGE, "unknown model 'tinny'; did you mean 'tiny'?");
    run_close(&r);
    q.model = "tiny";
    q.device = "no such device";
    MUST_FAIL(run_open(&r, &q), ERR_USAGE, "no such device");
    run_close(&r);
    q.device = "reference";
    q.precision = "fp8";
    MUST_FAIL(run_open(&r, &q), ERR_USAGE, "precision 'fp8'");
    run_close(&r);
    q.precision = NULL;
    q.recipe.max_steps = 100000; // two terabytes of checkpoints
    q.recipe.save_steps = 1;
    MUST_FAIL(run_open(&r, &q), ERR_IO, "100000 checkpoints and the final model need");
    cr_assert_not_null(strstr(err_message(ERR_IO), "--save-total-limit"));
    run_close(&r);
    q.output = "/proc/no/such";
    MUST_FAIL(run_open(&r, &q), ERR_IO, "/proc/no");
    run_close(&r);
}
