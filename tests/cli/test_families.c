/* Whole runs from a folder of each encoder family: training, what is saved, reading it again. */
#include "base/json.h"
#include "base/memory.h"
#include "model/encoder/family.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <string.h>

static char *sum_of(const char *record) {
    cJSON *root = NULL;
    const char *sum = NULL;
    char *copy = NULL;
    MUST(json_read(&root, record, 0));
    MUST(json_string(&sum, root, "final_weights_sha256", record));
    MUST(mem_strdup(&copy, sum));
    cJSON_Delete(root);
    return copy;
}

static void expect_in_file(const char *path, const char *part, bool is_there) {
    char *text = NULL;
    size_t count = 0;
    MUST(file_read((void **)&text, &count, path, 0));
    cr_expect_eq(strstr(text, part) != NULL, is_there, "'%s' is %sin %s", part,
                 is_there ? "not " : "", path);
    mem_free(text);
}

static void expect_ended(program_result *r, const char *what, const encoder_family *family) {
    cr_assert_eq(r->exit_code, 0, "%s of %s: %s%s", what, family->title, r->out, r->err);
    cr_expect_null(strstr(r->out, "MISSING"), "%s of %s: %s", what, family->title, r->out);
    cr_expect_null(strstr(r->err, "MISSING"), "%s of %s: %s", what, family->title, r->err);
}

#if HARNESS_CPU
/* A run's folder is a model of the same family, complete, that a run of no steps leaves as it
 * is. */
static void check_family(const encoder_family *family) {
    char class_name[64], tag[64];
    snprintf(class_name, sizeof class_name, "\"%sForSequenceClassification\"", family->class_name);
    snprintf(tag, sizeof tag, "\n- %s\n", family->model_type);
    model_folder_make_family(temporary_path("m"), NULL, 2, NULL, family);
    program_result r = RUN("run", "--sample", "--task", "nsmc", "-m", "m", "--device", "cpu",
                           "--check-device", "never", "--max-steps", "3", "-o", "first");
    expect_ended(&r, "a run", family);
    expect_in_file(temporary_path("first/model/config.json"), class_name, true);
    expect_in_file(temporary_path("first/model/README.md"), tag, true);
    // where a second text's type would be beyond the table, transformers is told to give none
    expect_in_file(temporary_path("first/model/tokenizer_config.json"), "model_input_names",
                   family->types_least < 2);
    r = RUN("run", "--sample", "--task", "nsmc", "-m", "first", "--device", "cpu", "--check-device",
            "never", "--max-steps", "1", "--learning-rate", "0", "-o", "again");
    expect_ended(&r, "a run of its model", family);
    char *first = sum_of(temporary_path("first/record.json"));
    char *again = sum_of(temporary_path("again/record.json"));
    cr_expect_str_eq(first, again, "%s", family->title);
    mem_free(first);
    mem_free(again);
    r = RUN("eval", "--checkpoint", "first", "--sample", "--task", "nsmc", "--device", "cpu");
    expect_ended(&r, "eval", family);
    r = RUN("predict", "--checkpoint", "first", "--device", "cpu", "영화 [PAD] 좋다");
    expect_ended(&r, "predict", family);
    temporary_remove();
}

Test(families, train_save_and_load_on_the_cpu) {
    for (size_t i = 0; family_at(i); i++) check_family(family_at(i));
}

/* --arch makes a preset another model: another folder, name, configuration and command. */
static void check_preset(const encoder_family *family) {
    char folder[64], part[96];
    cJSON *root = NULL;
    snprintf(folder, sizeof folder, "%s-run", family->model_type);
    program_result r = RUN("run", "--sample", "--task", "nsmc", "--device", "cpu", "--check-device",
                           "never", "--max-steps", "2", "--arch", family->model_type, "-o", folder);
    expect_ended(&r, "a run", family);
    snprintf(part, sizeof part, "%s/record.json", folder);
    const char *record = temporary_path(part);
    MUST(json_read(&root, record, 0));
    const cJSON *model = cJSON_GetObjectItem(root, "model");
    const char *type = cJSON_GetStringValue(
        cJSON_GetObjectItem(cJSON_GetObjectItem(model, "config"), "model_type"));
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(model, "name"));
    cr_expect_str_eq(type, family->model_type);
    snprintf(part, sizeof part, "tiny%s%s", family == &encoder_bert ? "" : "-",
             family == &encoder_bert ? "" : family->model_type);
    cr_expect_str_eq(name, part);
    cJSON_Delete(root);
    snprintf(part, sizeof part, "--model tiny --recipe tiny --seed 42 --arch %s",
             family->model_type);
    expect_in_file(record, part, true);
    snprintf(part, sizeof part, "%s/model/config.json", folder);
    snprintf(folder, sizeof folder, "\"%sForSequenceClassification\"", family->class_name);
    expect_in_file(temporary_path(part), folder, true);
}

Test(families, presets_take_an_architecture) {
    for (size_t i = 0; family_at(i); i++) check_preset(family_at(i));
    program_result r = RUN("compare", "bert-run", "electra-run", "--json");
    EXPECT(r, 0, out, "tiny-electra");
    r = RUN("predict", "--checkpoint", "electra-run", "--device", "cpu",
            "\xec\x98\x81\xed\x99\x94");
    expect_ended(&r, "predict", &encoder_electra);
    // two architectures are two runs with folders of their own; bert is what it is without the flag
    static const char *const flags[] = {NULL, "bert", "albert", "roberta"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        RUN_WELL("run", "--sample", "--task", "nsmc", "--device", "cpu", "--check-device", "never",
                 "--max-steps", "1", flags[i] ? "--arch" : "--model", flags[i] ? flags[i] : "tiny");
    }
    folder_list list;
    MUST(folder_list_read(&list, temporary_path("runs/nsmc")));
    cr_expect_eq(list.count, 3, "%zu folders", list.count);
    folder_list_free(&list);
    // a run does not go on as another architecture
    r = RUN("run", "--sample", "--task", "nsmc", "--device", "cpu", "--check-device", "never",
            "--max-steps", "2", "--arch", "roberta", "-o", "albert-run");
    EXPECT(r, 2, err, "tiny-albert");
}

Test(families, runs_of_one_compare_on_devices) {
    program_result r = RUN("compare", "cpu", "cpu", "--arch", "electra", "--max-steps", "3",
                           "--threads", "1", "--json");
    EXPECT(r, 0, out, "tiny-electra");
}

Test(families, a_shared_layer_is_not_frozen) {
    model_folder_make_family(temporary_path("m"), NULL, 2, NULL, &encoder_albert);
    program_result r =
        RUN("run", "--sample", "--task", "nsmc", "-m", "m", "--device", "cpu", "--check-device",
            "never", "--max-steps", "3", "--freeze-layers", "1", "-o", "first");
    cr_assert_neq(r.exit_code, 0);
    cr_assert_not_null(strstr(r.err,
                              "--freeze-layers is 1, but every layer of ALBERT has the weights "
                              "of the first: expected 0"),
                       "%s", r.err);
}
#endif

Test(families, an_architecture_that_is_none_is_refused) {
    static const struct {
        const char *arguments[8];
        const char *message;
    } cases[] = {
        {{"run", "--arch", "elektra"},
         "unknown encoder family 'elektra'; did you mean 'electra'? (--arch takes bert, "},
        {{"run", "--arch", "Bert"}, "did you mean 'bert'?"},
        {{"run", "--arch", "deberta-v2"}, "unknown encoder family 'deberta-v2' (--arch takes"},
        {{"run", "--arch", ""}, "--arch needs a value"},
        {{"run", "--arch", "electra", "-m", "."},
         "--arch goes with a preset (tiny, mini, small, medium, base), found --model .: the "
         "config.json of a model says its family"},
        {{"run", "--arch", "bert", "-m", "tiny,klue/bert-base"}, "found --model klue/bert-base"},
        {{"bench", "--arch", "electra", "-m", "klue/bert-base"}, "found --model klue/bert-base"},
        {{"bench", "--arch", "robert"}, "did you mean 'roberta'?"},
        {{"compare", "cpu", "cpu", "--arch", "gpt"}, "unknown encoder family 'gpt'"},
        {{"eval", "--arch", "bert"}, "--arch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_result r = program_run(NULL, 60, cases[i].arguments);
        cr_expect_eq(r.exit_code, 2, "case %zu: %s", i, r.err);
        cr_expect_not_null(strstr(r.err, cases[i].message), "case %zu: %s", i, r.err);
    }
    // the help names every family
    program_result r = RUN("help", "run");
    for (size_t i = 0; family_at(i); i++)
        cr_expect_not_null(strstr(strstr(r.out, "--arch"), family_at(i)->model_type));
}

/* Both READMEs name every family, and what --arch calls it. */
Test(families, documents_name_each) {
    static const char *const paths[] = {HARNESS_SOURCE_DIR "/README.md",
                                        HARNESS_SOURCE_DIR "/README.ko.md"};
    for (size_t k = 0; k < sizeof paths / sizeof *paths; k++)
        for (size_t i = 0; family_at(i); i++) {
            expect_in_file(paths[k], family_at(i)->title, true);
            expect_in_file(paths[k], family_at(i)->model_type, true);
        }
}
