#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/support_task.h"
#include "platform/file.h"
#include "platform/power.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// SHA-256 of a run's weights, named by its output folder below the temporary one.
static void weights_of(const char *name, char hex[HASH_HEX_BYTES]) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s/model/model.safetensors", temporary_folder(), name);
    cr_assert_eq(hash_file_hex(path, hex), ERR_OK, "%s", err_message(ERR_IO));
}

static cJSON *record_of(const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s/record.json", temporary_folder(), name);
    cJSON *record;
    cr_assert_eq(json_read(&record, path, 0), ERR_OK, "%s", err_message(ERR_IO));
    return record;
}

static void sample_run(const char *output, const char *device, const char *threads) {
    program_result r =
        RUN("run", "--task", "kor_hate", "--sample", "--device", device, "--threads", threads,
            "--output-dir", output, "--max-steps", "3", "--check-device", "never");
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
}

Test(whole_run, sample_says_what_it_is_and_what_comes_next) {
    program_result r = RUN("run", "--task", "kor_hate", "--sample", "--device", "cpu");
    EXPECT(r, 0, err, "48 training rows");
    EXPECT(r, 0, err, "'ko-mini' by default");
    cr_expect_null(strstr(r.err, " keeps "), "of no checkpoints: %s", r.err);
    EXPECT(r, 0, out, "sample: says nothing about the model");
    EXPECT(r, 0, out, "95 % interval");
    EXPECT(r, 0, out, "majority");
    EXPECT(r, 0, out, "harness predict --model runs/kor_hate/ko-mini-cpu-s42-sample");
    // a sample is partial: it never reaches the results
    char path[600];
    snprintf(path, sizeof path, "%s/results", temporary_folder());
    cr_assert_not(folder_exists(path));
    folder_list runs = {0};
    cr_assert_not(folder_list_read(&runs, temporary_path("runs/kor_hate")));
    cr_assert_eq(runs.count, 1);
    snprintf(path, sizeof path, "runs/kor_hate/%s", runs.names[0]);
    folder_list_free(&runs);
    cJSON *record = record_of(path);
    static const char *const keys[] = {
        "schema",  "harness",       "created",    "partial", "task",       "model",
        "recipe",  "recipe_sha256", "protocol",   "seed",    "device",     "headline",
        "metrics", "metrics_dedup", "confusion",  "loss",    "loss_curve", "timing",
        "memory",  "predictions",   "gold_sha256"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        cr_expect(json_has(record, keys[i]), "the record has no '%s'", keys[i]);
    }
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(record, "partial")));
    cJSON_Delete(record);
    r = RUN("predict", "--json", "정말 좋은 소식이네요");
    EXPECT(r, 0, out, "\"label\":");
    EXPECT(r, 0, out, "\"scores\":{\"hate\":");
    r = RUN("eval", "--task", "kor_hate", "--sample", "--json");
    EXPECT(r, 0, out, "macro_f1");
}

Test(whole_run, same_seed_gives_the_same_bits_on_any_number_of_threads) {
    char first[HASH_HEX_BYTES], again[HASH_HEX_BYTES], single[HASH_HEX_BYTES];
    sample_run("first", "cpu", "2");
    sample_run("again", "cpu", "2");
    sample_run("single", "cpu", "1");
    weights_of("first", first);
    weights_of("again", again);
    weights_of("single", single);
    cr_assert_str_eq(first, again);
    cr_assert_str_eq(first, single);
}

// Decodes the record's loss array (owned, mem_free).
static float *losses_of(const cJSON *record, size_t *count) {
    const char *text;
    void *bytes;
    const cJSON *loss = NULL;
    cr_assert_eq(json_object(&loss, record, "loss", "record"), ERR_OK, "%s",
                 err_message(ERR_FORMAT));
    cr_assert_eq(json_string(&text, loss, "data", "record"), ERR_OK, "%s", err_message(ERR_FORMAT));
    cr_assert_eq(base64_decode(&bytes, count, text), ERR_OK);
    *count /= sizeof(float);
    return bytes;
}

/* SwiftShader, which compiles for a quarter of a minute: vulkan_faults/whole_runs*. */
Test(whole_run, vulkan_trains_as_the_cpu_does) {
    const char *device = test_device();
    if (!need_vulkan(device)) cr_skip_test("no %s", device);
    sample_run("cpu", "cpu", "2");
    sample_run("vulkan", device, "1");
    sample_run("vulkan2", device, "1");
    char first[HASH_HEX_BYTES], again[HASH_HEX_BYTES];
    weights_of("vulkan", first);
    weights_of("vulkan2", again);
    cr_assert_str_eq(first, again, "two runs on %s differ", device);
    cJSON *a = record_of("cpu"), *b = record_of("vulkan");
    size_t na, nb;
    float *la = losses_of(a, &na), *lb = losses_of(b, &nb);
    cr_assert_eq(na, nb);
    cr_assert_geq(na, 2);
    for (size_t i = 0; i < na; i++) {
        cr_assert_lt(fabs((double)la[i] - (double)lb[i]), 1e-3 * (double)la[i],
                     "step %zu: %g and %g", i + 1, (double)la[i], (double)lb[i]);
    }
    mem_free(la);
    mem_free(lb);
    cJSON_Delete(a);
    cJSON_Delete(b);
}

Test(whole_run, bad_words_on_the_command_line) {
    static const struct {
        const char *arguments[8];
        int code;
        const char *message;
    } cases[] = {
        {{"run", "--task", "kor_hat", "--sample"},
         2,
         "unknown task 'kor_hat'; did you mean 'kor_hate'?"},
        {{"run", "--sample"}, 2, "--task"},
        {{"run", "--task", "kor_hate", "--sample", "--model", "tinny"},
         2,
         "unknown model 'tinny'; did you mean 'tiny'?"},
        {{"run", "--task", "kor_hate", "--sample", "--device", "foo"},
         2,
         "device 'foo' is not here (devices here: 0: "},
        {{"run", "--task", "kor_hate", "--sampel"},
         2,
         "unknown flag '--sampel' for `harness run`; did you mean --sample?"},
        {{"run", "--task", "kor_hate", "--sample", "--lr", "fast"},
         2,
         "--lr expects a finite number of at least 0, found 'fast'"},
        {{"run", "--task", "kor_hate", "--sample", "--recipe", "curse"}, 2, "course"},
        {{"run", "--task", "kor_hate", "--sample", "--precision", "fp8"}, 2, "fp32"},
        {{"run", "--task", "kor_hate", "--sample", "--protocol", "best"}, 2, "dev"},
        {{"run", "--task", "kor_hate", "--offline", "--data", "/nonexistent"},
         1,
         "harness data fetch kor_hate"},
        {{"run", "--task", "kor_hate", "--sample", "--output-dir", "/proc/none"},
         1,
         "/proc/none: folder is not writable"},
        {{"run", "--task", "kor_hate", "--sample", "--output-dir", "/dev/null"}, 1, "/dev/null"},
        {{"predict", "--checkpoint", "/nonexistent", "x"}, 1, "/nonexistent"},
        {{"compare", "/nonexistent/a.json", "/nonexistent/b.json"}, 1, "/nonexistent/a.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = program_run(NULL, 60, cases[i].arguments);
        cr_expect_eq(r.exit_code, cases[i].code, "case %zu: exit code %d, %s", i, r.exit_code,
                     r.err);
        cr_expect_not_null(strstr(r.err, cases[i].message), "case %zu: no '%s' in: %s", i,
                           cases[i].message, r.err);
        cr_expect_str_eq(r.out, "", "case %zu wrote to standard output: %s", i, r.out);
        // one clear error: one line that begins with the program's name
        const char *line = strstr(r.err, "harness: ");
        cr_expect(line && !strstr(line + 1, "\nharness: "), "case %zu: %s", i, r.err);
    }
}

Test(whole_run, no_vulkan_driver_names_the_package) {
    setenv("VK_DRIVER_FILES", "/nonexistent", 1);
    setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
    unsetenv("VK_ADD_DRIVER_FILES");
    program_result r = RUN("run", "--task", "kor_hate", "--sample", "--device", "llvmpipe");
    EXPECT(r, 2, err, "install mesa-vulkan-drivers");
}

/* 200 rows of train that are kept, then as many that repeat them and one without text. */
static void make_long_rows(made_task *m) {
    strbuf train = {0}, test = {0};
    made_task_begin(m, NULL, NULL, NULL);
    MUST(strbuf_add(&train, "text,label\n"));
    MUST(strbuf_add(&test, "text,label\n"));
    for (int i = 0; i < 400; i++)
        MUST(strbuf_printf(&train, "가 나 다 라 %d,%d\n", i % 200, i % 2));
    MUST(strbuf_add(&train, ",0\n"));
    for (int i = 0; i < 100; i++) MUST(strbuf_printf(&test, "마 바 사 아 %d,%d\n", i, i % 2));
    made_task_file(m, "train.csv", train.text, train.length);
    made_task_file(m, "test.csv", test.text, test.length);
    strbuf_free(&train);
    strbuf_free(&test);
}

Test(whole_run, long_sentences_are_cut_counted_and_said_once_and_kept_rows_trained) {
    made_task m;
    make_long_rows(&m);
    program_result r =
        RUN("run", "--task", "made", "--task-dir", m.folder, "--data", m.folder, "--device", "cpu",
            "--max-length", "5", "--epochs", "1", "--batch-size", "50", "--output-dir", "o");
    EXPECT(r, 0, err, "300 sentences are longer than 5 tokens and were cut");
    const char *first = strstr(r.err, "were cut");
    cr_expect(first && !strstr(first + 1, "were cut"), "said twice: %s", r.err);
    cJSON *record = record_of("o");
    const cJSON *timing = cJSON_GetObjectItem(record, "timing");
    cr_expect_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(timing, "steps")), 4);
    // each part has a time, and all together no more than the run
    static const char *const parts[] = {"tokenize_s", "train_s", "eval_s"};
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        double seconds = cJSON_GetNumberValue(cJSON_GetObjectItem(timing, parts[i]));
        cr_expect(seconds > 0, "%s is %g", parts[i], seconds);
        sum += seconds;
    }
    cr_expect(sum <= r.seconds, "%g of %g s", sum, r.seconds);
    cJSON_Delete(record);
    // the 200 rows of train that were kept are those of the deduplicated score
    r = RUN("eval", "--task", "made", "--task-dir", m.folder, "--data", m.folder, "--device", "cpu",
            "-c", temporary_path("o/model"), "--split", "train", "--json");
    EXPECT(r, 0, out, "\"rows\":401,");
    MUST(json_parse(&record, r.out, strlen(r.out), "eval"));
    const cJSON *dedup = cJSON_GetObjectItem(record, "metrics_dedup");
    double right = 200 * cJSON_GetNumberValue(cJSON_GetObjectItem(dedup, "accuracy"));
    cr_expect_lt(fabs(right - round(right)), 1e-9, "%g", right);
    cJSON_Delete(record);
    made_task_end(&m);
}

static void replace_in_file(const char *path, const char *from, const char *to) {
    void *bytes;
    size_t count;
    cr_assert_eq(file_read(&bytes, &count, path, 0), ERR_OK, "%s", err_message(ERR_IO));
    char *at = strstr(bytes, from);
    cr_assert_not_null(at, "no '%s' in %s", from, path);
    cr_assert_eq(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    cr_assert_eq(file_write(path, bytes, count), ERR_OK);
    mem_free(bytes);
}

Test(whole_run, a_model_folder_that_is_not_bert_or_is_damaged_is_refused) {
    sample_run("m", "cpu", "1");
    const char *model = temporary_path("m/model");
    const char *config = temporary_path("m/model/config.json");
    cr_assert_eq(unlink(temporary_path("m/model/SHA256SUMS")), 0); // as folders from elsewhere
    replace_in_file(config, "\"BertFor", "\"XertFor");
    replace_in_file(config, "\"model_type\":\t\"bert\"", "\"model_type\":\t\"gpt2\"");
    program_result r = RUN("run", "--task", "kor_hate", "--sample", "--device", "cpu", "--model",
                           model, "--output-dir", "n");
    EXPECT(r, 1, err, "gpt2");
    replace_in_file(config, "\"gpt2\"", "\"bert\"");
    const char *weights = temporary_path("m/model/model.safetensors");
    void *bytes;
    size_t count;
    cr_assert_eq(file_read(&bytes, &count, weights, 0), ERR_OK);
    cr_assert_eq(file_write(weights, bytes, count - 100), ERR_OK);
    mem_free(bytes);
    r = RUN("predict", "--checkpoint", model, "x");
    EXPECT(r, 1, err, "model.safetensors");
}

Test(whole_run, changed_data_is_refused_by_its_hash) {
    const char *data = need_environment("HARNESS_DATA");
    const char *folder = temporary_path("data/kor_hate");
    cr_assert_eq(folder_make(folder), ERR_OK);
    static const char *const names[] = {"train.tsv", "dev.tsv"};
    for (size_t i = 0; i < 2; i++) {
        char from[600], to[600];
        snprintf(from, sizeof from, "%s/kor_hate/%s", data, names[i]);
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        void *bytes;
        size_t count;
        cr_assert_eq(file_read(&bytes, &count, from, 0), ERR_OK, "%s", err_message(ERR_IO));
        if (i) ((char *)bytes)[count - 2] ^= 1;
        cr_assert_eq(file_write(to, bytes, count), ERR_OK);
        mem_free(bytes);
    }
    program_result r =
        RUN("run", "--task", "kor_hate", "--device", "cpu", "--data", temporary_path("data"));
    EXPECT(r, 1, err, "SHA-256 is");
    EXPECT(r, 1, err, "dev.tsv");
}

/* A process that works beside the run is in its record, where the system tells of processors. */
Test(whole_run, work_of_others_is_in_the_record) {
    power_sample before, after;
    power_read(&before, &(power_place){.uuid = ""});
    pid_t other = fork();
    cr_assert_geq(other, 0);
    if (!other) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (volatile unsigned turns = 0;; turns++) continue;
    }
    program_result r = RUN("run", "--task", "kor_hate", "--sample", "--device", "cpu", "--threads",
                           "1", "--output-dir", "out", "--max-steps", "40");
    kill(other, SIGKILL);
    cr_assert_eq(waitpid(other, NULL, 0), other);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    power_read(&after, &(power_place){.uuid = ""});
    cJSON *record = record_of("out");
    const cJSON *cost = cJSON_GetObjectItem(record, "cost");
    if (power_beside(&before, &after) > 0)
        cr_expect_gt(cJSON_GetNumberValue(cJSON_GetObjectItem(cost, "beside")), 0.0);
    cJSON_Delete(record);
}
