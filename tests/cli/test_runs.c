/* `harness runs`, `runs clean`, `run --dry-run` and `env`: what is here, and what a run takes. */
#define _GNU_SOURCE
#include "base/json.h"
#include "base/memory.h"
#include "base/sums.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if HARNESS_CPU

TestSuite(runs, .timeout = 240);

#define SMALL_BY                                                                                   \
    "run", "--task", "kor_hate", "--sample", "--model", "ko-tiny", "--threads", "1",               \
        "--check-device", "never", "--batch-size", "8", "-q", "--device"
#define SMALL SMALL_BY, "cpu"

static void good(program_result p) {
    cr_assert_eq(p.exit_code, 0, "%s%s", p.out, p.err);
}

/* A run of so many steps that was stopped behind its first checkpoint. */
static void stop_run_by(const char *devices, const char *folder, const char *steps) {
    const char *const arguments[] = {SMALL_BY, devices, "--max-steps", steps, "--save-steps", "1",
                                     "-o",     folder,  "--overwrite", NULL};
    char path[200];
    child c;
    snprintf(path, sizeof path, "%s/checkpoint-1", folder);
    child_start(&c, NULL, arguments);
    child_await_path(&c, temporary_path(path), 60);
    kill(c.pid, SIGKILL);
    child_end(&c, 60);
}

static void stop_run(const char *folder, const char *steps) {
    stop_run_by("cpu", folder, steps);
}

static void make_unfinished(const char *folder) {
    stop_run(folder, "300");
}

/* The run of the list whose folder ends so. */
static cJSON *listed(cJSON **root, const char *folder) {
    program_result p = RUN_WELL("runs", "--json", ".");
    MUST(json_parse(root, p.out, strlen(p.out), "runs"));
    cJSON *item;
    cJSON_ArrayForEach(item, *root) {
        const char *at = cJSON_GetObjectItem(item, "folder")->valuestring;
        size_t n = strlen(at), k = strlen(folder);
        if (n >= k && !strcmp(at + n - k, folder)) return item;
    }
    return NULL;
}

static const char *text_at(const cJSON *item, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(item, key));
    return text ? text : "";
}

static double number_at(const cJSON *item, const char *key) {
    return cJSON_GetNumberValue(cJSON_GetObjectItem(item, key));
}

static void make_older(const char *folder) {
    folder_list names = {0};
    const struct timespec old[] = {{1700000000, 0}, {1700000000, 0}};
    MUST(folder_list_read(&names, temporary_path(folder)));
    for (size_t i = 0; i < names.count; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", temporary_path(folder), names.names[i]);
        cr_assert_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    }
    folder_list_free(&names);
}

/* A run that ended before its first checkpoint, last changed then. */
static void make_begun(const char *folder, time_t changed) {
    static const char text[] = "{\"run\": \"0\", \"identity\": {\"task\": \"kor_hate\"}}";
    const struct timespec times[] = {{changed, 0}, {changed, 0}};
    char path[300];
    MUST(folder_make(temporary_path(folder)));
    snprintf(path, sizeof path, "%s/unfinished.json", temporary_path(folder));
    MUST(file_write(path, text, sizeof text - 1));
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* What was changed in the last second before a day, in UTC, is older than it; in its first it is not. */
Test(runs, before_a_day_is_before_its_first_second) {
    static const char *const days[] = {"1970-01-02", "1972-02-29", "1999-12-31", "2000-01-01",
                                       "2000-02-29", "2000-03-01", "2024-12-31", "2025-01-01",
                                       "2026-02-28", "2026-03-01", "2026-11-30", "2100-03-01"};
    setenv("TZ", "Asia/Seoul", 1);
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        struct tm day = {0};
        cr_assert_eq(sscanf(days[i], "%d-%d-%d", &day.tm_year, &day.tm_mon, &day.tm_mday), 3);
        day.tm_year -= 1900;
        day.tm_mon--;
        time_t begin = timegm(&day);
        make_begun("r/older", begin - 1);
        make_begun("r/younger", begin);
        program_result p = RUN_WELL("runs", "clean", "r", "--before", days[i]);
        cr_expect_not_null(strstr(p.out, "r/older  "), "%s: %s", days[i], p.out);
        cr_expect_null(strstr(p.out, "r/younger  "), "%s: %s", days[i], p.out);
        cr_expect_not_null(strstr(p.out, "1 run, "), "%s: %s", days[i], p.out);
    }
}

/* What all runs take together, and the step of the newest checkpoint. */
Test(runs, sums_and_steps_are_those_of_all) {
    static const struct {
        const char *name, *folders[2];
        size_t bytes;
    } made[] = {{"r/a", {"checkpoint-5", "checkpoint-12"}, 2000000},
                {"r/b", {NULL, NULL}, 1000000},
                {"r/c", {"checkpoint-700", "checkpoint-90"}, 400000}};
    static const char *const listed[] = {"unfinished, step 12 ", "unfinished ",
                                         "unfinished, step 700 ", "\n3 runs, 3.4 MB\n"},
                             *const cleaned[] = {
                                 "r/a  2.0 MB: unfinished, last changed ",
                                 "r/b  1.0 MB: unfinished and without a checkpoint, last changed ",
                                 "r/c  400.0 kB: unfinished, last changed ",
                                 "\n3 runs, 3.4 MB would be deleted (--yes does it)\n"};
    char *bytes = calloc(1, 2000000);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char path[100];
        for (size_t k = 0; k < 2 && made[i].folders[k]; k++) {
            snprintf(path, sizeof path, "%s/%s", made[i].name, made[i].folders[k]);
            MUST(folder_make(temporary_path(path)));
        }
        snprintf(path, sizeof path, "%s/log.jsonl", made[i].name);
        make_begun(made[i].name, 1700000000);
        MUST(file_write(temporary_path(path), bytes, made[i].bytes));
    }
    free(bytes);
    program_result p = RUN("runs", "r");
    for (size_t i = 0; i < 4; i++)
        cr_expect(strstr(p.out, listed[i]), "no '%s' in %s", listed[i], p.out);
    p = RUN("runs", "clean", "r", "--before", "2100-01-01");
    for (size_t i = 0; i < 4; i++)
        cr_expect(strstr(p.out, cleaned[i]), "no '%s' in %s", cleaned[i], p.out);
}

Test(runs, list_tells_the_states_and_clean_deletes_what_it_said) {
    good(RUN(SMALL, "--max-steps", "2", "--save-steps", "1", "-o", "r/a"));
    make_unfinished("r/b");
    MUST(folder_make(temporary_path("r/c")));
    MUST(file_write(temporary_path("r/c/record.json"), "{\"schema\": 1}", 13));
    MUST(file_write(temporary_path("r/a/mine.txt"), "x", 1));
    cJSON *root, *run = listed(&root, "r/a");
    cr_assert_not_null(run);
    cr_expect_str_eq(text_at(run, "state"), "finished");
    cr_expect_str_eq(text_at(run, "task"), "kor_hate");
    cr_expect_str_eq(text_at(run, "model"), "ko-tiny");
    cr_expect(number_at(run, "seed") == 42);
    cr_expect(number_at(run, "checkpoints") == 1);
    cr_expect(number_at(run, "score") > 0);
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(run, "partial")));
    cr_expect(number_at(run, "bytes") > number_at(run, "checkpoint_bytes"));
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(run, "has_model")));
    cr_expect(cJSON_IsFalse(cJSON_GetObjectItem(run, "on_board")));
    cJSON_Delete(root);
    run = listed(&root, "r/b");
    cr_assert_not_null(run);
    cr_expect(cJSON_IsFalse(cJSON_GetObjectItem(run, "partial")), "not known of it");
    cr_expect_str_eq(text_at(run, "state"), "unfinished");
    cr_expect_str_eq(text_at(run, "task"), "kor_hate");
    cr_expect(number_at(run, "step") >= 1);
    cr_expect(cJSON_IsFalse(cJSON_GetObjectItem(run, "has_model")));
    cJSON_Delete(root);
    // what is none of ours is not listed, and nothing of it goes
    cr_expect_null(listed(&root, "r/c"));
    cJSON_Delete(root);
    program_result p = RUN("runs", "clean", "r");
    cr_expect(strstr(p.out, "r/a  ") && strstr(p.out, "1 checkpoint of a finished run"), "%s",
              p.out);
    cr_expect_null(strstr(p.out, "r/b"), "%s", p.out);
    cr_expect(strstr(p.out, "would be deleted (--yes does it)"), "%s", p.out);
    cr_expect(folder_exists(temporary_path("r/a/checkpoint-1")));
    // an unfinished run that is younger than the day stays
    p = RUN("runs", "clean", "r", "--before", "2020-01-01", "--yes");
    cr_expect(strstr(p.out, "\n1 checkpoint of 1 run, ") && strstr(p.out, " MB deleted"), "%s",
              p.out);
    cr_expect_not(folder_exists(temporary_path("r/a/checkpoint-1")));
    cr_expect(folder_exists(temporary_path("r/a/model")));
    cr_expect(folder_exists(temporary_path("r/b/checkpoint-1")) ||
              file_named(temporary_path("r/b/unfinished.json")));
    good(RUN("eval", "-c", "r/a", "--task", "kor_hate", "--sample", "--device", "cpu"));
    // and an older one goes whole, but for what is not ours
    MUST(file_write(temporary_path("r/b/mine.txt"), "x", 1));
    MUST(folder_make(temporary_path("r/b/partial-best"))); // what a crash leaves
    MUST(folder_make(temporary_path("r/b/old-model")));
    make_older("r/b");
    p = RUN("runs", "clean", "r", "--before", "2024-01-01", "--yes");
    cr_expect(strstr(p.out, "r/b  ") && strstr(p.out, "unfinished, last changed 2023-11-14"), "%s",
              p.out);
    folder_list left = {0};
    MUST(folder_list_read(&left, temporary_path("r/b")));
    cr_expect_eq(left.count, 1);
    cr_expect_str_eq(left.names[0], "mine.txt");
    folder_list_free(&left);
    cr_expect(file_named(temporary_path("r/a/mine.txt")));
    cr_expect(file_named(temporary_path("r/c/record.json")));
}

static void put(const char *path) {
    MUST(file_write(temporary_path(path), "x", 1));
}

static void cleaned(const char *said, const char *const *arguments) {
    program_result p = program_run(NULL, 60, arguments);
    cr_expect(!p.exit_code && strstr(p.out, said), "no '%s' in %s%s", said, p.out, p.err);
}
#define CLEANED(said, ...) cleaned(said, (const char *const[]){"runs", "clean", __VA_ARGS__, NULL})

/* What holds a stranger's file stays whole, is not counted as gone, and can be gone on with. */
Test(runs, clean_keeps_what_strangers_are_in_and_what_that_needs) {
    static const char *const before[] = {"r", "--before", "2024-01-01"};
    good(RUN(SMALL, "--max-steps", "3", "--save-steps", "1", "--save-total-limit", "3", "-o",
             "r/a"));
    put("r/a/checkpoint-1/notes.txt");
    MUST(sums_add(temporary_path("r/a/checkpoint-1"),
                  "notes.txt")); // which makes it no file of ours
    CLEANED("r/a  1 checkpoint stays: this program did not make r/a/checkpoint-1/notes.txt", "r");
    CLEANED("of a finished run\n", "r", "--yes");
    cr_expect(folder_exists(temporary_path("r/a/checkpoint-1")));
    cr_expect(file_named(temporary_path("r/a/checkpoint-1/model.safetensors")));
    cr_expect_not(folder_exists(temporary_path("r/a/checkpoint-2")));
    CLEANED("nothing to delete", "r", "--yes"); // for what stays does not count
    MUST(folder_remove(temporary_path("r/a/checkpoint-1")));
    MUST(folder_make(
        temporary_path("r/a/checkpoint-9"))); // none of ours: it is named, not its files
    put("r/a/checkpoint-9/notes.txt");
    CLEANED("this program did not make r/a/checkpoint-9\n", "r");
    MUST(folder_remove(temporary_path("r/a")));
    stop_run("r/b", "60");
    put("r/b/checkpoint-1/notes.txt");
    make_older("r/b");
    CLEANED("r/b  stays, and can be resumed: this program did not make r/b/checkpoint-1/notes.txt",
            before[0], before[1], before[2]);
    CLEANED("nothing to delete", before[0], before[1], before[2], "--yes");
    cr_expect(file_named(temporary_path("r/b/unfinished.json")));
    cr_expect(file_named(temporary_path("r/b/log.jsonl")));
    program_result p =
        RUN(SMALL, "--max-steps", "60", "--save-steps", "1", "-o", "r/b", "--resume");
    cr_expect(!p.exit_code, "%s", p.err);
    cr_expect(file_named(temporary_path("r/b/checkpoint-1/notes.txt")));
    stop_run("r/c", "300");
    MUST(folder_remove(temporary_path("r/c/tensorboard")));
    MUST(folder_make(temporary_path("r/c/tensorboard/events.out.tfevents.harness")));
    put("r/c/tensorboard/events.out.tfevents.harness/mine");
    make_older("r/c");
    CLEANED("1 run, ", "r/c", before[1], before[2], "--yes");
    cr_expect_not(file_named(temporary_path("r/c/unfinished.json")));
    cr_expect(file_named(temporary_path("r/c/tensorboard/events.out.tfevents.harness/mine")));
}

/* One odd thing in one folder hides neither that run nor the others. */
Test(runs, what_is_odd_in_one_folder_is_passed_over) {
    static const char begun[] = "{\"run\": \"1\", \"identity\": {\"task\": \"kor_hate\"}}";
    good(RUN(SMALL, "--max-steps", "2", "--save-steps", "1", "--save-total-limit", "3", "-o",
             "r/a"));
    MUST(folder_make(temporary_path("r/b")));
    put("r/a/checkpoint-7");
    cr_assert_eq(mkfifo(temporary_path("r/a/checkpoint-8"), 0600), 0);
    cr_assert_eq(symlink("nowhere", temporary_path("r/a/checkpoint-9")), 0);
    MUST(folder_make(temporary_path("r/a/model/config.json.d")));
    MUST(folder_make(temporary_path("r/c/record.json")));
    MUST(folder_make(temporary_path("r/d")));
    MUST(file_write(temporary_path("r/d/unfinished.json"), begun, strlen(begun)));
    cr_assert_eq(mkfifo(temporary_path("r/d/.lock"), 0600), 0);
    cr_assert_eq(mkfifo(temporary_path("r/d/record.json"), 0600), 0);
    cr_assert_eq(symlink("nowhere", temporary_path("r/d/tensorboard")), 0);
    program_result p = RUN_WELL("runs", "r");
    cr_expect(strstr(p.out, "r/a") && strstr(p.out, "r/d"), "%s", p.out);
    for (int i = 7; i <= 9; i++) {
        char said[80];
        snprintf(said, sizeof said, "r/a/checkpoint-%d: no folder, so no checkpoint", i);
        cr_expect(strstr(p.err, said), "%s", p.err);
    }
    CLEANED("r/a  3 checkpoints stay: this program did not make r/a/checkpoint-7", "r", "--yes");
    cr_expect_not(file_named(temporary_path("r/a/checkpoint-2")));
    cr_expect(file_named(temporary_path("r/a/checkpoint-9")));
}

/* A run that was to replace a finished one goes, and leaves that one's record and model. */
Test(runs, clean_keeps_the_finished_run_that_was_to_be_replaced) {
    good(RUN(SMALL, "--max-steps", "2", "-o", "r/a"));
    stop_run("r/a", "300");
    make_older("r/a");
    CLEANED("; the record and model of a finished run stay there\n1 run, ", "r", "--before",
            "2024-01-01", "--yes");
    cr_expect_not(file_named(temporary_path("r/a/unfinished.json")));
    cr_expect_not(folder_exists(temporary_path("r/a/checkpoint-1")));
    cJSON *root, *run = listed(&root, "r/a");
    cr_assert_not_null(run);
    cr_expect_str_eq(text_at(run, "state"), "finished");
    cr_expect_eq(cJSON_GetObjectItem(run, "step")->valueint, 2, "of the whole run");
    cJSON_Delete(root);
    good(RUN("eval", "-c", "r/a", "--task", "kor_hate", "--sample", "--device", "cpu"));
}

/* Files of a size that nothing is, as a few bytes on the disk can claim, are passed over by their size. */
Test(runs, what_is_too_large_is_not_read, .timeout = 60) {
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("the address sanitizer takes terabytes of addresses");
#endif
    const struct rlimit memory = {512 << 20, 512 << 20}, seconds = {10, 10};
    good(RUN(SMALL, "--max-steps", "2", "-o", "r/a"));
    cr_assert_eq(truncate(temporary_path("r/a/record.json"), (off_t)3 << 30), 0);
    cr_assert_eq(truncate(temporary_path("r/a/model/config.json"), (off_t)3 << 30), 0);
    cr_assert_eq(setrlimit(RLIMIT_CPU, &seconds), 0); // the program's too
    cr_assert_eq(setrlimit(RLIMIT_AS, &memory), 0);
    program_result p = RUN("runs", "r");
    cr_expect(!p.exit_code && strstr(p.out, "damaged"), "%d: %s%s", p.exit_code, p.out, p.err);
    p = RUN("predict", "-c", "r/a", "--device", "cpu", "--threads", "1", "x");
    cr_expect(p.exit_code == 1 &&
                  strstr(p.err, "config.json: 3221225472 bytes: the file is damaged"),
              "%d: %s", p.exit_code, p.err);
}

/* Folders are looked into three deep: where runs lie by default, and no home of a user. */
Test(runs, folders_are_looked_into_three_deep) {
    static const char *const folders[] = {"d/1/2", "d/1/2/3"};
    cJSON *root;
    for (size_t i = 0; i < 2; i++) {
        make_begun(folders[i], 1700000000);
        cr_expect_eq(listed(&root, folders[i]) != NULL, i == 0, "%s", folders[i]);
        cJSON_Delete(root);
        MUST(file_remove(temporary_path(i ? "d/1/2/3/unfinished.json" : "d/1/2/unfinished.json")));
    }
}

/* A run that was stopped is called by all its devices, as it is once it has a record. */
Test(runs, unfinished_runs_name_their_ranks) {
    static const struct {
        const char *more, *device;
    } cases[] = {{"", "A"},
                 {", \"ranks\": 1", "A"},
                 {", \"ranks\": 3", "3 × A"},
                 {", \"ranks\": 2, \"devices\": \"A (cpu); B (gpu)\"", "A (cpu); B (gpu)"},
                 {", \"ranks\": 1e99", "A"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *root;
        char *text = NULL;
        MUST(mem_printf(&text,
                        "{\"run\": \"0\", \"identity\": {\"task\": \"kor_hate\", "
                        "\"device\": \"A\"}%s}",
                        cases[i].more));
        make_begun("r/u", 1700000000);
        temporary_put("r/u/unfinished.json", text);
        const cJSON *run = listed(&root, "r/u");
        cr_expect_str_eq(text_at(run, "device"), cases[i].device);
        cJSON_Delete(root);
        mem_free(text);
    }
    // what a group writes is what is read
    stop_run_by("cpu,cpu", "r/g", "300");
    cJSON *root;
    const char *device = text_at(listed(&root, "r/g"), "device");
    cr_expect_eq(strncmp(device, "2 × ", 5), 0, "%s", device);
    cJSON_Delete(root);
}

/* A run that another process is at is listed as such, and not touched. */
Test(runs, one_at_work_is_left_alone) {
    const char *const arguments[] = {
        SMALL, "--max-steps", "100000", "--save-total-limit", "1", "--save-steps", "1",
        "-o",  "r/w",         NULL};
    child c;
    child_start(&c, NULL, arguments);
    child_await_path(&c, temporary_path("r/w/checkpoint-1"), 60);
    cJSON *root, *run = listed(&root, "r/w");
    cr_expect(run && !strcmp(text_at(run, "state"), "at work"), "%s",
              run ? text_at(run, "state") : "not there");
    cJSON_Delete(root);
    program_result p = RUN("runs", "clean", "r", "--before", "2100-01-01", "--yes");
    cr_expect(strstr(p.out, "nothing to delete"), "%s", p.out);
    kill(c.pid, SIGKILL);
    p = child_end(&c, 60);
    cr_expect(file_named(temporary_path("r/w/unfinished.json")));
}

/* Where no file can be locked, runs are listed and cleaned without. */
Test(runs, no_locks_are_needed) {
    const child_setup setup = {.preload = listed_path(HARNESS_LOCK_SHIM)};
    child c;
    make_unfinished("r/u");
    child_start(&c, &setup, (const char *const[]){"runs", "r", NULL});
    program_result p = child_end(&c, 60);
    cr_expect(!p.exit_code && strstr(p.out, "unfinished"), "%d: %s%s", p.exit_code, p.out, p.err);
    child_start(
        &c, &setup,
        (const char *const[]){"runs", "clean", "r", "--before", "2100-01-01", "--yes", NULL});
    good(child_end(&c, 60));
    cr_expect_not(file_named(temporary_path("r/u/checkpoint-1")));
}

/* Records whose folder is gone are listed by themselves; those that have one are not listed twice. */
Test(runs, records_alone_and_with_their_folder) {
    good(RUN("tasks", "new", HARNESS_SOURCE_DIR "/tasks/sample/kor_sarcasm/train.csv", "--output",
             "mine.json", "--text-column", "tokens", "--label-column", "label"));
    for (int i = 0; i < 2; i++)
        good(RUN("run", "--task", "mine", "--task-dir", ".", "--device", "cpu", "--threads", "1",
                 "--check-device", "never", "--epochs", "1", "--seed", i ? "2" : "0", "-q"));
    program_result p = RUN("runs");
    cr_expect(strstr(p.out, "2 runs, "), "%s", p.out);
    cr_expect(strstr(p.out, "     0  finished") && strstr(p.out, "     2  finished"), "%s", p.out);
    cJSON *root;
    p = RUN("runs", "--json");
    MUST(json_parse(&root, p.out, strlen(p.out), "runs"));
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(root, 0), "on_board")), "%s",
              p.out);
    cJSON_Delete(root);
    // a task's folder is none of results
    p = RUN("report", "--results", "results/mine", "-o", "board");
    EXPECT(p, 1, err, "results/mine: the folder of one task: name the folder that it lies in");
    MUST(folder_remove(temporary_path("runs")));
    p = RUN("runs", "--json");
    MUST(json_parse(&root, p.out, strlen(p.out), "runs"));
    cr_expect_eq(cJSON_GetArraySize(root), 2);
    cr_expect_str_eq(text_at(cJSON_GetArrayItem(root, 0), "state"), "record only");
    cJSON_Delete(root);
}

Test(runs, wrong_use) {
    static const struct {
        const char *arguments[5], *said;
    } cases[] = {
        {{"runs", "--yes"}, "--yes goes with `harness runs clean`"},
        {{"runs", "--before", "2026-01-01"}, "--before goes with `harness runs clean`"},
        {{"runs", "clean", "--before", "yesterday"}, "expects a day such as 2026-01-31"},
        {{"runs", "clean", "--before", "2026-13-01"}, "expects a day such as 2026-01-31"},
        {{"runs", "clean", "--before", "2026-02-29"}, "expects a day such as 2026-01-31"},
        {{"runs", "clean", "--before", "2026-01-311"}, "expects a day such as 2026-01-31"},
        {{"runs", "clean", "--before", "1969-12-31"}, "expects a day such as 2026-01-31"},
        {{"runs", "cleen"}, "cleen: no such folder"},
        {{"runs", "clean", "--json"}, "--json goes with `harness runs`, not with clean"},
        {{"env", "x"}, "env takes no arguments, found 'x'"},
        {{"devices", "x"}, "devices takes no arguments, found 'x'"},
        {{"pretrain", "x"}, "pretrain takes no arguments, found 'x'"},
        {{"bench", "x"}, "bench takes no arguments, found 'x' (a task is named with --task)"},
        {{"run", "."}, "run takes no arguments, found '.' (--model names a run)"},
        {{"help", "run", "x"}, "help takes no more than [VERB], found 'x'"},
        {{"--help", "run", "x"}, "help takes no more than [VERB], found 'x'"},
        {{"data", "stats", "nsmc", "x"}, "data takes no more than fetch|stats|head|verify TASK, "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[6] = {NULL};
        for (size_t k = 0; k < 5; k++) arguments[k] = cases[i].arguments[k];
        program_result p = program_run(NULL, 30, arguments);
        cr_expect_eq(p.exit_code, 2, "%s", p.err);
        cr_expect(strstr(p.err, cases[i].said), "%s: %s", cases[i].said, p.err);
    }
}

/* Figures are those of the run itself; nothing is written, and what is there stays as it is. */
Test(runs, dry_run_tells_what_the_run_does) {
    program_result p = RUN_WELL(SMALL, "--epochs", "3", "--save-steps", "4", "--dry-run", "--json");
    cJSON *dry, *rec;
    MUST(json_parse(&dry, p.out, strlen(p.out), "dry run"));
    cr_expect_not(file_named(temporary_path("runs")), "something was made");
    const char *output = text_at(dry, "output");
    good(RUN(SMALL, "--epochs", "3", "--save-steps", "4"));
    char path[300];
    snprintf(path, sizeof path, "%s/record.json", output);
    MUST(json_read(&rec, temporary_path(path), 0));
    const cJSON *timing = cJSON_GetObjectItem(rec, "timing"),
                *task = cJSON_GetObjectItem(rec, "task");
    const cJSON *rows = cJSON_GetObjectItem(task, "rows");
    cr_expect(number_at(dry, "steps") == number_at(timing, "steps"));
    cr_expect(number_at(dry, "train_tokens") == number_at(timing, "train_tokens"), "%g, %g",
              number_at(dry, "train_tokens"), number_at(timing, "train_tokens"));
    cr_expect(number_at(dry, "train_rows") == number_at(rows, "train"));
    cr_expect(number_at(dry, "test_rows") == number_at(rows, "test"));
    cr_expect(number_at(dry, "device_bytes") ==
              number_at(cJSON_GetObjectItem(rec, "memory"), "device_bytes"));
    cr_expect(number_at(dry, "train_s") > 0 && number_at(dry, "disk_bytes") > 0);
    // of a run that is finished it says so
    p = RUN(SMALL, "--epochs", "3", "--save-steps", "4", "--dry-run", "--overwrite");
    cr_expect(strstr(p.out, "nothing was trained, and nothing written"), "%s", p.out);
    cr_expect(strstr(p.out, " of the host's, "), "a CPU has no memory of its own: %s", p.out);
    p = RUN(SMALL, "--epochs", "3", "--save-steps", "4", "--dry-run");
    cr_expect(!strncmp(p.out, "finished already, in runs/", 26), "%s", p.out);
    cr_expect(strstr(p.out, ", with macro F1 0."), "%s", p.out);
    cr_expect(strstr(p.out, ": nothing would be trained\n"), "%s", p.out);
    cr_expect(!strstr(p.out, "Files") && !strstr(p.out, "Next"), "%s", p.out);
    cJSON *after;
    MUST(json_read(&after, temporary_path(path), 0));
    cr_expect(cJSON_Compare(rec, after, true));
    // and what is unfinished keeps its checkpoints
    make_unfinished("r/b");
    RUN_WELL(SMALL, "--max-steps", "300", "--save-steps", "1", "-o", "r/b", "--dry-run",
             "--overwrite");
    cr_expect(folder_exists(temporary_path("r/b/checkpoint-1")));
    cJSON_Delete(dry);
    cJSON_Delete(rec);
    cJSON_Delete(after);
}

/* What an evaluation of many rows at once takes beside training's memory is told before. */
Test(runs, dry_run_tells_the_memory_of_large_evaluations) {
#define MANY                                                                                       \
    "run", "--train-file", "few.csv", "--test-file", "many.csv", "--model", "tiny", "--max-steps", \
        "2", "--eval-batch-size", "4096", "--threads", "1", "--check-device", "never", "-q",       \
        "--device", "cpu", "-o", "r/many"
    enum { FEW = 40, ROWS = 2000 };
    strbuf text = {0};
    MUST(strbuf_add(&text, "text,label\n"));
    for (int i = 0; i < ROWS; i++) {
        MUST(strbuf_printf(&text, "문장 %d 참 좋다 나쁘다,%d\n", i, i % 2));
        if (i == FEW) temporary_put("few.csv", text.text);
    }
    temporary_put("many.csv", text.text);
    strbuf_free(&text);
    cJSON *dry = NULL, *rec = NULL;
    program_result p = RUN_WELL(MANY, "--dry-run", "--json");
    MUST(json_parse(&dry, p.out, strlen(p.out), "dry run"));
    RUN_WELL(MANY);
    MUST(json_read(&rec, temporary_path("r/many/record.json"), 0));
    double taken = number_at(cJSON_GetObjectItem(rec, "memory"), "device_bytes");
    cr_expect_eq(number_at(dry, "device_bytes"), taken, "%.0f told, %.0f taken",
                 number_at(dry, "device_bytes"), taken);
    cJSON_Delete(dry);
    cJSON_Delete(rec);
}

/* Rows are cut for `eval` where they were cut for the run. */
Test(runs, eval_cuts_rows_as_the_run_did) {
    cJSON *record_, *own, *longer;
    RUN_WELL("run", "--task", "kor_hate", "--sample", "--model", "tiny", "--epochs", "2",
             "--max-length", "6", "--device", "cpu", "--check-device", "never", "-q", "-o",
             "r/cut");
    MUST(json_read(&record_, temporary_path("r/cut/record.json"), 0));
    program_result p = RUN_WELL("eval", "-m", "r/cut", "--device", "cpu", "--json");
    MUST(json_parse(&own, p.out, strlen(p.out), "eval"));
    p = RUN_WELL("eval", "-m", "r/cut", "--device", "cpu", "--json", "--max-length", "64");
    MUST(json_parse(&longer, p.out, strlen(p.out), "eval"));
    const cJSON *calibration = cJSON_GetObjectItem(record_, "calibration");
    cr_expect_float_eq(number_at(own, "loss"), number_at(calibration, "loss"), 1e-6);
    cr_expect(fabs(number_at(longer, "loss") - number_at(own, "loss")) > 1e-6);
    cJSON_Delete(record_);
    cJSON_Delete(own);
    cJSON_Delete(longer);
}

/* A run scores rows in the same micro-batches as `eval` does, however small its own are: products of few
 * rows are rounded otherwise. */
Test(runs, scores_are_those_of_eval_to_the_bit) {
    cJSON *record_, *told;
    RUN_WELL("run", "--task", "klue_sts", "--sample", "--model", "tiny", "--max-steps", "3", "-b",
             "2", "--device", "cpu", "--check-device", "never", "-q", "-o", "r/small");
    program_result p = RUN_WELL("eval", "-m", "r/small", "--device", "cpu", "-q", "--json");
    MUST(json_read(&record_, temporary_path("r/small/record.json"), 0));
    MUST(json_parse(&told, p.out, strlen(p.out), "eval"));
    const cJSON *metrics = cJSON_GetObjectItem(record_, "metrics");
    cr_expect_eq(number_at(metrics, "pearson"), number_at(told, "score"), "%.17g in the record, %s",
                 number_at(metrics, "pearson"), p.out);
    cJSON_Delete(record_);
    cJSON_Delete(told);
}

/* Runs of as much work are tried once, so that they are told the same time. */
Test(runs, dry_runs_of_as_much_work_take_as_long) {
    program_result p = RUN_WELL(SMALL, "--epochs", "3", "--runs", "3", "--dry-run", "--json");
    double first = 0;
    int count = 0;
    for (char *line = strtok(p.out, "\n"); line; line = strtok(NULL, "\n"), count++) {
        cJSON *dry;
        MUST(json_parse(&dry, line, strlen(line), "dry run"));
        if (!count) first = number_at(dry, "train_s");
        cr_expect(first > 0 && number_at(dry, "train_s") == first, "%s", line);
        cJSON_Delete(dry);
    }
    cr_expect_eq(count, 3);
}

static cJSON *dry_run(const char *model, const char *flag, const char *value) {
    cJSON *dry = NULL;
    program_result p = RUN_WELL(SMALL, "--dry-run", "--json", "--model", model, flag, value);
    MUST(json_parse(&dry, p.out, strlen(p.out), "dry run"));
    return dry;
}

/* A sample is few rows: only the recipes of models that come with the program are made for it. */
Test(runs, a_sample_is_gone_through_as_often_as_its_model_needs) {
    static const struct {
        const char *model, *flag, *value;
        double epochs;
    } cases[] = {
        {"tiny", NULL, NULL, 20},
        {"ko-tiny", NULL, NULL, 20},
        {"tiny", "--epochs", "2", 2},
        {HARNESS_SOURCE_DIR "/models/ko-tiny", NULL, NULL, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *dry = dry_run(cases[i].model, cases[i].flag, cases[i].value);
        double epochs = number_at(dry, "steps") / number_at(dry, "epoch_steps");
        cr_expect(epochs == cases[i].epochs, "%s: %g epochs, expected %g", cases[i].model, epochs,
                  cases[i].epochs);
        cJSON_Delete(dry);
    }
}

/* What a run does not read makes no other run, in no other folder, of it. */
Test(runs, what_no_evaluation_reads_changes_nothing) {
    cJSON *plain = dry_run("tiny", NULL, NULL), *every = dry_run("tiny", "--eval-steps", "5");
    cr_expect_str_eq(text_at(plain, "output"), text_at(every, "output"));
    cJSON_Delete(plain);
    cJSON_Delete(every);
}

/* Each by its name, what all take together, and one word that nothing was done. */
Test(runs, dry_run_of_several) {
    program_result p =
        RUN(SMALL, "--epochs", "1", "--seeds", "7,8", "--model", "tiny", "--dry-run");
    static const char *const lines[] = {
        "task    kor_hate (sample): 48 training rows (",
        "\nmodel   tiny: ",
        "\nrecipe  tiny: 6 steps of 8 sentences, 6 to an epoch, ",
        ", seed 7\ntokens  ",
        "\n\ntask    kor_hate (sample): ",
        ", seed 8\ntokens  ",
        "\n\nall     2 runs, 12 steps\nmemory  ",
        " of the device's at most\ndisk    ",
        "\ntime    about ",
        " of evaluation\nnothing was trained, and nothing written\n"};
    const char *at = p.out;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *found = strstr(at, lines[i]);
        cr_assert(found, "no '%s' behind what comes before it: %s", lines[i], p.out);
        at = found + 1;
    }
    cr_expect_null(strstr(strstr(p.out, "nothing was") + 1, "nothing was"), "%s", p.out);
    // one alone needs no sum, and what it tells is not said beside it too
    p = RUN("run", "--task", "kor_hate", "--sample", "--device", "cpu", "--epochs", "1",
            "--dry-run");
    cr_expect(strstr(p.out, "\nmodel   ko-mini: ") && strstr(p.out, ", seed 42\n"), "%s", p.out);
    cr_expect_null(strstr(p.out, "\nall "), "%s", p.out);
    static const char *const once[] = {"task    ", "model   ", "device  ", "recipe  ", "output  "};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        cr_expect(strstr(p.out, once[i]) && !strstr(p.err, once[i]), "'%s' in %s", once[i], p.err);
}

/* A bug report has what decides a run, and no secret. */
Test(runs, env_is_one_block_without_secrets) {
    setenv("HF_TOKEN", "hf_secret", 1);
    setenv("HTTPS_PROXY", "http://user:secret@proxy", 1);
    program_result p = RUN("env");
    cr_expect_eq(p.exit_code, 0);
    static const char *const parts[] = {"harness ",         "commit ",    "system ",
                                        "device ",          "native CPU", "HF_TOKEN=(set)",
                                        "HTTPS_PROXY=(set)"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(p.out, parts[i]), "no '%s' in %s", parts[i], p.out);
    cr_expect_null(strstr(p.out, "secret"), "%s", p.out);
    p = RUN("env", "--json");
    cr_expect_null(strstr(p.out, "secret"), "%s", p.out);
}
#endif
