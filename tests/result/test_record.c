#define _DEFAULT_SOURCE // timegm
#include "base/memory.h"
#include "platform/file.h"
#include "result/record_strict.h"
#include "result/store.h"
#include "result/version.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/said.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char *folder;
static size_t live;

static void setup(void) {
    live = mem_live_count();
    fake_folder(&folder);
}

static void teardown(void) {
    fake_folder_end(folder);
    cr_assert_eq(mem_live_count(), live, "%zu blocks are left", mem_live_count() - live);
}

TestSuite(record, .init = setup, .fini = teardown);

static void read_text(char **text, const char *path) {
    size_t count;
    cr_assert_not(file_read((void **)text, &count, path, 0));
}

/* A name without a folder is one of the folder that the program stands in. */
Test(record, a_bare_name_is_of_this_folder) {
    record a, b;
    cr_assert_eq(chdir(folder), 0);
    fake_record_make(&a, &(fake_record){.right = 0.6});
    MUST(record_write(&a, "a.json"));
    MUST(record_read(&b, "a.json"));
    cr_expect_str_eq(b.final_weights_sha256, a.final_weights_sha256);
    record_free(&a);
    record_free(&b);
    cr_assert_eq(chdir("/"), 0);
}

Test(record, round_trip_keeps_every_key) {
    record a, b;
    char *first, *second, *one, *two;
    fake_record_make(&a, &(fake_record){.right = 0.6, .seed = 4294967295u, .is_whole = true});
    cr_assert_not(path_join(&first, folder, "deep/er/a.json"));
    cr_assert_not(path_join(&second, folder, "b.json"));
    cr_assert_not(record_write(&a, first), "%s", err_message(ERR_FORMAT));
    cr_assert_not(record_read(&b, first), "%s", err_message(ERR_FORMAT));
    cr_assert_eq(b.seed, 4294967295u);
    cr_assert_str_eq(b.task.labels[2], "혐오");
    cr_assert_eq(memcmp(a.predicted, b.predicted, 60 * sizeof(uint32_t)), 0);
    cr_assert_eq(memcmp(a.loss, b.loss, 20 * sizeof(float)), 0);
    cr_assert_eq(b.first_row[7], 3);
    cr_assert_not(b.scored_dedup[5]);
    cr_assert_eq(b.confusion_dedup.total, 58);
    cr_assert_eq(record_metric(&a, "macro_f1"), record_metric(&b, "macro_f1"));
    cr_assert(isnan(record_metric(&b, "f1")));
    cr_assert_str_eq(b.device.uuid, a.device.uuid);
    cr_assert_str_eq(a.final_weights_sha256, b.final_weights_sha256);
    cr_assert_str_eq(b.dev_metric, "loss");
    cr_assert_eq(b.best_step, 20);
    cr_assert_eq(b.loss_scale, 32768);
    cr_assert_eq(b.skipped_steps, 3);
    cr_assert_eq(b.temperature, 1.25);
    cr_assert_eq(b.calibration.rows, 60);
    cr_assert_eq(b.calibration.bins[14].right, a.calibration.bins[14].right);
    cr_assert_eq(b.evaluation_count, 2);
    cr_assert(b.evaluations[0].step == 1 && b.evaluations[0].score == 0.75);
    cr_assert_not(record_write(&b, second));
    read_text(&one, first);
    read_text(&two, second);
    cr_assert_str_eq(one, two);
    const char *keys[] = {
        "schema",  "harness",       "created",    "partial", "task",       "model",
        "recipe",  "recipe_sha256", "protocol",   "seed",    "device",     "headline",
        "metrics", "metrics_dedup", "confusion",  "loss",    "loss_curve", "timing",
        "memory",  "predictions",   "gold_sha256"};
    cJSON *json;
    cr_assert_not(json_read(&json, first, 0));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_assert(json_has(json, keys[i]), "%s", keys[i]);
    cJSON_Delete(json);
    mem_free(one);
    mem_free(two);
    mem_free(first);
    mem_free(second);
    record_free(&a);
    record_free(&b);
}

/* Its file is marked, and not written anew: this program asks more of a record of its own schema. */
Test(record, of_an_older_program_stays_readable_when_its_model_is_gone) {
    store s;
    char *place, *path;
    size_t older = 0;
    MUST(store_read_all(&s, HARNESS_SOURCE_DIR "/results"));
    for (size_t i = 0; i < s.count; i++) {
        record again;
        if (s.records[i].schema > 1) continue;
        MUST(path_join(&place, folder, s.records[i].task.name));
        MUST(folder_make(place));
        MUST(path_join(&path, place, "r.json"));
        char *text = NULL;
        char from[4096];
        snprintf(from, sizeof from, HARNESS_SOURCE_DIR "/results/%s", s.paths[i]);
        read_text(&text, from);
        MUST(file_write(path, text, strlen(text)));
        MUST(store_mark_gone(folder, &s.records[i]));
        cr_assert_not(record_read(&again, path), "%s: %s", s.paths[i], err_message(ERR_FORMAT));
        cr_expect(again.model_is_gone && again.schema == 1);
        record_free(&again);
        MUST(folder_remove(place));
        mem_free(text);
        mem_free(path);
        mem_free(place);
        older++;
    }
    cr_expect_gt(older, 40, "%zu", older);
    store_free(&s);
}

// what records of older programs do not have
Test(record, keys_that_came_later_may_be_absent) {
    static const char *const later[] = {"final_weights_sha256", "kernel_times", "calibration",
                                        "errors"};
    record r;
    char *path;
    cJSON *json;
    fake_record_make(&r, &(fake_record){.right = 0.6, .seed = 1});
    cr_assert_not(path_join(&path, folder, "older.json"));
    cr_assert_not(record_write(&r, path));
    record_free(&r);
    cr_assert_not(json_read(&json, path, 0));
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        cr_assert(json_has(json, later[i]), "%s", later[i]);
        cJSON_DeleteItemFromObject(json, later[i]);
    }
    fake_record_seal(path, json);
    cJSON_Delete(json);
    cr_assert_not(record_read(&r, path), "%s", err_message(ERR_FORMAT));
    cr_assert_null(r.final_weights_sha256);
    cr_assert_null(r.dev_metric);
    cr_assert_eq(r.evaluation_count, 0);
    cr_assert_eq(r.loss_scale, 0);
    record_free(&r);
    mem_free(path);
}

/* No checksum but those of what follows from the rest would tell of these. */
Test(record, what_an_editor_changed_is_not_read) {
    static const struct {
        const char *section, *key;
    } changed[] = {{NULL, "seed"}, {"timing", "train_s"}, {"memory", "host_peak_bytes"}};
    record r;
    char *path;
    fake_record_make(&r, &(fake_record){.right = 0.6, .seed = 1});
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_write(&r, path));
    record_free(&r);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++)
        for (int pretty = 0; pretty < 2; pretty++) {
            cJSON *json;
            char *text, named[80];
            const char *part = changed[i].section ? changed[i].section : changed[i].key;
            cr_assert_not(json_read(&json, path, 0));
            cJSON *item = changed[i].section ? cJSON_GetObjectItem(json, changed[i].section) : json;
            item = cJSON_GetObjectItem(item, changed[i].key);
            cJSON_SetNumberValue(item, item->valuedouble + 1);
            cr_assert_not(json_print(&text, json, pretty));
            snprintf(named, sizeof named, "a.json: key '%s' was changed after", part);
            cr_assert_eq(record_parse(&r, text, strlen(text), "a.json"), ERR_FORMAT);
            cr_assert(strstr(err_message(ERR_FORMAT), named), "%s", err_message(ERR_FORMAT));
            mem_free(text);
            cJSON_SetNumberValue(item, item->valuedouble - 1); // as it was, laid out so or so
            cr_assert_not(json_print(&text, json, pretty));
            cr_assert_not(record_parse(&r, text, strlen(text), "a.json"), "%s",
                          err_message(ERR_FORMAT));
            record_free(&r);
            mem_free(text);
            cJSON_Delete(json);
        }
    mem_free(path);
}

/* Records of an older metric version are read: what they lack, or hold of another definition, is
 * computed; what they know is checked as ever. */
Test(record, metrics_that_came_later_may_be_absent) {
    static const char *const parts[] = {"metrics", "metrics_dedup"};
    record r;
    char *path, *text;
    cJSON *json;
    fake_record_make(&r, &(fake_record){.right = 0.6, .seed = 1});
    double want = record_metric(&r, "balanced_accuracy");
    cr_assert(want > 0);
    cr_assert_not(path_join(&path, folder, "older.json"));
    cr_assert_not(record_write(&r, path));
    record_free(&r);
    cr_assert_not(json_read(&json, path, 0));
    cJSON_SetNumberValue(
        cJSON_GetObjectItem(cJSON_GetObjectItem(json, "harness"), "metric_version"), 1);
    for (int i = 0; i < 2; i++)
        cJSON_DeleteItemFromObject(cJSON_GetObjectItem(json, parts[i]), "balanced_accuracy");
    fake_record_seal(path, json);
    cr_assert_not(record_read(&r, path), "%s", err_message(ERR_FORMAT));
    cr_assert_eq(r.metric_version, 1);
    cr_assert_eq(record_metric(&r, "balanced_accuracy"), want);
    record_free(&r);
    cJSON_SetNumberValue(
        cJSON_GetObjectItem(cJSON_GetObjectItem(json, "harness"), "metric_version"),
        METRIC_VERSION);
    cr_assert_not(json_print(&text, json, true));
    cr_assert_not(file_write(path, text, strlen(text)));
    cr_assert_eq(record_read(&r, path), ERR_FORMAT);
    cr_assert(strstr(err_message(ERR_FORMAT), "metrics: key 'balanced_accuracy' is missing"), "%s",
              err_message(ERR_FORMAT));
    mem_free(text);
    cJSON_Delete(json);
    mem_free(path);
}

static void number_labels(const char **labels, char (*names)[16], size_t count) {
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "label %zu", i);
        labels[i] = names[i];
    }
}

// two bytes an id beyond 256 labels
Test(record, many_labels_use_u16) {
    enum { LABELS = 257 };
    static char names[LABELS][16];
    const char *labels[LABELS];
    for (uint32_t count = LABELS - 1; count <= LABELS; count++) {
        record a, b;
        char *path, *text;
        fake_record_make(&a, &(fake_record){.right = 0.6});
        number_labels(labels, names, count);
        cr_assert_not(record_labels(&a, labels, count));
        a.predicted[0] = count - 1;
        fake_record_forget(&a);
        fake_record_follow(&a);
        cr_assert_not(path_join(&path, folder, "a.json"));
        cr_assert_not(record_write(&a, path), "%s", err_message(ERR_FORMAT));
        read_text(&text, path);
        cr_assert_eq(strstr(text, "\"uint16\"") != NULL, count > 256);
        cr_assert_not(record_read(&b, path));
        cr_assert_eq(b.predicted[0], count - 1);
        mem_free(text);
        mem_free(path);
        record_free(&a);
        record_free(&b);
    }
}

/* As many labels as there may be: the cells of a confusion stand in place of sixteen million numbers,
 * and a wrong one is named; a whole matrix of an older program is read as before. */
Test(record, most_labels_have_cells) {
    static char names[LABELS_MOST][16];
    static const char *labels[LABELS_MOST];
    record a, b;
    char *path, *text, *at;
    size_t length;
    fake_record_make(&a, &(fake_record){.right = 0.6});
    number_labels(labels, names, LABELS_MOST);
    cr_assert_not(record_labels(&a, labels, LABELS_MOST));
    a.predicted[0] = a.predicted[9] = LABELS_MOST - 1;
    a.gold[0] = a.gold[9] = 70;
    fake_record_forget(&a);
    fake_record_follow(&a);
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_write(&a, path), "%s", err_message(ERR_FORMAT));
    cr_assert_not(file_read((void **)&text, &length, path, 1 << 20));
    cr_assert(at = strstr(text, "[70, 4095, 2]"));
    cr_assert_not(record_read(&b, path), "%s", err_message(ERR_FORMAT));
    cr_assert_eq(b.predicted[9], LABELS_MOST - 1);
    record_free(&b);
    at[11] = '3';
    cr_assert_not(file_write(path, text, length));
    cr_assert_eq(record_read(&b, path), ERR_FORMAT);
    cr_assert(strstr(err_message(ERR_FORMAT), "is not what the predictions give: [70, 4095, 2] of"),
              "%s", err_message(ERR_FORMAT));
    mem_free(text);
    // one label more
    cr_assert_not(mem_resize((void **)&a.task.labels, LABELS_MOST + 1, sizeof *a.task.labels));
    cr_assert_not(mem_strdup(&a.task.labels[LABELS_MOST], "more"));
    a.task.label_count++;
    cr_assert_eq(record_write(&a, path), ERR_FORMAT);
    cr_assert(strstr(err_message(ERR_FORMAT), "holds 4097 labels, expected 1 to 4096"), "%s",
              err_message(ERR_FORMAT));
    mem_free(path);
    record_free(&a);
}

// 300 labels: the matrix that older programs wrote is read, and checked
Test(record, an_older_matrix_of_many_labels_is_read) {
    enum { LABELS = 300 };
    static char names[LABELS][16];
    static const char *labels[LABELS];
    record a, b;
    char *path;
    cJSON *json, *rows;
    uint64_t *counts;
    fake_record_make(&a, &(fake_record){.right = 0.6});
    number_labels(labels, names, LABELS);
    cr_assert_not(record_labels(&a, labels, LABELS));
    fake_record_follow(&a);
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_write(&a, path));
    cr_assert_not(json_read(&json, path, 0));
    cr_assert_not(confusion_matrix(&counts, a.gold, a.predicted, (size_t)a.task.test_rows, LABELS));
    for (int wrong = 0; wrong < 2; wrong++) {
        cJSON_DeleteItemFromObjectCaseSensitive(json, "confusion");
        cr_assert_not(json_add_array(&rows, json, "confusion"));
        counts[LABELS + 1] += (uint64_t)wrong;
        for (size_t g = 0; g < LABELS; g++) {
            double row[LABELS];
            for (size_t p = 0; p < LABELS; p++) row[p] = (double)counts[g * LABELS + p];
            cr_assert_not(json_append(rows, cJSON_CreateDoubleArray(row, LABELS)));
        }
        fake_record_seal(path, json);
        cr_assert_eq(record_read(&b, path), wrong ? ERR_FORMAT : ERR_OK);
        if (!wrong) record_free(&b);
    }
    cr_assert(strstr(err_message(ERR_FORMAT), "key 'confusion': row 1, column 1 is "));
    mem_free(counts);
    cJSON_Delete(json);
    mem_free(path);
    record_free(&a);
}

Test(record, new_records_carry_this_program) {
    record r;
    setenv("TZ", "XYZ-9", 1);
    tzset();
    cr_assert_not(record_init(&r));
    cr_assert_str_eq(r.harness_version, version_string());
    cr_assert_str_eq(r.commit, version_commit());
    // now, by the clock of the whole world, wherever it is read
    struct tm t = {0};
    cr_assert_eq(sscanf(r.created, "%d-%d-%dT%d:%d:%dZ", &t.tm_year, &t.tm_mon, &t.tm_mday,
                        &t.tm_hour, &t.tm_min, &t.tm_sec),
                 6, "%s", r.created);
    t.tm_year -= 1900;
    t.tm_mon--;
    cr_assert_eq(strlen(r.created), 20);
    cr_assert_lt(fabs(difftime(timegm(&t), time(NULL))), 60, "%s", r.created);
    cr_assert_eq(r.dirty, version_is_dirty());
    record_free(&r);
}

Test(record, recipe_hash_ignores_the_order_of_keys) {
    record a, b;
    cr_assert_not(record_init(&a));
    cr_assert_not(record_init(&b));
    const uint32_t ids[] = {0};
    const char *labels[] = {"x"};
    record *both[] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        cr_assert_not(record_labels(both[i], labels, 1));
        cr_assert_not(fake_record_test(both[i], ids, ids, NULL, NULL, 1));
    }
    fake_recipe_number(&a, "lr", 1e-4);
    fake_recipe_text(&a, "schedule", "linear");
    fake_recipe_text(&b, "schedule", "cosine");
    fake_recipe_number(&b, "lr", 1e-4);
    cr_assert_not(record_score(&a));
    cr_assert_not(record_score(&b));
    cr_assert_str_neq(a.recipe_sha256, b.recipe_sha256);
    fake_recipe_text(&b, "schedule", "linear"); // replaced in its place
    cr_assert_not(record_score(&b));
    cr_assert_str_eq(a.recipe_sha256, b.recipe_sha256);
    char want[HASH_HEX_BYTES];
    const char *compact = "{\"lr\":0.0001,\"schedule\":\"linear\"}";
    hash_bytes_hex(compact, strlen(compact), want);
    cr_assert_str_eq(a.recipe_sha256, want);
    record_free(&a);
    record_free(&b);
}

Test(record, file_names_are_safe_and_tell_runs_apart) {
    record r;
    char *name, *other;
    fake_record_make(&r, &(fake_record){.model = "../KLUE/bert base", .seed = 42});
    cr_assert_not(record_text(&r.device.name, "NVIDIA H200 (12.3)"));
    cr_assert_not(record_file_name(&name, &r));
    cr_assert(strstr(name, "fake_task/klue-bert-base-nvidia-h200-12.3-") == name, "%s", name);
    cr_assert_str_eq(name + strlen(name) - 9, "-s42.json");
    cr_assert_not(record_text(&r.device.precision, "fp16"));
    cr_assert_not(record_file_name(&other, &r));
    cr_assert_str_neq(name, other);
    mem_free(name);
    mem_free(other);
    record_free(&r);
}

Test(record, invalid_records_are_not_written) {
    record r;
    char *path;
    fake_record_make(&r, &(fake_record){0});
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_text(&r.headline, "f1"));
    cr_assert_eq(record_write(&r, path), ERR_FORMAT);
    cr_assert(
        strstr(err_message(ERR_FORMAT), "key 'headline': metric 'f1' is for two classes, not 3"));
    cr_assert_not(record_text(&r.headline, "accuracy"));
    r.timing.train_s = (double)NAN;
    cr_assert_eq(record_write(&r, path), ERR_FORMAT);
    cr_assert(strstr(err_message(ERR_FORMAT), "timing: key 'train_s' is nan"));
    r.timing.train_s = 1;
    cr_assert_not(record_text(&r.model.name, NULL));
    cr_assert_eq(record_write(&r, path), ERR_FORMAT);
    cr_assert(strstr(err_message(ERR_FORMAT), "model: key 'name' is null, expected a string"));
    cr_assert_not(record_text(&r.model.name, "tiny"));
    r.predicted[3] = 3;
    cr_assert_eq(record_write(&r, path), ERR_DATA);
    cr_assert_not(file_exists(path));
    mem_free(path);
    record_free(&r);
}

/* Ten names of a megabyte would make a board that nobody can open. */
Test(record, a_text_that_boards_show_is_no_longer_than_a_path) {
    char long_text[RECORD_TEXT_LIMIT + 2] = "harness ";
    char *path;
    record r;
    MUST(path_join(&path, folder, "long.json"));
    memset(long_text + strlen(long_text), 'x', sizeof long_text - 1 - strlen(long_text));
    fake_record_make(&r, &(fake_record){.right = 0.7});
    MUST(record_text(&r.command, long_text)); // is not shown there
    MUST(record_text(&r.device.name, long_text + 1));
    MUST(record_write(&r, path));
    MUST(record_text(&r.device.name, long_text));
    cr_assert_eq(record_write(&r, path), ERR_FORMAT);
    cr_expect_not_null(strstr(err_message(ERR_FORMAT), "a text of 4097 bytes in key name, at most "
                                                       "4096 are allowed: harness xxx"),
                       "%s", err_message(ERR_FORMAT));
    mem_free(path);
    record_free(&r);
}

// each replaces `from`, which stands in a valid file, by `to`; the message must name the key
static const struct {
    const char *from, *to, *want;
} damages[] = {
    {"\"schema\":\t2,", "", "key 'schema' is missing"},
    {"\"schema\":\t2,", "\"schema\": 3,",
     "key 'schema' is 3: a record of a newer program; harness "},
    {"\"schema\":\t2,", "\"schema\": 0,", "key 'schema' is 0, expected a whole number from 1"},
    {"\"schema\":\t2,", "\"schema\": 1,", "predictions: key 'type' is 'uint8', expected 'u8'"},
    {"\"schema\":\t2,", "\"schema\": \"1\",", "key 'schema' is a string, expected a number"},
    {"\"partial\":\tfalse", "\"partial\": 0", "key 'partial' is a number, expected true or false"},
    {"\"split\":\t\"official\"", "\"split\": \"random\"",
     "task: key 'split' is 'random', expected one of official|hash"},
    {"\"split\":\t\"official\"", "\"split\": \"offic\"",
     "task: key 'split' is 'offic', expected one of official|hash"},
    {"\"test\":\t60", "\"test\": 61",
     "predictions: 60 bytes of data, expected 61 for 61 test rows"},
    {"\"test\":\t60", "\"test\": 0", "key 'test' is 0, expected a whole number from 1"},
    {"\"test\":\t60", "\"test\": 59.5", "key 'test' is 59.5, expected a whole number"},
    {"\"seed\":\t0,", "\"seed\": 4294967296,",
     "key 'seed' is 4294967296, expected a whole number from 0 to 4294967295"},
    {"\"seed\":\t0,", "\"seed\": -1,", "key 'seed' is -1"},
    {"\"steps\":\t20", "\"steps\": 21", "key 'loss' holds 20 values, timing says 21 steps"},
    {"\"train_s\":\t9.5", "\"train_s\": -9.5", "timing: key 'train_s' is -9.5"},
    {"\"train_s\":\t9.5", "\"train_s\": 1e999", "timing: key 'train_s' is inf"},
    {"\"train_s\":\t9.5", "\"train_s\": null", "timing: key 'train_s' is null, expected a number"},
    {"\"learning_rate\":\t5e-05", "\"learning_rate\": [1]",
     "recipe: key 'learning_rate' is no number, string, true or false"},
    {"\"learning_rate\":\t5e-05", "\"learning_rate\": 6e-05", "key 'recipe_sha256' is '"},
    {"\"name\":\t\"fake_task\"", "\"name\": \"x/fake_task\"",
     "task: key 'name' is 'x/fake_task', a task's name is expected, no path"},
    {"\"name\":\t\"fake_task\"", "\"name\": \"fake_task\xe2\x80\x8b\"",
     "which has letters that do not show"},
    {"\"majority_class\":\t1", "\"majority_class\": 3",
     "key 'majority_class' is 3, there are 3 labels"},
    {"\"headline\":\t\"macro_f1\"", "\"headline\": \"bleu\"",
     "key 'headline': unknown metric 'bleu' (known: accuracy"},
    {"\"type\":\t\"uint8\"", "\"type\": \"u8\"",
     "predictions: key 'type' is 'u8', expected 'uint8'"},
    {"\"type\":\t\"float32\"", "\"type\": \"f32\"",
     "loss: key 'type' is 'f32', expected 'float32'"},
    {"\"kernel_times\":\t\"", "\"kernel_times\": \"G",
     "checksums: key 'kernel_times' is no checksum"},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[3, 7]]", "key 'repeats': row 3 cannot repeat row 7"},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[5, 4], [4, 3]]",
     "key 'repeats': row 4 comes after row 5"},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[4, 3], [5, 4]]",
     "key 'repeats': row 5 cannot repeat row 4"},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[7, 3], [7, 4]]",
     "key 'repeats': row 7 comes after row 7"},
    {"\"metric_version\":\t", "\"metric_version\": 99", ", expected a whole number from 1 to "},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[7]]", "expected an array of arrays of 2 numbers"},
    {"\"repeats\":\t[[7, 3]]", "\"repeats\": [[60, 3]]",
     "key 'repeats' holds 60, expected whole numbers from 0 to 59"},
    {"\"left_out_of_dedup\":\t[5, 7]", "\"left_out_of_dedup\": [5]", "metrics_dedup: key '"},
    {"\"lengths\":\t[[5, 50]", "\"lengths\": [[5, 51]",
     "key 'lengths' counts 61 rows, there are 60"},
    {"\"lengths\":\t[[5, 50]", "\"lengths\": [[40, 50]", "key 'lengths': 40 tokens come after 40"},
    {"\"most_wrong\":\t[[1, 0.0625]]", "\"most_wrong\": [[1, 1.5]]",
     "key 'most_wrong': probability 1.5"},
    {"\"final_weights_sha256\":\t\"", "\"final_weights_sha256\": \"G",
     "expected 64 lower-case hexadecimal digits"},
    {"\"temperature\":\t1.25", "\"temperature\": -1", "key 'calibration': brier is 0.4375"},
    {"\"ece\":\t0.", "\"ece\": 1.", "key 'calibration': ece is 1."},
    {"\"bins\":\t[[0, 0, 0]", "\"bins\": [[1, 0, 0.01]", "its bins have 61 rows, "},
    {"\"bins\":\t[[0, 0, 0]", "\"bins\": [[1, 1, 0.5]", "the confidence of bin 1 is 0.5"},
    {"\"bins\":\t[[0, 0, 0], ", "\"bins\": [", "key 'calibration' has 14 bins, expected 15"},
    {"\"suspect_rows\":\t4", "\"suspect_rows\": 3",
     "key 'errors': suspect_rows is 3, 4 are listed"},
    {"0.8125, 0.0625]", "0.8125, 0.9]", "key 'errors': probabilities 0.8125 and 0.9 of row "},
    {"0.8125, 0.0625]", "0.8125, 0.3]", "key 'errors': probability 0.125 comes after 0.3"},
    {"\"suspects\":\t[[", "\"suspects\": [[60", "expected whole numbers from 0 to 59"},
    {"\"suspects\":\t[[", "\"suspects\": [[0, 3, 0.8125, 0.0625], [",
     "expected whole numbers from 0 to 2"},
    {"\"recipe\":\t{", "\"recipe\": {\"z\": 1e999, ",
     "key 'z' is no number, string, true or false"},
    {"\"by\":\t\"length\"", "\"by\": \"width\"",
     "key 'errors': a slice by 'width' called '3 to 8 tokens', expected one by length"},
    {"\"slice\":\t\"3 to 8 tokens\",\n\t\t\t\t\"rows\":\t60",
     "\"slice\": \"3 to 8 tokens\", \"rows\": 61",
     "key 'rows' is 61, expected a whole number from 1 to 60"},
    {"\"score\":\t0.375", "\"score\": 1.375", "and score 1.375"},
    {"\"best_step\":\t20", "\"best_step\": 19",
     "key 'dev': best_step is 19, no evaluation is of it"},
    {"\"final_scale\":\t32768", "\"final_scale\": 0",
     "key 'loss_scaling': final_scale is 0, expected a number above 0"},
    {"\"skipped_steps\":\t3", "\"skipped_steps\": 21",
     "key 'skipped_steps' is 21, expected a whole number"},
    {"\"best_step\":\t20", "\"best_step\": 21", "key 'best_step' is 21, expected a whole number"},
    {"\"evaluations\":\t[[1, 0.75", "\"evaluations\": [[20, 0.75",
     "key 'dev': step 20 comes after 20"},
    {"\"evaluations\":\t[[1, 0.75", "\"evaluations\": [[1, null",
     "key 'dev' holds something that is no finite number"},
    {"\"float32\",\n\t\t\"data\":\t\"", "\"float32\", \"data\": \"!", "loss: not valid base64"},
    {"\"float32\",\n\t\t\"data\":\t\"", "\"float32\", \"data\": \"AAAA", "no float32 values"},
    {"\"created\":\t\"2024-05-01T", "\"created\": \"2023-02-29T",
     "key 'created' is '2023-02-29T00:00:00Z', expected a time like"},
    {"\"created\":\t\"2024-05-01T00:00:00Z\"", "\"created\": \"yesterday\"",
     "key 'created' is 'yesterday', expected a time like"},
    {"\"created\":\t\"2024-05-01T00", "\"created\": \"2024-05-01T24",
     "key 'created' is '2024-05-01T24:00:00Z', expected a time like"},
    {"\"leaked_rows\":\t1", "\"leaked_rows\": 61",
     "task: key 'leaked_rows' is 61, there are 60 test rows"},
    {"\"duplicate_rows\":\t2", "\"duplicate_rows\": 61",
     "task: key 'duplicate_rows' is 61, there are 60 test rows"},
    {"\"newly_initialised\":\t[", "\"newly_initialised\": [1",
     "key 'newly_initialised' holds something that is no string"},
    {"\"loss_curve\":\t[[10, ", "\"loss_curve\": [[20, ",
     "key 'loss_curve': the loss of step 20 is "},
    {"\"loss_curve\":\t[[10, ", "\"loss_curve\": [[0, ", "key 'loss_curve': step 0 comes after 0"},
    {"\"loss_curve\":\t[[10, ", "\"loss_curve\": [[21, ",
     "key 'loss_curve': step 21, there are 20"},
    {"2.75e-05], [20, ", "2.75e-05], [10, ", "key 'loss_curve': step 10 comes after 10"},
    {"2.75e-05], [20, ", "-1], [20, ", "key 'loss_curve': learning rate -1"},
    {"\"step_ms_p10_p90\":\t[35.25", "\"step_ms_p10_p90\": [37.75",
     "key 'step_ms_p10_p90' is 37.75 and 41.5, and step_ms_p50 is 37.5"},
    {"\"step_ms_p10_p90\":\t[35.25, 41.5]", "\"step_ms_p10_p90\": [0, 37]",
     "key 'step_ms_p10_p90' is 0 and 37, and step_ms_p50 is 37.5"},
    {"\"step_ms_p10_p90\":\t[35.25", "\"step_ms_p10_p90\": [-1",
     "key 'step_ms_p10_p90' is -1, expected 0"},
    {"\"forward\", 2, 1.5]", "\"forward\", 2, -1.5]", "key 'kernel_times' is -1.5, expected 0"},
    {"\"most_wrong\":\t[[1, 0.0625]]", "\"most_wrong\": [[1, 0.0625], [1, 0.0625]]",
     "key 'most_wrong' holds row 1 twice"},
    {"\"most_wrong\":\t[[1, 0.0625]]", "\"most_wrong\": [[1, 0.0625], [8, 0.0525]]",
     "key 'most_wrong': probability 0.0525 comes after 0.0625"},
    {"\"metric\":\t\"loss\"", "\"metric\": \"bleu\"", "key 'dev': unknown metric 'bleu'"},
    {"\"gold_sha256\":\t\"", "\"gold_sha256\": \"0", "key 'gold_sha256' is '"},
    {"\"manifest_sha256\":\t\"", "\"manifest_sha256\": \"g",
     "expected 64 lower-case hexadecimal digits"},
    {"\"labels\":\t[", "\"labels\": [1, ", "key 'labels': element 0 is no string"},
    {"\"labels\":\t[", "\"readable_labels\": [\"x\"], \"labels\": [",
     "key 'readable_labels' holds 1 labels, expected 3"},
    {"\"labels\":\t[", "\"labels\": [\"four\", ", "metrics: key 'macro_precision' is "},
};

static void damage(char **out, const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    cr_assert(at, "the record does not hold %s: %.900s", from, strstr(text, "lengths"));
    strbuf b = {0};
    cr_assert_not(strbuf_add_bytes(&b, text, (size_t)(at - text)));
    cr_assert_not(strbuf_add(&b, to));
    cr_assert_not(strbuf_add(&b, at + strlen(from)));
    *out = b.text;
}

static void expect_refusal(const char *path, const char *text, size_t length, const char *want) {
    record r;
    cr_assert_not(file_write(path, text, length));
    size_t before = mem_live_count();
    err e = record_read(&r, path);
    cr_assert_eq(e, ERR_FORMAT, "%s: was read as %s", want, err_name(e));
    cr_assert(strstr(err_message(e), want), "want '%s' in '%s'", want, err_message(e));
    cr_assert(strstr(err_message(e), path), "no path in '%s'", err_message(e));
    cr_assert_eq(mem_live_count(), before, "%s: blocks are left", want);
}

Test(record, damage_is_named) {
    record r;
    char *path, *text, *changed;
    fake_record_make(&r, &(fake_record){.right = 0.5, .is_whole = true});
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_write(&r, path));
    read_text(&text, path);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        damage(&changed, text, damages[i].from, damages[i].to);
        expect_refusal(path, changed, strlen(changed), damages[i].want);
        mem_free(changed);
    }
    size_t length = strlen(text);
    for (size_t cut = 0; cut < length - 3; cut += 97)
        expect_refusal(path, text, cut, "not valid JSON");
    expect_refusal(path, "[]", 2, "not a run record: expected an object");
    mem_free(text);
    mem_free(path);
    record_free(&r);
}

// what lies on a limit is taken: rows that are as wrong, times of 0
Test(record, equal_and_least_figures_are_read) {
    record a, b;
    char *path;
    fake_record_make(&a, &(fake_record){.right = 0.5});
    cr_assert_not(mem_resize((void **)&a.worst, 2, sizeof *a.worst));
    a.worst[a.worst_count++] = (record_worst_row){a.suspects[1].row, a.worst[0].probability};
    a.kernel_times[0].ms = 0;
    a.timing.step_ms_p10 = a.timing.step_ms_p90 = a.timing.step_ms_p50;
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_write(&a, path), "%s", err_message(ERR_FORMAT));
    cr_assert_not(record_read(&b, path), "%s", err_message(ERR_FORMAT));
    cr_assert(b.worst_count == 2 && b.worst[1].row == a.suspects[1].row);
    cr_assert(b.kernel_times[0].ms == 0 && b.timing.step_ms_p10 == a.timing.step_ms_p50);
    record_free(&b);
    mem_free(path);
    record_free(&a);
}

// records beside the folders of tasks: the first is named, the others are counted
Test(record, strays_are_counted) {
    static const char *const more[] = {NULL, "", ": so is 1 more record\n",
                                       ": so are 2 more records\n"};
    for (size_t count = 0; count < sizeof more / sizeof *more; count++) {
        store s;
        if (count) {
            record r;
            char *path;
            fake_record_make(&r, &(fake_record){.seed = (uint32_t)count});
            cr_assert_not(mem_printf(&path, "%s/%zu.json", folder, count));
            cr_assert_not(record_write(&r, path));
            mem_free(path);
            record_free(&r);
        }
        said_begin();
        cr_assert_not(store_read(&s, folder));
        store_free(&s);
        char *said = said_end();
        cr_expect_eq(strstr(said, "/1.json is passed over: ") != NULL, count > 0, "%s", said);
        if (more[count]) cr_expect(strstr(said, more[count]), "no '%s' in %s", more[count], said);
        cr_expect_eq(strstr(said, " more record") != NULL, count > 1, "%s", said);
        mem_free(said);
    }
}

// what other records are searched for by key may not have a hundred thousand
Test(record, recipes_and_configurations_have_few_keys) {
    static const char *const parts[] = {"recipe", "config"};
    for (int i = 0; i < 2; i++) {
        record r;
        char *path;
        fake_record_make(&r, &(fake_record){.right = 0.5});
        cJSON *object = i ? r.model.config : r.recipe;
        for (int k = cJSON_GetArraySize(object); k < 257; k++) {
            char key[16];
            snprintf(key, sizeof key, "key %d", k);
            cr_assert_not(json_add_number(object, key, k));
        }
        cr_assert_not(path_join(&path, folder, "a.json"));
        cr_assert_eq(record_write(&r, path), ERR_FORMAT);
        char want[80];
        snprintf(want, sizeof want, "key '%s' holds 257 values, expected at most 256", parts[i]);
        cr_assert(strstr(err_message(ERR_FORMAT), want), "%s", err_message(ERR_FORMAT));
        mem_free(path);
        record_free(&r);
    }
}

// what follows from the predictions is computed again: one changed figure is found
Test(record, wrong_figures_are_found) {
    record r;
    char *path;
    fake_record_make(&r, &(fake_record){.right = 0.5});
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_write(&r, path));
    static const char *const places[] = {"metrics", "metrics_dedup"};
    for (int i = 0; i < 2; i++) {
        cJSON *json, *item;
        char *text;
        cr_assert_not(json_read(&json, path, 0));
        item = cJSON_GetObjectItem(cJSON_GetObjectItem(json, places[i]), "macro_f1");
        cJSON_SetNumberValue(item, item->valuedouble + 2e-12);
        cr_assert_not(json_print(&text, json, true));
        expect_refusal(path, text, strlen(text), "key 'macro_f1' is ");
        mem_free(text);
        cJSON_Delete(json);
        cr_assert_not(record_write(&r, path));
    }
    cJSON *json;
    char *text;
    cr_assert_not(json_read(&json, path, 0));
    cJSON *cell = cJSON_GetObjectItem(json, "confusion")->child->next->child;
    cJSON_SetNumberValue(cell, cell->valuedouble + 1);
    cr_assert_not(json_print(&text, json, true));
    expect_refusal(path, text, strlen(text), "key 'confusion': row 1, column 0 is ");
    mem_free(text);
    cJSON_Delete(json);
    mem_free(path);
    record_free(&r);
}

// every failing allocation on the way gives ERR_MEMORY and leaves nothing behind
Test(record, allocation_failures_are_survived) {
    record r, again;
    char *path;
    fake_record_make(&r, &(fake_record){.right = 0.5});
    cr_assert_not(path_join(&path, folder, "a.json"));
    cr_assert_not(record_write(&r, path));
    size_t before = mem_live_count(), failures = 0;
    for (uint64_t n = 1;; n++) {
        mem_fail_at(n);
        err e = record_read(&again, path);
        mem_fail_at(0);
        if (!e) break;
        failures++;
        cr_assert_eq(mem_live_count(), before, "request %llu", (unsigned long long)n);
    }
    cr_assert_gt(failures, 100);
    record_free(&again);
    mem_free(path);
    record_free(&r);
}

Test(record, store_passes_over_what_does_not_count) {
    store s;
    record r;
    char *path, *damaged, *baseline;
    cr_assert_not(path_join(&path, folder, "none"));
    cr_assert_not(store_read(&s, path));
    cr_assert_eq(s.count, 0);
    store_free(&s);
    mem_free(path);
    for (uint32_t seed = 0; seed < 20; seed++) {
        fake_record_make(&r, &(fake_record){.right = 0.5, .seed = seed});
        r.dirty = seed == 1;
        cr_assert_not(store_write(folder, &r, NULL));
        record_free(&r);
    }
    fake_record_make(&r, &(fake_record){.right = 0.5, .seed = 77});
    r.partial = true;
    cr_assert_eq(store_write(folder, &r, NULL), ERR_ARG);
    cr_assert_not(path_join(&path, folder, "fake_task/partial.json"));
    cr_assert_not(record_write(&r, path));
    record_free(&r);
    cr_assert_not(path_join(&damaged, folder, "fake_task/damaged.json"));
    cr_assert_not(file_write(damaged, "{", 1));
    cr_assert_not(path_join(&baseline, folder, "baselines"));
    cr_assert_not(folder_make(baseline));
    mem_free(baseline);
    cr_assert_not(path_join(&baseline, folder, "baselines/cpu.json"));
    cr_assert_not(file_write(baseline, "{", 1));
    // files that are no records by their names, whatever they hold
    static const char *const names[] = {"notes.txt",  "tiny.json~", "tiny.json.tmp", ".json",
                                        ".tiny.json", "tiny.JSON",  "json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *other;
        cr_assert_not(mem_printf(&other, "%s/fake_task/%s", folder, names[i]));
        cr_assert_not(file_write(other, "{", 1));
        mem_free(other);
    }
    cr_assert_not(store_read(&s, folder), "%s", err_message(ERR_IO));
    cr_assert_eq(s.count, 19);
    cr_assert_eq(s.partial, 1);
    cr_assert_eq(s.dirty, 1);
    cr_assert_eq(s.damaged, 1);
    for (size_t i = 0; i < s.count; i++) {
        cr_assert(strstr(s.paths[i], "fake_task/tiny-cpu-") == s.paths[i], "%s", s.paths[i]);
        if (i) cr_assert_lt(strcmp(s.paths[i - 1], s.paths[i]), 0);
    }
    store_free(&s);
    mem_free(path);
    mem_free(damaged);
    mem_free(baseline);
}
