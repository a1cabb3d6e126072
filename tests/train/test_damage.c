/* Checkpoints and models that were cut, changed or mixed up after they were written: none is taken
 * for what it was. HARNESS_FAULT_ROUNDS, by hand: many more places in the files. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sums.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "train/checkpoint/checkpoint.h"
#include "train/run/base_model.h"
#include "train/run/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if HARNESS_CPU
static const char native[] = "cpu";
#else
static const char native[] = "reference";
#endif

enum { LAST = 4, SAVE_STEPS = 2, FLIPS = 12, CUTS = 6, BY_HAND = 20 };

static size_t more(size_t count) {
    return getenv("HARNESS_FAULT_ROUNDS") ? count * BY_HAND : count;
}

static run_request request_of(const char *output, uint32_t seed) {
    run_request q = {.task = "kor_hate",
                     .sample = true,
                     .limit = 8,
                     .model = "tiny",
                     .device = native,
                     .threads = 1,
                     .seed = seed,
                     .output = output};
    MUST(recipe_load(&q.recipe, "tiny"));
    q.recipe.max_steps = 6;
    q.recipe.save_steps = SAVE_STEPS;
    return q;
}

/* A run that stops after LAST steps, as if killed. */
static void begin_run(const run_request *q) {
    run r;
    MUST(run_open(&r, q));
    r.trainer.options.stop_at = LAST;
    MUST(run_train(&r));
    run_close(&r);
}

/* A file as it was, to be put back. */
typedef struct original {
    char path[300];
    uint8_t *bytes;
    size_t count;
} original;

static void take(original *o, const char *path) {
    snprintf(o->path, sizeof o->path, "%s", path);
    MUST(file_read((void **)&o->bytes, &o->count, path, 0));
}

static void put(const original *o, const void *bytes, size_t count) {
    MUST(file_write_quick(o->path, bytes, count));
}

static void put_back(original *o) {
    put(o, o->bytes, o->count);
    mem_free(o->bytes);
}

/* The nth of `count` bits spread over the file; all of its first and last bytes come to a turn. */
static size_t flip(original *o, size_t n, size_t count) {
    size_t at = count > 1 ? (o->count - 1) * n / (count - 1) : 0;
    o->bytes[at] ^= (uint8_t)(1 << (n * 5 % 8));
    put(o, o->bytes, o->count);
    o->bytes[at] ^= (uint8_t)(1 << (n * 5 % 8));
    return at;
}

/* Step that --resume goes on from. */
static uint32_t resumes_at(run_request q) {
    run r;
    q.resume = true;
    MUST(run_open(&r, &q));
    uint32_t step = r.trainer.set_at;
    run_close(&r);
    return step;
}

/* Nothing of the newest checkpoint is taken: the one before it is. */
static void expect_earlier(const run_request *q, const char *name, const char *what, size_t at) {
    uint32_t step = resumes_at(*q);
    cr_assert_eq(step, SAVE_STEPS, "%s: %s at %zu: resumed at step %u", name, what, at, step);
}

static void damage_tensors(const run_request *q, const char *name) {
    original o;
    char path[100];
    snprintf(path, sizeof path, "run/checkpoint-%d/%s", LAST, name);
    take(&o, temporary_path(path));
    for (size_t i = 0; i < more(FLIPS); i++)
        expect_earlier(q, name, "one bit changed", flip(&o, i, more(FLIPS)));
    for (size_t i = 0; i < more(CUTS); i++) {
        size_t left = i < 10 ? i * i * i : o.count * i / more(CUTS); // within the header, and after
        put(&o, o.bytes, left);
        expect_earlier(q, name, "cut", left);
    }
    put(&o, o.bytes, o.count - 1);
    expect_earlier(q, name, "cut", o.count - 1);
    put_back(&o);
}

/* Another file where this one was. */
static void swap_in(const run_request *q, const char *name, const char *from) {
    original o, other;
    char path[100];
    snprintf(path, sizeof path, "run/checkpoint-%d/%s", LAST, name);
    take(&o, temporary_path(path));
    take(&other, temporary_path(from));
    put(&o, other.bytes, other.count);
    expect_earlier(q, name, from, 0);
    mem_free(other.bytes);
    put_back(&o);
}

/* Warnings by the thousand are of no use to anyone. */
static int hush(void) {
    int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
    cr_assert(kept >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) == STDERR_FILENO);
    close(nowhere);
    return kept;
}

static void unhush(int kept) {
    dup2(kept, STDERR_FILENO);
    close(kept);
}

CleanTest(damage, tensors_of_a_checkpoint) {
    log_set_quiet(true);
    run_request other = request_of(temporary_path("other"), 12), q;
    begin_run(&other);
    q = request_of(temporary_path("run"), 11);
    begin_run(&q);
    int kept = hush();
    damage_tensors(&q, "model.safetensors");
    damage_tensors(&q, "optimizer.safetensors");
    swap_in(&q, "model.safetensors", "run/checkpoint-2/model.safetensors");
    swap_in(&q, "model.safetensors", "other/checkpoint-4/model.safetensors");
    swap_in(&q, "model.safetensors", "run/checkpoint-4/optimizer.safetensors");
    swap_in(&q, "optimizer.safetensors", "run/checkpoint-2/optimizer.safetensors");
    swap_in(&q, "optimizer.safetensors", "other/checkpoint-4/optimizer.safetensors");
    swap_in(&q, "optimizer.safetensors", "run/checkpoint-4/model.safetensors");
    unhush(kept);
    cr_assert_eq(resumes_at(q), LAST); // all is as it was
}

static void expect_passed_over(const char *output, const char *id, size_t at) {
    char *found = NULL;
    MUST(checkpoint_find(&found, output, id));
    cr_assert(found && strstr(found, "checkpoint-2"), "bit %zu: %s was taken", at,
              found ? found : "none");
    mem_free(found);
}

/* The checkpoint before it is gone on from, whichever bit is wrong. */
Test(damage, state_of_a_checkpoint) {
    log_set_quiet(true);
    const char *output = temporary_path("run");
    run_request q = request_of(output, 11);
    begin_run(&q);
    cJSON *root = NULL;
    const char *id = NULL;
    original o, earlier;
    take(&o, temporary_path("run/checkpoint-4/trainer_state.json"));
    take(&earlier, temporary_path("run/checkpoint-2/trainer_state.json"));
    MUST(json_read(&root, o.path, 0));
    MUST(json_string(&id, root, "run", o.path));
    int kept = hush();
    size_t step = getenv("HARNESS_FAULT_ROUNDS") ? 1 : 29;
    for (size_t bit = 0; bit < o.count * 8; bit += step) {
        o.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        put(&o, o.bytes, o.count);
        o.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        expect_passed_over(output, id, bit);
    }
    for (size_t left = 0; left < o.count; left += step) {
        put(&o, o.bytes, left);
        expect_passed_over(output, id, left);
    }
    put(&o, earlier.bytes, earlier.count);
    expect_passed_over(output, id, 0);
    unhush(kept);
    cr_assert_eq(resumes_at(q), 2);
    mem_free(earlier.bytes);
    put_back(&o);
    cr_assert_eq(resumes_at(q), LAST);
    cJSON_Delete(root);
    // a checkpoint of another run is not this run's, whole as it is
    run_request other = request_of(temporary_path("other"), 12);
    begin_run(&other);
    MUST(folder_remove(temporary_path("run/checkpoint-4")));
    cr_assert_eq(rename(temporary_path("other/checkpoint-4"), temporary_path("run/checkpoint-4")),
                 0);
    cr_assert_eq(resumes_at(q), 2);
}

/* What predict, eval and --model load. */
CleanTest(damage, files_of_a_finished_model) {
    static const char *const names[] = {
        "config.json",           "model.safetensors",       "vocab.txt",
        "tokenizer_config.json", "special_tokens_map.json", "SHA256SUMS"};
    log_set_quiet(true);
    run r;
    base_model s;
    run_request q = request_of(temporary_path("run"), 11);
    MUST(run_open(&r, &q));
    MUST(run_train(&r));
    MUST(run_evaluate(&r));
    MUST(run_keep_model(&r));
    MUST(run_finish(&r));
    run_close(&r);
    const char *folder = temporary_path("run/model");
    for (size_t f = 0; f < sizeof names / sizeof *names; f++) {
        original o;
        char path[100];
        snprintf(path, sizeof path, "run/model/%s", names[f]);
        take(&o, temporary_path(path));
        for (size_t i = 0; i < more(FLIPS); i++) {
            size_t at = flip(&o, i, more(FLIPS));
            err_clear();
            err e = base_model_open_folder(&s, folder, &(base_model_options){0});
            cr_assert(e && strstr(err_message(e), folder), "%s: a bit at %zu: %s: %s", names[f], at,
                      err_name(e), err_message(e));
            base_model_free(&s);
        }
        put(&o, o.bytes, o.count / 2);
        cr_assert(base_model_open_folder(&s, folder, &(base_model_options){0}) != ERR_OK,
                  "half of %s was taken", names[f]);
        base_model_free(&s);
        if (f + 1 < sizeof names / sizeof *names) { // without sums it is a folder like any other
            cr_assert_eq(unlink(o.path), 0);
            MUST_FAIL(base_model_open_folder(&s, folder, &(base_model_options){0}), ERR_DATA,
                      "SHA256SUMS lists it");
            base_model_free(&s);
        }
        put_back(&o);
    }
    MUST(base_model_open_folder(&s, folder, &(base_model_options){0}));
    base_model_free(&s);
}
