#include "base/json.h"
#include "base/memory.h"
#include "base/moment.h"
#include "data/support_task.h"
#include "platform/file.h"
#include "result/shard.h"
#include "result/sweep.h"
#include "support/child.h"
#include "support/fake_record.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A record as a finished run of the request on the CPU would leave it. */
static void make_record(record *r, const run_request *q) {
    device_info *list;
    const device_info *cpu;
    size_t count;
    const char *note;
    task t = {0};
    fake_record_make(r, &(fake_record){.task = q->task,
                                       .right = 0.5,
                                       .seed = 42,
                                       .steps = recipe_total_steps(&q->recipe, 1000)});
    MUST(task_find(&t, q->task, NULL));
    r->task.version = t.version;
    MUST(record_text(&r->task.manifest_sha256, t.manifest_sha256));
    recipe shown = q->recipe;
    shown.max_length = (uint32_t)t.max_length;
    cJSON_Delete(r->recipe);
    r->recipe = cJSON_CreateObject();
    MUST(recipe_json(r->recipe, &shown));
    fake_record_follow(r);
    MUST(device_list(&list, &count, &note));
    MUST(device_select(&cpu, list, count, "cpu"));
    MUST(record_text(&r->device.name, cpu->name));
    MUST(record_text(&r->device.driver, *cpu->driver ? cpu->driver : NULL));
    r->partial = r->dirty = false;
    r->seed = q->seed;
    mem_free(list);
    task_free(&t);
}

/* Twelve training rows of two labels; `first` is the first row's text. */
static void make_rows(made_task *m, const char *first) {
    strbuf train = {0}, test = {0};
    MUST(strbuf_printf(&train, "text,label\n%s,0\n", first));
    MUST(strbuf_add(&test, "text,label\n"));
    for (int i = 0; i < 11; i++)
        MUST(strbuf_printf(&train, "%s %d,%d\n", i % 2 ? "가" : "나", i, i % 2));
    for (int i = 0; i < 6; i++)
        MUST(strbuf_printf(&test, "%s %d,%d\n", i % 2 ? "다" : "라", i, i % 2));
    made_task_file(m, "train.csv", train.text, train.length);
    made_task_file(m, "test.csv", test.text, test.length);
    strbuf_free(&train);
    strbuf_free(&test);
}

/* The records of a program with uncommitted changes do not count: these are made to. */
static void make_clean(void) {
    const char *folder = temporary_path("results/made");
    folder_list list;
    MUST(folder_list_read(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        char *path;
        record r;
        MUST(path_join(&path, folder, list.names[i]));
        MUST(record_read(&r, path));
        r.dirty = false;
        MUST(record_write(&r, path));
        record_free(&r);
        mem_free(path);
    }
    folder_list_free(&list);
}

static size_t record_count(void) {
    folder_list list;
    MUST(folder_list_read(&list, temporary_path("results/made")));
    size_t count = list.count;
    folder_list_free(&list);
    return count;
}

#define SWEEP_BY(devices, m, ...)                                                                  \
    RUN("run", "--task", "made", "--task-dir", (m)->folder, "--data", (m)->folder, "--device",     \
        devices, "--threads", "1", "--epochs", "1", "--seeds", "1,2", "--model", __VA_ARGS__)
#define SWEEP(m, ...) SWEEP_BY("cpu", m, __VA_ARGS__)

/* A sweep of two runs, of which as many are left out. Their folders go, so that the records alone
 * tell what was done. */
static void swept(program_result p, size_t left_out, const char *what) {
    const char *text = left_out ? "run 2 of 2 (1 finished already" : "run 2 of 2: made, ";
    cr_expect_eq(p.exit_code, 0, "%s: %s", what, p.err);
    cr_expect_not_null(strstr(p.err, text), "%s: no '%s' in %s", what, text, p.err);
    cr_expect_eq(strstr(p.err, "run 2 of 2 is finished already: there is a record of it") != NULL,
                 left_out == 2, "%s: %s", what, p.err);
    make_clean();
    MUST(folder_remove(temporary_path("runs")));
    MUST(folder_make(temporary_path("runs")));
}

Test(sweep, what_has_a_record_is_left_out_and_nothing_else) {
    static const char *const labels[] = {"no", "yes"};
    made_task m;
    made_task_begin(&m, NULL, NULL, NULL);
    make_rows(&m, "바");
    model_folder_make(temporary_path("a/m"), labels, 2, NULL);
    swept(SWEEP(&m, "a/m"), 0, "the first time");
    swept(SWEEP(&m, "a/m"), 2, "again");
    model_folder_copy(temporary_path("b/m"), temporary_path("a/m"));
    swept(SWEEP(&m, "b/m"), 2, "a copy of the model's folder");
    cr_assert_eq(record_count(), 2);
    model_folder_edit(temporary_path("b/m"), "config.json", "\"hidden_act\"", "\"unused\"");
    swept(SWEEP(&m, "b/m", "--label-map", "no=yes,yes=no"), 0, "a label map");
    swept(SWEEP(&m, "b/m", "--ignore-mismatched-sizes"), 0, "a flag that changes the model");
    swept(SWEEP(&m, "b/m", "--lr", "1e-3"), 0, "a recipe");
    cr_expect_eq(record_count(), 8, "%zu records, of 4 pairs of runs", record_count());
    MUST(file_write_quick(temporary_path("b/m/vocab.txt"),
                          "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n가\n", 36));
    swept(SWEEP(&m, "b/m"), 0, "a vocabulary");
    make_rows(&m, "사");
    swept(SWEEP(&m, "a/m"), 0, "the task's data");
    cr_expect_eq(record_count(), 12, "%zu records, of 6 pairs of runs", record_count());
    swept(SWEEP(&m, "a/m"), 2, "the new data again");
    // others' numbers are rounded otherwise, and are called by who made them
    program_result p = SWEEP_BY("cpu,cpu", &m, "a/m");
    const char *by =
        strstr(p.err, "run 2 of 2 is finished already: there is a record of it, of 20");
    by = by ? strstr(by, ", by ") : NULL;
    cr_expect(by && strncmp(by, ", by 2 × ", 10) && strstr(by, " and not by 2 × ") &&
                  strstr(by, " (--overwrite does it again)\n"),
              "%s", p.err);
    swept(p, 2, "by two");
    made_task_end(&m);
}

/* How often a text stands in another. */
static size_t times(const char *text, const char *part) {
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) count++;
    return count;
}

/* What one says comes next, behind its only head. Owned. */
static char *next_of(program_result p) {
    char *next = NULL;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_assert_eq(times(p.out, "\nNext\n") + !strncmp(p.out, "Next\n", 5), 1, "%s", p.out);
    MUST(mem_strdup(&next, strstr(p.out, "Next\n") + 5));
    return next;
}

/* It is told once, behind all runs, and is the same where they are left out. */
Test(sweep, what_comes_next_is_of_all_runs) {
    made_task m;
    strbuf expected = {0};
    folder_list runs;
    made_task_begin(&m, NULL, NULL, NULL);
    make_rows(&m, "바");
    char *first = next_of(SWEEP(&m, "tiny"));
    MUST(folder_list_read(&runs, temporary_path("runs/made")));
    cr_assert_eq(runs.count, 2);
    MUST(strbuf_printf(
        &expected,
        "  harness predict --model runs/made/%s \"...\"\n"
        "  harness errors runs/made/tiny-cpu-* --data %s\n  harness report --task-dir ",
        runs.names[0], m.folder));
    cr_expect_eq(strncmp(first, expected.text, expected.length), 0, "%s, not %s", first,
                 expected.text);
    make_clean();
    char *again = next_of(SWEEP(&m, "tiny"));
    cr_expect_str_eq(again, first);
    MUST(folder_remove(temporary_path("runs")));
    char *gone = next_of(SWEEP(&m, "tiny"));
    cr_expect_eq(strncmp(gone, "  harness report", 16), 0, "%s", gone);
    const char *const json[] = {"run",         "--task",   "kor_hate", "--sample", "--runs",
                                "2",           "--device", "cpu",      "--model",  "tiny",
                                "--max-steps", "1",        "--json",   NULL};
    program_result p = program_run(NULL, 60, json);
    cr_expect_not(strstr(p.out, "Next"), "%s", p.out);
    mem_free(first);
    mem_free(again);
    mem_free(gone);
    strbuf_free(&expected);
    folder_list_free(&runs);
    made_task_end(&m);
}

/* A results folder that lost a record, or another one, gets it from the finished run. */
Test(sweep, the_record_of_a_finished_run_reaches_the_results) {
    made_task m;
    made_task_begin(&m, NULL, NULL, NULL);
    make_rows(&m, "바");
    program_result p = SWEEP(&m, "tiny");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    p = SWEEP(&m, "tiny", "--results", "others", "--dry-run");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_assert_not(folder_exists(temporary_path("others")));
    p = SWEEP(&m, "tiny", "--results", "others");
    EXPECT(p, 0, err, "its record was not among the results: wrote others/made/");
    // and where it lies is shown then too
    p = RUN("run", "--task", "made", "--task-dir", m.folder, "--data", m.folder, "--device", "cpu",
            "--threads", "1", "--epochs", "1", "--seed", "1", "--model", "tiny", "--results",
            "others");
    cr_expect(strstr(p.out, "\n  others/made/"), "%s", p.out);
    cr_expect(strstr(p.out, "\n  harness report --results others --task-dir "), "%s", p.out);
    cr_expect_not(strstr(p.err, "was not among"), "%s", p.err);
    folder_list list;
    MUST(folder_list_read(&list, temporary_path("others/made")));
    cr_assert_eq(list.count, 2);
    folder_list_free(&list);
    p = SWEEP(&m, "tiny", "--results", "others");
    cr_assert_not(strstr(p.err, "was not among"), "%s", p.err);
    made_task_end(&m);
}

/* Two devices whose plain names are one: both records stay; the same run replaces its own. */
Test(sweep, records_of_two_runs_are_never_one_file) {
    const char *results = temporary_path("results");
    run_request q = {.task = "kor_hate", .model = "tiny", .seed = 42};
    record r;
    char *paths[4];
    MUST(recipe_load(&q.recipe, "course"));
    make_record(&r, &q);
    MUST(record_text(&r.device.name, "A GPU (1)"));
    MUST(store_write(results, &r, &paths[0]));
    MUST(record_text(&r.device.name, "a-gpu-1"));
    MUST(store_write(results, &r, &paths[1]));
    MUST(store_write(results, &r, &paths[2]));
    MUST(record_text(&r.device.driver, "another"));
    MUST(store_write(results, &r, &paths[3]));
    cr_assert_str_neq(paths[0], paths[1]);
    cr_assert_str_eq(paths[1], paths[2]);
    cr_assert_str_neq(paths[1], paths[3]);
    cr_assert(file_exists(paths[0]) && file_exists(paths[1]) && file_exists(paths[3]));
    for (int i = 0; i < 4; i++) mem_free(paths[i]);
    record_free(&r);
}

Test(sweep, a_record_whose_model_was_replaced_says_so_on_the_board) {
    const char *results = temporary_path("results");
    record kept, gone, elsewhere, read = {0};
    char *path = NULL, *other = NULL, *board = NULL;
    size_t bytes = 0;
    run_request q = {.task = "kor_hate", .model = "tiny", .seed = 42};
    MUST(recipe_load(&q.recipe, "course"));
    make_record(&kept, &q);
    q.recipe.learning_rate = 1e-3;
    make_record(&gone, &q);
    // of the same moment, seed and recipe, but of another task
    q.task = "kor_sarcasm";
    make_record(&elsewhere, &q);
    cr_assert_str_eq(elsewhere.created, gone.created);
    MUST(store_write(results, &kept, NULL));
    MUST(store_write(results, &gone, &path));
    MUST(store_write(results, &elsewhere, &other));
    MUST(store_mark_gone(results, &gone));
    MUST(record_read(&read, other));
    cr_assert(!read.model_is_gone && !strcmp(read.recipe_sha256, gone.recipe_sha256));
    record_free(&read);
    MUST(record_read(&read, path));
    cr_assert(read.model_is_gone);
    RUN_WELL("report", "--results", results);
    MUST(file_read((void **)&board, &bytes, temporary_path("results/LEADERBOARD.md"), 0));
    const char *first = strstr(board, "tiny (model replaced: 1 of 1)");
    cr_assert(first && !strstr(first + sizeof "tiny (", "(model replaced"), "%s", board);
    mem_free(board);
    mem_free(path);
    mem_free(other);
    record_free(&read);
    record_free(&kept);
    record_free(&gone);
    record_free(&elsewhere);
}

Test(sweep, words) {
    char **list = NULL;
    size_t count;
    MUST(words_split(&list, &count, " tiny , mini", "model"));
    cr_assert_eq(count, 2);
    cr_assert_str_eq(list[0], "tiny");
    cr_assert_str_eq(list[1], "mini");
    words_free(list, count);
    const char *const lacking[] = {"", ",", "tiny,", ",tiny", "tiny,,mini", "tiny, ,mini", " "};
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
        MUST_FAIL(words_split(&list, &count, lacking[i], "model"), ERR_USAGE,
                  "--model: a name is missing in the list '");
        words_free(list, count);
    }
}

/* A preset's family is in its name; a shard tells at its end what it did. */
Test(sweep, says_which_preset_and_what_a_shard_did) {
    const char *first = "shard 1 of 1 is done: 2 of all 2 runs; trained now 2, finished before or "
                        "by others 0, failed 0",
               *again = "trained now 0, finished before or by others 2, failed 0";
    for (int i = 0; i < 2; i++) {
        program_result p =
            RUN("run", "--task", "kor_hate", "--arch", "electra", "--sample", "--device", "cpu",
                "--threads", "1", "--max-steps", "1", "--runs", "2", "--shard", "1/1");
        EXPECT(p, 0, err, "run 1 of 2: kor_hate, tiny-electra, seed 42");
        cr_expect(strstr(p.err, i ? again : first), "%s", p.err);
        cr_expect_null(strstr(p.err, "another worker"), "%s", p.err);
    }
}

/* Moments are seconds: a run that ended in the second in which the sweep began may well have been there before it. */
Test(sweep, a_run_of_the_same_second_is_no_other_workers) {
    folder_list made = {0};
    char now[MOMENT_BYTES];
    for (int i = 0; i < 2; i++) {
        struct timespec t;
        while (i && !clock_gettime(CLOCK_REALTIME, &t) && t.tv_nsec > 200000000)
            nanosleep(&(struct timespec){0, 20000000}, NULL);
        for (size_t k = 0; k < made.count; k++) {
            char path[128];
            record r;
            snprintf(path, sizeof path, "runs/kor_hate/%s/record.json", made.names[k]);
            MUST(record_read(&r, temporary_path(path)));
            MUST(record_text(&r.created, moment_now(now)));
            MUST(record_write(&r, temporary_path(path)));
            record_free(&r);
        }
        program_result p = RUN_WELL("run", "--task", "kor_hate", "--model", "tiny", "--sample",
                                    "--device", "cpu", "--threads", "1", "--max-steps", "1",
                                    "--runs", "2", "--results", i ? "others" : "results");
        cr_expect_null(strstr(p.err, "another worker"), "%s", p.err);
        if (i) cr_expect(strstr(p.err, "this very run is finished already, since "), "%s", p.err);
        if (!i) MUST(folder_list_read(&made, temporary_path("runs/kor_hate")));
    }
    folder_list_free(&made);
}

/* Of a shard that has one of two seeds. */
Test(sweep, the_table_has_what_is_there) {
    size_t rows = 0;
    for (int i = 1; i <= 2; i++) {
        program_result p = RUN_WELL("run", "--task", "kor_hate", "--model", "tiny", "--sample",
                                    "--device", "cpu", "--threads", "1", "--max-steps", "1",
                                    "--runs", "2", "--shard", i == 1 ? "1/2" : "2/2");
        bool has_runs = !strstr(p.err, "0 of 2 runs are of this shard");
        cr_expect_eq(strstr(p.out, "\n| kor_hate | tiny  | macro F1 |    ") != NULL, has_runs, "%s",
                     p.out);
        rows += has_runs;
    }
    cr_expect_geq(rows, 1);
}

Test(sweep, several_tasks_and_models_are_one_sweep) {
    program_result p =
        RUN_WELL("run", "--task", "kor_hate,kor_sarcasm", "--model", "tiny,mini", "--sample",
                 "--device", "cpu", "--threads", "1", "--max-steps", "1");
    cr_assert(strstr(p.err, "run 1 of 4: kor_hate, tiny, seed 42"), "%s", p.err);
    cr_assert(strstr(p.err, "run 4 of 4 (ends about "), "%s", p.err);
    cr_assert(strstr(p.err, "kor_sarcasm, mini, seed 42"), "%s", p.err);
    cr_assert_not(strstr(p.err, "nothing to resume"), "%s", p.err);
    cr_expect(strstr(p.out, "\n| kor_hate    | tiny  | macro F1 |    1 | 0.") &&
                  strstr(p.out, "\n| kor_sarcasm | mini  | accuracy |    1 | 0."),
              "%s", p.out);
    // where nothing else is in their folders
    cr_expect(strstr(p.out, "  harness compare runs/kor_hate\n"
                            "  harness compare runs/kor_sarcasm\n"),
              "%s", p.out);
    RUN_WELL("run", "--task", "kor_sarcasm", "--sample", "--device", "cpu", "--max-steps", "1",
             "-o", "runs/kor_sarcasm/other");
    p = RUN_WELL("run", "--task", "kor_sarcasm", "--model", "tiny,mini", "--runs", "2", "--sample",
                 "--device", "cpu", "--threads", "1", "--max-steps", "1");
    const char *sides = strstr(p.out, "  harness compare runs/kor_sarcasm/tiny-cpu-s42-");
    cr_expect(sides && strstr(sides, ",runs/kor_sarcasm/tiny-cpu-s43-") &&
                  strstr(sides, " runs/kor_sarcasm/mini-cpu-s42-") &&
                  strstr(p.out, "  harness errors runs/kor_sarcasm/"),
              "%s", p.out);
    // the best model answers and is looked at, in whatever order they were named
    for (int i = 0; i < 2; i++) {
        p = RUN("run", "--task", "kor_sarcasm", "--model", i ? "mini,tiny" : "tiny,mini", "--runs",
                "2", "--sample", "--device", "cpu", "--threads", "1", "--max-steps", "8");
        char asked[8] = "", seen[8] = "", seed[4] = "";
        const char *use = strstr(p.out, "  harness predict "), *look = strstr(p.out, "  harness e");
        cr_expect(use && look &&
                      sscanf(use, " harness predict --model runs/kor_sarcasm/%4s-cpu-s%2s", asked,
                             seed) == 2 &&
                      sscanf(look, " harness errors runs/kor_sarcasm/%4s", seen) == 1 &&
                      !strcmp(asked, seen) && !strcmp(seed, "42"),
                  "%s", p.out);
    }
    // each model has its own recipe, whatever comes before it
    folder_list made;
    MUST(folder_list_read(&made, temporary_path("runs/kor_hate")));
    cr_assert_eq(made.count, 2);
    for (size_t i = 0; i < 2; i++) {
        char path[300];
        recipe own;
        record r;
        snprintf(path, sizeof path, "runs/kor_hate/%s/record.json", made.names[i]);
        MUST(record_read(&r, temporary_path(path)));
        MUST(recipe_load(&own, i ? "tiny" : "mini"));
        cr_assert_str_eq(r.model.name, own.name);
        cr_assert_eq(cJSON_GetObjectItem(r.recipe, "learning_rate")->valuedouble, own.learning_rate,
                     "%s", own.name);
        record_free(&r);
    }
    folder_list_free(&made);
    p = RUN("run", "--task", "kor_hate", "--model", "tiny,mini", "--sample", "-o", "x");
    EXPECT(p, 2, err, "--output-dir holds one run, 2 were asked for");
}

#define WORKER                                                                                     \
    "run", "--task", "kor_hate", "--model", "tiny", "--sample", "--device", "cpu", "--threads",    \
        "1", "--check-device", "never", "--max-steps", "24", "--save-steps", "4"

/* Three processes, one of which hangs in its first run and is killed. */
Test(sweep, workers_share_a_list_and_take_over) {
    enum { RUNS = 4 };
    const char *const work[] = {WORKER, "--runs", "4", NULL};
    child lost, others[2];
    size_t trained = 0, told = 0, waited = 0;
    char pid[24], waiting[100];
    child_start(&lost, NULL, work);
    child_await_message(&lost, "task    kor_hate", 60); // it has the lock
    kill(lost.pid, SIGSTOP);
    child_start(&others[0], NULL, work);
    child_await_message(&others[0], "another worker has it", 60);
    program_result p = RUN("runs", "--json");
    snprintf(pid, sizeof pid, " %d\"", (int)lost.pid);
    snprintf(waiting, sizeof waiting, " %d)", (int)lost.pid);
    cr_expect(strstr(p.out, "\"at work\"") && strstr(p.out, pid), "no %s in %s", pid, p.out);
    child_start(&others[1], NULL, work);
    child_await_message(&others[0], "sweep   waiting for ", 120); // the rest is done, or under way
    kill(lost.pid, SIGKILL);
    p = child_end(&lost, 60);
    cr_expect_eq(times(p.err, "task    kor_hate"), 1, "%s", p.err);
    for (int i = 0; i < 2; i++) {
        p = child_end(&others[i], 120);
        cr_expect_eq(p.exit_code, 0, "%s", p.err);
        trained += times(p.err, "task    kor_hate");
        told += times(p.err, ": finished by another worker; here is its result");
        waited += strstr(p.err, waiting) != NULL;
        cr_expect_null(strstr(p.err, "--overwrite"), "%s", p.err);
        cr_expect(strstr(p.out, "\n| kor_hate | tiny  | macro F1 |    4 | 0."), "%s", p.out);
    }
    cr_expect_eq(trained, RUNS, "%zu runs were trained", trained);
    cr_expect_geq(waited, 1, "nobody says whom it waits for: %s", p.err);
    cr_expect_geq(told, 1, "nobody says that another worker finished a run");
    folder_list made;
    char path[300];
    record taken, alone;
    MUST(folder_list_read(&made, temporary_path("runs/kor_hate")));
    cr_expect_eq(made.count, RUNS);
    snprintf(path, sizeof path, "runs/kor_hate/%s/record.json", made.names[0]);
    MUST(record_read(&taken, temporary_path(path))); // seed 42: that of the lost worker
    p = RUN(WORKER, "-o", "alone");
    MUST(record_read(&alone, temporary_path("alone/record.json")));
    cr_expect_eq(taken.seed, alone.seed);
    cr_expect_str_eq(taken.final_weights_sha256, alone.final_weights_sha256);
    record_free(&taken);
    record_free(&alone);
    folder_list_free(&made);
}

Test(sweep, shards_divide_the_list) {
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"0/4", "a shard is I/N with I from 1 to N, or array, found '0/4'"},
        {"5/4", "found '5/4'"},
        {"/4", "found '/4'"},
        {"1/", "found '1/'"},
        {"1", "found '1'"},
        {"1/4x", "found '1/4x'"},
        {"array", "the shard 'array' needs a task of a Slurm array without gaps, found "
                  "SLURM_ARRAY_TASK_ID not set, _MIN not set, _COUNT not set, _STEP not set"},
    };
    shard s, parts[3];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        MUST_FAIL(shard_parse(&s, wrong[i].text), ERR_USAGE, wrong[i].message);
    MUST(shard_parse(&s, NULL));
    cr_expect(shard_has(&s, "kor_hate", "tiny", 42));
    size_t counts[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        char text[8];
        snprintf(text, sizeof text, "%u/3", i + 1);
        MUST(shard_parse(&parts[i], text));
    }
    for (uint32_t seed = 0; seed < 300; seed++) {
        size_t mine = 0;
        for (int i = 0; i < 3; i++) {
            bool has = shard_has(&parts[i], seed % 2 ? "nsmc" : "kor_hate", "tiny", seed);
            counts[i] += has;
            mine += has;
        }
        cr_assert_eq(mine, 1, "seed %u is of %zu parts", seed, mine);
    }
    for (int i = 0; i < 3; i++) cr_expect(counts[i] > 60 && counts[i] < 140, "%zu", counts[i]);
    // tasks 2, 4, 6, 8 of an array
    cr_expect_eq(shard_start(100), 0);
    setenv("SLURM_ARRAY_TASK_ID", "6", 1);
    setenv("SLURM_ARRAY_TASK_MIN", "2", 1);
    setenv("SLURM_ARRAY_TASK_STEP", "2", 1);
    setenv("SLURM_ARRAY_TASK_COUNT", "4", 1);
    MUST(shard_parse(&s, "array"));
    cr_expect(s.number == 3 && s.count == 4, "%u/%u", s.number, s.count);
    cr_expect_eq(shard_start(100), 50);
    setenv("SLURM_ARRAY_TASK_ID", "60", 1);
    MUST_FAIL(shard_parse(&s, "array"), ERR_USAGE, "ID '60', _MIN '2', _COUNT '4', _STEP '2'");
    cr_expect_eq(shard_start(100), 0);
    program_result p = RUN("run", "--task", "kor_hate", "--model", "tiny", "--sample", "--runs",
                           "9", "--shard", "10/9");
    cr_expect(p.exit_code == 2 && strstr(p.err, "found '10/9' (--shard)"), "%s", p.err);
}

/* What needs no data is refused before a group's tasks are looked for. */
Test(sweep, flags_are_checked_before_data) {
    static const char *const wrong[][2] = {{"--shard", "9/8"},          {"--runs", "0"},
                                           {"--seeds", "1,1"},          {"--model", "a,,b"},
                                           {"--protocol", "middle"},    {"--models", "tiny,tiny"},
                                           {"--lr-scheduler-type", "x"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        program_result p = RUN("run", "--task", "all", "--data", "no-such-folder", "--device",
                               "cpu", wrong[i][0], wrong[i][1]);
        cr_expect(p.exit_code == 2 && strchr(p.err, '\n') == p.err + strlen(p.err) - 1,
                  "%s: %d, %s", wrong[i][0], p.exit_code, p.err);
    }
}

/* A group's tasks that lack files, and other tasks on those that are there. */
Test(sweep, a_group_of_which_only_some_files_are_here) {
    static const char *const words[] = {
        "sweep   6 tasks are left out, whose data is not here: klue_dp, klue_ner, ",
        "        looked in $HARNESS_DATA and the cache; of the first: ",
        "/d/klue/klue-dp-v1.1_train.tsv: no such file, and none in the cache (",
        "harness: the data of no task of klue is here (`harness data fetch T`, or --data DIR); "
        "with "
        "files that are here: --task klue_dp_dev,klue_sts_dev\n"};
    MUST(folder_make(temporary_path("d/klue")));
    MUST(file_write(temporary_path("d/klue/klue-dp-v1.1_dev.tsv"), "", 0));
    MUST(file_write(temporary_path("d/klue/klue-sts-v1.1_dev.json"), "", 0));
    setenv("HARNESS_DATA", temporary_path("d"), 1);
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    program_result p = RUN("run", "--task", "klue", "--offline", "--device", "cpu");
    cr_expect_eq(p.exit_code, 1);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_expect(strstr(p.err, words[i]), "no '%s' in: %s", words[i], p.err);
    p = RUN("run", "--task", "klue_dp", "--offline", "--device", "cpu");
    cr_expect(strstr(p.err, "; with files that are here: --task klue_dp_dev\n"), "%s", p.err);
    p = RUN("data", "fetch", "klue_dp", "--offline");
    cr_expect(strstr(p.err, "_train.tsv: no such file, and none in the cache"), "%s", p.err);
    cr_expect_null(strstr(p.err, "--task"), "%s", p.err);
}

Test(sweep, all_means_the_tasks_whose_data_is_here) {
    program_result p = RUN("run", "--task", "all", "--data", "no-such-folder", "--device", "cpu");
    EXPECT(p, 1, err, ", nsmc, ");
    cr_expect_eq(times(p.err, ": no such file"), 1, "once for all: %s", p.err);
    cr_expect_eq(times(p.err, "looked in no-such-folder; of the first: no-such-folder/"), 1, "%s",
                 p.err);
    cr_expect_null(strstr(p.err, "--task"), "%s", p.err);
    cr_assert(strstr(p.err, "harness: the data of no task is here"), "%s", p.err);
}

/* The tasks of a group that the program ships are run one by one, each once. */
Test(sweep, a_group_is_each_of_its_tasks) {
    cJSON *all = cJSON_Parse(RUN_WELL("tasks", "--json").out);
    const cJSON *item;
    size_t members = 0;
    program_result p = RUN_WELL("run", "--task", "klue", "--sample", "--dry-run", "--json", "-m",
                                "tiny", "--device", "cpu", "--threads", "1");
    cJSON_ArrayForEach(item, all) {
        char line[100];
        const char *group = json_text_at(item, "group");
        bool is_member = group && !strcmp(group, "klue");
        snprintf(line, sizeof line, "{\"task\":\"%s\",", json_text_at(item, "name"));
        cr_expect_eq(times(p.out, line), is_member, "%s in %s", line, p.out);
        members += is_member;
    }
    cr_expect_gt(members, 4);
    cJSON_Delete(all);
}

static double work_of(const run_request *q) {
    sweep s = {.total = 1};
    MUST(sweep_expect(&s, q));
    return s.left;
}

/* Each thing that makes a run longer is counted, in proportion. */
Test(sweep, work_is_in_proportion) {
    run_request q = {.task = "nsmc", .model = "tiny"};
    MUST(recipe_load(&q.recipe, "tiny"));
    q.recipe.num_train_epochs = 1;
    double test = work_of(&q), once;
    q.recipe.num_train_epochs = 2;
    once = work_of(&q) - test; // an epoch
    test -= once;
    cr_expect_float_eq(test / once, 50000.0 / 3 / 150000, 1e-9);
    q.recipe.num_train_epochs = 7;
    cr_expect_float_eq(work_of(&q), 7 * once + test, 1e-6 * once);
    q.recipe.max_steps = 15;
    q.recipe.per_device_train_batch_size = 100;
    cr_expect_float_eq(work_of(&q), once / 100 + test, 1e-6 * once);
    q.recipe.max_steps = 0;
    q.limit = 1500;
    cr_expect_float_eq(work_of(&q), 7 * once / 100 + test * 3 / 100, 1e-6 * once);
    q.sample = true;
    q.limit = 0;
    cr_expect_float_eq(work_of(&q), once / 150000 * 48 * (7 + 1.0 / 3), 1e-6 * once);
    q.model = "base";
    cr_expect_gt(work_of(&q), once / 150000 * 48 * 7 * 20);
}

// the large task takes most of the time, whatever the number of runs
Test(sweep, the_end_is_expected_by_work) {
    run_request small = {.task = "kor_sarcasm", .model = "tiny"};
    run_request large = {.task = "nsmc", .model = "mini"};
    sweep s = {.total = 2};
    MUST(recipe_load(&small.recipe, "tiny"));
    MUST(recipe_load(&large.recipe, "mini"));
    MUST(sweep_expect(&s, &small));
    double first = s.left;
    MUST(sweep_expect(&s, &large));
    cr_assert_gt(s.left, 50 * first);
    sweep_begin(&s, &small);
    sweep_end(&s, &small);
    cr_assert_float_eq(s.work, first, 1e-6 * first);
    cr_assert_gt(s.left, 49 * first);
    sweep_begin(&s, &large);
    sweep_end(&s, &large);
    cr_assert_float_eq(s.left, 0, 1e-6 * s.work);
    sweep_close(&s);
}
