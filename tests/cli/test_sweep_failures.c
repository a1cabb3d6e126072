/* Sweeps of which some runs fail by themselves: they are told, once where they fail alike, and the others
 * are done. */
#include "base/json.h"
#include "base/memory.h"
#include "data/support_task.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <float.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#if HARNESS_CPU

static size_t times(const char *text, const char *part) {
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) count++;
    return count;
}

/* Expects a text of messages, as printed. */
#define SAID(p, ...)                                                                               \
    do {                                                                                           \
        char said_[300];                                                                           \
        snprintf(said_, sizeof said_, __VA_ARGS__);                                                \
        cr_expect(strstr((p).err, said_), "no '%s' in %s", said_, (p).err);                        \
    } while (0)

/* A model that cannot be read, of whatever kind its error is, ends its own runs alone, and leaves no
 * folder of theirs. */
Test(sweep_failures, leave_the_others) {
    static const char *const labels[] = {"no", "yes", "maybe"};
    static const struct {
        const char *model, *fault;
    } cases[] = {{"broken", "broken/config.json"}, {"bare", "bare: no model.safetensors there"}};
    folder_list made;
    MUST(folder_make(temporary_path("broken")));
    MUST(file_write_quick(temporary_path("broken/config.json"), "{", 1));
    model_folder_make(temporary_path("bare"), labels, 3, NULL);
    MUST(file_remove(temporary_path("bare/model.safetensors")));
    for (size_t i = 0; i < 2; i++) {
        char models[40];
        snprintf(models, sizeof models, "%s,tiny", cases[i].model);
        program_result p =
            RUN("run", "--task", "kor_hate", "--model", models, "--sample", "--device", "cpu",
                "--threads", "1", "--max-steps", "1", "--runs", "2", "--overwrite");
        cr_expect_eq(p.exit_code, 1, "%s", p.err);
        SAID(p, "run 1 of 4 has failed: kor_hate, %s, seed 42: %s", cases[i].model, cases[i].fault);
        SAID(p, "run 2 of 4 has failed like run 1\n");
        SAID(p, "harness: 2 of 4 runs; 2 failed, the first: kor_hate, %s, seed 42: %s",
             cases[i].model, cases[i].fault);
        cr_expect_eq(times(p.err, cases[i].fault), 2, "%s", p.err);
        cr_expect(strstr(p.out, "\n| kor_hate | tiny  | macro F1 |    2 | 0."), "%s", p.out);
    }
    MUST(folder_list_read(&made, temporary_path("runs/kor_hate")));
    cr_expect_eq(made.count, 2);
    folder_list_free(&made);
    // by the ranks of a group too
    program_result p = RUN("run", "--task", "kor_hate", "--model", "bare,tiny", "--sample",
                           "--device", "cpu,cpu", "--threads", "1", "--max-steps", "1");
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    SAID(p, "harness: 1 of 2 runs; 1 failed: kor_hate, bare, seed 42: bare: no ");
    cr_expect(strstr(p.out, "\n| kor_hate | tiny  | macro F1 |    1 | 0."), "%s", p.out);
}

/* A row of the embeddings gets numbers two of which overflow. */
static void make_hot(const char *model, const char *tensor, size_t row) {
    const float most[] = {FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX};
    char path[300], *bytes = NULL;
    size_t count = 0;
    uint64_t header = 0;
    cJSON *root = NULL;
    snprintf(path, sizeof path, "%s/model.safetensors", model);
    MUST(file_read((void **)&bytes, &count, path, 0));
    memcpy(&header, bytes, sizeof header);
    MUST(json_parse(&root, bytes + sizeof header, header, path));
    const cJSON *table = cJSON_GetObjectItem(root, tensor);
    const cJSON *begin = cJSON_GetArrayItem(cJSON_GetObjectItem(table, "data_offsets"), 0);
    cr_assert_not_null(begin);
    size_t at = sizeof header + header + (size_t)begin->valuedouble + row * sizeof most;
    cr_assert_leq(at + sizeof most, count);
    memcpy(bytes + at, most, sizeof most);
    MUST(file_write_quick(path, bytes, count));
    cJSON_Delete(root);
    mem_free(bytes);
}

/* A good model, and two with a word that the training rows, or the test rows, have once. */
static void make_models(void) {
    static const char *const labels[] = {"no", "yes"}, *names[] = {"in_test", "in_training"};
    model_folder_make(temporary_path("good"), labels, 2, NULL);
    for (size_t i = 0; i < 2; i++) {
        model_folder_copy(temporary_path(names[i]), temporary_path("good"));
        const char *model = temporary_path(names[i]);
        make_hot(model, "bert.embeddings.word_embeddings.weight", 5 + i); // of its vocabulary
        make_hot(model, "bert.embeddings.position_embeddings.weight", 1); // behind [CLS]
    }
}

/* What the results cannot take ends all, before the first of them is trained: the folder of the task may be
 * another user's. */
Test(sweep_failures, results_that_cannot_be_written_are_seen_before_training) {
    static const char rows[] = "text,label\n나 a,0\n다 b,1\n나 b,0\n다 a,1\n";
    const child_setup nobody = {.unprivileged = true};
    made_task m;
    made_task_begin(&m, NULL, NULL, NULL);
    made_task_file(&m, "train.csv", rows, sizeof rows - 1);
    made_task_file(&m, "test.csv", rows, sizeof rows - 1);
    MUST(folder_make(temporary_path("results/made")));
    cr_assert_eq(chmod(temporary_path("results/made"), 0555), 0);
    child c;
    child_start(&c, &nobody,
                (const char *const[]){"run", "--task", "made", "--task-dir", m.folder, "--data",
                                      m.folder, "--device", "cpu", "--threads", "1", "--epochs",
                                      "1", "--runs", "2", "--model", "tiny", NULL});
    program_result p = child_end(&c, 60);
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    SAID(p, "harness: results/made: folder is not writable: Permission denied\n");
    cr_expect_null(strstr(p.err, "recipe  "), "%s", p.err);
    cr_expect_null(strstr(p.err, "run 2 of 2"), "%s", p.err);
    made_task_end(&m);
}

/* Numbers that are not finite end the runs that have them, in a step of all ranks as in the test rows
 * of one of them, and no run behind them. */
Test(sweep_failures, numbers_that_are_not_finite_end_their_run) {
    static const char train[] =
        "text,label\n나 a,0\n다 b,1\n나 b,0\n다 a,1\n화 a,0\n나,1\n다,0\n나 a b,1\n";
    static const char test[] = "text,label\n나 a,0\n다 b,1\n나 다,0\n영 a,1\n";
    made_task m;
    made_task_begin(&m, NULL, NULL, NULL);
    made_task_file(&m, "train.csv", train, sizeof train - 1);
    made_task_file(&m, "test.csv", test, sizeof test - 1);
    make_models();
    for (int i = 0; i < 2; i++) {
        program_result p = RUN("run", "--task", "made", "--task-dir", m.folder, "--data", m.folder,
                               "--device", i ? "cpu,cpu" : "cpu", "--threads", "1", "--epochs", "1",
                               "--seeds", "1,2", "--batch-size", "2", "--eval-batch-size", "2",
                               "--model", "in_training,in_test,good", "--overwrite");
        cr_expect_eq(p.exit_code, 1, "%s", p.err);
        SAID(p, "run 1 of 6 has failed: made, in_training, seed 1: step ");
        SAID(p, " of 4: the loss is not finite");
        SAID(p, "run 3 of 6 has failed: made, in_test, seed 1: %s", i ? "rank 1 of 2 (" : "logit ");
        SAID(p, "logit 0 of sentence ");
        SAID(p, "run 4 of 6 has failed ");
        SAID(p, "harness: 2 of 6 runs; 4 failed, the first: made, in_training, seed 1: step ");
        cr_expect(strstr(p.out, "\n| made | good  | macro F1 |    2 | "), "%s", p.out);
    }
    made_task_end(&m);
}

#endif
