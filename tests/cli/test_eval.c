/* `harness eval`: its rows, and what a record alone says. */
#include "base/json.h"
#include "base/memory.h"
#include "base/shown.h"
#include "platform/file.h"
#include "support/fake_record.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(eval, .timeout = 240);

static cJSON *parsed(program_result p) {
    cJSON *root = NULL;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(json_parse(&root, p.out, strlen(p.out), "output"));
    return root;
}

static void expect_said(program_result p, int code, const char *said) {
    cr_expect_eq(p.exit_code, code, "%s", p.err);
    cr_expect(strstr(p.err, said), "no '%s' in %s", said, p.err);
}

/* Where a matrix finds no room the commonest ten of what was taken for what stand there. */
Test(eval, at_most_ten_pairs_of_labels_are_shown) {
    enum { LABELS = 70 };
    static char names[LABELS][16];
    static const char *labels[LABELS];
    static const struct {
        size_t pairs, shown;
        const char *head;
    } lists[] = {{0, 0, "of 0 pairs"},
                 {1, 1, "of 1 pair ("},
                 {10, 10, "of 10 pairs"},
                 {11, 10, "of 11 pairs"}};
    for (size_t i = 0; i < LABELS; i++) {
        snprintf(names[i], sizeof names[i], "label-%zu", i);
        labels[i] = names[i];
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        record r;
        fake_record_make(&r, &(fake_record){.right = 1});
        MUST(record_labels(&r, labels, LABELS));
        fake_record_forget(&r);
        fake_record_follow(&r);
        for (uint32_t k = 0; k < 60; k++) {
            r.gold[k] = k;
            r.predicted[k] = k < lists[i].pairs ? k + 1 : k;
        }
        MUST(record_write(&r, temporary_path("r.json")));
        record_free(&r);
        program_result p = RUN_WELL("eval", "--record", "r.json", "-q");
        size_t shown = 0;
        for (const char *at = p.out; (at = strstr(at, ", taken for label-")); at++) shown++;
        cr_expect_eq(shown, lists[i].shown, "of %zu: %s", lists[i].pairs, p.out);
        cr_expect(strstr(p.out, lists[i].head), "no '%s' in %s", lists[i].head, p.out);
    }
}

#if HARNESS_CPU
#define ON "--task", "kor_hate", "--sample", "-c", "out", "--device", "cpu", "--threads", "1"

/* What is printed for people is one table too, but for who was asked and how fast the model was. */
static void expect_one_table(void) {
    program_result model = RUN("eval", ON, "-q"), rec = RUN("eval", "--record", "out", "-q");
    char *of_model = strchr(model.out, '\n'), *of_record = strchr(rec.out, '\n');
    cr_assert(of_model && of_record, "%s", model.err);
    char *loss = strstr(of_model, "  loss ");
    cr_assert_not_null(loss, "%s", of_model);
    const char *rest = strchr(loss, '\n') + 1;
    memmove(loss, rest, strlen(rest) + 1);
    cr_expect_str_eq(of_model, of_record);
}

/* What is to be scored is the newest finished run, on the task that its record names. */
Test(eval, takes_the_newest_run_and_its_task) {
    static const char *const tasks[] = {"kor_sarcasm", "kor_hate"};
    for (size_t i = 0; i < 2; i++) {
        RUN_WELL("run", "--task", tasks[i], "--sample", "-m", "tiny", "--device", "cpu",
                 "--check-device", "never", "--max-steps", "1", "-q");
    }
    program_result p = RUN("eval", "--device", "cpu");
    cr_expect(strstr(p.err, "task    kor_hate, its bundled sample, which the run is of"), "%s",
              p.err);
    cr_expect(strstr(p.out, "macro F1"), "%s", p.out);
    folder_list runs = {0};
    char model[300];
    MUST(folder_list_read(&runs, temporary_path("runs/kor_sarcasm")));
    cr_assert_geq(runs.count, 1);
    snprintf(model, sizeof model, "runs/kor_sarcasm/%s/model", runs.names[0]);
    folder_list_free(&runs);
    p = RUN("eval", "-c", model, "--device", "cpu");
    cr_expect(strstr(p.err, "task    kor_sarcasm, its bundled sample"), "%s", p.err);
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    // a folder without a record, and no task
    MUST(folder_make(temporary_path("elsewhere")));
    char *to = NULL, *from = NULL;
    MUST(mem_strdup(&to, temporary_path("elsewhere/model")));
    MUST(mem_strdup(&from, temporary_path(model)));
    cr_assert_eq(rename(from, to), 0);
    mem_free(to);
    mem_free(from);
    expect_said(RUN("eval", "-c", "elsewhere/model", "--device", "cpu"), 2,
                "no record beside the model says which task it is of: name one with --task");
}

/* Scores have one set of digits, whatever the form, and those of a row sum to one. */
static void expect_scores(const char *csv, char *json) {
    size_t rows = 0;
    for (char *line = json, *end; (end = strchr(line, '\n')); line = end + 1, rows++) {
        cJSON *row = NULL, *item;
        double sum = 0;
        *end = '\0';
        MUST(json_parse(&row, line, strlen(line), "row"));
        csv = strchr(csv, '\n') + 1;
        const char *at = csv;
        for (int comma = 0; comma < 3; comma++) at = strchr(at, ',') + 1;
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(row, "scores")) {
            cr_expect_eq(strtod(at, NULL), item->valuedouble, "%s", line);
            at += strcspn(at, ",\n") + 1;
            sum += item->valuedouble;
        }
        cr_expect(sum > 1 - 1e-12 && sum < 1 + 1e-12);
        cr_expect(cJSON_GetStringValue(cJSON_GetObjectItem(row, "text")) != NULL);
        cJSON_Delete(row);
    }
    cr_expect_eq(rows, 24, "%zu", rows);
}

/* A model and the record of its run say the same, to the last digit. */
Test(eval, a_record_says_what_its_model_says) {
    program_result p =
        RUN_WELL("run", "--task", "kor_hate", "--sample", "--device", "cpu", "--threads", "1",
                 "--check-device", "never", "--epochs", "2", "-q", "-o", "out");
    cJSON *model = parsed(RUN("eval", ON, "--json")), *item;
    cJSON *rec = parsed(RUN("eval", "--record", "out", "--json"));
    size_t compared = 0;
    cJSON_ArrayForEach(item, rec) {
        if (!strcmp(item->string, "record")) continue;
        cr_expect(cJSON_Compare(item, cJSON_GetObjectItem(model, item->string), true), "%s differs",
                  item->string);
        compared++;
    }
    cr_expect_eq(compared, 14, "%zu", compared);
    program_result p2 = RUN("eval", ON, "--precision", "bf16");
    cr_expect_not_null(strstr(p2.out, ", bf16  "), "%s", p2.out);
    cr_expect(cJSON_Compare(cJSON_GetObjectItem(model, "score"),
                            cJSON_GetObjectItem(cJSON_GetObjectItem(model, "metrics"), "macro_f1"),
                            true));
    cJSON_Delete(model);
    cJSON_Delete(rec);
    expect_one_table();
    // rows, with texts only where they are asked for
    p = RUN("eval", ON, "--predictions", "p.tsv", "--split", "train");
    cr_expect(strstr(p.out, "  48 rows of train\n"), "%s", p.out);
    expect_said(p, 0, "p.tsv: 48 rows");
    p = RUN("eval", ON, "--predictions", "p.jsonl", "--texts");
    expect_said(p, 0, "p.jsonl: 24 rows");
    char *text;
    size_t count;
    MUST(file_read((void **)&text, &count, temporary_path("p.tsv"), 0));
    cr_expect_eq(
        strncmp(text, "row\tgold\tpredicted\tscore:hate\tscore:offensive\tscore:none\n1\t", 53), 0,
        "%.100s", text);
    mem_free(text);
    char *csv;
    expect_said(RUN("eval", ON, "--predictions", "p.csv"), 0, "p.csv: 24 rows");
    MUST(file_read((void **)&csv, &count, temporary_path("p.csv"), 0));
    MUST(file_read((void **)&text, &count, temporary_path("p.jsonl"), 0));
    expect_scores(csv, text);
    mem_free(csv);
    mem_free(text);
    expect_said(RUN("eval", ON, "--predictions", "p.tsv"), 1,
                "p.tsv: there already (--overwrite replaces it)");
    expect_said(RUN("eval", ON, "--texts"), 2, "--texts goes with --predictions");
}
#endif

/* Of every kind of answer a record has its rows and its classes. */
Test(eval, records_of_every_kind) {
    static const struct {
        fake_record made;
        const char *counted; /* of each class; NULL: there are no classes */
        bool has_confusion;
    } kinds[] = {
        {{.rows = 40, .classes = 5, .right = 0.6, .seed = 3}, "rows", true},
        {{.rows = 40, .kind = ANSWER_NUMBER, .headline = "pearson", .seed = 3}, NULL, false},
        {{.rows = 40, .classes = 4, .kind = ANSWER_SET, .headline = "micro_f1", .seed = 3},
         "rows",
         false},
        {{.rows = 40, .kind = ANSWER_TAGS, .headline = "entity_f1", .seed = 3}, "entities", false},
        {{.rows = 40, .kind = ANSWER_ARCS, .headline = "las", .seed = 3}, "words", false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        record r = {0};
        fake_record_make(&r, &kinds[i].made);
        MUST(record_write(&r, temporary_path("r.json")));
        cJSON *root = parsed(RUN("eval", "--record", "r.json", "--json", "--predictions",
                                 "rows.csv", "--overwrite"));
        const cJSON *classes = cJSON_GetObjectItem(root, "per_label");
        cr_expect_eq(classes != NULL, kinds[i].counted != NULL);
        if (classes)
            cr_expect(cJSON_HasObjectItem(classes->child, kinds[i].counted), "%s",
                      kinds[i].counted);
        cr_expect_eq(cJSON_GetObjectItem(root, "confusion") != NULL, kinds[i].has_confusion);
        cr_expect_eq(cJSON_GetObjectItem(root, "rows")->valueint, 40);
        cJSON *value;
        cJSON_ArrayForEach(value, cJSON_GetObjectItem(root, "metrics")) {
            double known = record_metric(&r, value->string);
            cr_expect(isnan(known) || fabs(value->valuedouble - known) < 1e-14, "%s",
                      value->string);
        }
        cJSON_Delete(root);
        char *text;
        size_t count, lines = 0;
        MUST(file_read((void **)&text, &count, temporary_path("rows.csv"), 0));
        for (const char *at = text; (at = strchr(at, '\n')); at++) lines++;
        cr_expect_eq(lines, 41, "%zu", lines);
        cr_expect_eq(strncmp(text, "row,gold,predicted\n1,", 21), 0, "%.60s", text);
        mem_free(text);
        record_free(&r);
    }
}

/* Numbers are numbers, and those of the file have its digits. */
Test(eval, scores_are_written_as_numbers) {
    const fake_record made = {.rows = 20, .kind = ANSWER_NUMBER, .headline = "pearson", .seed = 3};
    record r = {0};
    char *text;
    size_t count;
    fake_record_make(&r, &made);
    r.gold_numbers[0] = 4.6F;
    r.predicted_numbers[0] = 4.6F;
    MUST(record_write(&r, temporary_path("r.json")));
    expect_said(RUN("eval", "--record", "r.json", "--predictions", "p.csv"), 0, "p.csv: 20 rows");
    expect_said(RUN("eval", "--record", "r.json", "--predictions", "p.jsonl"), 0,
                "p.jsonl: 20 rows");
    MUST(file_read((void **)&text, &count, temporary_path("p.csv"), 0));
    cr_expect(strstr(text, "predicted\n1,4.6,4.599999904632568\n"), "%s", text);
    mem_free(text);
    MUST(file_read((void **)&text, &count, temporary_path("p.jsonl"), 0));
    cr_expect(strstr(text, "{\"row\":1,\"gold\":4.6,\"predicted\":4.599999904632568"), "%s", text);
    mem_free(text);
    record_free(&r);
}

/* The matrix counts each row once, at its gold label and its predicted one. */
Test(eval, confusion_is_counted_from_the_rows) {
    record r = {0};
    const fake_record made = {.rows = 60, .classes = 4, .right = 0.5, .seed = 9};
    fake_record_make(&r, &made);
    MUST(record_write(&r, temporary_path("r.json")));
    cJSON *root = parsed(RUN("eval", "--record", "r.json", "--json"));
    const cJSON *matrix = cJSON_GetObjectItem(root, "confusion");
    for (uint32_t g = 0; g < 4; g++)
        for (uint32_t k = 0; k < 4; k++) {
            int rows = 0;
            for (int64_t i = 0; i < r.task.test_rows; i++)
                rows += r.gold[i] == g && r.predicted[i] == k;
            cr_expect_eq(cJSON_GetArrayItem(cJSON_GetArrayItem(matrix, (int)g), (int)k)->valueint,
                         rows);
        }
    cJSON_Delete(root);
    // on a screen too narrow for the matrix the pairs that are confused most come instead
    program_result p = RUN("eval", "--record", "r.json");
    cr_expect(strstr(p.out, "confusion: a line a gold label, a column a predicted one"), "%s",
              p.out);
    record_free(&r);
}

/* Rows, supports and the cells of the matrix have thousands separators, and stand in columns. */
Test(eval, counts_have_separators) {
    record r = {0};
    const fake_record made = {.rows = 5000, .classes = 2, .right = 0.9, .seed = 9};
    uint64_t cells[2][2] = {{0}};
    char support[SHOWN_COUNT_BYTES], right[SHOWN_COUNT_BYTES], wrong[SHOWN_COUNT_BYTES], said[100];
    fake_record_make(&r, &made);
    for (int64_t i = 0; i < r.task.test_rows; i++) cells[r.gold[i]][r.predicted[i]]++;
    cr_assert_geq(cells[0][0], 1000);
    cr_assert_lt(cells[0][1], 1000);
    MUST(record_write(&r, temporary_path("r.json")));
    program_result p = RUN("eval", "--record", "r.json");
    cr_expect(strstr(p.out, "  5,000 rows\n"), "%s", p.out);
    snprintf(said, sizeof said, " %7s\n", shown_count(support, r.confusion.gold[0]));
    cr_expect(strstr(p.out, said), "%s in %s", said, p.out);
    shown_count(right, cells[0][0]);
    snprintf(said, sizeof said, " %s %*s\n", right, (int)strlen(right),
             shown_count(wrong, cells[0][1]));
    cr_expect(strstr(p.out, said), "%s in %s", said, p.out);
    record_free(&r);
}

Test(eval, what_a_record_cannot_say) {
    record r = {0};
    const fake_record made = {.rows = 20, .classes = 2, .right = 0.5, .seed = 9};
    fake_record_make(&r, &made);
    MUST(record_write(&r, temporary_path("r.json")));
    MUST(record_write(&r, temporary_path("r.csv")));
    record_free(&r);
    expect_said(RUN("eval", "--record", "r.json", "--task", "kor_hate"), 2,
                "--task and --record exclude each other");
    expect_said(RUN("eval", "--record", "r.json", "--split", "dev"), 2,
                "--split and --record exclude each other");
    expect_said(RUN("eval", "--record", "r.json", "--predictions", "x.csv", "--texts"), 2,
                "holds no texts");
    expect_said(RUN("eval", "--record", "none.json"), 1, "none.json");
    // rows are written under names that tell their form, and not over the record
    static const char *const names[] = {"rows.json", "rows", "rows.xlsx", "csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_said(RUN("eval", "--record", "r.json", "--predictions", names[i]), 2,
                    "a name that ends with .csv, .tsv or .jsonl is expected");
    expect_said(RUN("eval", "--record", "r.csv", "--predictions", "./r.csv", "--overwrite"), 2,
                "./r.csv is read by this command (--record), and would be replaced");
    // nor over what a run left
    MUST(folder_make(temporary_path("run")));
    temporary_put("run/run.json", "{\"harness\": {\"version\": \"1\", \"numerics_version\": 1}}");
    temporary_put("run/log.jsonl", "{\"loss\":1}\n");
    expect_said(RUN("eval", "--record", "r.json", "--predictions", "run/log.jsonl", "--overwrite"),
                2, "run/log.jsonl lies among the files of a run");
    cr_expect_eq(file_exists(temporary_path("run/log.jsonl")), true);
    expect_said(RUN("eval"), 1, "no finished run under ./runs");
    // a newer one is refused by its number
    char *text;
    size_t count;
    MUST(file_read((void **)&text, &count, temporary_path("r.json"), 0));
    char *at = strstr(text, "\"schema\":\t2");
    cr_assert_not_null(at, "%.80s", text);
    at[strlen("\"schema\":\t")] = '9';
    MUST(file_write(temporary_path("new.json"), text, count));
    mem_free(text);
    expect_said(RUN("eval", "--record", "new.json"), 1,
                "key 'schema' is 9: a record of a newer program");
}
