/* Whole runs on the bundled sample with the options of a recipe: what was stopped and goes on ends
 * with the same bits, and logs every step once. */
#include "base/memory.h"
#include "base/sums.h"
#include "cli/dry_run.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "support/must.h"
#include "support/program.h"
#include "train/run/run.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#if HARNESS_CPU
static const char native[] = "cpu";
#else
static const char native[] = "";
#endif

enum { STEPS_MOST = 32 };

/* What a run leaves that must not depend on where it was stopped. */
typedef struct outcome {
    char digest[65];
    uint32_t steps, best_step, evaluation_count;
    float losses[STEPS_MOST];
    trainer_evaluation evaluations[STEPS_MOST];
    trainer_work work;
    uint32_t work_behind;
} outcome;

typedef struct mode {
    const char *name;
    const char
        *settings[8][2]; /* recipe keys, "task" or "precision", and values, numbers as text */
    run_protocol protocol;
} mode;

/* kor_hate: 48 rows (42 under dev), steps of 8: 6 an epoch, 12 in all unless a mode says otherwise.
 */
static run_request request_of(const mode *m, const char *selector, const char *output) {
    run_request q = {.task = "kor_hate", .sample = true, .model = "tiny", .device = selector};
    q.seed = 11;
    q.threads = 1;
    q.output = output;
    q.protocol = m->protocol;
    MUST(recipe_load(&q.recipe, "tiny"));
    q.recipe.num_train_epochs = 2;
    q.recipe.per_device_train_batch_size = 8;
    q.recipe.logging_steps = 2;
    q.recipe.save_steps = 3;
    for (int i = 0; i < 8 && m->settings[i][0]; i++) {
        const char *key = m->settings[i][0], *text = m->settings[i][1];
        char *end = NULL;
        double value = strtod(text, &end);
        // class weights are text that begins with a number
        if (!strcmp(key, "task"))
            q.task = text;
        else if (!strcmp(key, "precision"))
            q.precision = text;
        else if (*end)
            MUST(recipe_set_text(&q.recipe, key, text));
        else
            MUST(recipe_set_number(&q.recipe, key, value));
    }
    return q;
}

static void take_outcome(outcome *o, const run *r) {
    const trainer *t = &r->trainer;
    *o = (outcome){
        .steps = t->done, .best_step = r->best.step, .evaluation_count = t->evaluation_count};
    cr_assert_leq(t->done, STEPS_MOST);
    strcpy(o->digest, r->final_sha256);
    o->work_behind = trainer_work_done(&o->work, t);
    memcpy(o->losses, t->losses, t->done * sizeof *t->losses);
    for (uint32_t i = 0; i < t->evaluation_count; i++) o->evaluations[i] = t->evaluations[i];
}

static void run_through(const run_request *q, outcome *o) {
    run r;
    MUST(run_open(&r, q));
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    MUST(run_keep_model(&r));
    MUST(run_finish(&r));
    take_outcome(o, &r);
    run_close(&r);
}

/* Runs to `step` as if it were killed there. */
static void run_until(const run_request *q, uint32_t step) {
    run r;
    MUST(run_open(&r, q));
    // in stretches, as a run goes whose first steps are timed one by one
    for (uint32_t at = 1; at <= step; at += step - 1) {
        r.trainer.options.stop_at = at;
        MUST(trainer_run(&r.trainer));
    }
    cr_assert_eq(r.trainer.done, step);
    run_close(&r);
}

static void expect_same(const outcome *a, const outcome *b, const char *name, uint32_t stop) {
    cr_assert_str_eq(a->digest, b->digest, "%s, stopped at %u: other weights", name, stop);
    cr_assert_eq(a->steps, b->steps, "%s, stopped at %u: %u steps", name, stop, b->steps);
    cr_assert_eq(a->best_step, b->best_step, "%s, stopped at %u", name, stop);
    cr_assert_eq(a->evaluation_count, b->evaluation_count, "%s, stopped at %u", name, stop);
    cr_assert_eq(memcmp(a->losses, b->losses, sizeof a->losses), 0, "%s: losses", name);
    for (uint32_t i = 0; i < a->evaluation_count; i++)
        cr_assert(a->evaluations[i].step == b->evaluations[i].step &&
                      a->evaluations[i].score == b->evaluations[i].score &&
                      a->evaluations[i].loss == b->evaluations[i].loss,
                  "%s, stopped at %u: evaluation %u", name, stop, i);
    // what was trained before it was stopped counts
    for (uint32_t i = 0; i < b->evaluation_count; i++)
        cr_assert_gt(b->evaluations[i].seconds, i ? b->evaluations[i - 1].seconds : 0,
                     "%s, stopped at %u: seconds of evaluation %u", name, stop, i);
}

/* Stops at each of the steps in turn (0 ends the list) and goes on. */
static void check_resume(const mode *m, const char *selector, const uint32_t *stops) {
    outcome whole, resumed;
    run_request q = request_of(m, selector, temporary_path("whole"));
    q.overwrite = true; // what another mode left in these folders
    run_through(&q, &whole);
    for (size_t i = 0; stops[i]; i++) {
        q.output = temporary_path("stopped");
        q.overwrite = true;
        q.resume = false;
        run_until(&q, stops[i]);
        q.overwrite = false;
        q.resume = true;
        run_through(&q, &resumed);
        expect_same(&whole, &resumed, m->name, stops[i]);
    }
}

static const mode everything = {"everything",
                                {{"gradient_accumulation_steps", "2"},
                                 {"per_device_train_batch_size", "4"},
                                 {"group_by_length", "1"},
                                 {"warmup_steps", "0.4"},
                                 {"class_weights", "0.5,1,2"},
                                 {"label_smoothing_factor", "0.1"},
                                 {"freeze_layers", "1"},
                                 {"eval_steps", "2"}},
                                PROTOCOL_DEV};

CleanTest(run_options, every_mode_resumes_with_the_same_bits) {
    static const mode modes[] = {
        {"accumulation and grouping and warmup",
         {{"gradient_accumulation_steps", "2"},
          {"per_device_train_batch_size", "4"},
          {"group_by_length", "1"},
          {"warmup_steps", "5"}},
         PROTOCOL_LAST},
        {"cosine", {{"lr_scheduler_type", "cosine"}, {"max_length", "12"}}, PROTOCOL_LAST},
        {"constant_with_warmup",
         {{"lr_scheduler_type", "constant_with_warmup"}, {"warmup_ratio", "0.3"}},
         PROTOCOL_LAST},
        {"weights", {{"class_weights", "balanced"}, {"max_steps", "9"}}, PROTOCOL_LAST},
        {"frozen", {{"freeze_embeddings", "1"}, {"freeze_layers", "1"}}, PROTOCOL_LAST},
        {"dev by loss", {{"metric_for_best_model", "loss"}, {"eval_steps", "5"}}, PROTOCOL_DEV},
        {"dev by epochs", {{"metric_for_best_model", "mcc"}}, PROTOCOL_DEV},
        {"bf16", {{"precision", "bf16"}, {"eval_steps", "2"}}, PROTOCOL_DEV},
    };
    static const uint32_t stops[] = {8, 0};
    if (!native[0]) cr_skip_test("needs the cpu device");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        check_resume(&modes[i], native, stops);
    static const uint32_t many[] = {4, 7, 11, 0};
    check_resume(&everything, native, many);
}

Test(run_options, vulkan_resumes_with_the_same_bits) {
    static const uint32_t stops[] = {7, 0};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    check_resume(&everything, test_device(), stops);
}

static const mode kinds[] = {
    {"pairs", {{"task", "kor_nli"}, {"max_steps", "5"}, {"dropout", "0.1"}}, PROTOCOL_LAST},
    {"numbers", {{"task", "kor_sts"}, {"max_steps", "5"}, {"eval_steps", "2"}}, PROTOCOL_DEV},
    {"sets", {{"task", "korean_unsmile"}, {"max_steps", "5"}, {"eval_steps", "2"}}, PROTOCOL_DEV},
    {"trees", {{"task", "klue_dp"}, {"max_steps", "5"}, {"eval_steps", "2"}}, PROTOCOL_DEV},
    {"relations",
     {{"task", "klue_re"}, {"max_steps", "5"}, {"join_particles", "1"}},
     PROTOCOL_LAST},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

CleanTest(run_options, every_kind_resumes_with_the_same_bits) {
    static const uint32_t stops[] = {4, 0};
    if (!native[0]) cr_skip_test("needs the cpu device");
    for (size_t i = 0; i < KINDS; i++) check_resume(&kinds[i], native, stops);
}

Test(run_options, every_kind_resumes_with_the_same_bits_on_vulkan) {
    static const uint32_t stops[] = {4, 0};
    if (!need_vulkan(test_device())) cr_skip_test("no Vulkan device");
    // three runs of each, which compile their kernels: what is saved is the host's, and the heads'
    // own kernels are those of the test below
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].protocol == PROTOCOL_LAST || !strcmp(kinds[i].name, "trees"))
            check_resume(&kinds[i], test_device(), stops);
}

/* Losses on two devices differ by rounding alone; on two numbers of threads not at all. */
Test(run_options, every_kind_is_the_same_on_two_devices_and_thread_counts) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    for (size_t i = 0; i < KINDS; i++) {
        outcome one, two;
        run_request q = request_of(&kinds[i], native, temporary_path("one"));
        q.overwrite = true;
        run_through(&q, &one);
        q.threads = 2;
        q.output = temporary_path("two");
        run_through(&q, &two);
        expect_same(&one, &two, kinds[i].name, 0);
        if (!need_vulkan(test_device())) continue;
        q.device = test_device();
        q.output = temporary_path("three");
        run_through(&q, &two);
        for (uint32_t s = 0; s < one.steps; s++)
            cr_expect_float_eq(two.losses[s], one.losses[s], 1e-3f * fabsf(one.losses[s]),
                               "%s, step %u: %g and %g", kinds[i].name, s + 1,
                               (double)one.losses[s], (double)two.losses[s]);
    }
}

/* A learning rate of 0: no evaluation is better than the first. */
static const mode still = {"still",
                           {{"learning_rate", "0"},
                            {"num_train_epochs", "4"},
                            {"eval_steps", "2"},
                            {"early_stopping_patience", "3"}},
                           PROTOCOL_DEV};

Test(run_options, early_stopping_ends_a_run_where_it_should) {
    static const uint32_t stops[] = {7, 0};
    if (!native[0]) cr_skip_test("needs the cpu device");
    outcome o;
    run_request q = request_of(&still, native, temporary_path("early"));
    run_through(&q, &o);
    cr_assert_eq(o.steps, 8, "stopped after step %u", o.steps); // evaluations at 2, 4, 6, 8
    cr_assert_eq(o.best_step, 2);
    cr_assert_eq(o.evaluation_count, 4);
    check_resume(&still, native, stops);
}

static err raise_at_six(void *context, trainer *t) {
    (void)context;
    if (t->done == 6) raise(SIGINT);
    return ERR_OK;
}

/* Of steps that are tried and thrown away none counts as trained. */
Test(run_options, an_interrupted_trial_has_trained_nothing) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    run r;
    dry_total sum = {0};
    run_request q = request_of(&everything, native, temporary_path("tried"));
    q.is_dry = true;
    MUST(run_open(&r, &q));
    interrupt_begin();
    raise(SIGINT);
    MUST_FAIL(dry_run(&sum, &r, false), ERR_INTERRUPTED,
              "nothing was trained, and no run was written");
    interrupt_end();
    dry_run_free(&sum);
    run_close(&r);
}

/* Ctrl-C in the step of an evaluation: the step is saved without it. */
Test(run_options, an_evaluation_that_an_interruption_left_out_is_made_up_for) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    outcome whole, resumed;
    run r;
    run_request q = request_of(&everything, native, temporary_path("whole"));
    run_through(&q, &whole);
    q.output = temporary_path("stopped");
    MUST(run_open(&r, &q));
    r.trainer.options.log.call = raise_at_six; // logs each second step, before the evaluation
    MUST_FAIL(run_train(&r), ERR_INTERRUPTED, "interrupted after step 6 of");
    cr_assert_eq(r.trainer.evaluation_count, 2);
    run_close(&r);
    q.resume = true;
    run_through(&q, &resumed);
    expect_same(&whole, &resumed, "interrupted", 6);
}

/* Seconds go on from those of the checkpoint; one of an older program has none, and nothing is made up. */
Test(run_options, seconds_of_training_are_of_all_processes) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    outcome resumed, all;
    cJSON *state;
    run_request q = request_of(&everything, native, temporary_path("whole"));
    run_through(&q, &all);
    q.output = temporary_path("stopped");
    const char *folder = temporary_path("stopped/checkpoint-6");
    char path[400];
    snprintf(path, sizeof path, "%s/trainer_state.json", folder);
    for (int is_older = 0; is_older < 2; is_older++) {
        q.resume = false;
        q.overwrite = true;
        run_until(&q, 7);
        MUST(json_read(&state, path, 0));
        cJSON *until = cJSON_GetObjectItemCaseSensitive(state, "train_seconds");
        cr_assert(until && until->valuedouble > 0);
        if (is_older)
            cJSON_DeleteItemFromObjectCaseSensitive(state, "train_seconds");
        else
            cJSON_SetNumberValue(until, 1000);
        MUST(json_write(path, state));
        MUST(sums_remove(folder));
        cJSON_Delete(state);
        q.resume = true;
        q.overwrite = false;
        run_through(&q, &resumed);
        const trainer_evaluation *last = &resumed.evaluations[resumed.evaluation_count - 1];
        cr_assert_eq(last->step, resumed.steps);
        if (is_older)
            cr_assert_eq(last->seconds, 0, "%g", last->seconds);
        else
            cr_assert(last->seconds > 1000 && last->seconds < 1100, "%g", last->seconds);
        cr_expect_eq(resumed.work.seconds > 1000, !is_older, "%g s", resumed.work.seconds);
        cr_expect_eq(resumed.work_behind, is_older ? 6 : 0, "%u", resumed.work_behind);
        cr_expect(is_older ? resumed.work.sentences < all.work.sentences
                           : resumed.work.sentences == all.work.sentences);
        cr_expect(is_older ? resumed.work.tokens < all.work.tokens
                           : resumed.work.tokens == all.work.tokens);
    }
}

CleanTest(run_options, senseless_combinations_are_refused_before_anything_is_opened) {
    static const struct {
        mode m;
        const char *message;
    } cases[] = {
        {{"", {{"early_stopping_patience", "2"}}, PROTOCOL_LAST},
         "early_stopping_patience needs --protocol dev"},
        {{"", {{"metric_for_best_model", "loss"}}, PROTOCOL_LAST},
         "metric_for_best_model needs --protocol dev"},
        {{"", {{"early_stopping_threshold", "0.1"}}, PROTOCOL_DEV},
         "nothing stops early without early_stopping_patience"},
        {{"", {{"metric_for_best_model", "f1"}}, PROTOCOL_DEV},
         "metric_for_best_model: metric 'f1' is for two classes, not 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run r;
        run_request q = request_of(&cases[i].m, "no such device", temporary_path("x"));
        MUST_FAIL(run_open(&r, &q), ERR_USAGE, cases[i].message);
        run_close(&r);
    }
}

typedef struct log_line {
    double step;
    cJSON *root;
} log_line;

/* Lines of <output>/log.jsonl, owned; fails on one that is no object with a step. */
static size_t read_log(log_line *out, size_t most, const char *path) {
    void *bytes = NULL;
    size_t size = 0, count = 0;
    MUST(file_read(&bytes, &size, path, 0));
    for (char *at = bytes, *end; (end = strchr(at, '\n')); at = end + 1) {
        cr_assert_lt(count, most);
        *end = '\0';
        MUST(json_parse(&out[count].root, at, (size_t)(end - at), path));
        MUST(json_number(&out[count].step, out[count].root, "step", path));
        cr_assert(json_has(out[count].root, "epoch"));
        count++;
    }
    cr_assert_eq(((char *)bytes)[size - 1], '\0'); // the last line has its end
    mem_free(bytes);
    return count;
}

static void free_log(log_line *lines, size_t count) {
    for (size_t i = 0; i < count; i++) cJSON_Delete(lines[i].root);
}

/* Values that do not depend on the clock. */
static bool is_timeless(const char *name) {
    return !strstr(name, "runtime") && !strstr(name, "per_second");
}

static void expect_same_logs(const char *a, const char *b) {
    log_line x[40], y[40];
    size_t n = read_log(x, 40, a), m = read_log(y, 40, b);
    cr_assert_eq(n, m, "%zu lines and %zu", n, m);
    for (size_t i = 0; i < n; i++) {
        const cJSON *item = NULL;
        cr_assert_eq(cJSON_GetArraySize(x[i].root), cJSON_GetArraySize(y[i].root));
        cJSON_ArrayForEach(item, x[i].root) {
            if (is_timeless(item->string))
                cr_assert(cJSON_Compare(item, cJSON_GetObjectItem(y[i].root, item->string), true),
                          "line %zu: %s differs", i + 1, item->string);
        }
    }
    free_log(x, n);
    free_log(y, m);
}

static double value_of(const log_line *l, const char *key) {
    double value = NAN;
    MUST(json_number(&value, l->root, key, "log.jsonl"));
    return value;
}

/* What a process did of a run of so many steps, two epochs. */
static void expect_rates(const log_line *l, uint32_t own_steps, uint32_t steps) {
    double seconds = value_of(l, "train_runtime"), rows = 0;
    cr_expect_float_eq(value_of(l, "train_steps_per_second") * seconds, own_steps, 1e-6);
    rows = value_of(l, "train_samples_per_second") * seconds * steps / own_steps / 2;
    cr_expect(rows > 20 && fabs(rows - round(rows)) < 1e-6, "%g rows", rows);
}

Test(run_options, what_is_not_the_whole_is_partial) {
    cr_expect_not(run_is_partial(&(run_request){.task = "kor_hate"}));
    cr_expect(run_is_partial(&(run_request){.sample = true}));
    cr_expect(run_is_partial(&(run_request){.limit = 8}));
    cr_expect(run_is_partial(&(run_request){.recipe.max_steps = 8}));
}

CleanTest(run_options, the_log_has_each_step_once_under_trainers_names) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    mode m = everything;
    log_line lines[40];
    outcome o;
    run_request q = request_of(&m, native, temporary_path("whole"));
    run_through(&q, &o);
    size_t n = read_log(lines, 40, temporary_path("whole/log.jsonl"));
    // 12 steps: logged and evaluated every 2, the end, and the test rows
    cr_assert_eq(n, 14, "%zu lines", n);
    double accuracy = value_of(&lines[13], "test_accuracy");
    cr_assert(accuracy >= 0 && accuracy <= 1 && value_of(&lines[13], "test_loss") > 0);
    cr_assert_eq(lines[13].step, 12);
    for (size_t i = 0; i < 12; i++) {
        const log_line *l = &lines[i];
        size_t logged = i / 2 + 1;
        double step = (double)logged * 2;
        cr_assert_eq(l->step, step);
        // 11 batches an epoch, steps of 2 and at last 1
        double in_epoch = step > 6 ? step - 6 : step;
        cr_assert_float_eq(value_of(l, "epoch"), (step > 6) + fmin(2 * in_epoch, 11) / 11, 1e-12);
        if (i % 2) {
            cr_assert_float_eq(value_of(l, "eval_loss"), o.evaluations[i / 2].loss, 1e-12);
            cr_assert_float_eq(value_of(l, "eval_macro_f1"), o.evaluations[i / 2].score, 1e-12);
            double runtime = value_of(l, "eval_runtime");
            double rows = value_of(l, "eval_samples_per_second") * runtime;
            double batches = value_of(l, "eval_steps_per_second") * runtime;
            cr_assert(rows > 0.5);
            // of one batch, which may not be full
            cr_assert_float_eq(batches, ceil(rows / q.recipe.per_device_eval_batch_size - 1e-6),
                               1e-6);
            continue;
        }
        float a = o.losses[(size_t)step - 2], b = o.losses[(size_t)step - 1];
        cr_assert_float_eq(value_of(l, "loss"), ((double)a + (double)b) / 2, 1e-12);
        cr_assert(value_of(l, "grad_norm") > 0);
        schedule s = {SCHEDULE_linear, q.recipe.learning_rate, 5, 12};
        cr_assert_float_eq(value_of(l, "learning_rate"), schedule_rate(&s, (uint32_t)step), 1e-15);
    }
    cr_assert(value_of(&lines[12], "train_loss") > 0);
    expect_rates(&lines[12], 12, 12);
    free_log(lines, n);
}

Test(run_options, a_resumed_run_goes_on_with_its_log) {
    if (!native[0]) cr_skip_test("needs the cpu device");
    outcome o;
    run_request q = request_of(&everything, native, temporary_path("whole"));
    run_through(&q, &o);
    q.output = temporary_path("stopped");
    run_until(&q, 8); // checkpoint-6 is the newest; 8 is logged
    const char *path = temporary_path("stopped/log.jsonl");
    FILE *f = fopen(path, "ab");
    cr_assert_not_null(f);
    fputs("{\"loss\":0.5,\"ste", f); // killed while writing
    fclose(f);
    q.resume = true;
    run_through(&q, &o);
    expect_same_logs(temporary_path("whole/log.jsonl"), path);
    log_line lines[40];
    size_t n = read_log(lines, 40, path);
    expect_rates(&lines[12], 6, 12);
    free_log(lines, n);
}
