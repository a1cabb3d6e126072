/* The names of labels are one set: in a run's record, its model's id2label, what it predicts, the
 * rows that eval writes and the errors that programs read. kor_hate's third label is "none", which
 * people read as "neither". */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CPU "--device", "cpu", "--threads", "1"
enum { LABELS = 3 };
static const char *names[LABELS];

static cJSON *json_of(const char *name) {
    cJSON *root = NULL;
    MUST(json_read(&root, temporary_path(name), 0));
    return root;
}

static bool is_name(const cJSON *text) {
    for (size_t i = 0; i < LABELS; i++)
        if (!strcmp(names[i], text->valuestring)) return true;
    return false;
}

static cJSON *json_out(program_result p) {
    cJSON *root = NULL;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(json_parse(&root, p.out, strlen(p.out), "out"));
    return root;
}

static void check_model(void) {
    cJSON *config = json_of("a/model/config.json");
    const cJSON *named = cJSON_GetObjectItem(config, "id2label");
    for (int i = 0; i < LABELS; i++) {
        char key[4];
        snprintf(key, sizeof key, "%d", i);
        cr_expect_str_eq(cJSON_GetObjectItem(named, key)->valuestring, names[i]);
    }
    cr_expect_eq(cJSON_GetArraySize(named), LABELS);
    cJSON_Delete(config);
}

static void check_predictions(void) {
    char header[256];
    cJSON *said = json_out(RUN("predict", "-c", "a", CPU, "--json", "가나다"));
    const cJSON *score = cJSON_GetObjectItem(said, "scores")->child;
    cr_expect(is_name(cJSON_GetObjectItem(said, "label")));
    for (size_t i = 0; i < LABELS && score; i++, score = score->next)
        cr_expect_str_eq(score->string, names[i]);
    cr_expect_null(score);
    cJSON_Delete(said);
    RUN_WELL("eval", "--task", "kor_hate", "--sample", "-c", "a", CPU, "--predictions",
             "rows.jsonl");
    FILE *rows = fopen(temporary_path("rows.jsonl"), "r");
    cr_assert_not_null(rows);
    while (fgets(header, sizeof header, rows)) {
        cJSON *row = cJSON_Parse(header);
        cr_assert_not_null(row, "%s", header);
        cr_expect(is_name(cJSON_GetObjectItem(row, "gold")), "%s", header);
        cr_expect(is_name(cJSON_GetObjectItem(row, "predicted")), "%s", header);
        cJSON_Delete(row);
    }
    fclose(rows);
}

static void check_errors(void) {
    static const char *const lists[][3] = {{"wrong", "gold", "answer"},
                                           {"confused", "gold", "answered"}};
    cJSON *root = json_out(RUN("errors", "a", CPU, "--json"));
    const cJSON *item;
    for (size_t k = 0; k < 2; k++) {
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, lists[k][0])) {
            cr_expect(is_name(cJSON_GetObjectItem(item, lists[k][1])), "%s", lists[k][0]);
            cr_expect(is_name(cJSON_GetObjectItem(item, lists[k][2])), "%s", lists[k][0]);
        }
        cr_expect_gt(cJSON_GetArraySize(cJSON_GetObjectItem(root, lists[k][0])), 0);
    }
    cJSON_Delete(root);
    program_result p = RUN("errors", "a", CPU);
    cr_expect(strstr(p.out, "neither"), "people read words: %s", p.out);
    p = RUN("eval", "--task", "kor_hate", "--sample", "-c", "a", CPU);
    cr_expect(strstr(p.out, "\n  neither "), "%s", p.out);
    p = RUN("eval", "--record", "a");
    cr_expect(strstr(p.out, "\n  neither "), "%s", p.out);
    p = RUN("data", "head", "kor_hate", "--sample", "-n", "48");
    cr_expect(strstr(p.out, "  neither "), "%s", p.out);
    p = RUN("data", "stats", "kor_hate", "--sample");
    cr_expect(strstr(p.out, "\n  neither "), "%s", p.out);
    p = RUN("tasks", "show", "kor_hate");
    cr_expect(strstr(p.out, "\nlabels\n  id  in the file  name "), "%s", p.out);
}

Test(label_names, are_one_set, .timeout = 300) {
    RUN_WELL("run", "--task", "kor_hate", "--sample", "--model", "tiny", CPU, "-q", "--max-steps",
             "1", "-o", "a");
    cJSON *record = json_of("a/record.json");
    const cJSON *task = cJSON_GetObjectItem(record, "task");
    const cJSON *list = cJSON_GetObjectItem(task, "labels");
    const cJSON *words = cJSON_GetObjectItem(task, "readable_labels");
    cr_assert_eq(cJSON_GetArraySize(list), LABELS);
    for (int i = 0; i < LABELS; i++) names[i] = cJSON_GetArrayItem(list, i)->valuestring;
    cr_assert_str_eq(names[2], "none");
    cr_expect_str_eq(cJSON_GetArrayItem(words, 2)->valuestring, "neither");
    check_model();
    check_predictions();
    check_errors();
    cJSON_Delete(record);
}

static void accepts(program_result p, const char *said) {
    cr_expect(!p.exit_code && strstr(p.out, said), "no '%s' in %s%s", said, p.out, p.err);
}

/* Two labels that differ in case alone are two, from the file to every use of the model. */
Test(label_names, of_both_cases_go_all_the_way, .timeout = 300) {
    static const char *const labels[] = {"US", "us"};
    strbuf rows = {0};
    MUST(strbuf_add(&rows, "text,label\n"));
    for (int i = 0; i < 40; i++) MUST(strbuf_printf(&rows, "글 %d,%s\n", i, labels[i % 2]));
    MUST(file_write(temporary_path("own.csv"), rows.text, rows.length));
    strbuf_free(&rows);
    accepts(RUN("run", "--train-file", "own.csv", "--model", "tiny", CPU, "--max-steps", "1", "-o",
                "a"),
            "a/record.json");
    accepts(RUN("eval", "-c", "a", CPU), "us");
    accepts(RUN("errors", "a", CPU), "Confused labels");
    accepts(RUN("predict", "-c", "a", CPU, "--json", "--label-map", "us=우리,US=미국", "글"),
            "우리");
    accepts(RUN("run", "--train-file", "own.csv", "--model", "a/model", CPU, "--max-steps", "1",
                "-o", "b"),
            "b/record.json");
}
