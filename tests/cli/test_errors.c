/* `harness errors` on runs of the sample. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CPU "--device", "cpu", "--threads", "1"
#define TRAIN                                                                                      \
    "run", "--task", "kor_hate", "--sample", "--model", "tiny", CPU, "--epochs", "2",              \
        "--eval-batch-size", "5", "-q", "-o"

static void setup(void) {
    static const char *const seeds[][2] = {{"a", "1"}, {"b", "2"}};
    for (size_t i = 0; i < 2; i++) {
        RUN_WELL(TRAIN, seeds[i][0], "--seed", seeds[i][1], "--protocol", "dev");
    }
}

TestSuite(errors_verb, .init = setup);

static const cJSON *at(const cJSON *o, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    cr_assert(item, "no '%s'", key);
    return item;
}

/* Counts of rows agree with the records, and with each other. */
Test(errors_verb, tells_what_the_records_tell) {
    cJSON *root = NULL;
    const cJSON *item;
    program_result p = RUN_WELL("errors", "a", "b", CPU, "--json");
    MUST(json_parse(&root, p.out, strlen(p.out), "errors"));
    cr_expect_null(strstr(p.out, "\"text\":"), "texts that nobody asked for");
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
        // the run saw a few rows at once, and kept of each what the record has
        cJSON *rec = NULL;
        MUST(json_read(&rec, temporary_path(r ? "b/record.json" : "a/record.json"), 0));
        const cJSON *known = at(rec, "calibration"), *found = at(run, "calibration");
        static const char *const keys[] = {"ece", "brier", "loss"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            cr_expect_float_eq(at(known, keys[k])->valuedouble, at(found, keys[k])->valuedouble,
                               1e-6, "%s", keys[k]);
        cJSON_Delete(rec);
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

/* What of a list is not shown is counted behind it. */
static void expect_rest(const char *text, const char *heading, int shown) {
    int all = 0, more = 0;
    const char *at = strstr(text, heading), *end = at ? strstr(at + 1, "\n## ") : NULL;
    cr_assert(end && sscanf(at + strlen(heading), "%d of ", &all) == 1, "%s in %s", heading, text);
    const char *rest = strstr(at, "\nand ");
    cr_assert(all > shown && rest && rest < end, "%s in %s", heading, text);
    cr_expect(sscanf(rest, "\nand %d more (`--rows N`)", &more) == 1 && more == all - shown,
              "%d of %d, shown are %d", more, all, shown);
}

Test(errors_verb, texts_are_shown_where_asked_for) {
    program_result p = RUN_WELL("errors", "a", "b", CPU, "--texts", "--rows", "2");
    expect_rest(p.out, "## Rows that every run answers wrongly: ", 2);
    expect_rest(p.out, "## Rows on which the runs part: ", 2);
    cr_expect(strstr(p.out, "| text"), "%s", p.out);
    cr_expect(strstr(p.out, "| accuracy | macro F1 |"), "%s", p.out);
    cr_expect(strstr(p.out, "ECE at T"), "%s", p.out);
}

/* The text of a heading up to the next one, blanks of its tables taken together. Owned. */
static char *section(const char *text, const char *heading) {
    char *copy;
    size_t n = 0;
    const char *from = strstr(text, heading), *end = from ? strstr(from, "\n\n## ") : NULL;
    cr_assert(from, "no '%s' in: %s", heading, text);
    MUST(mem_strndup(&copy, from, end ? (size_t)(end - from) : strlen(from)));
    for (const char *at = copy; *at; at++)
        if (*at != ' ' || at[1] != ' ') copy[n++] = *at;
    copy[n] = '\0';
    return copy;
}

static void expect_in(const char *text, const char *line) {
    cr_expect(strstr(text, line), "no '%s' in: %s", line, text);
}

/* The tables say what the JSON says: which rows, how many, and the numbers of each. */
Test(errors_verb, tables_say_what_the_json_says) {
    cJSON *root = NULL;
    const cJSON *item;
    char line[128];
    program_result p = RUN("errors", "a", "b", CPU, "--json");
    MUST(json_parse(&root, p.out, strlen(p.out), "errors"));
    p = RUN("errors", "a", "b", CPU, "--rows", "1000");
    expect_in(p.out, "Rows of the bundled sample: they say nothing about the model.\n");
    const cJSON *wrong = at(root, "wrong"), *parted = at(root, "parted");
    cr_assert(cJSON_GetArraySize(wrong) > 1 && cJSON_GetArraySize(parted) > 1);
    char *text = section(p.out, "## Rows that every run answers wrongly");
    snprintf(line, sizeof line, "wrongly: %d of %d, %d with a suspect label",
             cJSON_GetArraySize(wrong), at(root, "rows")->valueint,
             at(root, "suspect_labels")->valueint);
    expect_in(text, line);
    cJSON_ArrayForEach(item, wrong) {
        snprintf(line, sizeof line, " | %.3f | %.3f | %s|", at(item, "probability")->valuedouble,
                 at(item, "gold_probability")->valuedouble,
                 cJSON_IsTrue(at(item, "suspect")) ? "suspect " : "");
        expect_in(text, line);
        snprintf(line, sizeof line, "\n| %d | ", at(item, "row")->valueint);
        expect_in(text, line);
    }
    mem_free(text);
    text = section(p.out, "## Rows on which the runs part");
    cJSON_ArrayForEach(item, parted) {
        snprintf(line, sizeof line, " | %.3f | ", at(item, "vote_entropy")->valuedouble);
        expect_in(text, line);
        snprintf(line, sizeof line, "\n| %d | ", at(item, "row")->valueint);
        expect_in(text, line);
    }
    mem_free(text);
    text = section(p.out, "## Scores by slice");
    cJSON_ArrayForEach(item, at(root, "slices")) {
        double accuracy = at(item, "accuracy")->valuedouble;
        if (!at(item, "rows")->valueint) continue;
        snprintf(line, sizeof line, "| %s | %d | %.4f | ", at(item, "slice")->valuestring,
                 at(item, "rows")->valueint, accuracy);
        expect_in(text, line);
    }
    mem_free(text);
    text = section(p.out, "## Confused labels");
    cJSON_ArrayForEach(item, at(root, "confused")) {
        snprintf(line, sizeof line, " | %.1f | %.1f %% |", at(item, "rows")->valuedouble,
                 100 * at(item, "share")->valuedouble);
        expect_in(text, line);
    }
    mem_free(text);
    text = section(p.out, "## Calibration");
    cJSON_ArrayForEach(item, at(root, "runs")) {
        const cJSON *plain = at(item, "calibration"),
                    *scaled = at(item, "calibration_at_temperature");
        snprintf(line, sizeof line, "| %.0f | %.4f | %.4f | %.4f | %.4f | %.3f | %.4f | %.4f |",
                 at(item, "seed")->valuedouble, at(plain, "confidence")->valuedouble,
                 at(plain, "ece")->valuedouble, at(plain, "brier")->valuedouble,
                 at(plain, "loss")->valuedouble, at(item, "temperature")->valuedouble,
                 at(scaled, "ece")->valuedouble, at(scaled, "brier")->valuedouble);
        expect_in(text, line);
    }
    mem_free(text);
    cJSON_Delete(root);
}

static void refuses(int code, const char *part, const char *const *words) {
    program_result p = program_run(NULL, 60, words);
    cr_expect_eq(p.exit_code, code, "%s: %s", part, p.err);
    cr_expect(strstr(p.err, part), "no '%s' in %s", part, p.err);
}

#define REFUSES(code, part, ...)                                                                   \
    refuses(code, part, (const char *const[]){"errors", __VA_ARGS__, NULL})

/* How many rows a run took its record knows, of each protocol. */
Test(errors_verb, rows_of_a_limited_run_are_known) {
    static const char *const protocols[] = {"last", "dev"};
    for (int i = 0; i < 2; i++) {
        program_result p =
            RUN_WELL(TRAIN, "d", "--limit", i ? "30" : "9", "--protocol", protocols[i]);
        p = RUN("errors", "d", CPU);
        cr_expect_eq(p.exit_code, 0, "%s: %s", protocols[i], p.err);
        p = RUN("compare", "d", "d", "--texts");
        cr_expect_eq(p.exit_code, 0, "%s: %s", protocols[i], p.err);
        MUST(folder_remove(temporary_path("d")));
    }
}

Test(errors_verb, refusals) {
    program_result p = RUN(TRAIN, "c", "--protocol", "dev", "--lr", "1e-3");
    p = RUN(TRAIN, "d", "--limit", "9");
    REFUSES(2, "errors needs output folders of finished runs", "--json");
    REFUSES(1, "none: no such folder", "none");
    REFUSES(1, "a/record.json: not a folder", "a/record.json");
    REFUSES(1, "a/model: no record.json in it: not the output folder", "a/model");
    REFUSES(1, "a and c do not compare: their recipes differ: learning_rate 0.0007 and 0.001", "a",
            "c", CPU);
    REFUSES(1, "these go together: harness errors a\nthese go together: harness errors c c\n", "a",
            "c", "c", CPU);
    REFUSES(1, "a and d do not compare: their data differs: ", "a", "d", CPU);
    REFUSES(1, " and 9 test rows (another limit of rows; SHA-256 ", "a", "d", CPU);
    REFUSES(1, "d: it was made of other rows than those that are here under that limit (SHA-256 ",
            "d", CPU, "--limit", "8");
    MUST(folder_make(temporary_path("e")));
    REFUSES(1, "e: no record.json in it: not the output folder", "e", CPU);
    REFUSES(1, "none of these 2 holds a finished run", "e", "e", CPU);
    // of several, as a glob names them, what is no run is left out; an empty section is short
    p = RUN_WELL("errors", "a", "e", "a", CPU);
    cr_expect_not_null(strstr(p.err, "e: no finished run, left out"), "%s", p.err);
    cr_expect_not_null(strstr(p.out, "the runs part: 0 of"), "%s", p.out);
    cr_expect_not_null(strstr(p.err, "a and a have one and the same record"), "%s", p.err);
    cr_expect_null(strstr(p.out, "\n\n\n"), "%s", p.out);
    MUST(folder_remove(temporary_path("a/model")));
    REFUSES(1, "a", "a", CPU);
}

/* A relation is one label a row, too. */
Test(errors_verb, relations_are_looked_at) {
    cJSON *root = NULL;
    program_result p = RUN_WELL("run", "--task", "klue_re", "--sample", "--model", "tiny", CPU,
                                "-q", "--max-steps", "2", "--protocol", "dev", "-o", "re");
    MUST(json_read(&root, temporary_path("re/record.json"), 0));
    double ece = at(at(root, "calibration"), "ece")->valuedouble;
    double temperature = at(at(root, "calibration"), "temperature")->valuedouble;
    cr_expect_gt(cJSON_GetArraySize(at(at(root, "errors"), "slices")), 2);
    cJSON_Delete(root);
    p = RUN_WELL("errors", "re", CPU, "--json");
    MUST(json_parse(&root, p.out, strlen(p.out), "errors"));
    const cJSON *run = cJSON_GetArrayItem(at(root, "runs"), 0);
    cr_expect_eq(at(run, "answered_otherwise")->valueint, 0);
    cr_expect_float_eq(at(at(run, "calibration"), "ece")->valuedouble, ece, 1e-12);
    cr_expect_float_eq(at(run, "temperature")->valuedouble, temperature, 1e-9);
    cJSON_Delete(root);
    p = RUN("eval", "--record", "re"); // the record is read with what it has of that
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
}

/* Both texts of a pair, each as its own. */
Test(errors_verb, pairs_have_two_texts) {
    cJSON *root = NULL;
    const cJSON *row;
    size_t rows = 0;
    program_result p = RUN_WELL("run", "--task", "klue_nli", "--sample", "--model", "tiny", CPU,
                                "-q", "--max-steps", "1", "-o", "nli");
    p = RUN_WELL("errors", "nli", CPU, "--json", "--texts");
    MUST(json_parse(&root, p.out, strlen(p.out), "errors"));
    cJSON_ArrayForEach(row, at(root, "wrong")) {
        rows++;
        cr_expect_str_neq(at(row, "text")->valuestring, at(row, "text_pair")->valuestring);
    }
    cr_expect_gt(rows, 0);
    cJSON_Delete(root);
}

/* Before what it calls suspect. */
Test(errors_verb, a_model_of_one_answer_is_said_so) {
    static const char said[] = "The model answers one label for every row.\n";
    program_result p = RUN_WELL(TRAIN, "one", "--lr", "1", "--max-steps", "3");
    p = RUN("errors", "one", CPU);
    cr_expect_lt(strstr(p.out, said), strstr(p.out, "## Rows"), "%s", p.out);
    cr_expect(strstr(p.out, said), "%s", p.out);
    p = RUN("errors", "one", CPU, "--json");
    cr_expect_not_null(strstr(p.out, "\"one_label\":\ttrue"), "%s", p.out);
    RUN_WELL(TRAIN, "several", "--lr", "0.003", "--max-steps", "30", "--batch-size", "8");
    p = RUN("errors", "several", CPU);
    cr_expect_not(strstr(p.out, "answers one label"), "%s", p.out);
}

/* Under protocol last the dev rows were trained on. */
Test(errors_verb, no_temperature_of_rows_that_were_trained_on) {
    program_result p = RUN_WELL(TRAIN, "d");
    p = RUN_WELL("errors", "d", CPU);
    cr_expect(strstr(p.out, "No temperature"), "%s", p.out);
    cr_expect_null(strstr(p.out, "ECE at T"), "%s", p.out);
}
