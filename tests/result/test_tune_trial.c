/* Files of trials: what is whole and of the run that is asked for is taken, all else is trained
 * again. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "result/tune_trial.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEAD "0123456789abcdef"
#define REST "0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA HEAD REST

static void setup(void) {
    log_set_quiet(true);
}

TestSuite(tune_trial, .init = setup);

#define WITH(schema, sha, rest)                                                                    \
    "{\"schema\": " schema ", \"created\": \"2026-02-28T12:00:00Z\", \"run_sha256\": \"" sha       \
    "\", " rest "}"
#define NUMBERS                                                                                    \
    "\"metric\": \"spearman\", \"not_finite\": false, \"best_step\": 3, \"steps\": 10, "           \
    "\"train_s\": 1.5"

#define LOSS "\"metric\": \"loss\", " REACHED
#define OTHER "\"metric\": \"none\", " REACHED
#define REACHED "\"not_finite\": false, \"best_step\": 3, \"steps\": 10, \"train_s\": 1.5"

static const struct {
    const char *text;
    bool is_taken;
    double score; /* NAN: none */
} files[] = {
    {WITH("2", SHA, NUMBERS ", \"score\": 0.5"), true, 0.5},
    {WITH("2", SHA, NUMBERS ", \"score\": -0.25"), true, -0.25},
    {WITH("2", SHA,
          "\"metric\": \"spearman\", \"not_finite\": true, \"best_step\": 0, \"steps\": 4, "
          "\"train_s\": 1.5, \"score\": null"),
     true, (double)NAN},
    // of another run: at the begin, and behind what the file's name tells
    {WITH("2", "1123456789abcdef" REST, NUMBERS ", \"score\": 0.5"), false, 0},
    {WITH("2", HEAD "0123456789abcdef0123456789abcdef0123456789abcdee", NUMBERS ", \"score\": 0.5"),
     false, 0},
    {WITH("2", HEAD, NUMBERS ", \"score\": 0.5"), false, 0},
    {WITH("2", SHA "0", NUMBERS ", \"score\": 0.5"), false, 0},
    // damaged
    {WITH("1", SHA, NUMBERS ", \"score\": 0.5"), false, 0},
    {WITH("2", SHA, NUMBERS), false, 0},
    {WITH("2", SHA, NUMBERS ", \"score\": null"), false, 0},
    {WITH("2", SHA, NUMBERS ", \"score\": 1e999"), false, 0},
    {WITH("2", SHA, "\"best_step\": 3, \"steps\": 10, \"train_s\": 1.5, \"score\": 0.5"), false, 0},
    {WITH(
         "2", SHA,
         "\"not_finite\": false, \"best_step\": -1, \"steps\": 10, \"train_s\": 1, \"score\": 0.5"),
     false, 0},
    {WITH(
         "2", SHA,
         "\"not_finite\": false, \"best_step\": 3, \"steps\": 1.5, \"train_s\": 1, \"score\": 0.5"),
     false, 0},
    {WITH(
         "2", SHA,
         "\"not_finite\": false, \"best_step\": 3, \"steps\": 9, \"train_s\": \"1\", \"score\": 1"),
     false, 0},
    // no score that the metric can have
    {WITH("2", SHA, NUMBERS ", \"score\": 1.5"), false, 0},
    {WITH("2", SHA, NUMBERS ", \"score\": -1.5"), false, 0},
    {WITH("2", SHA, NUMBERS ", \"score\": 1e9"), false, 0},
    {WITH("2", SHA, LOSS ", \"score\": 9"), true, 9},
    {WITH("2", SHA, LOSS ", \"score\": -1"), false, 0},
    {WITH("2", SHA, OTHER ", \"score\": 0.5"), false, 0},
    {"[]", false, 0},
    {"{\"schema\": 2", false, 0},
    {"", false, 0},
    {NULL, false, 0}, // no file
};

/* As the program writes it: with checksums, where it is an object. */
static void write_trial(const char *path, const char *text) {
    cJSON *root = NULL;
    if (json_parse(&root, text, strlen(text), "case") || !cJSON_IsObject(root)) {
        err_clear();
        MUST(file_write(path, text, strlen(text)));
    } else {
        fake_record_seal(path, root);
    }
    cJSON_Delete(root);
}

CleanTest(tune_trial, what_is_whole_and_of_the_run_is_taken) {
    const char *path = temporary_path("found/trials/" HEAD ".json");
    MUST(folder_make(temporary_path("found/trials")));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        tune_trial t;
        bool found = !files[i].is_taken;
        const char *text = files[i].text;
        MUST(file_remove(path));
        if (text) write_trial(path, text);
        MUST(tune_trial_read(&t, &found, temporary_path("found"), SHA));
        cr_expect_eq(found, files[i].is_taken, "case %zu: %s", i, text ? text : "no file");
        if (!found) continue;
        cr_expect_str_eq(t.run_sha256, SHA);
        cr_expect_str_eq(t.created, "2026-02-28T12:00:00Z");
        cr_expect_float_eq(t.train_s, 1.5, 0);
        cr_expect_eq(isnan(t.score), isnan(files[i].score), "case %zu: %g", i, t.score);
        if (!isnan(t.score)) cr_expect_float_eq(t.score, files[i].score, 0);
        cr_expect(t.is_cut == isnan(t.score) && t.best_step == (t.is_cut ? 0 : 3), "case %zu", i);
    }
    // of the evaluations that of the best step has the loss
    static const char listed[] =
        WITH("2", SHA,
             NUMBERS ", \"score\": 0.5, \"evaluations\": [[2, 0.4, 0.75], [3, 0.5, 0.25], "
                     "[4, 0.5, 0.125]]");
    tune_trial t;
    bool found = false;
    write_trial(path, listed);
    MUST(tune_trial_read(&t, &found, temporary_path("found"), SHA));
    cr_expect(found && t.loss == 0.25, "%g", t.loss);
}

Test(tune_trial, a_changed_value_is_not_believed) {
    static const char *const changes[] = {"score", "train_s", "best_step", "checksums"};
    const char *path = temporary_path("found/trials/" HEAD ".json");
    MUST(folder_make(temporary_path("found/trials")));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        cJSON *root = NULL;
        tune_trial t;
        bool found = true;
        write_trial(path, WITH("2", SHA, NUMBERS ", \"score\": 0.5"));
        MUST(json_read(&root, path, 0));
        if (i < 3)
            cJSON_ReplaceItemInObject(root, changes[i], cJSON_CreateNumber(1));
        else
            cJSON_DeleteItemFromObject(root, changes[i]);
        MUST(json_write(path, root));
        MUST(tune_trial_read(&t, &found, temporary_path("found"), SHA));
        cr_expect_not(found, "%s", changes[i]);
        cJSON_Delete(root);
    }
}
