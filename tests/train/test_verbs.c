/* run, eval and predict as a user types them, on the bundled sample. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/must.h"
#include "support/program.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if HARNESS_CPU
#define DEVICE "cpu"
#else
#define DEVICE "reference"
#endif

static double number_of(const cJSON *root, const char *key) {
    const cJSON *item = cJSON_GetObjectItem(root, key);
    cr_assert(cJSON_IsNumber(item), "no number '%s'", key);
    return item->valuedouble;
}

/* The object that a verb printed on one line of its output. */
static cJSON *parse(const char *line) {
    cJSON *root = NULL;
    size_t n = strcspn(line, "\n");
    char *copy = NULL;
    MUST(mem_strndup(&copy, line, n));
    MUST(json_parse(&root, copy, n, "output"));
    mem_free(copy);
    return root;
}

/* A learning rate of 1 leaves a model that answers one label for everything, and that is said. */
Test(run_verbs, a_model_of_one_answer_is_said_so) {
    program_result r = RUN("run", "--task", "kor_hate", "--sample", "--device", DEVICE, "--lr", "1",
                           "--max-steps", "3", "--output-dir", "constant");
    EXPECT(r, 0, out, "\n  the model answers one label for every row\n");
    r = RUN("eval", "--task", "kor_hate", "--sample", "--device", DEVICE, "--checkpoint",
            "constant");
    EXPECT(r, 0, out, "\n  the model answers one label for every row\n");
    r = RUN("eval", "--task", "kor_hate", "--sample", "--device", DEVICE, "--checkpoint",
            "constant", "--json");
    EXPECT(r, 0, out, "\"caution\":\"answers one label for every row\"");
    EXPECT(r, 0, out, "\"interval\":[0.");
}

Test(run_verbs, sample_from_training_to_prediction) {
    program_result r = RUN("run", "--task", "kor_hate", "--sample", "--device", DEVICE);
    EXPECT(r, 0, err, "model 'ko-mini' by default");
    EXPECT(r, 0, err, "kor_hate (sample): 48 training rows");
    EXPECT(r, 0, out, "(sample: says nothing about the model)");
    EXPECT(r, 0, out, "macro F1");
    EXPECT(r, 0, out, "majority");
    EXPECT(r, 0, out, "/record.json");
    EXPECT(r, 0, out, "harness predict --model runs/kor_hate/ko-mini-" DEVICE "-s42-sample-");
    // a sample is no result
    cr_assert_neq(access(temporary_path("results"), F_OK), 0);

    r = RUN_WELL("eval", "--task", "kor_hate", "--sample", "--device", DEVICE, "--json");
    cJSON *scores = parse(r.out);
    cr_assert(number_of(scores, "rows") == 24);
    double evaluated = number_of(cJSON_GetObjectItem(scores, "metrics"), "macro_f1");
    cJSON_Delete(scores);

    // what eval finds is what run recorded, and the same run again shows it without training
    r = RUN_WELL("run", "--task", "kor_hate", "--sample", "--device", DEVICE, "--json", "--quiet");
    cJSON *run = parse(r.out);
    cr_assert(number_of(run, "score") == evaluated);
    cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(run, "partial")));
    cJSON_Delete(run);
    cr_assert_str_empty(r.err, "quiet, but: %s", r.err);

    r = RUN_WELL("predict", "--device", DEVICE, "--json", "좋은 기사네요", "왜 이런 걸 쓰지");
    cJSON *first = parse(r.out);
    cr_assert_str_eq(cJSON_GetObjectItem(first, "text")->valuestring, "좋은 기사네요");
    const cJSON *all = cJSON_GetObjectItem(first, "scores"), *one = NULL;
    double sum = 0, best = 0;
    cJSON_ArrayForEach(one, all) {
        sum += one->valuedouble;
        best = fmax(best, one->valuedouble);
    }
    cr_assert_eq(cJSON_GetArraySize(all), 3);
    cr_assert_float_eq(sum, 1, 1e-9);
    cr_assert(number_of(first, "score") == best);
    cJSON_Delete(first);
    cr_assert_not_null(strstr(r.out, "\n{"), "one object a line");
}

/* One table stands behind all runs, with the scores that --json gives of each. */
Test(run_verbs, several_seeds_and_tasks) {
#define SWEEP                                                                                      \
    "run", "--task", "kor_hate,kor_sarcasm", "--sample", "--device", DEVICE, "--model", "ko-tiny", \
        "--runs", "2", "--seed", "7", "--max-steps", "2"
    program_result r = RUN(SWEEP), json = RUN(SWEEP, "--json");
    EXPECT(r, 0, out, "seed 8");
    const char *line = strstr(
                   r.out, "\n| task        | model   | score    | runs |   mean | standard dev"),
               *object = json.out;
    cr_assert(line && !strstr(line, "\nFiles\n") && strstr(line, " |\n\nNext\n"), "%s", r.out);
    for (int i = 0; i < 2; i++) {
        char want[120];
        double scores[2];
        for (int k = 0; k < 2; k++, object = strchr(object, '\n') + 1) {
            cJSON *one = parse(object);
            scores[k] = number_of(one, "score");
            cJSON_Delete(one);
        }
        snprintf(want, sizeof want, "\n| %-11s | ko-tiny | %s |    2 | %.4f | %18.4f |\n",
                 i ? "kor_sarcasm" : "kor_hate", i ? "accuracy" : "macro F1",
                 (scores[0] + scores[1]) / 2, fabs(scores[0] - scores[1]) / sqrt(2));
        cr_expect(strstr(line, want), "no '%s' in %s", want, line);
    }
}

Test(run_verbs, warmup_that_outlasts_the_run_is_said) {
    program_result r =
        RUN("run", "--task", "kor_hate", "--sample", "--device", DEVICE, "--recipe", "course");
    EXPECT(r, 0, err, "the run ends inside its warmup: 500 warmup steps, 2 steps in all");
}

Test(run_verbs, wrong_usage_exits_with_2) {
    static const struct {
        const char *arguments[12];
        int code;
        const char *part;
    } cases[] = {
        {{"run"}, 2, "run needs --task"},
        {{"run", "--task", "kor_hat", "--sample"}, 2, "kor_hate"},
        {{"run", "--task", "kor_hate", "--sample", "--model", "tinny"}, 2, "did you mean 'tiny'?"},
        {{"run", "--task", "kor_hate", "--sample", "--device", "gpu9"}, 2, "gpu9"},
        {{"run", "--task", "kor_hate", "--sample", "--recipe", "cours"},
         2,
         "unknown recipe 'cours'"},
        {{"run", "--task", "klue_sts", "--sample", "--recipe", "cours"},
         2,
         ", nor 'klue', which the group of klue_sts has"},
        {{"tokenize", "--task", "kor_hate"},
         2,
         "tokenize reads no task's rows: `harness data head TASK`"},
        {{"run", "--task", "kor_hate", "--sample", "--protocol", "test"},
         2,
         "unknown protocol 'test'"},
        {{"run", "--task", "kor_hate", "--sample", "--seeds", "1,x"}, 2, "--seeds expects"},
        {{"run", "--task", "kor_hate", "--sample", "--seeds", "1", "--runs", "2"}, 2, "exclude"},
        {{"run", "--task", "kor_hate", "--sample", "--batch-size", "0"},
         2,
         "expected a whole number"},
        {{"run", "--task", "kor_hate", "--sample", "--lr", "99"}, 2, "--lr is 99"},
        {{"run", "--task", "kor_hate", "--sample", "--lr-scheduler-type", "x"},
         2,
         "linear, cosine"},
        {{"run", "--task", "kor_hate", "--sample", "more"},
         2,
         "found 'more' (a task is named with --task)"},
        {{"run", "--task", "kor_hate", "--sample", "--output-dir", "/proc/x"}, 1, "/proc/x"},
        {{"run", "--task", "kor_hate", "--offline", "--data", "/no/such"}, 1, "--sample"},
        {{"eval"}, 1, "no finished run under ./runs"},
        {{"eval", "--task", "kor_hate", "--sample"}, 1, "no finished run of kor_hate under ./runs"},
        {{"eval", "--task", "kor_hate", "--sample", "--split", "valid"},
         2,
         "known: train, test, dev"},
        {{"predict", "--checkpoint", "/no/such", "x"}, 1, "/no/such: no such folder"},
        {{"predict", "\xff"}, 2, "sentence 1: byte 1 is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = program_run(NULL, 60, cases[i].arguments);
        cr_expect_eq(r.exit_code, cases[i].code, "case %zu: exit code %d\n%s", i, r.exit_code,
                     r.err);
        cr_expect_not_null(strstr(r.err, cases[i].part), "case %zu: no '%s' in:\n%s", i,
                           cases[i].part, r.err);
    }
}

Test(run_verbs, results_folder_gets_whole_runs_only) {
    const char *data = need_environment("HARNESS_DATA");
    (void)data;
    RUN_WELL("run", "--task", "kor_sarcasm", "--device", DEVICE, "--limit", "64", "--epochs", "1",
             "--json", "--quiet");
    cr_assert_neq(access(temporary_path("results"), F_OK), 0);
}

/* Standard input, one sentence a line. */
Test(run_verbs, predict_reads_lines) {
    program_result r = RUN_WELL("run", "--task", "kor_sarcasm", "--sample", "--device", DEVICE,
                                "--max-steps", "1", "-q");
    static const char lines[] = "좋다\r\n\n나쁘다", broken[] = "a\n\377\n";
    static const char *const predict[] = {"predict", "--device", DEVICE, "--json", "-q", NULL};
    const child_setup setup = {.in = temporary_path("lines")};
    MUST(file_write(setup.in, lines, strlen(lines)));
    r = child_run(&setup, 120, predict);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    // three lines, the empty one too; the carriage return is no part of the text
    cr_assert_not_null(strstr(r.out, "{\"text\":\"좋다\","));
    cr_assert_not_null(strstr(r.out, "\n{\"text\":\"\","));
    cr_assert_not_null(strstr(r.out, "\n{\"text\":\"나쁘다\","));
    MUST(file_write(setup.in, broken, strlen(broken)));
    r = child_run(&setup, 120, predict);
    EXPECT(r, 1, err, "standard input:2: byte 1 of the line is not UTF-8");
}

/* Ctrl-C: the step is finished, a checkpoint saved, 130 returned; --resume ends with the same
 * bits. */
Test(run_verbs, interrupted_run_is_resumed) {
    if (strcmp(DEVICE, "cpu") != 0) cr_skip_test("needs the cpu device");
#define LONG_RUN                                                                                   \
    "run", "--task", "kor_sarcasm", "--sample", "--device", DEVICE, "--max-steps", "120",          \
        "--save-steps", "20", "--seed", "3", "--json", "-q", "--output-dir"
    child c;
    child_start(&c, NULL, (const char *const[]){LONG_RUN, "a", "--save-total-limit", "2", NULL});
    child_await_path(&c, temporary_path("a/checkpoint-20"), 120);
    kill(c.pid, SIGINT);
    program_result r = child_end(&c, 120);
    EXPECT(r, 130, err, "interrupted after step");
    r = RUN(LONG_RUN, "a");
    EXPECT(r, 2, err, "holds an unfinished run");
    r = RUN("predict", "--checkpoint", "a", "x");
    EXPECT(r, 1, err,
           "a: the run there is not finished: its `harness run` goes on with --resume, and each");
    r = RUN("compare", "a", "a");
    EXPECT(r, 1, err, "a: the run there is not finished: its `harness run` goes on with --resume");
    r = RUN("predict", "--checkpoint", ".", "x");
    EXPECT(r, 1, err, ".: no model folder: no config.json in it");
    r = RUN_WELL(LONG_RUN, "a", "--resume");
    program_result whole = RUN(LONG_RUN, "b");
    cJSON *a = parse(r.out), *b = parse(whole.out);
    cr_assert_str_eq(cJSON_GetObjectItem(a, "final_weights_sha256")->valuestring,
                     cJSON_GetObjectItem(b, "final_weights_sha256")->valuestring);
    cJSON_Delete(a);
    cJSON_Delete(b);
}
