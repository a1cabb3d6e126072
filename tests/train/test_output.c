/* Output folders: names that tell runs apart, folders of others that stay as they are, what a
 * resume may differ in, and what a failed run leaves. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/numerics.h"
#include "base/rng.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"
#include "train/run/run_internal.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const tasks[] = {"kor_hate", "nsmc", "kor_sarcasm"};
/* The same bytes at every place; two of them have long names that part at the end. */
static const char *const models[] = {
    "a b",
    "a-b",
    "A-B",
    "an_experiment_with_a_name_that_is_longer_than_most_names_are/checkpoint-500",
    "an_experiment_with_a_name_that_is_longer_than_most_names_are/checkpoint-1000",
    "바람 모델",
    "하늘 모델",
    ".hidden",
    "one/checkpoint-500", // of one name with the fourth, and of the same bytes
    "two/checkpoint-500"};
static const char *const devices[] = {"", "NVIDIA GeForce RTX 4090 Laptop GPU (first of its kind)",
                                      "NVIDIA GeForce RTX 4090 Laptop GPU (second of its kind)",
                                      "nvidia geforce rtx 4090 laptop gpu (first of its kind)"};
enum { AXES = 8, PAIRS = 200, SAMPLE_ROWS = 20 };

/* A run by its choices: task, model, recipe's rate and batch, limit, protocol, precision, seed,
 * device. */
typedef struct choice {
    uint32_t axis[AXES];
} choice;

static const uint32_t axis_sizes[AXES] = {3, 10, 1000, SAMPLE_ROWS, 2, 2, 1000, 4};

static uint32_t next(uint32_t *at) {
    return philox4x32((philox){{(*at)++, 0, 0, 0}}, 13, 0).v[0];
}

static void fill_request(run_request *q, const choice *c) {
    *q = (run_request){.task = tasks[c->axis[0]],
                       .sample = true,
                       .model = temporary_path(models[c->axis[1]]),
                       .limit = c->axis[3] ? 30 + c->axis[3] : 0, // dev needs two of a label
                       .protocol = c->axis[4] ? PROTOCOL_DEV : PROTOCOL_LAST,
                       .precision = c->axis[5] ? "fp16" : "fp32",
                       .seed = c->axis[6],
                       .device = "none",
                       .root = temporary_path("runs")};
    MUST(recipe_load(&q->recipe, "trainer"));
    // rates that agree in many digits
    MUST(recipe_set_number(&q->recipe, "learning_rate", 1e-4 * (1 + 1e-10 * c->axis[2])));
}

/* The folder that a run takes, without a device to run on; owned. */
static char *folder_of(const choice *c) {
    run r = {.lock = -1};
    char *folder = NULL;
    fill_request(&r.request, c);
    const run_request *q = &r.request;
    dataset_options options = {.sample = true, .limit = q->limit};
    MUST(task_find(&r.task, q->task, NULL));
    r.device.info.kind = c->axis[7] ? DEVICE_VULKAN : DEVICE_CPU;
    strcpy(r.device.info.name, devices[c->axis[7]]);
    MUST(device_precision_find(&r.device.options.precision, q->precision));
    MUST(dataset_load(&r.data, &r.task, &options));
    if (q->protocol == PROTOCOL_DEV) MUST(dataset_split_dev(&r.data, &r.task));
    MUST(base_model_open(&r.base_model, q->model, &r.data.train,
                         &(base_model_options){.offline = true}));
    MUST(run_output_prepare(&r));
    MUST(run__identify(&r));
    MUST(run_output_name(&r));
    MUST(run_output_open(&r));
    MUST(mem_strdup(&folder, path_name(r.output)));
    cr_assert(folder_exists(r.output));
    run_close(&r);
    return folder;
}

CleanTest(output, runs_that_differ_in_one_thing_have_different_folders) {
    log_set_quiet(true);
    model_folder_make(temporary_path(models[0]), NULL, 3, NULL);
    for (size_t i = 1; i < sizeof models / sizeof *models; i++)
        model_folder_copy(temporary_path(models[i]), temporary_path(models[0]));
    uint32_t at = 0, apart = 0;
    for (int pair = 0; pair < PAIRS; pair++) {
        choice a, b;
        for (int i = 0; i < AXES; i++) a.axis[i] = next(&at) % axis_sizes[i];
        b = a;
        int which = pair % AXES;
        while (b.axis[which] == a.axis[which]) b.axis[which] = next(&at) % axis_sizes[which];
        // of the models, each second time two of one name
        if (which == 1 && pair / AXES % 2) a.axis[1] = 8, b.axis[1] = pair / AXES % 4 == 1 ? 9 : 3;
        char *x = folder_of(&a), *y = folder_of(&b), *again = folder_of(&a);
        apart += strcmp(x, y) != 0;
        cr_assert_str_neq(x, y, "pair %d, thing %d: %s", pair, which, x);
        cr_assert_str_eq(x, again);
        cr_assert(*x != '.' && *x != '-' && !strpbrk(x, "/ "), "%s", x);
        cr_assert_leq(strlen(x), 140);
        mem_free(x);
        mem_free(y);
        mem_free(again);
    }
    cr_assert_eq(apart, PAIRS);
    // nothing was trained: nothing is left
    cr_assert(!folder_exists(temporary_path("runs")));
    choice hangul = {{0, 5, 0, 0, 0, 0, 42, 0}};
    char *name = folder_of(&hangul);
    cr_assert_eq(strncmp(name, "바람-모델-cpu-s42-sample-", strlen("바람-모델-cpu-s42-sample-")), 0,
                 "%s", name);
    mem_free(name);
}

static run_request small_request(const char *output) {
    run_request q = {.task = "kor_hate",
                     .sample = true,
                     .limit = 8,
                     .model = temporary_path("start"),
                     .device = "reference",
                     .seed = 7,
                     .output = temporary_path(output)};
    log_set_quiet(true);
    if (!folder_exists(q.model)) model_folder_make(q.model, NULL, 3, NULL);
    MUST(recipe_load(&q.recipe, "trainer"));
    q.recipe.max_steps = 4;
    q.recipe.save_steps = 1;
    return q;
}

static void run_through(const run_request *q, char digest[HASH_HEX_BYTES]) {
    run r;
    MUST(run_open(&r, q));
    cr_assert(!r.is_finished);
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    MUST(run_keep_model(&r));
    MUST(run_finish(&r));
    if (digest) strcpy(digest, r.final_sha256);
    run_close(&r);
}

static void stop_after(const run_request *q, uint32_t steps) {
    run r;
    MUST(run_open(&r, q));
    r.trainer.options.stop_at = steps;
    MUST(run_train(&r));
    run_close(&r);
}

static void expect_refused(const run_request *q, err code, const char *part) {
    run r;
    MUST_FAIL(run_open(&r, q), code, part);
    run_close(&r);
}

static bool has(const char *name) {
    struct stat st;
    return lstat(temporary_path(name), &st) == 0;
}

static void hash_of(const char *name, char hex[HASH_HEX_BYTES]) {
    MUST(hash_file_hex(temporary_path(name), hex));
}

Test(output, what_others_made_is_never_touched) {
    static const char *const entries[] = {
        "checkpoint-500/", "best/",           "model/",
        "partial-model/",  "old-model/",      "partial-checkpoint-2/",
        "tensorboard/",    "log.jsonl",       "record.json",
        "unfinished.json", "run.json",        "checkpoint-500",
        "model",           "@checkpoint-500", "@model",
        "@log.jsonl",      "@record.json",    "@tensorboard"};
    size_t count = sizeof entries / sizeof *entries;
    MUST(folder_make(temporary_path("elsewhere")));
    temporary_put("elsewhere/kept", "precious");
    for (size_t i = 0; i < count * 3; i++) {
        const char *entry = entries[i / 3];
        bool is_link = *entry == '@';
        char path[300], inner[300], what[100];
        run_request q = small_request("theirs");
        q.overwrite = i % 3 == 1;
        q.resume = i % 3 == 2;
        q.tensorboard = i % 2;
        snprintf(what, sizeof what, "theirs/%.*s", (int)strcspn(entry + is_link, "/"),
                 entry + is_link);
        snprintf(path, sizeof path, "%s", temporary_path(what));
        snprintf(inner, sizeof inner, "%s%s", what, strchr(entry, '/') ? "/data" : "");
        MUST(folder_make(strchr(entry, '/') ? path : temporary_path("theirs")));
        if (is_link)
            cr_assert_eq(symlink(temporary_path("elsewhere"), path), 0);
        else
            temporary_put(inner, "{\"step\": 1}\n");
        expect_refused(&q, ERR_DATA, what + strlen("theirs/"));
        cr_assert_not_null(strstr(err_message(ERR_DATA), "this program did not make it"), "%s",
                           err_message(ERR_DATA));
        // as it was, and alone
        folder_list list = {0};
        MUST(folder_list_read(&list, temporary_path("theirs")));
        cr_assert_eq(list.count, 1, "%s: %s, %s", entry, list.names[0], list.names[1]);
        folder_list_free(&list);
        cr_assert(has("elsewhere/kept") && has(inner), "%s", entry);
        if (!is_link) {
            char *text = NULL;
            size_t bytes = 0;
            MUST(file_read((void **)&text, &bytes, temporary_path(inner), 0));
            cr_assert_str_eq(text, "{\"step\": 1}\n");
            mem_free(text);
        }
        if (is_link)
            cr_assert_eq(unlink(path), 0);
        else
            MUST(folder_remove(temporary_path("theirs")));
        (void)rmdir(temporary_path("theirs"));
    }
}

/* A stranger's folder that comes while ours is there, at every moment of a run's life. */
Test(output, what_others_put_beside_a_run_of_ours_stays) {
    run_request q = small_request("ours");
    temporary_put("note", "");
    MUST(folder_make(temporary_path("ours")));
    temporary_put("ours/notes.txt", "mine");
    run_through(&q, NULL);
    cr_assert(has("ours/notes.txt") && has("ours/run.json") && !has("ours/unfinished.json"));
    MUST(folder_make(temporary_path("ours/checkpoint-500")));
    temporary_put("ours/checkpoint-500/a", "theirs");
    q.overwrite = true;
    expect_refused(&q, ERR_DATA, "checkpoint-500: this program did not make it");
    cr_assert(has("ours/checkpoint-500/a") && has("ours/model/config.json"));
}

// Of a run that was killed: its log is known by it.
Test(output, a_damaged_proof_is_named_and_not_what_it_proves) {
    run_request q = small_request("out");
    stop_after(&q, 2);
    temporary_put("out/log.jsonl", "{\"step\": 1}\n");
    temporary_put("out/unfinished.json", "{\"run\": ");
    q.resume = true;
    expect_refused(&q, ERR_DATA,
                   "out/unfinished.json: this program did not make it (or it is damaged)");
}

// As nohup has it: a run goes on when its terminal is gone.
Test(output, a_hangup_that_is_ignored_stays_so) {
    signal(SIGHUP, SIG_IGN);
    interrupt_begin();
    cr_assert_eq(raise(SIGHUP), 0);
    cr_expect_not(interrupt_seen());
    interrupt_end();
    signal(SIGHUP, SIG_DFL);
    interrupt_begin();
    cr_assert_eq(raise(SIGHUP), 0);
    cr_expect(interrupt_seen());
    interrupt_end();
}

// Ctrl-C while a run is prepared, and when its first step is about to begin.
Test(output, an_interruption_before_the_first_step_leaves_nothing) {
    run_request q = small_request("out");
    run r;
    interrupt_begin();
    cr_assert_eq(raise(SIGINT), 0);
    expect_refused(&q, ERR_INTERRUPTED, "interrupted before the first step");
    interrupt_end();
    cr_assert(!has("out"));
    MUST(run_open(&r, &q));
    cr_assert_eq(raise(SIGINT), 0); // caught from here on
    MUST_FAIL(run_train(&r), ERR_INTERRUPTED, "interrupted before the first step");
    cr_assert_eq(r.saved_at, 0);
    run_close(&r);
    cr_assert(!has("out"));
    run_through(&q, NULL);
}

Test(output, a_finished_run_is_not_replaced) {
    char before[HASH_HEX_BYTES], after[HASH_HEX_BYTES];
    run r;
    run_request q = small_request("out"), other;
    run_through(&q, NULL);
    hash_of("out/model/model.safetensors", before);
    for (int resume = 0; resume < 2; resume++) {
        q.resume = resume;
        MUST(run_open(&r, &q));
        cr_assert(r.is_finished);
        run_close(&r);
        other = q;
        other.task = "kor_sae";
        expect_refused(&other, ERR_USAGE, "task is kor_hate there, kor_sae now");
        other = q;
        other.recipe.weight_decay = 0.25;
        expect_refused(&other, ERR_USAGE, "recipe's weight_decay is 0 there, 0.25 now");
        cr_assert_not_null(strstr(err_message(ERR_USAGE), "--overwrite"));
        other = q;
        other.seed = 8;
        expect_refused(&other, ERR_USAGE, "seed is 7 there, 8 now");
    }
    // of a program before run.json: it cannot be told whose it is
    temporary_put("out/record.json",
                  "{\"harness\": {\"version\": \"0.1.0\", \"numerics_version\": 1}}");
    cr_assert_eq(rename(temporary_path("out/run.json"), temporary_path("run.json")), 0);
    q.resume = false;
    expect_refused(&q, ERR_USAGE, "out holds a model of an earlier run");
    cr_assert_eq(rename(temporary_path("run.json"), temporary_path("out/run.json")), 0);
    hash_of("out/model/model.safetensors", after);
    cr_assert_str_eq(before, after);
    // the old model is there until the new one is
    q.overwrite = true;
    q.recipe.learning_rate = 1e-3;
    stop_after(&q, 2);
    hash_of("out/model/model.safetensors", after);
    cr_assert_str_eq(before, after);
    q.overwrite = false;
    q.resume = true;
    run_through(&q, NULL);
    hash_of("out/model/model.safetensors", after);
    cr_assert_str_neq(before, after);
    // a model that was removed may be trained again
    MUST(folder_remove(temporary_path("out/model")));
    q.resume = false;
    run_through(&q, NULL);
    cr_assert(has("out/model/config.json"));
}

/* Of a run that was stopped there are checkpoints alone. */
Test(output, a_checkpoint_that_nothing_speaks_of_is_kept) {
    run_request q = small_request("out");
    stop_after(&q, 2);
    MUST(file_remove(temporary_path("out/unfinished.json")));
    // the one that is missing is named, and not what it would have proved
    temporary_put("out/log.jsonl", "{\"step\": 1}\n");
    expect_refused(&q, ERR_DATA,
                   "unfinished.json, which says so of a run that was stopped, is missing");
    MUST(file_remove(temporary_path("out/log.jsonl")));
    expect_refused(&q, ERR_USAGE, "out holds a checkpoint of an earlier run");
    cr_assert(has("out/checkpoint-2/model.safetensors"));
}

Test(output, models_are_named_after_their_origin) {
    base_model s;
    run_request q = small_request("out");
    run_through(&q, NULL);
    static const struct {
        const char *path, *name;
    } cases[] = {{"out", "start-kor_hate"},
                 {"out/model", "start-kor_hate"},
                 {"out/model/", "start-kor_hate"},
                 {"out/checkpoint-2", "start-kor_hate-checkpoint-2"},
                 {"start", "start"},
                 {"start/.", "start"},
                 {"out/model/../../start/./.", "start"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MUST(base_model_open_folder(&s, temporary_path(cases[i].path), &(base_model_options){0}));
        cr_expect_str_eq(s.name, cases[i].name);
        base_model_free(&s);
    }
}

/* Changes one text of unfinished.json's identity. */
static void change_identity(const char *key, const char *value) {
    cJSON *root = NULL;
    const char *path = temporary_path("out/unfinished.json");
    MUST(json_read(&root, path, 0));
    cJSON *identity = cJSON_GetObjectItem(root, "identity");
    cr_assert_not_null(cJSON_GetObjectItemCaseSensitive(identity, key), "no '%s'", key);
    cJSON_ReplaceItemInObjectCaseSensitive(identity, key, cJSON_CreateString(value));
    MUST(json_write(path, root));
    cJSON_Delete(root);
}

Test(output, a_resume_names_what_differs) {
    static const char *const keys[] = {"task",
                                       "task version",
                                       "manifest",
                                       "data",
                                       "sample",
                                       "limit",
                                       "training rows",
                                       "protocol",
                                       "seed",
                                       "model",
                                       "configuration",
                                       "weights",
                                       "vocabulary",
                                       "mismatched sizes ignored",
                                       "precision",
                                       "device kind",
                                       "device",
                                       "driver",
                                       "device version",
                                       "instruction set",
                                       "libraries",
                                       "kernels",
                                       "numerics version",
                                       "recipe's learning_rate",
                                       "recipe's adam_epsilon"};
    char whole[HASH_HEX_BYTES], resumed[HASH_HEX_BYTES], expected[200];
    if (!HARNESS_CPU) cr_skip_test("needs the cpu device"); // the reference keeps f64, files f32
    run_request q = small_request("whole");
    q.device = "cpu";
    run_through(&q, whole);
    q.output = temporary_path("out");
    stop_after(&q, 2);
    q.resume = true;
    void *kept = NULL;
    size_t count = 0;
    MUST(file_read(&kept, &count, temporary_path("out/unfinished.json"), 0));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        change_identity(keys[i], "other");
        snprintf(expected, sizeof expected, "%s is other there, ", keys[i]);
        expect_refused(&q, ERR_DATA, expected);
        cr_assert_not_null(strstr(err_message(ERR_DATA), " now"));
        MUST(file_write(temporary_path("out/unfinished.json"), kept, count));
    }
    mem_free(kept);
    // the same by what is asked for
    run_request other = q;
    other.device = "reference";
    expect_refused(&other, ERR_DATA, "device is ");
    other = q;
    other.recipe.group_by_length = true;
    expect_refused(&other, ERR_DATA, "recipe's group_by_length is absent there, true now");
    other = q;
    other.recipe.dropout = 0.2;
    expect_refused(&other, ERR_DATA, "recipe's dropout is the model's own there, 0.2 now");
    // what may differ
    q.threads = 2;
    q.recipe.logging_steps = 1;
    q.recipe.save_steps = 3;
    q.recipe.per_device_eval_batch_size = 5;
    q.tensorboard = true;
    run_through(&q, resumed);
    cr_assert_str_eq(whole, resumed);
}

/* Without its sums a checkpoint is taken as it is: what it says has to fit together. */
static void change_state(const char *key, cJSON *value) {
    cJSON *root = NULL;
    const char *path = temporary_path("out/checkpoint-2/trainer_state.json");
    (void)unlink(temporary_path("out/checkpoint-2/SHA256SUMS"));
    MUST(json_read(&root, path, 0));
    cJSON_ReplaceItemInObjectCaseSensitive(root, key, value);
    MUST(json_write(path, root));
    cJSON_Delete(root);
}

static cJSON *losses(float a, float b) {
    char *text = NULL;
    const float list[] = {a, b};
    MUST(base64_encode(&text, list, sizeof list));
    cJSON *item = cJSON_CreateString(text);
    mem_free(text);
    return item;
}

/* Overwrites the last number of a tensor file and makes the state vouch for it. */
static void plant(const char *file, float value) {
    char name[100], hex[HASH_HEX_BYTES];
    snprintf(name, sizeof name, "out/checkpoint-2/%s", file);
    FILE *f = fopen(temporary_path(name), "r+b");
    cr_assert(f && !fseek(f, -(long)sizeof value, SEEK_END));
    cr_assert_eq(fwrite(&value, sizeof value, 1, f), 1);
    cr_assert_eq(fclose(f), 0);
    hash_of(name, hex);
    cJSON *root = NULL;
    MUST(json_read(&root, temporary_path("out/checkpoint-2/trainer_state.json"), 0));
    cJSON *sums = cJSON_DetachItemFromObject(root, "sha256");
    cJSON_Delete(root);
    cJSON_ReplaceItemInObjectCaseSensitive(sums, file, cJSON_CreateString(hex));
    change_state("sha256", sums);
}

Test(output, a_checkpoint_is_judged_before_the_first_step) {
    run_request q = small_request("out");
    stop_after(&q, 3);
    q.resume = true;
    MUST(folder_remove(temporary_path("out/checkpoint-3")));
    void *kept = NULL;
    size_t count = 0;
    const char *state = temporary_path("out/checkpoint-2/trainer_state.json");
    MUST(file_read(&kept, &count, state, 0));
    static const struct {
        const char *key, *part;
        double value;
    } numbers[] = {
        {"schema", "schema", 2},
        {"global_step", "global_step", 5},
        {"global_step", "epoch is 2, but step 1 of 1", 1},
        {"max_steps", "max_steps", 5},
        {"batch_index", "batch_index", 0.5},
        {"epoch", "epoch is 7, but step 2", 7},
        {"best_step", "best_step is 1, but no evaluation of that step is there", 1},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        change_state(numbers[i].key, cJSON_CreateNumber(numbers[i].value));
        run r;
        err e = run_open(&r, &q);
        cr_assert(e && strstr(err_message(e), numbers[i].part), "%zu: %s", i, err_message(e));
        run_close(&r);
        MUST(file_write(state, kept, count));
    }
    change_state("losses", losses(1.0f, NAN));
    expect_refused(&q, ERR_FORMAT, "losses: step 2 has nan");
    change_state("losses", losses(INFINITY, 1.0f));
    expect_refused(&q, ERR_FORMAT, "losses: step 1 has inf");
    change_state("losses", losses(1.0f, -1.0f));
    expect_refused(&q, ERR_FORMAT, "losses: step 2 has -1, expected a finite number from 0");
    MUST(file_write(state, kept, count));
    // the last tensor holds squares
    void *tensors = NULL;
    size_t bytes = 0;
    const char *path = temporary_path("out/checkpoint-2/optimizer.safetensors");
    MUST(file_read(&tensors, &bytes, path, 0));
    plant("optimizer.safetensors", -1e-9f);
    expect_refused(&q, ERR_DATA, "tensor 'exp_avg_sq.classifier.bias': number 3 of 3 is -1e-09");
    plant("optimizer.safetensors", NAN);
    expect_refused(&q, ERR_NUMERIC, "'exp_avg_sq.classifier.bias': value 2 is not finite");
    MUST(file_write(path, tensors, bytes));
    mem_free(tensors);
    MUST(file_write(state, kept, count));
    plant("model.safetensors", INFINITY);
    expect_refused(&q, ERR_NUMERIC, "value 2 is not finite");
    mem_free(kept);
}

// A resume that could only start over would remove them in the end.
Test(output, checkpoints_that_do_not_serve_are_kept) {
    run_request q = small_request("out");
    stop_after(&q, 3);
    q.resume = true;
    for (int step = 1; step <= 3; step++) {
        char name[64];
        snprintf(name, sizeof name, "out/checkpoint-%d/trainer_state.json", step);
        MUST(file_remove(temporary_path(name)));
    }
    expect_refused(&q, ERR_DATA, "out: none of the ");
    cr_assert(file_exists(temporary_path("out/checkpoint-2/model.safetensors")));
    cr_assert(file_exists(temporary_path("out/checkpoint-3/model.safetensors")));
    for (int step = 1; step <= 3; step++) {
        char name[64];
        snprintf(name, sizeof name, "out/checkpoint-%d", step);
        MUST(folder_remove(temporary_path(name)));
    }
    run r;
    MUST(run_open(&r, &q)); // nothing is lost by starting over
    run_close(&r);
}

// The one before it serves as well, whichever file is damaged.
Test(output, a_damaged_checkpoint_is_passed_over) {
    static const char *const files[] = {"model.safetensors", "optimizer.safetensors"};
    run_request q = small_request("out");
    stop_after(&q, 3);
    q.resume = true;
    for (int i = 0; i < 2; i++) {
        char name[64];
        void *bytes = NULL;
        size_t count = 0;
        snprintf(name, sizeof name, "out/checkpoint-%d/%s", 3 - i, files[i]);
        MUST(file_read(&bytes, &count, temporary_path(name), 0));
        ((char *)bytes)[count - 1] ^= 1;
        MUST(file_write(temporary_path(name), bytes, count));
        mem_free(bytes);
        run r;
        MUST(run_open(&r, &q));
        cr_assert_eq(r.trainer.done, 2U - (uint32_t)i);
        run_close(&r);
        cr_assert(file_exists(temporary_path(name))); // it stays
    }
}

static bool gives_up_checkpoints(void) {
    cJSON *root = NULL;
    MUST(json_read(&root, temporary_path("out/unfinished.json"), 0));
    bool is = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "replaces"));
    cJSON_Delete(root);
    return is;
}

// What --overwrite gives up are another run's checkpoints, not those that this run saves.
Test(output, a_run_that_replaced_another_keeps_its_own_checkpoints) {
    run r;
    run_request q = small_request("out");
    stop_after(&q, 2);
    q.overwrite = true;
    MUST(run_open(&r, &q));
    cr_assert(gives_up_checkpoints());
    run_close(&r);
    stop_after(&q, 1);
    cr_assert_not(gives_up_checkpoints());
    MUST(file_remove(temporary_path("out/checkpoint-1/trainer_state.json")));
    q.overwrite = false;
    q.resume = true;
    expect_refused(&q, ERR_DATA, "out: none of the ");
    cr_assert(file_exists(temporary_path("out/checkpoint-1/model.safetensors")));
}

Test(output, weights_that_are_no_numbers_are_not_saved) {
    char before[HASH_HEX_BYTES], after[HASH_HEX_BYTES];
    run r;
    run_request q = small_request("out");
    run_through(&q, NULL);
    hash_of("out/model/model.safetensors", before);
    q.overwrite = true;
    MUST(run_open(&r, &q));
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    const param *p = &r.trainer.model.params.list[3];
    float *values = NULL;
    MUST(mem_new(&values, p->count));
    MUST(device_read_f32(values, p->p, p->count));
    values[1] = NAN;
    MUST(device_write_f32(p->p, values, p->count));
    mem_free(values);
    MUST_FAIL(run_keep_model(&r), ERR_NUMERIC, "': number 2 of ");
    MUST_FAIL(run_save(&r, &r.trainer), ERR_NUMERIC, "expected a finite one");
    run_close(&r);
    hash_of("out/model/model.safetensors", after);
    cr_assert_str_eq(before, after);
    cr_assert(!has("out/partial-model") && !has("out/partial-checkpoint-4"));
}

Test(output, checkpoints_of_a_finished_run_are_as_many_as_asked) {
    run r;
    size_t count = 0;
    uint64_t bytes = 0;
    run_request q = small_request("out");
    MUST(run_open(&r, &q));
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    MUST(run_keep_model(&r));
    MUST(run_checkpoints(&r, &count, &bytes));
    cr_assert_eq(count, 3);
    cr_assert_gt(bytes, 3 * 10000);
    r.request.recipe.save_total_limit = 1;
    MUST(run_finish(&r));
    MUST(run_checkpoints(&r, &count, &bytes));
    cr_assert_eq(count, 1);
    cr_assert(has("out/checkpoint-3") && !has("out/checkpoint-2"));
    run_close(&r);
}

/* Another's run: its lock may be read, not written. */
Test(output, who_may_only_read_sees_that_a_run_is_at_work) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char folder[200];
    int status = 0;
    snprintf(folder, sizeof folder, "%s", temporary_folder());
    int fd = open(temporary_path(".lock"), O_RDWR | O_CREAT, 0644);
    cr_assert_eq(write(fd, "host 7\n", 7), 7);
    cr_assert_eq(fcntl(fd, F_OFD_SETLK, &whole), 0);
    cr_assert_eq(fchmod(fd, 0444) | chmod(folder, 0755), 0);
    pid_t child = fork();
    if (!child) {
        char *who = NULL;
        bool held = false;
        if (!geteuid() && (setgid(65534) || setuid(65534))) _exit(100);
        err e = run_at_work(&held, &who, folder);
        _exit(e || !held || !who || strcmp(who, "host 7") != 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    close(fd);
    temporary_remove();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 100) cr_skip_test("no other user");
    cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "status %d", status);
}

/* Of another user, perhaps: what is finished needs no writing. */
Test(output, who_may_only_read_sees_that_a_run_is_finished) {
    run_request q = small_request("out");
    int status = 0;
    run_through(&q, NULL);
    cr_assert_eq(chmod(temporary_path("out"), 0555) | chmod(temporary_folder(), 0755), 0);
    pid_t child = fork();
    if (!child) {
        run r;
        if (!geteuid() && (setgid(65534) || setuid(65534))) _exit(100);
        err e = run_open(&r, &q);
        if (e) fprintf(stderr, "%s\n", err_message(e));
        _exit(e || !r.is_finished);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(chmod(temporary_path("out"), 0755), 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 100) cr_skip_test("no other user");
    cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "status %d", status);
}

/* A lock file of another's stays as it is; one that a killed run signed is taken. */
Test(output, a_lock_file_of_anothers_stays) {
    static const char *const others[] = {"my notes\n", "my harness 7\n"};
    run_request q = small_request("out");
    MUST(folder_make(temporary_path("out")));
    for (size_t i = 0; i < 2; i++) {
        temporary_put("out/.lock", others[i]);
        expect_refused(&q, ERR_DATA, "out/.lock: this program did not make it");
        char *text = temporary_text("out/.lock");
        cr_expect_str_eq(text, others[i]);
        mem_free(text);
    }
    temporary_put("out/.lock", "harness host 7\n");
    run r;
    MUST(run_open(&r, &q));
    run_close(&r);
}

/* Links that stand where the program makes folders of its own. */
Test(output, no_link_below_the_named_folder_is_followed) {
    char root[PATH_MAX], below[PATH_MAX];
    snprintf(root, sizeof root, "%s", temporary_path("root"));
    MUST(folder_make(temporary_path("victim")));
    MUST(folder_make(root));
    snprintf(below, sizeof below, "%s/a/b", root);
    cr_assert_eq(symlink("../victim", temporary_path("root/a")), 0);
    MUST_FAIL(folder_check_below(root, below), ERR_IO, "root/a: cannot make folder: a link");
    MUST_FAIL(folder_make_below(root, below), ERR_IO, "root/a: cannot make folder: a link");
    cr_expect_eq(rmdir(temporary_path("victim/b")), -1);
    MUST(folder_make(temporary_path("real")));
    // the top itself may be one
    cr_assert_eq(symlink("real", temporary_path("top")), 0);
    snprintf(root, sizeof root, "%s", temporary_path("top"));
    snprintf(below, sizeof below, "%s/a/b", root);
    MUST(folder_check_below(root, below));
    MUST(folder_make_below(root, below));
    MUST(folder_make_below(root, root));
    cr_expect(folder_is_own(temporary_path("real/a/b")));
}

Test(output, a_run_that_fails_early_leaves_nothing) {
    run r;
    run_request q = small_request("deep/er/out");
    q.recipe.freeze_layers = 9;
    expect_refused(&q, ERR_USAGE, "freeze_layers is 9");
    cr_assert(!has("deep"));
    // folders that were there stay, and so does what lies in them
    MUST(folder_make(temporary_path("deep/er")));
    temporary_put("deep/note", "");
    expect_refused(&q, ERR_USAGE, "freeze_layers is 9");
    cr_assert(has("deep/er") && has("deep/note") && !has("deep/er/out"));
    // begun, but nothing was saved or logged
    q.recipe.freeze_layers = 0;
    q.tensorboard = true;
    MUST(run_open(&r, &q));
    cr_assert(has("deep/er/out/unfinished.json") && has("deep/er/out/.lock"));
    run second;
    MUST_FAIL(run_open(&second, &q), ERR_IO, "another run is at work in this folder");
    run_close(&second);
    cr_assert(has("deep/er/out/.lock"), "the lock of a run at work was removed");
    run_close(&r);
    cr_assert(!has("deep/er/out"));
}
