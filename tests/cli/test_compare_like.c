/* `harness compare RUN DEVICE`: the run of the record is made again there, or refused at once. */
#include "base/json.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define DEVICE "--device", "cpu", "--threads", "1", "--check-device", "never", "-q"
#define SHORT "--max-steps", "3", "--learning-rate", "3e-4", "--batch-size", "4", "--seed", "7"

TestSuite(compare_like, .timeout = 120);

static void ends(program_result p, int code) {
    cr_assert_eq(p.exit_code, code, "%s", p.err);
}

static void refused(program_result p, const char *said) {
    cr_expect_neq(p.exit_code, 0);
    cr_expect(strstr(p.err, said), "%s", p.err);
    cr_expect_eq(*p.out, '\0', "%s", p.out);
}

/* The same weights come out, so model, recipe, rows, seed and precision were the same. */
static void is_repeated(const char *side) {
    program_result p = RUN("compare", side, "cpu", "--threads", "1", "--json");
    cJSON *root = NULL;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(json_parse(&root, p.out, strlen(p.out), "compare"));
    static const char *const equal[] = {"model", "protocol", "recipe_sha256", "precision"};
    const cJSON *a = cJSON_GetObjectItem(root, "a"), *b = cJSON_GetObjectItem(root, "b");
    const cJSON *loss = cJSON_GetObjectItem(root, "loss");
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++)
        cr_expect_str_eq(json_text_at(a, equal[i]), json_text_at(b, equal[i]));
    cr_expect_eq(json_number_at(a, "seed"), 7);
    cr_expect_eq(json_number_at(b, "seed"), 7);
    cr_expect_eq(json_number_at(loss, "steps"), 3);
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(loss, "first_bit_step")), "%s", p.out);
    cJSON_Delete(root);
}

Test(compare_like, a_run_is_made_again) {
    ends(RUN("run", "--task", "kor_hate", "--sample", "--limit", "30", "--model", "ko-tiny", SHORT,
             DEVICE, "-o", "a"),
         0);
    is_repeated("a");
    ends(RUN("run", "--task", "kor_sae", "--sample", "--model", "tiny", "--arch", "electra",
             "--protocol", "dev", SHORT, DEVICE, "-o", "b"),
         0);
    is_repeated("b");
    // by the record alone
    MUST(file_rename_durable(temporary_path("b/record.json"), temporary_path("b.json")));
    is_repeated("b.json");
}

Test(compare_like, files_of_ones_own) {
    char rows[600] = "text,label\n";
    for (int i = 0; i < 20; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "문장 %d번,%d\n", i, i % 2);
    MUST(file_write(temporary_path("rows.csv"), rows, strlen(rows)));
    ends(RUN("run", "--train-file", "rows.csv", "--model", "tiny", SHORT, DEVICE, "-o", "a"), 0);
    is_repeated("a");
    MUST(file_rename_durable(temporary_path("a/record.json"), temporary_path("a.json")));
    refused(RUN("compare", "a.json", "cpu"), "a.json: task 'own-rows' is of files of somebody's "
                                             "own, and no run.json beside the record");
}

Test(compare_like, a_model_that_is_another_is_refused) {
    model_folder_make(temporary_path("start"), NULL, 3, NULL);
    ends(RUN("run", "--task", "kor_hate", "--sample", "--model", "start", SHORT, DEVICE, "-o", "a"),
         0);
    is_repeated("a");
    ends(RUN("run", "--task", "kor_hate", "--sample", "--model", "start", SHORT, DEVICE, "-o", "b"),
         0);
    MUST(file_rename_durable(temporary_path("b/model/model.safetensors"),
                             temporary_path("start/model.safetensors")));
    refused(RUN("compare", "a", "cpu"), "a/record.json: the SHA-256 of the model's weights is ");
    MUST(folder_remove(temporary_path("start")));
    refused(RUN("compare", "a", "cpu"), "a/record.json: the model that it began with is gone: ");
}
