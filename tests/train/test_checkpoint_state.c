/* What a checkpoint says beside its tensors: it comes back whole, and what cannot be is refused by
 * name before the first step. */
#include "base/hash.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "support/toy.h"
#include "train/checkpoint/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#if HARNESS_CPU

enum { STEPS = 8, DONE = 4, GOOD = 2 };

static err no_hook(void *context, trainer *t) {
    (void)context;
    (void)t;
    return ERR_OK;
}

/* A trainer in the middle of a run that evaluates every second step and skipped its second. */
static void open_trainer(trainer *t, toy *of, loss_scaler *scaler) {
    static const float losses[DONE] = {4, 3, 2, 1};
    static const uint32_t skipped[] = {2};
    *scaler = loss_scaler_default();
    const trainer_options options = {
        .seed = 1, .scaler = scaler, .evaluate = {.call = no_hook, .every = 2}};
    toy_trainer(t, of, &options);
    MUST(trainer_set(t, 2, losses));
    t->trained_s = 1.5;
    MUST(trainer_add_evaluation(t, 0.5, 0.875));
    MUST(trainer_set(t, DONE, losses));
    t->trained_s = 2.5;
    t->earlier = (trainer_work){1.5, 40, 4};
    t->work = (trainer_work){1, 50, 5};
    MUST(trainer_add_evaluation(t, 0.75, 0.25));
    MUST(trainer_set_scaling(t, 8192, GOOD, skipped, 1));
}

static void expect_whole(const trainer *t, const checkpoint_run *run) {
    const trainer_evaluation *v = t->evaluations;
    cr_assert_eq(t->done, DONE);
    cr_assert(t->losses[0] == 4 && t->losses[DONE - 1] == 1);
    cr_assert_eq(t->evaluation_count, 2);
    cr_assert(v[0].step == 2 && v[0].score == 0.5 && v[0].loss == 0.875 && v[0].seconds == 1.5);
    cr_assert(v[1].step == 4 && v[1].score == 0.75 && v[1].loss == 0.25 && v[1].seconds == 2.5);
    cr_assert(t->earlier.seconds == 2.5 && t->earlier.tokens == 90 && t->earlier.sentences == 9);
    cr_assert(t->scaler.scale == 8192 && t->scaler.good_steps == GOOD);
    cr_assert(t->skipped_count == 1 && t->skipped[0] == 2);
    cr_assert(run->best_step == 4 && run->best_score == 0.75);
}

/* Its text with another value at a key. */
static void change(const char *path, const char *key, const char *json) {
    cJSON *root = NULL, *value = cJSON_Parse(json);
    cr_assert_not_null(value, "%s", json);
    MUST(json_read(&root, path, 0));
    cr_assert(cJSON_ReplaceItemInObjectCaseSensitive(root, key, value), "%s", key);
    MUST(json_write(path, root));
    cJSON_Delete(root);
}

static const struct {
    const char *key, *json, *part;
} faults[] = {
    {"evaluations", "[[2,0.5,0.875],[2,0.75,0.25]]", "ascending steps up to 4"},
    {"evaluations", "[[2,0.5,0.875],[5,0.75,0.25]]", "ascending steps up to 4"},
    {"evaluations", "[[0,0.5,0.875],[4,0.75,0.25]]", "ascending steps up to 4"},
    {"evaluations", "[[2.5,0.5,0.875],[4,0.75,0.25]]", "ascending steps up to 4"},
    {"evaluations", "[[2,0.5],[4,0.75,0.25]]", "ascending steps up to 4"},
    {"evaluations", "[[2,\"0.5\",1],[4,0.75,0.25]]", "ascending steps up to 4"},
    {"evaluations", "[[1,0,0],[2,0,0],[3,0,0],[4,0,0],[4,0,0]]", "at most 4 of [step"},
    {"evaluation_seconds", "[2.5,1.5]", "expected 2 ascending numbers up to train_seconds"},
    {"evaluation_seconds", "[1.5,2.6]", "expected 2 ascending numbers up to train_seconds"},
    {"evaluation_seconds", "[-1,2]", "expected 2 ascending numbers up to train_seconds"},
    {"evaluation_seconds", "[1.5]", "expected 2 ascending numbers up to train_seconds"},
    {"train_seconds", "0", "expected 2 ascending numbers up to train_seconds"},
    {"train_seconds", "1e308", "train_seconds is 1e+308, expected at most 3.15576e+09 (100 years)"},
    {"train_tokens", "9007199254740992", "a whole number from 4 to 228"},
    {"train_tokens", "229", "a whole number from 4 to 228"},
    {"train_tokens", "3", "a whole number from 4 to 228"},
    {"train_sentences", "3", "a whole number from 4 to 90"},
    {"train_sentences", "9007199254740992", "a whole number from 4 to 90"},
    {"best_step", "3", "best_step is 3, but no evaluation of that step is there"},
    {"best_step", "0", "best_step is 0, but no evaluation of that step is there"},
    {"best_step", "2", "best_score is 0.75, but the evaluation of step 2 has 0.5"},
    {"best_score", "0.5", "best_score is 0.5, but the evaluation of step 4 has 0.75"},
    {"epoch", "4.5", "epoch is 4.5, but step 4 of 1 an epoch is 4"},
    {"loss_scaling", "{\"scale\":8192,\"good_steps\":5,\"skipped\":[2]}", "good_steps"},
    {"loss_scaling", "{\"scale\":0,\"good_steps\":2,\"skipped\":[2]}", "scale is 0"},
    {"loss_scaling", "{\"scale\":1e39,\"good_steps\":2,\"skipped\":[2]}", "a positive f32"},
    {"loss_scaling", "{\"scale\":1,\"good_steps\":2,\"skipped\":[2,2]}", "steps from 1 to 4"},
    {"loss_scaling", "{\"scale\":1,\"good_steps\":2,\"skipped\":[5]}", "steps from 1 to 4"},
    {"loss_scaling", "{\"scale\":1,\"good_steps\":2,\"skipped\":[0]}", "steps from 1 to 4"},
    {"loss_scaling", "{\"scale\":1,\"good_steps\":2,\"skipped\":[1.5]}", "steps from 1 to 4"},
};

CleanTest(checkpoint_state, comes_back_whole_and_what_cannot_be_is_refused) {
    size_t count = 0;
    toy t;
    trainer from, to;
    loss_scaler scaler, other;
    tokenizer words;
    char *path = NULL, *state = NULL;
    void *kept = NULL;
    cJSON *identity = cJSON_CreateObject();
    checkpoint_run run = {"1.0-1", "toy", identity, 0.75, 4};
    toy_open(&t, "cpu", 8);
    t.recipe.max_steps = STEPS;
    toy_words(&words);
    open_trainer(&from, &t, &scaler);
    MUST(checkpoint_write(temporary_folder(), &from, &words, &run, 0));
    MUST(checkpoint_find(&path, temporary_folder(), run.id));
    MUST(path_join(&state, path, "trainer_state.json"));
    MUST(file_read(&kept, &count, state, 0));
    open_trainer(&to, &t, &other);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        checkpoint_run read = {.id = run.id, .identity = identity};
        change(state, faults[i].key, faults[i].json);
        err e = checkpoint_read(&to, &read, path);
        cr_expect(e && strstr(err_message(e), faults[i].part), "%s %s: %s", faults[i].key,
                  faults[i].json, e ? err_message(e) : "taken");
        MUST(file_write(state, kept, count));
    }
    const float lost[][DONE] = {{4, 3, INFINITY, 1}, {4, 3, -INFINITY, 1}, {4, 3, NAN, 1}};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        checkpoint_run read = {.id = run.id, .identity = identity};
        char *text, *json;
        MUST(base64_encode(&text, lost[i], sizeof lost[i]));
        MUST(mem_printf(&json, "\"%s\"", text));
        change(state, "losses", json);
        MUST_FAIL(checkpoint_read(&to, &read, path), ERR_FORMAT, "losses: step 3 has ");
        MUST(file_write(state, kept, count));
        mem_free(text);
        mem_free(json);
    }
    checkpoint_run read = {.id = run.id, .identity = identity};
    MUST(checkpoint_read(&to, &read, path));
    expect_whole(&to, &read);
    trainer_free(&from);
    trainer_free(&to);
    tokenizer_free(&words);
    toy_close(&t);
    cJSON_Delete(identity);
    mem_free(path);
    mem_free(state);
    mem_free(kept);
}

Test(checkpoint_state, names_are_of_steps_of_32_bits) {
    static const struct {
        const char *name;
        bool is;
    } names[] = {
        {"checkpoint-1", true},          {"partial-checkpoint-20", true},
        {"checkpoint-4294967295", true}, {"checkpoint-42949672961", false},
        {"checkpoint-0", false},         {"checkpoint-", false},
        {"checkpoint-1x", false},        {"checkpoint--1", false},
        {"old-checkpoint-1", false},     {"Checkpoint-1", false},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect_eq(checkpoint_is_name(names[i].name), names[i].is, "%s", names[i].name);
}

#endif
