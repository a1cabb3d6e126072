/* Whole runs by a group, as threads of this process: what rank 0 writes, what the others get. */
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "result/record.h"
#include "support/child.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"
#include "train/group/threads.h"
#include "train/run/run.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if HARNESS_CPU

enum { RANKS = 2, STEPS = 8, EVERY = 3, STOP = 5, WAITING_S = 120 };

/* What one rank is told to do, and what it ended with. */
typedef struct part {
    transport *transport;
    run_request request;
    uint32_t stop_at; /* leaves the run there as a kill does; 0: goes to the end */
    err e;
    char message[512], digest[HASH_HEX_BYTES];
    float losses[STEPS];
    double test_loss;
    uint32_t set_at, evaluation_count, best_step;
    trainer_evaluation evaluations[STEPS];
    bool is_finished;
    char devices[256];
} part;

static err do_run(part *p, struct group *g) {
    run r;
    p->request.group = g;
    err e = run_open(&r, &p->request);
    p->is_finished = r.is_finished;
    if (!e && !r.is_finished) {
        p->set_at = r.trainer.set_at;
        r.trainer.options.stop_at = p->stop_at;
        e = run_train(&r);
    }
    if (!e && !r.is_finished && !p->stop_at) {
        const trainer *t = &r.trainer;
        cr_assert_leq(t->total_steps, STEPS);
        memcpy(p->losses, t->losses, t->total_steps * sizeof *t->losses);
        p->evaluation_count = t->evaluation_count;
        if (t->evaluation_count)
            memcpy(p->evaluations, t->evaluations, t->evaluation_count * sizeof *t->evaluations);
        p->best_step = r.best.step;
        e = run_evaluate(&r);
        memcpy(p->digest, r.final_sha256, sizeof p->digest);
        p->test_loss = r.test_loss;
        snprintf(p->devices, sizeof p->devices, "%s", r.rank_devices ? r.rank_devices : "");
        if (!e) e = run_keep_model(&r);
        if (!e && group_writes(g)) e = run_finish(&r);
    }
    run_close(&r);
    return e;
}

static void *do_part(void *at) {
    part *p = at;
    struct group g = {0};
    err e = ERR_OK;
    if (p->transport) {
        log_set_rank(p->transport->rank);
        e = group_open(&g, p->transport, "run");
    }
    if (!e) e = do_run(p, &g);
    p->e = group_close(&g, e);
    snprintf(p->message, sizeof p->message, "%s", p->e ? err_message(p->e) : "");
    return NULL;
}

static part part_of(const char *output, run_protocol protocol) {
    part p = {.request = {.task = "kor_hate",
                          .sample = true,
                          .model = "tiny",
                          .device = "cpu",
                          .threads = 1,
                          .seed = 42,
                          .offline = true,
                          .protocol = protocol,
                          .output = output}};
    MUST(recipe_load(&p.request.recipe, "tiny"));
    p.request.recipe.max_steps = STEPS;
    p.request.recipe.save_steps = EVERY;
    p.request.recipe.eval_steps = protocol == PROTOCOL_DEV ? EVERY : 0;
    return p;
}

static void run_parts_together(part *parts, uint32_t size) {
    transport transports[RANKS];
    pthread_t threads[RANKS];
    MUST(threads_open(transports, size, &(transport_limits){0, WAITING_S}));
    interrupt_begin(); // the threads' own are nested in it
    for (uint32_t r = 0; r < size; r++) {
        parts[r].transport = &transports[r];
        cr_assert_eq(pthread_create(&threads[r], NULL, do_part, &parts[r]), 0);
    }
    for (uint32_t r = 0; r < size; r++) pthread_join(threads[r], NULL);
    interrupt_end();
    threads_close(transports);
}

/* The same by all ranks. */
static void run_together(part out[RANKS], const part *like) {
    for (uint32_t r = 0; r < RANKS; r++) out[r] = *like;
    run_parts_together(out, RANKS);
    for (uint32_t r = 0; r < RANKS; r++)
        cr_assert_eq(out[r].e, ERR_OK, "rank %u: %s", r, out[r].message);
}

/* Those of before a stop too, and the step that was best of all. */
static void check_evaluations(const part *p, const part *expected) {
    cr_assert_eq(p->evaluation_count, expected->evaluation_count);
    for (uint32_t i = 0; i < expected->evaluation_count; i++) {
        cr_assert_eq(p->evaluations[i].step, expected->evaluations[i].step);
        cr_assert_eq(p->evaluations[i].score, expected->evaluations[i].score);
    }
    cr_assert_eq(p->best_step, expected->best_step);
}

static void check_run(run_protocol protocol) {
    part alone = part_of(temporary_path("alone"), protocol), together[RANKS], again[RANKS];
    do_part(&alone);
    cr_assert_eq(alone.e, ERR_OK, "%s", alone.message);
    part one = part_of(temporary_path("together"), protocol);
    run_together(together, &one);
    for (int s = 0; s < STEPS; s++)
        cr_assert_float_eq(together[0].losses[s], alone.losses[s], 1e-5 * alone.losses[s]);
    cr_assert_float_eq(together[0].test_loss, alone.test_loss, 1e-4);
    cr_assert_str_eq(together[1].digest, together[0].digest);
    cr_assert(file_exists(temporary_path("together/model/model.safetensors")));
    // killed, and gone on with: the others get their place from rank 0
    part stopped = part_of(temporary_path("stopped"), protocol);
    stopped.stop_at = STOP;
    run_together(again, &stopped);
    stopped.stop_at = 0;
    stopped.request.resume = true;
    run_together(again, &stopped);
    for (uint32_t r = 0; r < RANKS; r++) {
        cr_assert_eq(again[r].set_at, EVERY);
        cr_assert_str_eq(again[r].digest, together[0].digest, "rank %u, resumed", r);
        cr_assert_eq(again[r].test_loss, together[0].test_loss);
        check_evaluations(&again[r], &together[0]);
    }
    // what is finished is so for all
    run_together(again, &stopped);
    for (uint32_t r = 0; r < RANKS; r++) cr_assert(again[r].is_finished, "rank %u", r);
}

CleanTest(group_run, is_that_of_one_process_and_goes_on_where_it_stopped) {
    log_set_quiet(true);
    check_run(PROTOCOL_LAST);
    MUST(folder_remove(temporary_path("alone")));
    MUST(folder_remove(temporary_path("together")));
    MUST(folder_remove(temporary_path("stopped")));
    check_run(PROTOCOL_DEV); // divided evaluations, and the best weights for all
}

/* Of a model whose gradients are many slices, exchanged while others are still computed. */
CleanTest(group_run, sums_of_slices_are_those_of_final_gradients) {
    part alone = part_of(temporary_path("alone"), PROTOCOL_LAST), together[RANKS];
    part one = part_of(temporary_path("together"), PROTOCOL_LAST);
    alone.request.model = one.request.model = "mini";
    alone.request.recipe.max_steps = one.request.recipe.max_steps = 3;
    alone.request.recipe.per_device_train_batch_size = 4;
    one.request.recipe.per_device_train_batch_size = 2;
    one.request.recipe.gradient_accumulation_steps = 2;
    alone.request.recipe.gradient_accumulation_steps = 1;
    do_part(&alone);
    cr_assert_eq(alone.e, ERR_OK, "%s", alone.message);
    run_together(together, &one);
    for (int s = 0; s < 3; s++)
        cr_assert_float_eq(together[0].losses[s], alone.losses[s], 1e-5 * alone.losses[s]);
    cr_assert_str_eq(together[1].digest, together[0].digest);
}

/* Said, since sums are rounded otherwise from there on, and no more than that: by other numbers of
 * ranks, up and down. */
Test(group_run, goes_on_by_another_number_of_ranks) {
    part parts[RANKS], one = part_of(temporary_path("out"), PROTOCOL_LAST);
    one.request.recipe.save_steps = 2;
    one.stop_at = 3;
    run_together(parts, &one);
    one.request.resume = true;
    one.stop_at = 5;
    said_begin();
    do_part(&one);
    char *said = said_end();
    cr_assert_eq(one.e, ERR_OK, "%s", one.message);
    cr_assert_eq(one.set_at, 2);
    cr_expect(strstr(said, "begun by 2 ranks, resumed by 1: sums of gradients are rounded"), "%s",
              said);
    mem_free(said);
    // by shards they are summed as before
    part other = part_of(temporary_path("shards"), PROTOCOL_LAST);
    other.request.recipe.save_steps = 2;
    other.request.shards = RANKS;
    other.stop_at = 3;
    run_together(parts, &other);
    other.request.resume = true;
    other.stop_at = 5;
    said_begin();
    do_part(&other);
    said = said_end();
    cr_assert_eq(other.e, ERR_OK, "%s", other.message);
    cr_expect(other.set_at == 2 && !strstr(said, "rounded otherwise"), "%s", said);
    mem_free(said);
    // as many as before, as unfinished.json has it: nothing to say
    one.stop_at = 0;
    said_begin();
    run_together(parts, &one);
    said = said_end();
    cr_expect_eq(parts[1].set_at, 4);
    cr_expect_null(strstr(said, "begun by"), "%s", said);
    mem_free(said);
}

/* ms of all rows of that op. */
static double ms_of(const cJSON *phase, const char *wanted) {
    const cJSON *ops = NULL, *row = NULL;
    double sum = 0;
    MUST(json_array(&ops, phase, "ops", "bench"));
    cJSON_ArrayForEach(row, ops) {
        const char *name = NULL;
        double ms = 0;
        MUST(json_string(&name, row, "op", "bench"));
        MUST(json_number(&ms, row, "ms", "bench"));
        if (!strcmp(name, wanted)) sum += ms;
    }
    return sum;
}

/* The step is the group's, and told once; the rows are one rank's, of norm and update too. */
Test(group_run, bench_tells_what_a_group_exchanges) {
    program_result r = RUN("bench", "--sample", "--task", "kor_hate", "-m", "tiny", "--device",
                           "cpu,cpu", "--threads", "1", "--max-steps", "3", "--json");
    cJSON *root = cJSON_Parse(r.out);
    const cJSON *group = NULL, *phase = NULL;
    double bytes = 0, ms = 0, exposed = 0, sentences = 0;
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    MUST(json_object(&group, root, "group", "bench"));
    MUST(json_object(&phase, root, "training", "bench"));
    MUST(json_number(&bytes, group, "exchange_bytes", "bench"));
    MUST(json_number(&ms, group, "exchange_ms", "bench"));
    MUST(json_number(&exposed, group, "exchange_exposed_ms", "bench"));
    MUST(json_number(&sentences, phase, "sentences", "bench"));
    // each of two ranks receives half of the gradients and half of the sums
    cr_expect(bytes > 1e6 && bytes < 8e6, "%g", bytes);
    cr_expect(ms > 0 && exposed > 0, "%g %g", ms, exposed);
    cr_expect_float_eq(sentences, (32.0 + 16 + 32) / 3, 1e-9); // whole steps of 48 rows
    cr_expect(ms_of(phase, "linear_dw") > 0 && ms_of(phase, "adamw") > 0);
    cr_expect(ms_of(phase, "grad_norm") > 0);
    cJSON_Delete(root);
}

static void other_seed(run_request *q) {
    q->seed = 7;
}
static void other_rate(run_request *q) {
    q->recipe.learning_rate *= 2;
}
static void other_rows(run_request *q) {
    q->limit = 16;
}
static void other_saves(run_request *q) {
    q->recipe.save_steps++;
}
static void other_task(run_request *q) {
    q->task = "kor_hat";
}
static void other_precision(run_request *q) {
    q->precision = "bf16";
}
static void other_device(run_request *q) {
    q->device = "reference";
}

Test(group_run, ranks_that_would_do_other_runs_are_refused) {
    static const struct {
        void (*change)(run_request *q);
        const char *part;
    } cases[] = {
        {other_seed, "rank 1 of 2 would do another run than rank 0: seed is 42 there, 7 now"},
        {other_rate, "recipe's learning_rate is"},
        {other_rows, "limit is 0 there, 16 now"},
        {other_saves, "save_steps is 3 there, 4 now"},
        {other_task, "kor_hat"},
        {other_precision, "precision is fp32 there, bf16 now"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        part parts[RANKS];
        for (uint32_t r = 0; r < RANKS; r++)
            parts[r] = part_of(temporary_path("refused"), PROTOCOL_LAST);
        cases[i].change(&parts[1].request);
        run_parts_together(parts, RANKS);
        for (uint32_t r = 0; r < RANKS; r++) {
            cr_assert_neq(parts[r].e, ERR_OK, "case %zu", i);
            cr_assert(strstr(parts[r].message, cases[i].part), "case %zu, rank %u: %s", i, r,
                      parts[r].message);
        }
        cr_assert(strstr(parts[0].message, "rank 1 of 2"), "case %zu: %s", i, parts[0].message);
        cr_assert_not(folder_exists(temporary_path("refused")), "case %zu", i);
    }
}

/* A warning, the devices' names for the record, losses of one process, and rank 0's weights. */
CleanTest(group_run, devices_may_differ) {
    part alone = part_of(temporary_path("alone"), PROTOCOL_LAST), parts[RANKS];
    do_part(&alone);
    cr_assert_eq(alone.e, ERR_OK, "%s", alone.message);
    for (uint32_t r = 0; r < RANKS; r++) parts[r] = part_of(temporary_path("mixed"), PROTOCOL_LAST);
    other_device(&parts[1].request);
    run_parts_together(parts, RANKS);
    for (uint32_t r = 0; r < RANKS; r++) {
        cr_assert_eq(parts[r].e, ERR_OK, "rank %u: %s", r, parts[r].message);
        cr_expect(strstr(parts[r].devices, "(cpu); reference (f64) (software)"), "%s",
                  parts[r].devices);
    }
    for (int s = 0; s < STEPS; s++)
        cr_assert_float_eq(parts[0].losses[s], alone.losses[s], 1e-5 * alone.losses[s]);
    cr_expect_str_eq(parts[1].digest, parts[0].digest);
}

#define TOLD                                                                                       \
    "run", "--sample", "--task", "kor_hate", "-m", "tiny", "--check-device", "never", "--threads", \
        "1", "--max-steps", "8"
#define THREADS TOLD, "--quiet", "-o"

static void read_run(record *r, const char *name) {
    char path[200];
    snprintf(path, sizeof path, "%s/record.json", name);
    MUST(record_read(r, temporary_path(path)));
}

Test(group_run, shards_have_a_limit) {
    program_result r = RUN(THREADS, "shards", "--device", "cpu", "--shards", "4097");
    EXPECT(r, 2, err, "4097 shards (--shards): expected at most 4096");
}

/* Devices with commas, without a launcher. */
Test(group_run, several_devices_are_ranks_of_one_process) {
    record one, two, shards;
    program_result r = RUN_WELL(THREADS, "one", "--device", "cpu");
    RUN_WELL(THREADS, "two", "--device", "cpu,cpu", "--ranks", "2");
    RUN_WELL(THREADS, "shards", "--device", "cpu", "--shards", "2");
    read_run(&one, "one");
    read_run(&two, "two");
    read_run(&shards, "shards");
    cr_expect_eq(one.ranks, 0);
    cr_expect_eq(two.ranks, 2);
    cr_expect_str_eq(two.engine, "threads");
    cr_expect(shards.ranks == 1 && shards.shards == 2);
    cr_expect_str_eq(shards.final_weights_sha256, two.final_weights_sha256);
    cr_expect_str_neq(shards.final_weights_sha256, one.final_weights_sha256);
    cr_expect_str_neq(shards.run_sha256, one.run_sha256);
    for (int s = 0; s < STEPS; s++) {
        double a = (double)one.loss[s];
        cr_expect_float_eq((double)two.loss[s], a, 1e-5 * a);
    }
    record_free(&one);
    record_free(&two);
    record_free(&shards);
    // the folder is the same for any number of ranks: what is there is called by its own
    r = RUN(TOLD, "-o", "two", "--device", "cpu");
    const char *by = strstr(r.err, "this very run is finished already, since ");
    by = by ? strstr(by, ", by 2 × ") : NULL;
    cr_expect(by && strstr(by, " and not by ") && strstr(by, "--output-dir"), "%s", r.err);
    cr_expect(strstr(r.out, "  2 × "), "%s", r.out);
    r = RUN(TOLD, "-o", "two", "--device", "cpu,cpu");
    cr_expect(strstr(r.err, "finished already") && !strstr(r.err, "not by"), "%s", r.err);
    r = RUN("compare", "one", "two");
    cr_expect(strstr(r.out, " 2 × "), "%s%s", r.out, r.err);
    r = RUN(TOLD, "-o", "four", "--device", "cpu,cpu,cpu,cpu", "--dry-run");
    cr_expect(strstr(r.out, "device  4 ranks: ") && strstr(r.out, " each)"), "%s", r.out);
    // each message and each result once
    r = RUN_WELL("eval", "--sample", "--task", "kor_hate", "-c", "two", "--device", "cpu,cpu");
    const char *first = strstr(r.out, "macro F1");
    cr_expect(first && !strstr(first + 1, "macro F1"), "%s", r.out);
    r = RUN(THREADS, "three", "--device", "cpu,cpu", "--ranks", "3");
    cr_expect_eq(r.exit_code, 2, "%s", r.err);
    cr_expect_str_eq(r.err,
                     "harness: 3 ranks were asked for, but there are 2 (--ranks only checks; "
                     "a list of devices, mpirun -n N or srun -n N sets it)\n");
    r = RUN(THREADS, "three", "--device", "cpu,nowhere");
    cr_expect(r.exit_code && strstr(r.err, "rank 1 of 2"), "%s", r.err);
    r = RUN(THREADS, "three", "--device", "cpu,");
    cr_expect(r.exit_code && strstr(r.err, "a name is missing in the list of devices"), "%s",
              r.err);
}

/* One sync of a checkpoint takes longer than a rank may be silent, asleep; a write that does is one that hangs. */
Test(group_run, a_sync_may_sleep_and_a_write_may_not, .timeout = 300) {
    static const char *const arguments[] = {THREADS,        "slow", "--device", "cpu,cpu",
                                            "--save-steps", "4",    NULL};
    const child_setup setup = {.preload = listed_path(HARNESS_SLOW_SHIM)};
    setenv("HARNESS_GROUP_SILENCE", "3", 1);
    setenv("HARNESS_DISK_SECONDS", "8", 1);
    double begin = clock_seconds();
    program_result r = child_run(&setup, 120, arguments);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_expect_geq(clock_seconds() - begin, 8);
    temporary_remove();
    unsetenv("HARNESS_DISK_SECONDS");
    setenv("HARNESS_WRITE_SECONDS", "100", 1);
    r = child_run(&setup, 60, arguments);
    cr_expect(r.exit_code && strstr(r.err, "rank 0 hangs"), "%s", r.err);
}

enum { HELD_BYTES = 8000 };

/* Nobody takes what a group says for longer than a rank may be silent, from when `awaited` is there
 * (NULL: from its start); then all, into text. */
static program_result run_held(char text[HELD_BYTES], const child_setup *setup,
                               const char *const *arguments, const char *awaited) {
    child c;
    setenv("HARNESS_GROUP_SILENCE", "2", 1);
    child_start(&c, setup, arguments);
    if (awaited) child_await_path(&c, awaited, 60);
    nanosleep(&(struct timespec){.tv_sec = 8}, NULL);
    child_let_go(&c, text, HELD_BYTES);
    return child_end(&c, 60);
}

/* What rank 0 prints may wait for whoever looks at it, for longer than a rank may be silent. */
Test(group_run, what_is_printed_may_be_held, .timeout = 300) {
    static const char *const arguments[] = {THREADS, "held", "--device", "cpu,cpu", NULL};
    char text[HELD_BYTES];
    program_result r = run_held(text, &(child_setup){.held_out = true}, arguments,
                                temporary_path("held/record.json"));
    cr_expect_eq(r.exit_code, 0, "%s", r.err);
    cr_expect_not_null(strstr(text, "macro F1"), "%s", text);
}

/* The error that ends all too. */
Test(group_run, an_error_may_be_held, .timeout = 300) {
    static const char *const arguments[] = {THREADS, "held", "--device", "cpu,nowhere", NULL};
    char text[HELD_BYTES];
    program_result r = run_held(text, &(child_setup){.held_err = true}, arguments, NULL);
    cr_expect(r.exit_code == 2 && strstr(text, "device 'nowhere' is not here"), "%s", text);
    cr_expect_null(strstr(text, "hangs"), "%s", text);
}

/* Who hangs before the first step is named, and all end: at the task, the model and the device. */
Test(group_run, a_rank_that_hangs_at_its_start_is_found, .timeout = 300) {
    static const char *const arguments[] = {
        "run", "--sample", "--task",   "kor_hate", "-m", HARNESS_SOURCE_DIR "/models/ko-tiny",
        "-o",  "begins",   "--device", "cpu,cpu",  NULL};
    static const char *const paths[] = {"kor_hate.json", "model.safetensors"};
    const child_setup setup = {.preload = listed_path(HARNESS_SLOW_SHIM)};
    setenv("HARNESS_GROUP_SILENCE", "3", 1);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        setenv("HARNESS_OPEN_PATH", paths[i], 1);
        setenv("HARNESS_OPEN_SECONDS", "100", 1);
        program_result r = child_run(&setup, 30, arguments);
        cr_expect(r.exit_code == 1 && strstr(r.err, " hangs: it did nothing for "), "%s: %s",
                  paths[i], r.err);
        temporary_remove();
    }
}

/* The driver: as the device is opened, and in the first steps. */
Test(group_run, a_rank_whose_driver_hangs_at_its_start_is_found, .timeout = 300) {
    static const char *const arguments[] = {THREADS, "begins", "--device", "cpu,llvmpipe", NULL};
    static const char *const faults[] = {"CreateDevice@1=hang", "QueueSubmit@9=hang"};
    if (!need_vulkan("llvmpipe")) cr_skip_test("no llvmpipe");
    setenv("HARNESS_GROUP_SILENCE", "3", 1);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        child_faults(faults[i]);
        program_result r = child_run(NULL, 60, arguments);
        cr_expect(r.exit_code == 1 && strstr(r.err, "rank 1 hangs: it did nothing for "), "%s: %s",
                  faults[i], r.err);
        temporary_remove();
    }
}

#define BF16                                                                                       \
    "run", "--sample", "--task", "kor_hate", "-m", "tiny", "--check-device", "never", "--quiet",   \
        "--precision", "bf16", "--max-steps", "4"

/* In bf16 too neither threads nor ranks move a bit; and it is not fp32 under another name. */
Test(group_run, bits_of_bf16_are_those_of_any_threads_and_ranks) {
    static const char *const names[] = {"one", "threads", "ranks", "fp32"};
    record runs[4];
    program_result ends[] = {
        RUN(BF16, "-o", names[0], "--device", "cpu", "--shards", "2", "--threads", "1"),
        RUN(BF16, "-o", names[1], "--device", "cpu", "--shards", "2", "--threads", "2"),
        RUN(BF16, "-o", names[2], "--device", "cpu,cpu", "--threads", "1"),
        RUN(BF16, "-o", names[3], "--device", "cpu,cpu", "--threads", "1", "--precision", "fp32"),
    };
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(ends[i].exit_code, 0, "%s", ends[i].err);
        read_run(&runs[i], names[i]);
        cr_expect_str_eq(runs[i].device.precision, i < 3 ? "bf16" : "fp32");
    }
    cr_expect_str_eq(runs[1].final_weights_sha256, runs[0].final_weights_sha256, "2 threads");
    cr_expect_str_eq(runs[2].final_weights_sha256, runs[0].final_weights_sha256, "2 ranks");
    cr_expect_str_neq(runs[3].final_weights_sha256, runs[0].final_weights_sha256);
    for (int s = 0; s < 4; s++) {
        double a = (double)runs[3].loss[s];
        cr_expect_float_eq((double)runs[0].loss[s], a, 1e-2 * a);
    }
    for (int i = 0; i < 4; i++) record_free(&runs[i]);
    // each rank answers for its own device
    program_result r = RUN(BF16, "-o", "none", "--device", "cpu,cpu", "--precision", "fp16");
    cr_expect(r.exit_code && strstr(r.err, "precision fp16 needs cooperative matrices"), "%s",
              r.err);
    cr_expect_not(folder_exists(temporary_path("none")));
}

/* One device has fp16, as far as it is opened with it, and the other one refuses for all. */
Test(group_run, a_precision_that_one_device_lacks_is_refused) {
    if (!need_vulkan("llvmpipe")) cr_skip_test("no llvmpipe");
    child_faults("matrix");
    program_result r = RUN(THREADS, "fp16", "--device", "llvmpipe,cpu", "--precision", "fp16");
    cr_expect_eq(r.exit_code, 1, "%d", r.exit_code);
    cr_expect(
        strstr(r.err, "harness: rank 1 of 2 (") &&
            strstr(r.err, ": precision fp16 needs cooperative matrices; missing: a Vulkan device"),
        "%s", r.err);
    cr_expect_not(folder_exists(temporary_path("fp16")));
}

Test(group_run, threads_stop_together_and_go_on_with_the_same_bits) {
    record whole, parts;
    child c;
    const char *const begin[] = {THREADS,        "parts", "--device", "cpu,cpu",
                                 "--save-steps", "2",     NULL};
    child_start(&c, NULL, begin);
    child_await_path(&c, temporary_path("parts/checkpoint-2"), 120);
    kill(c.pid, SIGINT);
    program_result r = child_end(&c, 120);
    cr_assert_eq(r.exit_code, 130, "%s", r.err);
    RUN_WELL(THREADS, "parts", "--device", "cpu,cpu", "--save-steps", "2", "--resume");
    RUN_WELL(THREADS, "whole", "--device", "cpu,cpu", "--save-steps", "2");
    read_run(&whole, "whole");
    read_run(&parts, "parts");
    cr_expect_str_eq(parts.final_weights_sha256, whole.final_weights_sha256);
    record_free(&whole);
    record_free(&parts);
}

#endif
