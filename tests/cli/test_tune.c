/* `harness tune`: a search for a recipe that reads no test row, is stopped and goes on. */
#include "base/json.h"
#include "base/memory.h"
#include "data/support_task.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "result/record.h"
#include "support/child.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define AT_WORK "found/work" // where trials are trained

static made_task made;

static void setup(void) {
    made_task_begin_training(&made);
}

static void teardown(void) {
    made_task_end(&made);
}

TestSuite(tune, .init = setup, .fini = teardown);

#define PLACE "--task", "made", "--task-dir", made.folder, "--data", made.folder
#define CPU "--device", "cpu", "--threads", "1", "--model", "tiny"
#define TUNE(...) RUN("tune", PLACE, CPU, __VA_ARGS__)

static cJSON *parsed(const program_result *p) {
    cJSON *root = NULL;
    cr_assert_eq(p->exit_code, 0, "%s", p->err);
    MUST(json_parse(&root, p->out, strlen(p->out), "tune"));
    return root;
}

static double number_at(const cJSON *o, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    cr_assert(cJSON_IsNumber(item), "no number '%s'", key);
    return item->valuedouble;
}

/* Trials that a search found done. */
static size_t left_out(const program_result *p) {
    size_t count = 0;
    for (const char *at = p->err; (at = strstr(at, ": done before, on ")); at++) count++;
    return count;
}

static void write_test_file(void) {
    static const char rows[] = "text,label\n나쁜 책,0\n좋은 책,1\n";
    made_task_file(&made, "test.csv", rows, sizeof rows - 1);
}

Test(tune, reads_no_test_row_and_counts_its_trials) {
    char *first = NULL, *second = NULL;
    size_t bytes = 0;
    program_result p = TUNE("--lr", "1e-4..1e-2", "--epochs", "1,2", "--trials", "4", "--json",
                            "--output-dir", "found");
    cJSON *root = parsed(&p);
    cr_expect_eq(number_at(root, "trials"), 4);
    cr_expect_eq(left_out(&p), 0);
    const cJSON *rows = cJSON_GetObjectItem(root, "results");
    const cJSON *best = cJSON_GetObjectItem(root, "expected_best");
    cr_assert_eq(cJSON_GetArraySize(rows), 4);
    cr_assert_eq(cJSON_GetArraySize(best), 4);
    double top = 0, sum = 0;
    cr_expect(strstr(p.err, "search  random, 4 trials: "), "%s", p.err);
    const char *said = strstr(p.err, "search  trial 1 of 4: learning_rate 0.0");
    cr_expect(said && strstr(said, ", num_train_epochs "), "%s", p.err);
    cr_expect_null(strstr(p.err, "sweep   "), "%s", p.err);
    for (int i = 0; i < 4; i++) {
        const cJSON *row = cJSON_GetArrayItem(rows, i);
        char note[100];
        snprintf(note, sizeof note, "trial %d: dev macro F1 %.4f at step %g of %g\n", i + 1,
                 number_at(row, "score"), number_at(row, "best_step"), number_at(row, "steps"));
        cr_expect(strstr(p.err, note), "no '%s' in %s", note, p.err);
        double score = number_at(cJSON_GetArrayItem(rows, i), "score");
        sum += score;
        top = score > top ? score : top;
    }
    cr_expect_eq(number_at(root, "best_score"), top);
    cr_expect_float_eq(cJSON_GetArrayItem(best, 0)->valuedouble, sum / 4, 1e-12);
    cJSON_Delete(root);
    MUST(file_read((void **)&first, &bytes, temporary_path("found/recipe.json"), 0));
    cr_expect_not(folder_exists(temporary_path(AT_WORK)), "what trials leave");
    // again, of one trial less and of two more: what is there is not done again
    folder_list trials;
    char lost[400];
    MUST(folder_list_read(&trials, temporary_path("found/trials")));
    cr_assert_eq(trials.count, 4);
    snprintf(lost, sizeof lost, "found/trials/%s", trials.names[0]);
    MUST(json_read(&root, temporary_path(lost), 0));
    // a tenth of each label, rounded up, is dev
    cr_expect(number_at(root, "train_rows") == 36 && number_at(root, "dev_rows") == 4);
    cJSON_Delete(root);
    MUST(file_remove(temporary_path(lost)));
    folder_list_free(&trials);
    p = TUNE("--lr", "1e-4..1e-2", "--epochs", "1,2", "--trials", "4", "-o", "found");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    cr_expect_eq(left_out(&p), 3, "%s", p.err);
    cr_expect(strstr(p.err, ", its score is used (--overwrite does it again)"), "%s", p.err);
    cr_expect(strstr(p.out, "Expected best dev macro F1"), "%s", p.out);
    MUST(file_read((void **)&second, &bytes, temporary_path("found/recipe.json"), 0));
    cr_expect_str_eq(first, second);
    mem_free(first);
    mem_free(second);
    p = TUNE("--lr", "1e-4..1e-2", "--epochs", "1,2", "--trials", "6", "-o", "found");
    cr_expect_eq(left_out(&p), 4, "%s", p.err);
    p = TUNE("--lr", "1e-4..1e-2", "--epochs", "1,2", "--trials", "2", "-o", "found",
             "--overwrite");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    cr_expect_eq(left_out(&p), 0, "%s", p.err);
}

/* The number of trials goes from the recipe into the record and onto the board. */
Test(tune, its_trials_stay_with_the_recipe) {
    record r;
    char *board = NULL;
    size_t bytes = 0;
    program_result p = TUNE("--epochs", "1,2", "--output", "mine.json", "-q");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    p = RUN("run", PLACE, CPU, "--recipe", "mine.json", "-o", "a");
    cr_expect(p.exit_code == 1 && strstr(p.err, "test.csv: no such file"), "%s", p.err);
    write_test_file();
    RUN_WELL("run", PLACE, CPU, "--recipe", "mine.json", "-o", "a");
    MUST(record_read(&r, temporary_path("a/record.json")));
    cr_expect_eq(number_at(r.recipe, "tuning_trials"), 2);
    r.dirty = false;
    MUST(record_write(&r, temporary_path("results/made/one.json")));
    record_free(&r);
    RUN_WELL("report", "--results", "results", "--task-dir", made.folder);
    MUST(file_read((void **)&board, &bytes, temporary_path("results/LEADERBOARD.md"), 0));
    cr_expect(strstr(board, "best of 2 trials"), "%s", board);
    mem_free(board);
    // a search that departs from a recipe that was searched for counts on
    p = TUNE("--recipe", "mine.json", "--lr", "1e-3,2e-3,3e-3", "--output", "mine.json", "-q");
    cr_expect(p.exit_code == 2 && strstr(p.err, "mine.json is there already"), "%s", p.err);
    p = TUNE("--recipe", "mine.json", "--lr", "1e-3,2e-3,3e-3", "--output", "mine.json", "-q",
             "--overwrite");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cJSON *root = NULL;
    MUST(json_read(&root, temporary_path("mine.json"), 0));
    cr_expect_eq(number_at(root, "tuning_trials"), 5);
    cJSON_Delete(root);
}

/* Killed within its first trial and behind it: what is gone on with chooses as if it had never been. */
Test(tune, a_search_that_was_killed_goes_on) {
    static const char *const seen[] = {"step 6 of ", "trial 1: dev macro F1"};
    child c;
    int status;
    for (int i = 0; i < 2; i++) {
        child_start(&c, NULL,
                    (const char *const[]){"tune", PLACE, CPU, "--epochs", "20", "--lr",
                                          "1e-4..1e-3", "--trials", "3", "-o", "found", NULL});
        child_await_message(&c, seen[i], 60);
        kill(c.pid, SIGKILL);
        waitpid(c.pid, &status, 0);
    }
    // killed while it tried whether a trial's folder can be made
    temporary_put(AT_WORK "/.harness-0123456789abcdef.tmp", "");
    program_result p =
        TUNE("--epochs", "20", "--lr", "1e-4..1e-3", "--trials", "3", "-o", "found", "--json");
    cJSON *root = parsed(&p);
    cr_expect_geq(left_out(&p), 1, "%s", p.err);
    cJSON_Delete(root);
    cr_expect_not(folder_exists(temporary_path(AT_WORK)), "what a killed trial leaves");
    p = TUNE("--epochs", "20", "--lr", "1e-4..1e-3", "--trials", "3", "-o", "whole");
    char *found = temporary_text("found/recipe.json"), *whole = temporary_text("whole/recipe.json");
    cr_expect_str_eq(found, whole);
    mem_free(found);
    mem_free(whole);
}

/* Of 5 recipes 2 go on, then 1; shares of the epochs 1/4, 1/2, 1. */
Test(tune, halving_trains_the_better_ones_longer) {
    program_result p =
        TUNE("--lr", "1e-5..1e-2", "--epochs", "4", "--trials", "5", "--halving", "2", "--json");
    cJSON *root = parsed(&p);
    const cJSON *rows = cJSON_GetObjectItem(root, "results");
    int in_round[4] = {0};
    for (int i = 0; i < 5; i++) {
        const cJSON *row = cJSON_GetArrayItem(rows, i);
        int round = (int)number_at(row, "round");
        cr_assert(round >= 1 && round <= 3);
        in_round[round]++;
        cr_expect_eq(number_at(row, "share"), round == 3 ? 1 : round == 2 ? 0.5 : 0.25);
        if (round == 3) cr_expect_eq(number_at(root, "best_trial"), i + 1);
    }
    cr_expect(in_round[1] == 3 && in_round[2] == 1 && in_round[3] == 1);
    static const char *const notes[] = {"round 1 of 3: 5 recipes, for 0.25 of the epochs\n",
                                        "round 2 of 3: 2 recipes, for 0.5 of the epochs\n",
                                        "round 3 of 3: 1 recipe, for 1 of the epochs\n"};
    for (int i = 0; i < 3; i++)
        cr_expect(strstr(p.err, notes[i]), "no '%s' in %s", notes[i], p.err);
    cr_expect_not(json_has(root, "expected_best"));
    cJSON_Delete(root);
}

/* When a search ends is told of what its rounds leave of the recipe: 200 of these trials, not 10,000. */
Test(tune, its_end_is_told_of_shares_of_the_recipe) {
    child c;
    unsigned hour, minute;
    struct tm now;
    double begin = clock_seconds();
    child_start(&c, NULL,
                (const char *const[]){"tune", PLACE, CPU, "--max-steps", "4000", "--lr",
                                      "1e-4..1e-3", "--trials", "100", "--halving", "100", NULL});
    child_await_message(&c, "search  trial 2 of 100, ends about ", 60);
    double most = 400 * (clock_seconds() - begin);
    cr_assert(clock_local(&now, time(NULL)));
    kill(c.pid, SIGKILL);
    program_result p = child_end(&c, 60);
    const char *told = strstr(p.err, "ends about ");
    cr_assert_eq(sscanf(told, "ends about %u:%u", &hour, &minute), 2, "%s", told);
    unsigned away = (hour * 60 + minute + 1441 - (unsigned)now.tm_hour * 60 - (unsigned)now.tm_min);
    cr_expect_leq(away % 1440, 2 + most / 60, "%s", told);
}

/* A decay that multiplies every weight by -99 a step overflows: a trial without a score. */
Test(tune, a_trial_that_diverges_is_not_chosen) {
    program_result p = TUNE("--lr", "10,1e-3", "--epochs", "20", "--weight-decay", "10", "--json");
    cJSON *root = parsed(&p);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "results"), 0);
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(first, "not_finite")), "%s", p.out);
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(first, "score")));
    cr_expect_eq(number_at(first, "best_step"), 0, "%s", p.out);
    cr_expect_eq(number_at(root, "best_trial"), 2, "%s", p.out);
    cJSON_Delete(root);
}

Test(tune, refusals) {
    static const struct {
        const char *part, *words[8];
    } list[] = {
        {"tune needs --task", {"--lr", "1,2"}},
        {"tune has nothing to search", {"--task", "made"}},
        {"tune has nothing to search", {"--task", "made", "--lr", "1e-4"}},
        {"--lr: '3..1' is no range", {"--task", "made", "--lr", "3..1"}},
        {"--learning-rate: learning_rate is 'x'", {"--task", "made", "--learning-rate", "x"}},
        {"a grid has values alone", {"--task", "made", "--lr", "0..1", "--search", "grid"}},
        {"unknown search 'bayes'", {"--task", "made", "--lr", "0..1", "--search", "bayes"}},
        {"--trials goes with a random search: the grid has 2 points",
         {"--task", "made", "--lr", "1,2", "--search", "grid", "--trials", "3"}},
        {"--trials expects 1 to 10000, found 0",
         {"--task", "made", "--lr", "0..1", "--trials", "0"}},
        {"--halving expects 2 to 100, found 1",
         {"--task", "made", "--lr", "0..1", "--halving", "1"}},
        {"one task and one model, found 'made,nsmc'", {"--task", "made,nsmc", "--lr", "0..1"}},
        {"one task and one model, found 'tiny,mini'",
         {"--task", "made", "--model", "tiny,mini", "--lr", "0..1"}},
        {"exclude each other",
         {"--task", "made", "--warmup-steps", "1,2", "--warmup-ratio", "0,0.1"}},
        {"tune takes no arguments, found 'made'", {"made", "--lr", "0..1"}},
        {"trial 2: class_weights is '3', expected one number for each of the",
         {"--task", "made", "--class-weights", "balanced;3"}},
        {"trial 2: max_length is 1, which leaves no room",
         {"--task", "made", "--max-length", "8,1"}},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *words[16] = {"tune", "--task-dir", made.folder};
        for (size_t k = 0; k < 8 && list[i].words[k]; k++) words[3 + k] = list[i].words[k];
        program_result p = program_run(NULL, 60, words);
        cr_expect_eq(p.exit_code, 2, "%s: %s", list[i].part, p.err);
        cr_expect(strstr(p.err, list[i].part), "no '%s' in %s", list[i].part, p.err);
        cr_expect(strchr(p.err, '\n') == p.err + strlen(p.err) - 1, "one line: %s", p.err);
    }
    MUST(folder_make(temporary_path("strange")));
    MUST(file_write_quick(temporary_path("strange/recipe.json"), "{}", 2));
    program_result p = TUNE("--epochs", "1,2", "-o", "strange");
    cr_expect(p.exit_code == 1 && strstr(p.err, "strange/recipe.json"), "%s", p.err);
}

/* The same command goes on, and replaces what it wrote; what another put there stays. */
Test(tune, its_output_is_replaced_by_the_same_search_alone) {
    char path[300];
    snprintf(path, sizeof path, "%s", temporary_path("chosen.json"));
#define AGAIN(...)                                                                                 \
    TUNE("--epochs", "1", "--lr", "1e-4..1e-3", "-o", "found", "--output", path, __VA_ARGS__)
    for (int i = 0; i < 2; i++) {
        program_result p = AGAIN("--trials", i ? "2" : "1");
        cr_expect_eq(p.exit_code, 0, "%d: %s", i, p.err);
        cr_expect(file_exists(path));
    }
    MUST(file_write_quick(path, "{}", 2)); // changed by hand
    program_result p = AGAIN("--trials", "2");
    cr_expect(p.exit_code == 2 && strstr(p.err, "is not what this search wrote"), "%s", p.err);
    uint64_t bytes = 0;
    MUST(file_size(&bytes, path));
    cr_expect_eq(bytes, 2);
}
