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
    cr_expect_eq(strstr(text, part) != NULL, is_there, "'%s' in %s: %s", part, path, text);
    mem_free(text);
}

static void expect_ended(program_result *r, const char *what, const encoder_family *family) {
    cr_assert_eq(r->exit_code, 0, "%s of %s: %s%s", what, family->title, r->out, r->err);
    cr_expect_null(strstr(r->out, "MISSING"), "%s of %s: %s", what, family->title, r->out);
    cr_expect_null(strstr(r->err, "MISSING"), "%s of %s: %s", what, family->title, r->err);
    program_free(r);
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
    json_setup();
    for (size_t i = 0; family_at(i); i++) check_family(family_at(i));
}

Test(families, a_shared_layer_is_not_frozen) {
    json_setup();
    model_folder_make_family(temporary_path("m"), NULL, 2, NULL, &encoder_albert);
    program_result r =
        RUN("run", "--sample", "--task", "nsmc", "-m", "m", "--device", "cpu", "--check-device",
            "never", "--max-steps", "3", "--freeze-layers", "1", "-o", "first");
    cr_assert_neq(r.exit_code, 0);
    cr_assert_not_null(strstr(r.err,
                              "freeze_layers is 1, but every layer of ALBERT has the weights "
                              "of the first: expected 0"),
                       "%s", r.err);
    program_free(&r);
    temporary_remove();
}
#endif
