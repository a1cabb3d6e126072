/* Flags of the trainer's options on the command line. */
#include "base/json.h"
#include "platform/file.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(run_flags, bad_values_and_combinations_give_one_clear_error) {
    static const struct {
        const char *flags[5];
        const char *message;
    } cases[] = {
        {{"--early-stopping-patience", "2"}, "--early-stopping-patience needs --protocol dev"},
        {{"--metric-for-best-model", "loss"}, "--metric-for-best-model needs --protocol dev"},
        {{"--load-best-model-at-end", "--metric-for-best-model", "f9"},
         "--metric-for-best-model (beside loss): unknown metric 'f9' (known: accuracy"},
        {{"--protocol", "dev", "--metric-for-best-model", "f1"},
         "metric_for_best_model: metric 'f1' is for two classes, not 3"},
        {{"--protocol", "dev", "--early-stopping-threshold", "0.1"},
         "nothing stops early without early_stopping_patience"},
        {{"--protocol", "last", "--load-best-model-at-end"},
         "--load-best-model-at-end needs --protocol dev"},
        {{"--class-weights", "1,2"}, "expected one number for each of the 3 labels"},
        {{"--class-weights", "even"}, "--class-weights is 'even', expected balanced, none"},
        {{"--class-weights", "1,-2,3"}, "a number above 0 for each label"},
        {{"--freeze-layers", "5"}, "--freeze-layers is 5, the model has 4 layers"},
        {{"--label-smoothing-factor", "1"}, "--label-smoothing-factor is 1, expected a number"},
        {{"--lr-scheduler-type", "cosin"}, "unknown schedule 'cosin' (known: linear, cosine"},
        {{"--lr-scheduler-type", "constant", "--warmup-steps", "3"},
         "the constant schedule has no warmup"},
        {{"--warmup-steps", "1.5"}, "--warmup-steps is 1.5, expected a whole number"},
        {{"--warmup-ratio", "0.3", "--warmup-steps", "100"},
         "--warmup-steps and --warmup-ratio exclude each other"},
        {{"--warmup-ratio", "1.5"}, "--warmup-ratio is 1.5, expected a number from 0 to 1"},
        {{"--gradient-accumulation-steps", "0"}, "--gradient-accumulation-steps is 0, expected"},
        {{"--logging-steps", "0"}, "--logging-steps is 0, expected a whole number from 1"},
        {{"--adam-beta2", "1"}, "--adam-beta2 is 1, expected a number from 0"},
        {{"--lr", "-1e-5"}, "--lr expects a finite number of at least 0, found '-1e-5'"},
        {{"--lr", "inf"}, "--lr expects a finite number of at least 0, found 'inf'"},
        {{"--max-steps", "-18446744073709551615"},
         "--max-steps expects a whole number from 0 to 4294967295"},
        {{"--group-by-lenght"}, "did you mean --group-by-length?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[16] = {"run",      "--task", "kor_hate",     "--sample",
                                     "--device", "cpu",    "--output-dir", "x"};
        for (size_t k = 0; k < 5 && cases[i].flags[k]; k++) arguments[8 + k] = cases[i].flags[k];
        program_result r = program_run(NULL, 60, arguments);
        cr_expect_eq(r.exit_code, 2, "case %zu: exit code %d, %s", i, r.exit_code, r.err);
        const char *line = strstr(r.err, "harness: ");
        cr_expect(line && strstr(line, cases[i].message), "case %zu: no '%s' in: %s", i,
                  cases[i].message, r.err);
        cr_expect(line && !strstr(line + 1, "\nharness: "), "case %zu: %s", i, r.err);
        cr_expect_str_eq(r.out, "", "case %zu", i);
    }
}

/* Of two commands that train the same, the second shows the first one's result. */
Test(run_flags, what_training_does_not_read_makes_no_other_run) {
#define SHORT_RUN                                                                                  \
    "run", "--task", "kor_hate", "--sample", "--device", "cpu", "--threads", "1", "--max-steps",   \
        "1", "--output-dir", "s", "--max-length"
    program_result r = RUN_WELL(SHORT_RUN, "512");
    cr_expect_null(strstr(r.err, "max_length is"), "%s", r.err);
    r = RUN_WELL(SHORT_RUN, "600", "--eval-steps", "5");
    cr_expect_not_null(strstr(r.err, "max_length is 600, the model takes 512 tokens: 512 it is"),
                       "%s", r.err);
    cr_expect_not_null(strstr(r.err, "--eval-steps has no effect under protocol last"), "%s",
                       r.err);
    cr_expect_not_null(strstr(r.err, "this very run is finished already"), "%s", r.err);
    r = RUN_WELL("data", "stats", "kor_hate", "--sample", "--json", "--model", "s");
#undef SHORT_RUN
}

static const cJSON *at(const cJSON *record, const char *section, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(record, section), key);
}

Test(run_flags, options_are_seen_in_record_command_and_files) {
    // a flag replaces the recipe's other way to say the warm-up
    static const char recipe[] = "{\"warmup_steps\": 7, \"per_device_train_batch_size\": 32}";
    cr_assert_not(file_write(temporary_path("recipe.json"), recipe, sizeof recipe - 1));
    program_result r = RUN_WELL(
        "run", "--task", "kor_hate", "--model", "tiny", "--sample", "--device", "cpu", "--threads",
        "1", "--epochs", "2", "--load-best-model-at-end", "--metric-for-best-model", "eval_loss",
        "--early-stopping-patience", "9", "--class-weights", "balanced", "--group-by-length",
        "--freeze-embeddings", "--freeze-layers", "1", "--label-smoothing-factor", "0.1",
        "--lr-scheduler-type", "constant_with_warmup", "--recipe", "recipe.json", "--warmup-ratio",
        "0.5", "--eval-steps", "1", "--logging-steps", "1", "--tensorboard", "--output-dir", "o");
    cr_expect_not_null(strstr(r.err, "frozen  embeddings, 1 of 2 layers"), "%s", r.err);
    cr_expect_not_null(strstr(r.err, "what is frozen was drawn at random"), "%s", r.err);
    cJSON *record = NULL;
    cr_assert_eq(json_read(&record, temporary_path("o/record.json"), 0), ERR_OK, "%s",
                 err_message(ERR_IO));
    cr_expect_str_eq(cJSON_GetStringValue(at(record, "recipe", "class_weights")), "balanced");
    cr_expect_str_eq(cJSON_GetStringValue(at(record, "recipe", "metric_for_best_model")), "loss");
    cr_expect(cJSON_IsTrue(at(record, "recipe", "group_by_length")));
    cr_expect(cJSON_IsTrue(at(record, "recipe", "freeze_embeddings")));
    cr_expect_eq(cJSON_GetNumberValue(at(record, "recipe", "freeze_layers")), 1);
    cr_expect_eq(cJSON_GetNumberValue(at(record, "recipe", "early_stopping_patience")), 9);
    cr_expect_eq(cJSON_GetNumberValue(at(record, "recipe", "warmup_ratio")), 0.5);
    cr_expect_eq(cJSON_GetNumberValue(at(record, "recipe", "warmup_steps")), 0);
    cr_expect_null(at(record, "recipe", "early_stopping_threshold"));
    cr_expect_str_eq(cJSON_GetStringValue(at(record, "dev", "metric")), "loss");
    cr_expect_eq(cJSON_GetArraySize(at(record, "dev", "evaluations")), 4);
    const char *digest =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "final_weights_sha256"));
    cr_expect(digest && strlen(digest) == 64);
    const char *command = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "command"));
    static const char *const parts[] = {" --group-by-length ", " --freeze-embeddings ",
                                        " --freeze-layers 1 ", " --class-weights balanced ",
                                        " --epochs 2 ",        " --warmup-ratio 0.5 ",
                                        " --protocol dev"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(command && strstr(command, parts[i]), "no '%s' in '%s'", parts[i], command);
    cJSON_Delete(record);
    cr_expect(file_exists(temporary_path("o/log.jsonl")));
    cr_expect(file_exists(temporary_path("o/tensorboard/events.out.tfevents.harness")));
}
