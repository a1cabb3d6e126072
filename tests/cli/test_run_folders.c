/* `harness run` as a user meets it: folders that nothing replaces, resumes that are refused, sweeps
 * without repeats, and what a failed run leaves. */
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "result/store.h"
#include "support/child.h"
#include "support/model_folder.h"
#include "support/must.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 120 };

#define SMALL "run", "--sample", "--device", "reference", "--limit", "30", "--max-steps", "1"

static cJSON *output_of(const program_result *r) {
    cJSON *root = NULL;
    EXITS(*r, 0);
    MUST(json_parse(&root, r->out, strlen(r->out), "output"));
    return root;
}

/* The output folder that a run printed; owned. */
static char *folder_of(program_result r) {
    char *folder = NULL;
    cJSON *root = output_of(&r);
    MUST(mem_strdup(&folder, cJSON_GetStringValue(cJSON_GetObjectItem(root, "output"))));
    cJSON_Delete(root);
    return folder;
}

static bool has(const char *folder, const char *name) {
    char *path = NULL, *whole = NULL;
    MUST(path_join(&path, temporary_folder(), folder));
    MUST(path_join(&whole, path, name));
    bool found = access(whole, F_OK) == 0;
    mem_free(path);
    mem_free(whole);
    return found;
}

Test(run_folders, a_finished_run_stays_whatever_comes_after_it) {
    model_folder_make(temporary_path("start"), NULL, 3, NULL);
    program_result r = RUN(SMALL, "--task", "kor_hate", "--model", "start", "--json");
    cJSON *first = output_of(&r);
    const char *output = cJSON_GetStringValue(cJSON_GetObjectItem(first, "output"));
    cr_assert_eq(strncmp(output, "runs/kor_hate/start-reference-s42-sample-", 41), 0, "%s", output);
    // another recipe, limit, protocol, number of steps: another folder
    static const char *const changes[][2] = {{"--weight-decay", "0.5"},
                                             {"--limit", "31"},
                                             {"--protocol", "dev"},
                                             {"--class-weights", "balanced"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *other = folder_of(RUN(SMALL, "--task", "kor_hate", "--model", "start", "--json",
                                    changes[i][0], changes[i][1]));
        cr_assert_str_neq(other, output);
        cr_assert(has(other, "model/config.json"));
        mem_free(other);
    }
    cr_assert(has(output, "model/config.json") && has(output, "run.json"));
    // the same again: shown, not done, by any way to the model
    const char *const ways[] = {"start", "./start/", temporary_path("start")};
    for (size_t i = 0; i < 3; i++) {
        r = RUN(SMALL, "--task", "kor_hate", "--model", ways[i], "--json");
        SAYS(r, "this very run is finished already");
        cJSON *again = output_of(&r);
        static const char *const same[] = {"output", "score", "final_weights_sha256", "interval"};
        for (size_t k = 0; k < sizeof same / sizeof *same; k++)
            cr_assert(cJSON_Compare(cJSON_GetObjectItem(first, same[k]),
                                    cJSON_GetObjectItem(again, same[k]), true),
                      "%s differs: %s", same[k], r.out);
        cJSON_Delete(again);
    }
    // other runs into the same folder are refused with what differs
    r = RUN(SMALL, "--task", "kor_sarcasm", "--ignore-mismatched-sizes", "--model", "start", "-o",
            output);
    EXITS(r, 2);
    SAYS(r, "task is kor_hate there, kor_sarcasm now");
    SAYS(r, "--overwrite");
    r = RUN(SMALL, "--task", "kor_hate", "--model", "start", "-o", output, "--resume", "--seed",
            "1");
    EXITS(r, 2);
    SAYS(r, "seed is 42 there, 1 now");
    cr_assert(has(output, "model/config.json"));
    // nor does the model's own folder take any
    char *tuned = NULL;
    MUST(path_join(&tuned, output, "model"));
    const char *const own[] = {"./start/", tuned};
    for (size_t i = 0; i < 2; i++) {
        r = RUN(SMALL, "--task", "kor_hate", "--model", i ? output : "start", "-o", own[i],
                "--overwrite");
        EXITS(r, 2);
        SAYS(r, "is the folder of the model that is read: name another folder with --output-dir");
        cr_expect(!has(own[i], "run.json") && has(own[i], "config.json"));
    }
    mem_free(tuned);
    cJSON_Delete(first);
}

Test(run_folders, every_model_has_its_own_and_is_called_by_its_origin) {
    static const char *const names[] = {"바람 모델", "하늘 모델", "a b", "a-b", "A-B"};
    char *folders[5], list[600] = "";
    model_folder_make(temporary_path(names[0]), NULL, 3, NULL);
    for (size_t i = 0; i < 5; i++) {
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? "," : "", names[i]);
        if (i) model_folder_copy(temporary_path(names[i]), temporary_path(names[0]));
    }
    program_result r = RUN_WELL(SMALL, "--task", "kor_hate", "--model", list);
    for (size_t i = 0; i < 5; i++) {
        folders[i] = folder_of(RUN(SMALL, "--task", "kor_hate", "--model", names[i], "--json"));
        const char *inner = path_name(folders[i]);
        cr_assert(*inner != '.' && *inner != '-', "%s", inner);
        cr_assert(has(folders[i], "model/config.json"));
        for (size_t k = 0; k < i; k++) cr_assert_str_neq(folders[i], folders[k]);
    }
    cr_assert_not_null(strstr(folders[0], "/바람-모델-reference-s42-sample-"), "%s", folders[0]);
    char *from = NULL;
    MUST(path_join(&from, folders[2], "model"));
    r = RUN(SMALL, "--task", "kor_hate", "--model", from, "--json");
    cJSON *root = output_of(&r);
    cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(root, "model")), "a b-kor_hate");
    cJSON_Delete(root);
    mem_free(from);
    for (size_t i = 0; i < 5; i++) mem_free(folders[i]);
}

Test(run_folders, what_is_asked_for_twice_is_refused) {
    static const struct {
        const char *flags[4];
        const char *message;
    } cases[] = {
        {{"--task", "kor_hate", "--seeds", "42,42,43"}, "--seeds names 42 twice"},
        {{"--task", "kor_hate", "--seeds", "42,042"}, "--seeds names 42 twice"},
        {{"--task", "kor_hate", "--seeds", ","}, "--seeds expects whole numbers"},
        {{"--task", "kor_hate", "--seeds", "1, 2"}, "--seeds expects whole numbers"},
        {{"--task", "kor_hate", "--seeds", "1,-2"}, "--seeds expects whole numbers"},
        {{"--task", "kor_hate", "--seeds", "4294967296"}, "from 0 to 4294967295"},
        {{"--task", "kor_hate,nsmc,kor_hate"}, "--task names 'kor_hate' twice"},
        {{"--task", "kor_hate", "--model", "tiny,mini,tiny"}, "--model names 'tiny' twice"},
        {{"--task", "kor_hate", "--model", "start,./start/"},
         "--model names one folder twice: 'start' and './start/'"},
    };
    MUST(folder_make(temporary_path("start")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[16] = {"run", "--sample", "--device", "reference"};
        for (size_t k = 0; k < 4; k++) arguments[4 + k] = cases[i].flags[k];
        program_result r = program_run(NULL, 60, arguments);
        cr_expect_eq(r.exit_code, 2, "case %zu: exit code %d, %s", i, r.exit_code, r.err);
        cr_expect_not_null(strstr(r.err, cases[i].message), "case %zu: %s", i, r.err);
    }
    program_result r =
        RUN("run", "--sample", "--task", "kor_hate", "--seed", "4294967295", "--runs", "2");
    EXITS(r, 2);
    SAYS(r, "2 seeds from 4294967295 on go beyond the largest");
    cr_assert(!has("", "runs"));
}

Test(run_folders, values_that_give_no_numbers_are_refused) {
    static const struct {
        const char *flag, *value, *message;
    } cases[] = {
        {"--adam-epsilon", "0", "--adam-epsilon is 0, expected a number from 1e-30 to 1"},
        {"--adam-epsilon", "1e-40", "--adam-epsilon is 1e-40, expected a number from 1e-30 to 1"},
        {"--adam-beta1", "1", "--adam-beta1 is 1, expected a number from 0 to 0.999999"},
        {"--adam-beta2", "0.99999995",
         "--adam-beta2 is 0.99999995, expected a number from 0 to "
         "0.9999999"},
        {"--lr", "11", "--lr is 11, expected a number from 0 to 10"},
        {"--lr", "nan", "--lr expects a finite number of at least 0"},
        {"--lr", "-1e-3", "--lr expects a finite number of at least 0"},
        {"--early-stopping-patience", "1000001",
         "--early-stopping-patience is 1000001, expected a whole number from 0 to 1000000"},
        {"--save-steps", "1000000001",
         "--save-steps is 1000000001, expected a whole number from 0 to 1000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r =
            RUN("run", "--task", "kor_hate", "--sample", "-o", "x", cases[i].flag, cases[i].value);
        cr_expect_eq(r.exit_code, 2, "case %zu: exit code %d, %s", i, r.exit_code, r.err);
        cr_expect_not_null(strstr(r.err, cases[i].message), "case %zu: %s", i, r.err);
        cr_expect(!has("", "x"));
    }
}

/* Ctrl-C on one device; what goes on elsewhere would be a run of two devices under one record. */
Test(run_folders, a_stopped_run_goes_on_only_where_it_was) {
#define STOPPED                                                                                    \
    "run", "--sample", "--task", "kor_hate", "--limit", "8", "--max-steps", "90", "--save-steps",  \
        "20", "--save-total-limit", "1", "--json", "-o", "out"
    if (!HARNESS_CPU) cr_skip_test("needs the cpu device");
    child c;
    const char *const begin[] = {STOPPED, "--device", "cpu", "--threads", "1", NULL};
    child_start(&c, NULL, begin);
    child_await_path(&c, temporary_path("out/checkpoint-20"), SECONDS);
    kill(c.pid, SIGINT);
    program_result r = child_end(&c, SECONDS);
    EXITS(r, 130);
    r = RUN(STOPPED, "--device", "reference", "--resume");
    EXITS(r, 1);
    SAYS(r, "device is ");
    SAYS(r, " there, reference");
    if (need_vulkan(test_device())) {
        r = RUN(STOPPED, "--device", test_device(), "--resume");
        EXITS(r, 1);
        SAYS(r, "device kind is cpu there, ");
    }
    MUST(file_remove(temporary_path("out/log.jsonl")));
    r = RUN_WELL(STOPPED, "--device", "cpu", "--threads", "2", "--resume");
    SAYS(r, "out/log.jsonl: missing: what was logged up to step ");
    SAYS(r, "resuming where threads is 1 there, 2 now");
    SAYS(r, "keeps 1 checkpoint");
    SAYS(r, " MB, that the finished run no longer needs");
}

/* Below the folder that a person named none is a link; that one may be. */
Test(run_folders, no_link_inside_is_followed) {
    char *tasks[] = {"kor_hate"};
    MUST(folder_make(temporary_path("victim")));
    MUST(folder_make(temporary_path("runs")));
    cr_assert_eq(symlink("../victim", temporary_path("runs/kor_hate")), 0);
    program_result r = RUN("run", "--sample", "--task", "kor_hate", "--device", "reference");
    EXITS(r, 1);
    SAYS(r, "runs/kor_hate: cannot make folder: a link stands there");
    char root[PATH_MAX], place[PATH_MAX];
    snprintf(root, sizeof root, "%s", temporary_path("runs"));
    snprintf(place, sizeof place, "%s/kor_hate/x.json", root);
    MUST_FAIL(store_check_writable(root, tasks, 1), ERR_IO, "a link stands there");
    MUST_FAIL(store_make_folder(root, place), ERR_IO, "a link stands there");
    cr_expect_eq(rmdir(temporary_path("victim")), 0, "something was written there");
    MUST(file_remove(temporary_path("runs/kor_hate")));
    MUST(store_check_writable(root, tasks, 1));
    MUST(store_make_folder(root, place));
    cr_expect(folder_is_own(temporary_path("runs/kor_hate")));
}

Test(run_folders, a_failure_leaves_no_folder_and_no_lock) {
    static const char *const outputs[][2] = {{"-o", "a/b/c"}, {"--seed", "42"}};
    for (size_t i = 0; i < 2; i++) {
        program_result r = RUN("run", "--sample", "--task", "kor_hate", "--device", "reference",
                               "--freeze-layers", "99", outputs[i][0], outputs[i][1]);
        EXITS(r, 2);
        cr_assert(!has("", "a") && !has("", "runs"));
        r = RUN("run", "--sample", "--task", "kor_hate", "--device", "reference", "--model",
                "no/such/model", "--offline", outputs[i][0], outputs[i][1]);
        cr_assert_neq(r.exit_code, 0);
        cr_assert(!has("", "a") && !has("", "runs"));
    }
}

/* A task may be called as a verb is; what lies under its name is not the verb's. */
Test(run_folders, compare_leaves_what_it_did_not_make) {
    MUST(folder_make(temporary_path("runs/compare/mine")));
    MUST(file_write(temporary_path("runs/compare/mine/model"), "x", 1));
    program_result r = RUN("compare", "reference", "0", "--max-steps", "1", "--limit", "8");
    cr_assert(has("", "runs/compare/mine/model"), "%s", r.err);
    folder_list list = {0};
    MUST(folder_list_read(&list, temporary_path("runs/compare")));
    cr_assert_eq(list.count, 1, "%s is left", list.names[list.count - 1]);
    folder_list_free(&list);
}

Test(run_folders, eval_takes_the_newest_run_whose_model_is_there) {
    model_folder_make(temporary_path("start"), NULL, 3, NULL);
    char *first = folder_of(RUN(SMALL, "--task", "kor_hate", "--model", "start", "--json"));
    char *second =
        folder_of(RUN(SMALL, "--task", "kor_hate", "--model", "start", "--seed", "43", "--json"));
    program_result r = RUN_WELL("predict", "--device", "reference", "영화");
    SAYS(r, second);
    char *weights = NULL;
    MUST(mem_printf(&weights, "%s/%s/model/model.safetensors", temporary_folder(), second));
    cr_assert_eq(unlink(weights), 0);
    r = RUN_WELL("predict", "--device", "reference", "영화");
    SAYS(r, first);
    mem_free(weights);
    mem_free(first);
    mem_free(second);
}
