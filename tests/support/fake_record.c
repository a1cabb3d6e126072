#define _XOPEN_SOURCE 700
#include "support/fake_record.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/shown.h"
#include "model/head/head.h"
#include "model/params.h"
#include "platform/file.h"
#include "support/must.h"
#include "train/recipe/recipe.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static uint32_t word(uint32_t i, uint32_t seed, uint32_t stream) {
    return philox4x32((philox){{i, seed, stream, 0}}, 77, 1).v[0];
}

static uint32_t hash_text(const char *text) {
    uint32_t h = 2166136261u;
    for (; *text; text++) h = (h ^ (uint32_t)(unsigned char)*text) * 16777619u;
    return h;
}

static void hash_field(char **field, const char *text) {
    char hex[HASH_HEX_BYTES];
    hash_bytes_hex(text, strlen(text), hex);
    cr_assert_not(record_text(field, hex));
}

static void set_recipe(record *r, const char *key, cJSON *item) {
    bool is_there = cJSON_HasObjectItem(r->recipe, key);
    cr_assert(is_there ? cJSON_ReplaceItemInObjectCaseSensitive(r->recipe, key, item)
                       : cJSON_AddItemToObject(r->recipe, key, item));
}

void fake_recipe_number(record *r, const char *key, double value) {
    set_recipe(r, key, cJSON_CreateNumber(value));
}

void fake_recipe_text(record *r, const char *key, const char *value) {
    set_recipe(r, key, cJSON_CreateString(value));
}

void fake_recipe_bool(record *r, const char *key, bool value) {
    set_recipe(r, key, cJSON_CreateBool(value));
}

static void fill_names(record *r, const char *task, const char *model) {
    cr_assert_not(record_text(&r->task.name, task));
    cr_assert_not(record_text(&r->task.split, "official"));
    cr_assert_not(record_text(&r->model.name, model));
    cr_assert_not(record_text(&r->protocol, "last"));
    cr_assert_not(record_text(&r->device.kind, "cpu"));
    cr_assert_not(record_text(&r->device.name, "cpu"));
    cr_assert_not(record_text(&r->device.precision, "fp32"));
    hash_field(&r->task.manifest_sha256, task);
    hash_field(&r->task.data_sha256, task);
    hash_field(&r->model.vocab_sha256, model);
    hash_field(&r->model.weights_sha256, model);
}

err fake_record_test(record *r, const uint32_t *gold, const uint32_t *predicted,
                     const uint32_t *first_row, const bool *scored_dedup, size_t rows) {
    answers right = {.classes = gold}, said = {.classes = predicted};
    return record_test_answers(r, right, said, first_row, scored_dedup, rows);
}

static void fill_test_rows(record *r, size_t rows, size_t classes, double right, uint32_t stream) {
    uint32_t *gold, *predicted, *first_row;
    bool *scored;
    cr_assert_not(mem_new(&gold, rows));
    cr_assert_not(mem_new(&predicted, rows));
    cr_assert_not(mem_new(&first_row, rows));
    cr_assert_not(mem_new(&scored, rows));
    for (uint32_t i = 0; i < rows; i++) {
        gold[i] = word(i, 0, 0) % (uint32_t)classes;
        uint32_t luck = word(i, 1, stream);
        bool hit = word(i, 2, stream) < right * 4294967295.0;
        predicted[i] = hit ? gold[i] : luck % (uint32_t)classes;
        first_row[i] = i == 7 ? 3 : i;
        scored[i] = i != 5 && i != 7;
    }
    cr_assert_not(fake_record_test(r, gold, predicted, first_row, scored, rows));
    mem_free(gold);
    mem_free(predicted);
    mem_free(first_row);
    mem_free(scored);
}

/* Numbers from 0 to 5 and sets of labels, wrong where a class would be. */
static void fill_other_rows(record *r, const fake_record *f, size_t rows, uint32_t stream) {
    size_t width = record_width(r, true);
    float *gold, *predicted;
    cr_assert_not(mem_new(&gold, rows * width));
    cr_assert_not(mem_new(&predicted, rows * width));
    for (uint32_t i = 0; i < rows * width; i++) {
        bool hit = word(i, 2, stream) < f->right * 4294967295.0, is_set = f->kind == ANSWER_SET;
        gold[i] = (float)(word(i, 0, 0) % (is_set ? 2 : 6));
        predicted[i] = is_set ? ((gold[i] > 0) == hit ? 2.0f : -2.0f) : gold[i];
        if (!is_set && !hit) predicted[i] = (float)(word(i, 1, stream) % 64) / 16;
        if (f->is_constant) predicted[i] = 2.5f;
    }
    cr_assert_not(record_test_answers(r, (answers){.numbers = gold},
                                      (answers){.numbers = predicted}, NULL, NULL, rows));
    mem_free(gold);
    mem_free(predicted);
}

/* Takes answers in parts, and frees them. */
static void take_parts(record *r, uint32_t *gold, uint32_t *predicted, uint32_t *begin,
                       size_t rows) {
    MUST(record_test_answers(r, (answers){.classes = gold, .begin = begin},
                             (answers){.classes = predicted, .begin = begin}, NULL, NULL, rows));
    mem_free(gold);
    mem_free(predicted);
    mem_free(begin);
}

/* Rows of 4 to 8 units, whose tags are wrong where a class would be. */
static void fill_tagged_rows(record *r, const fake_record *f, size_t rows, uint32_t stream) {
    enum { MOST = 8 };
    uint32_t *gold, *predicted, *begin;
    uint32_t tags = (uint32_t)r->task.label_count;
    cr_assert_not(mem_new(&gold, rows * MOST));
    cr_assert_not(mem_new(&predicted, rows * MOST));
    cr_assert_not(mem_new(&begin, rows + 1));
    for (uint32_t i = 0; i < rows; i++) {
        begin[i + 1] = begin[i] + 4 + i % 5;
        for (uint32_t u = begin[i]; u < begin[i + 1]; u++) {
            bool hit = word(u, 2, stream) < f->right * 4294967295.0;
            uint32_t type = word(u, 0, 0) % tags / 2;
            // alternately an entity of one unit and none
            gold[u] = u % 2 && 2 * type + 1 < tags ? 2 * type : tags - 1;
            predicted[u] = hit ? gold[u] : word(u, 1, stream) % tags;
            if (f->is_constant) predicted[u] = tags - 1;
        }
    }
    take_parts(r, gold, predicted, begin, rows);
}

/* Rows of 3 to 6 words, each hanging from the next one, answered by the root where a class would be
 * wrong. */
static void fill_parsed_rows(record *r, const fake_record *f, size_t rows, uint32_t stream) {
    enum { MOST = 6 };
    uint32_t *gold, *predicted, *begin, relations = (uint32_t)r->task.label_count;
    cr_assert_not(mem_new(&gold, rows * MOST * ARC_WIDTH));
    cr_assert_not(mem_new(&predicted, rows * MOST * ARC_WIDTH));
    cr_assert_not(mem_new(&begin, rows + 1));
    for (uint32_t i = 0; i < rows; i++) {
        begin[i + 1] = begin[i] + 3 + i % 4;
        for (uint32_t u = begin[i]; u < begin[i + 1]; u++) {
            uint32_t *right = gold + u * ARC_WIDTH, *said = predicted + u * ARC_WIDTH;
            right[ARC_HEAD] = u + 1 < begin[i + 1] ? u - begin[i] + 2 : 0;
            right[ARC_RELATION] = said[ARC_RELATION] = word(u, 0, 0) % relations;
            said[ARC_HEAD] = word(u, 2, stream) < f->right * 4294967295.0 ? right[ARC_HEAD] : 0;
        }
    }
    take_parts(r, gold, predicted, begin, rows);
}

/* The class that a class would be answered with has the largest score. */
static void fill_relations(record *r, size_t rows, size_t classes, double right, uint32_t stream) {
    uint32_t *gold, *said;
    float *scores;
    cr_assert_not(mem_new(&gold, rows));
    cr_assert_not(mem_new(&said, rows));
    cr_assert_not(mem_new(&scores, rows * classes));
    for (uint32_t i = 0; i < rows; i++) {
        bool hit = word(i, 2, stream) < right * 4294967295.0;
        gold[i] = word(i, 0, 0) % (uint32_t)classes;
        for (uint32_t k = 0; k < classes; k++)
            scores[i * classes + k] = (float)(word(i * 8 + k, 3, stream) % 64) / 32;
        scores[i * classes + (hit ? gold[i] : word(i, 1, stream) % classes)] = 3;
    }
    answers_say(said, scores, rows, classes);
    cr_assert_not(record_test_answers(r, (answers){.classes = gold}, (answers){said, scores, NULL},
                                      NULL, NULL, rows));
    mem_free(gold);
    mem_free(said);
    mem_free(scores);
}

static void fill_losses(record *r, size_t steps, uint32_t stream) {
    float *loss;
    cr_assert_not(mem_new(&loss, steps));
    for (uint32_t i = 0; i < steps; i++) {
        loss[i] = (float)(1.1 * exp(-0.01 * i) + 0.05 * (word(i, 3, stream) * 0x1p-32));
    }
    cr_assert_not(record_loss(r, loss, steps));
    double sum = 0;
    for (size_t i = 0, from = 0; i < steps; i++) {
        sum += (double)loss[i];
        if (i + 1 != steps / 2 && i + 1 != steps) continue;
        cr_assert_not(record_curve_add(r, (int64_t)i + 1, sum / (double)(i + 1 - from),
                                       i + 1 == steps ? 0 : 5e-5));
        from = i + 1;
        sum = 0;
    }
    mem_free(loss);
}

/* All in the last bin. */
static void fill_calibration(record *r, size_t rows) {
    calibration_bin *bin = &r->calibration.bins[CALIBRATION_BINS - 1];
    *bin = (calibration_bin){.rows = rows, .confidence = 0.9375};
    for (size_t i = 0; i < rows; i++) bin->right += r->predicted[i] == r->gold[i];
    r->calibration.rows = rows;
    r->calibration.ece = fabs((double)bin->right / (double)rows - 0.9375);
    r->calibration.brier = 0.4375;
    r->calibration.loss = 0.6875;
    r->calibration.confidence = 0.9375;
    r->temperature = 1.25;
}

/* Rows that are answered wrongly, and three slices. */
static void fill_errors(record *r, size_t rows) {
    enum { MOST = 4 };
    double right = 0;
    cr_assert_not(mem_new(&r->suspects, MOST));
    for (size_t i = 0; i < rows; i++) {
        right += r->gold[i] == r->predicted[i];
        if (r->gold[i] == r->predicted[i] || r->suspect_count == MOST) continue;
        double chance = 0.0625 * (double)(r->suspect_count + 1);
        r->suspects[r->suspect_count++] =
            (record_suspect){(int64_t)i, r->predicted[i], 0.875 - chance, chance};
    }
    r->suspect_rows = (int64_t)r->suspect_count;
    cr_assert_not(mem_new(&r->slices, 3));
    r->slices[0] = (errors_slice){"length", "3 to 8 tokens", rows, right / (double)rows, 0.375};
    r->slices[1] = (errors_slice){"[UNK]", "none", rows, right / (double)rows, 0.25};
    r->slices[2] = (errors_slice){"text", "more than once", 2, 1, 0.5};
    r->slice_count = 3;
}

/* The first few have names, others numbers behind a word. */
static void fill_labels(record *r, size_t classes) {
    enum { MOST = 64, NAME_BYTES = 24 };
    static const char *const named[] = {"없음", "공격", "혐오", "넷", "다섯", "여섯", "일곱"};
    char names[MOST][NAME_BYTES];
    const char *labels[MOST];
    cr_assert_leq(classes, MOST);
    for (size_t k = 0; k < classes; k++) {
        snprintf(names[k], NAME_BYTES, "레이블 %zu", k + 1);
        labels[k] = k < sizeof named / sizeof *named ? named[k] : names[k];
    }
    cr_assert_not(record_labels(r, labels, classes));
}

void fake_record_by_dev(record *r, const char *by) {
    MUST(record_text(&r->protocol, "dev"));
    MUST(record_text(&r->dev_metric, by));
    fake_recipe_text(r, "metric_for_best_model", by);
    r->task.dev_rows = 10;
    r->best_step = r->timing.steps;
    if (r->timing.steps > 1) MUST(record_evaluation_add(r, 1, 0.75, 0.75, 0.5));
    MUST(record_evaluation_add(r, r->best_step, 0.5, 0.5, 12.25));
}

/* What only a run by dev scores, on a GPU in fp16, says. */
static void fill_rest(record *r) {
    fake_record_by_dev(r, "loss");
    MUST(record_text(&r->device.kind, "gpu"));
    MUST(record_text(&r->device.uuid, "00000000-0000-0000-0000-000000000000"));
    MUST(record_text(&r->device.precision, "fp16"));
    r->loss_scale = 32768;
    r->skipped_steps = r->timing.steps < 3 ? 0 : 3;
}

void fake_record_make(record *r, const fake_record *f) {
    const char *task = f->task ? f->task : "fake_task", *model = f->model ? f->model : "tiny";
    size_t rows = f->rows ? f->rows : 60, classes = f->classes ? f->classes : 3;
    size_t steps = f->steps ? f->steps : 20;
    uint32_t stream = hash_text(model) ^ (f->seed * 2654435761u);
    static const char *const tags[] = {"B-사람", "I-사람", "B-곳", "I-곳", "O"};
    recipe by;
    cr_assert_not(record_init(r));
    r->dirty = false;
    cr_assert_not(record_text(&r->commit, "0123456789abcdef0123456789abcdef01234567"));
    cr_assert_not(record_text(&r->created, "2024-05-01T00:00:00Z"));
    fill_names(r, task, model);
    recipe_defaults(&by);
    by.max_steps = (uint32_t)steps; // whatever the rows and epochs
    MUST(recipe_json(r->recipe, &by));
    r->task.kind = f->kind;
    if (f->kind == ANSWER_TAGS)
        cr_assert_not(record_labels(r, tags, 5));
    else if (f->kind != ANSWER_NUMBER)
        fill_labels(r, classes);
    r->task.version = 1;
    r->task.train_rows = 1000;
    r->task.leaked_rows = 1;
    r->task.duplicate_rows = 2;
    r->task.majority_class = f->kind == ANSWER_NUMBER ? 0 : f->kind == ANSWER_TAGS ? 4 : 1;
    r->seed = f->seed;
    r->device.threads = 2;
    cr_assert_not(record_text(&r->headline, f->headline ? f->headline : "macro_f1"));
    if (f->kind == ANSWER_CLASS)
        fill_test_rows(r, rows, classes, f->right, stream);
    else if (f->kind == ANSWER_TAGS)
        fill_tagged_rows(r, f, rows, stream);
    else if (f->kind == ANSWER_ARCS)
        fill_parsed_rows(r, f, rows, stream);
    else if (f->kind == ANSWER_RELATION)
        fill_relations(r, rows, classes, f->right, stream);
    else
        fill_other_rows(r, f, rows, stream);
    fill_losses(r, steps, stream);
    r->timing =
        (record_timing){0.25, 9.5, 0.75, (int64_t)steps, 123456, 12995.4, 600.5, 37.5, 35.25, 41.5};
    cr_assert_not(record_kernel_add(r, "linear_fwd 512x128", "forward", 2, 1.5));
    cr_assert_not(record_kernel_add(r, "cross_entropy", "forward", 1, 0.25));
    cr_assert_not(record_kernel_add(r, "linear_dw 512x128", "backward", 2, 3));
    cr_assert_not(record_kernel_add(r, "adamw", "update", 1, 0.5));
    char end[64];
    snprintf(end, sizeof end, "%.32s %u", model, f->seed);
    hash_field(&r->final_weights_sha256, end);
    r->host_peak_bytes = 123456789;
    cr_assert_not(mem_new(&r->lengths, 2));
    r->lengths[0] = (record_length){5, (int64_t)rows - 10};
    r->lengths[1] = (record_length){40, 10};
    r->length_count = 2;
    cr_assert_not(mem_new(&r->worst, 1));
    if (f->kind == ANSWER_CLASS) fill_calibration(r, rows);
    if (f->kind == ANSWER_CLASS) fill_errors(r, rows);
    for (size_t i = 0; i < rows && answer_is_label(f->kind) && !r->worst_count; i++)
        if (r->gold[i] != r->predicted[i])
            r->worst[r->worst_count++] = (record_worst_row){(int64_t)i, 0.0625};
    if (f->is_whole) fill_rest(r);
    fake_record_follow(r);
}

/* Of the preset, or of what the configuration says by now, with the task's answers. */
static void follow_model(record *r) {
    static const char *const number = "LABEL_0";
    bool is_number = r->task.kind == ANSWER_NUMBER;
    char *const *names = r->task.names ? r->task.names : r->task.labels;
    model_config c;
    if (r->model.config->child)
        MUST(model_config_from(&c, r->model.config, "a made up record"));
    else
        MUST(model_config_preset(&c, "tiny", MODEL_PRESET_VOCABULARY));
    MUST(model_config_set_labels(&c, is_number ? &number : (const char *const *)names,
                                 is_number ? 1 : r->task.label_count));
    c.head = head_of_kind(r->task.kind);
    if (r->task.kind == ANSWER_ARCS) model_config_parse(&c, 0, true);
    if (is_number) c.scores = MODEL_SCORES_RAW;
    if (r->task.kind == ANSWER_SET) c.scores = MODEL_SCORES_SIGMOID;
    cJSON_Delete(r->model.config);
    MUST(model_config_json(&r->model.config, &c));
    r->model.parameters = (int64_t)params_total(&c);
    if (r->device_bytes < 2 * r->model.parameters) r->device_bytes = 16 * r->model.parameters;
    model_config_free(&c);
}

static void follow_recipe(record *r) {
    recipe by;
    MUST(recipe_read(&by, "fake", r->recipe, "a made up record"));
    double step = by.per_device_train_batch_size * (double)by.gradient_accumulation_steps;
    r->timing.sentences_per_s = (double)r->timing.steps * step / r->timing.train_s;
    r->timing.tokens_per_s = (double)r->timing.train_tokens / r->timing.train_s;
    const uint32_t steps = (uint32_t)r->timing.steps;
    const schedule s = {by.lr_scheduler_type, by.learning_rate, recipe_warmup(&by, steps), steps};
    for (size_t i = 0; i < r->loss_curve_count; i++)
        r->loss_curve[i].learning_rate = schedule_rate(&s, (uint32_t)r->loss_curve[i].step);
}

void fake_record_forget(record *r) {
    r->calibration.rows = 0;
    r->suspect_rows = 0;
    r->suspect_count = r->slice_count = r->worst_count = 0;
}

void fake_record_follow(record *r) {
    char command[512];
    follow_model(r);
    follow_recipe(r);
    shown_snprintf(command, sizeof command, SHOWN_SHELL, "harness run --task %s --model %s",
                   r->task.name, r->model.name);
    MUST(record_text(&r->command, command));
    MUST(record_score(r));
}

/* Memory, if a GiB of it is free: thousands of records are written, each synced. */
static const char *quick_root(void) {
    struct statvfs s;
    if (access("/dev/shm", W_OK) || statvfs("/dev/shm", &s)) return "/tmp";
    return (uint64_t)s.f_bavail * s.f_frsize >> 30 ? "/dev/shm" : "/tmp";
}

void fake_folder(char **path) {
    const char *root = getenv("TMPDIR");
    cr_assert_not(mem_printf(path, "%s/harness-test-XXXXXX", root ? root : quick_root()));
    cr_assert(mkdtemp(*path));
}

void fake_folder_end(char *path) {
    cr_assert_not(folder_remove(path));
    mem_free(path);
}

char *fake_results;

void fake_results_begin(void) {
    fake_folder(&fake_results);
}

void fake_results_end(void) {
    fake_folder_end(fake_results);
    cr_assert_eq(mem_live_count(), 0, "%zu blocks are left", mem_live_count());
}

void fake_record_seal(const char *path, cJSON *json) {
    cJSON_DeleteItemFromObjectCaseSensitive(json, "checksums");
    MUST(record_checksums_write(json));
    MUST(json_write(path, json));
}
