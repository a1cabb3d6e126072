/* Folders in which `harness tune` searched: how `runs` lists and cleans them, and what a search that
 * was killed near its end or between two trials goes on from. */
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "cli/tune_view.h"
#include "data/support_task.h"
#include "platform/file.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static made_task made;

static void setup(void) {
    made_task_begin_training(&made);
}

static void teardown(void) {
    made_task_end(&made);
}

TestSuite(tune_folders, .init = setup, .fini = teardown, .timeout = 240);

#if HARNESS_CPU
#define TUNE(...)                                                                                  \
    RUN("tune", "--task", "made", "--task-dir", made.folder, "--data", made.folder, "--device",    \
        "cpu", "--threads", "1", "--model", "tiny", "--epochs", "1", "--check-device", "never",    \
        "--lr", "1e-3,1e-4", "-q", __VA_ARGS__)

static void expect_said(program_result p, int code, const char *out) {
    cr_expect_eq(p.exit_code, code, "%d: %s", p.exit_code, p.err);
    cr_expect(strstr(p.out, out) || strstr(p.err, out), "no '%s' in %s%s", out, p.out, p.err);
}

static const cJSON *at(const cJSON *o, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    cr_assert(item, "no %s", key);
    return item;
}

/* A trial of the search in `folder` that is under way, of which an identity alone is known; hex: its
 * run's hash. */
static void begin_trial(const char *folder, char hex[HASH_HEX_BYTES]) {
    static const char text[] = "{\"run\": \"0\", \"identity\": {\"task\": \"made\"}}";
    char path[300];
    snprintf(path, sizeof path, "%s/" SEARCH_WORK "/x", folder);
    MUST(folder_make(temporary_path(path)));
    snprintf(path, sizeof path, "%s/" SEARCH_WORK "/x/unfinished.json", folder);
    MUST(file_write(temporary_path(path), text, sizeof text - 1));
    hash_bytes_hex("task\0made", sizeof "task\0made", hex);
}

Test(tune_folders, are_listed_and_keep_what_they_know) {
    char hex[HASH_HEX_BYTES], folder[200];
    program_result p = TUNE("--json");
    cJSON *search, *list;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(json_parse(&search, p.out, strlen(p.out), "tune"));
    p = RUN("runs", "--json");
    MUST(json_parse(&list, p.out, strlen(p.out), "runs"));
    cr_assert_eq(cJSON_GetArraySize(list), 1, "%s", p.out);
    const cJSON *one = cJSON_GetArrayItem(list, 0);
    snprintf(folder, sizeof folder, "%s", at(one, "folder")->valuestring);
    cr_expect_eq(strncmp(folder, "runs/made/tune-tiny-", 20), 0, "%s", folder);
    cr_expect_str_eq(at(one, "state")->valuestring, "finished");
    cr_expect_str_eq(at(one, "task")->valuestring, "made");
    cr_expect_str_eq(at(one, "model")->valuestring, "tiny");
    cr_expect_eq(at(one, "trials")->valuedouble, 2);
    cr_expect_eq(at(one, "seed")->valuedouble, 42);
    cr_expect_float_eq(at(one, "score")->valuedouble, at(search, "best_score")->valuedouble, 1e-12);
    double bytes = at(one, "bytes")->valuedouble;
    cJSON_Delete(list);
    // trials behind a link are another folder's
    char trials[300];
    snprintf(trials, sizeof trials, "../../%s/trials", folder);
    MUST(folder_make(temporary_path("linked/x")));
    cr_assert_eq(symlink(trials, temporary_path("linked/x/trials")), 0);
    p = RUN_WELL("runs", "linked", "--json");
    cr_expect_null(strstr(p.out, "\"trials\""), "%s", p.out);
    expect_said(RUN("runs"), 0, "finished, 2 trials");
    expect_said(RUN("runs"), 0, " dev macro F1");
    expect_said(RUN("runs"), 0, "0 runs and 1 search for a recipe, ");
    expect_said(RUN("runs", "clean", "--before", "2100-01-01", "--yes"), 0, "nothing to delete");
    // the trial that is under way is a run by itself, whose bytes are its own
    begin_trial(folder, hex);
    expect_said(RUN("runs"), 0, "1 run and 1 search for a recipe, ");
    p = RUN("runs", "--json");
    MUST(json_parse(&list, p.out, strlen(p.out), "runs"));
    cr_assert_eq(cJSON_GetArraySize(list), 2, "%s", p.out);
    cr_expect_eq(at(cJSON_GetArrayItem(list, 0), "bytes")->valuedouble, bytes);
    cr_expect_str_eq(at(cJSON_GetArrayItem(list, 1), "state")->valuestring, "unfinished");
    cJSON_Delete(list);
    expect_said(RUN("runs", "clean", "--before", "2100-01-01"), 0, "work/x  ");
    expect_said(RUN("runs", "clean", "--before", "2100-01-01", "--yes"), 0, "1 run, ");
    char path[300];
    snprintf(path, sizeof path, "%s/work", folder);
    cr_expect_not(file_named(temporary_path(path)));
    snprintf(path, sizeof path, "%s/tune.json", folder);
    cr_expect(file_named(temporary_path(path)));
    // without its end it is unfinished, and what it found stays
    MUST(file_remove(temporary_path(path)));
    expect_said(RUN("runs"), 0, "unfinished, 2 trials");
    expect_said(RUN("runs", "clean", "--before", "2100-01-01", "--yes"), 0, "nothing to delete");
    cJSON_Delete(search);
}

/* Killed behind its result, before it took back what it had trained: the next search does. */
Test(tune_folders, a_trial_that_is_done_leaves_nothing) {
    char hex[HASH_HEX_BYTES], path[300];
    folder_list trials = {0};
    cJSON *root = NULL;
    expect_said(TUNE("-o", "t"), 0, "");
    begin_trial("t", hex);
    // one of which nothing is known stays: it may be gone on with
    expect_said(TUNE("-o", "t"), 0, "");
    cr_expect(file_named(temporary_path("t/" SEARCH_WORK "/x/unfinished.json")));
    MUST(folder_list_read(&trials, temporary_path("t/trials")));
    snprintf(path, sizeof path, "t/trials/%s", trials.names[0]);
    MUST(json_read(&root, temporary_path(path), 0));
    cJSON_ReplaceItemInObject(root, "run_sha256", cJSON_CreateString(hex));
    snprintf(path, sizeof path, "t/trials/%.16s.json", hex);
    fake_record_seal(temporary_path(path), root);
    expect_said(TUNE("-o", "t"), 0, "");
    cr_expect_not(file_named(temporary_path("t/work")));
    cJSON_Delete(root);
    folder_list_free(&trials);
}

/* Killed between recipe.json and the file of --output, which still holds the recipe of the end before:
 * the same command goes on. */
Test(tune_folders, the_output_of_the_end_before_is_replaced) {
    static const char newer[] = "{}\n", others[] = "{\"learning_rate\": 1}\n";
    char *first = NULL, *last = NULL, hex[HASH_HEX_BYTES];
    cJSON *end = NULL;
    size_t bytes = 0;
    expect_said(TUNE("-o", "t", "--output", "r.json"), 0, "");
    MUST(file_read((void **)&first, &bytes, temporary_path("r.json"), 0));
    MUST(file_write(temporary_path("t/recipe.json"), newer, sizeof newer - 1));
    MUST(json_read(&end, temporary_path("t/tune.json"), 0));
    MUST(json_add_string(end, "recipe_before_sha256", at(end, "recipe_sha256")->valuestring));
    hash_bytes_hex(newer, sizeof newer - 1, hex);
    cJSON_ReplaceItemInObject(end, "recipe_sha256", cJSON_CreateString(hex));
    fake_record_seal(temporary_path("t/tune.json"), end);
    cJSON_Delete(end);
    expect_said(TUNE("-o", "t", "--output", "r.json"), 0, "");
    MUST(file_read((void **)&last, &bytes, temporary_path("t/recipe.json"), 0));
    cr_expect_str_eq(first, last);
    MUST(file_write(temporary_path("r.json"), others, sizeof others - 1));
    expect_said(TUNE("-o", "t", "--output", "r.json"), 2,
                "r.json is there already, and is not what this search wrote");
    mem_free(first);
    mem_free(last);
}

static void expect_refused(const char *name, const char *text, const char *said) {
    void *kept = NULL;
    size_t bytes = 0;
    MUST(file_write(temporary_path(name), text, strlen(text)));
    expect_said(TUNE("-o", "t"), 1, said);
    MUST(file_read(&kept, &bytes, temporary_path(name), 0));
    cr_expect_str_eq(kept, text);
    mem_free(kept);
}

Test(tune_folders, what_another_wrote_there_stays) {
    void *chosen = NULL, *end = NULL;
    size_t chosen_bytes = 0, end_bytes = 0;
    expect_said(TUNE("-o", "t"), 0, "");
    MUST(file_read(&chosen, &chosen_bytes, temporary_path("t/recipe.json"), 0));
    MUST(file_read(&end, &end_bytes, temporary_path("t/tune.json"), 0));
    expect_refused("t/recipe.json", "my notes\n", "t/recipe.json: this program did not make it");
    MUST(file_write(temporary_path("t/recipe.json"), chosen, chosen_bytes));
    expect_refused("t/tune.json", "{\"recipe_sha256\": \"\"}", "t/tune.json: this program did not");
    MUST(file_write(temporary_path("t/tune.json"), end, end_bytes));
    expect_said(TUNE("-o", "t"), 0, "");
    MUST(file_rename_durable(temporary_path("t/recipe.json"), temporary_path("mine.json")));
    cr_assert_eq(symlink("../mine.json", temporary_path("t/recipe.json")), 0);
    expect_said(TUNE("-o", "t"), 1, "t/recipe.json: this program did not make it");
    cr_expect_not(file_is_own(temporary_path("t/recipe.json")));
    mem_free(chosen);
    mem_free(end);
}

/* Before anything is trained. */
Test(tune_folders, what_cannot_be_written_is_said_first) {
    MUST(folder_make(temporary_path("t/trials")));
    cr_assert_eq(mkfifo(temporary_path("t/trials/0123456789abcdef.json"), 0600), 0);
    expect_said(TUNE("-o", "t"), 1, "0123456789abcdef.json: cannot write: is a FIFO");
    cr_expect_not(file_named(temporary_path("t/work")));
    MUST(folder_remove(temporary_path("t")));
    MUST(folder_make(temporary_path("t")));
    MUST(folder_make(temporary_path("victim")));
    for (int i = 0; i < 2; i++) {
        const char *place = i ? "t/work" : "t/trials";
        cr_assert_eq(symlink("../victim", temporary_path(place)), 0);
        expect_said(TUNE("-o", "t"), 1, "cannot make folder: a link stands there");
        MUST(file_remove(temporary_path(place)));
    }
    cr_expect_eq(rmdir(temporary_path("victim")), 0, "something was written there");
}
#endif
