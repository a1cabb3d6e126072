/* `harness errors` on runs of the sample. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define CPU "--device", "cpu", "--threads", "1"
#define TRAIN                                                                                      \
    "run", "--task", "kor_hate", "--sample", "--model", "tiny", CPU, "--epochs", "2", "-q", "-o"

static void setup(void) {
    json_setup();
    static const char *const seeds[][2] = {{"a", "1"}, {"b", "2"}};
    for (size_t i = 0; i < 2; i++) {
        program_result p = RUN(TRAIN, seeds[i][0], "--seed", seeds[i][1], "--protocol", "dev");
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        program_free(&p);
    }
}

static void teardown(void) {
    temporary_remove();
}

TestSuite(errors_verb, .init = setup, .fini = teardown);

static const cJSON *at(const cJSON *o, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    cr_assert(item, "no '%s'", key);
    return item;
}

/* Counts of rows agree with the records, and with each other. */
Test(errors_verb, tells_what_the_records_tell) {
    cJSON *root = NULL;
    const cJSON *item;
    program_result p = RUN("errors", "a", "b", CPU, "--json");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(json_parse(&root, p.out, strlen(p.out), "errors"));
    cr_expect_null(strstr(p.out, "\"text\":"), "texts that nobody asked for");
    program_free(&p);
    int rows = at(root, "rows")->valueint;
    double wrong[2] = {0, 0}, pairs = 0;
    for (int r = 0; r < 2; r++) {
        const cJSON *run = cJSON_GetArrayItem(at(root, "runs"), r), *bin;
        int all = 0, right = 0;
        cr_expect_eq(at(run, "answered_otherwise")->valueint, 0);
        cr_expect(at(run, "temperature")->valuedouble > 0);
        cJSON_ArrayForEach(bin, at(at(run, "calibration"), "bins")) {
            all += cJSON_GetArrayItem(bin, 0)->valueint;
            right += cJSON_GetArrayItem(bin, 1)->valueint;
        }
        cr_expect_eq(all, rows);
        wrong[r] = rows - right;
    }
    cJSON_ArrayForEach(item, at(root, "confused")) pairs += at(item, "rows")->valuedouble;
    cr_expect_float_eq(pairs, (wrong[0] + wrong[1]) / 2, 1e-9);
    int both = cJSON_GetArraySize(at(root, "wrong")), text_rows = 0, unknown_rows = 0;
    cr_expect(both <= wrong[0] && both <= wrong[1]);
    cJSON_ArrayForEach(item, at(root, "slices")) {
        const char *by = at(item, "by")->valuestring;
        text_rows += strcmp(by, "text") ? 0 : at(item, "rows")->valueint;
        unknown_rows += strcmp(by, "[UNK]") ? 0 : at(item, "rows")->valueint;
    }
    cr_expect_eq(unknown_rows, rows);
    cr_expect(text_rows >= rows); // a text may be in train and stand here twice
    cJSON_Delete(root);
}

Test(errors_verb, texts_are_shown_where_asked_for) {
    program_result p = RUN("errors", "a", "b", CPU, "--texts", "--rows", "2");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.out, "| text"), "%s", p.out);
    cr_expect(strstr(p.out, "| accuracy | macro F1 |"), "%s", p.out);
    cr_expect(strstr(p.out, "ECE at T"), "%s", p.out);
    program_free(&p);
}

static void refuses(int code, const char *part, const char *const *words) {
    program_result p = program_run(NULL, 60, words);
    cr_expect_eq(p.exit_code, code, "%s: %s", part, p.err);
    cr_expect(strstr(p.err, part), "no '%s' in %s", part, p.err);
    program_free(&p);
}

#define REFUSES(code, part, ...)                                                                   \
    refuses(code, part, (const char *const[]){"errors", __VA_ARGS__, NULL})

Test(errors_verb, refusals) {
    program_result p = RUN(TRAIN, "c", "--protocol", "dev", "--lr", "1e-3");
    program_free(&p);
    p = RUN(TRAIN, "d", "--limit", "9");
    program_free(&p);
    REFUSES(2, "errors needs output folders of finished runs", "--json");
    REFUSES(1, "none: no such folder", "none");
    REFUSES(1, "c: its recipe is ", "a", "c", CPU);
    REFUSES(1, "d: its data is ", "a", "d", CPU);
    REFUSES(1, "(was it run with --limit N?)", "d", CPU);
    MUST(folder_make(temporary_path("e")));
    REFUSES(1, "e/record.json", "e", CPU);
    MUST(folder_remove(temporary_path("a/model")));
    REFUSES(1, "a", "a", CPU);
}

/* A relation is one label a row, too. */
Test(errors_verb, relations_are_looked_at) {
    cJSON *root = NULL;
    program_result p = RUN("run", "--task", "klue_re", "--sample", "--model", "tiny", CPU, "-q",
                           "--max-steps", "2", "--protocol", "dev", "-o", "re");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    MUST(json_read(&root, temporary_path("re/record.json"), 0));
    double ece = at(at(root, "calibration"), "ece")->valuedouble;
    double temperature = at(at(root, "calibration"), "temperature")->valuedouble;
    cr_expect_gt(cJSON_GetArraySize(at(at(root, "errors"), "slices")), 2);
    cJSON_Delete(root);
    p = RUN("errors", "re", CPU, "--json");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(json_parse(&root, p.out, strlen(p.out), "errors"));
    const cJSON *run = cJSON_GetArrayItem(at(root, "runs"), 0);
    cr_expect_eq(at(run, "answered_otherwise")->valueint, 0);
    cr_expect_float_eq(at(at(run, "calibration"), "ece")->valuedouble, ece, 1e-12);
    cr_expect_float_eq(at(run, "temperature")->valuedouble, temperature, 1e-9);
    cJSON_Delete(root);
    program_free(&p);
    p = RUN("eval", "--record", "re"); // the record is read with what it has of that
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
}

/* Under protocol last the dev rows were trained on. */
Test(errors_verb, no_temperature_of_rows_that_were_trained_on) {
    program_result p = RUN(TRAIN, "d");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    p = RUN("errors", "d", CPU);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.out, "No temperature"), "%s", p.out);
    cr_expect_null(strstr(p.out, "ECE at T"), "%s", p.out);
    program_free(&p);
}
