/* `predict --input` with models that answer words or characters: rows get what `predict --json` says
 * of their texts. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#if HARNESS_CPU
enum { TEXTS = 6 };
#define TEXTS_SAID                                                                                 \
    "비가 와서 소풍이 미뤄졌다.", "김서연은 어제 \"부산\"에서", "끝", "가 나", "", "하나 둘 셋, 넷"
static const char *const texts[TEXTS] = {TEXTS_SAID};

#define PREDICT(...)                                                                               \
    RUN("predict", "-c", "o", "--device", "cpu", "--threads", "1", "--task", task, __VA_ARGS__)

static void train(const char *task, const char *steps) {
    RUN_WELL("run", "--sample", "--task", task, "-m", "tiny", "--device", "cpu", "--check-device",
             "never", "--max-steps", steps, "--lr", "3e-3", "--batch-size", "8", "--warmup-steps",
             "0", "-q", "-o", "o");
}

/* Rows as JSON lines, a bad one behind the second, or as CSV. */
static void write_rows(void) {
    strbuf lines = {0}, cells = {0};
    MUST(strbuf_add(&cells, "id,text\n"));
    for (int i = 0; i < TEXTS; i++) {
        cJSON *o = cJSON_CreateObject();
        char *line;
        MUST(json_add_string(o, "text", texts[i]));
        MUST(json_print(&line, o, false));
        MUST(strbuf_printf(&lines, "%s\n%s", line, i == 1 ? "{\"id\": 1}\n" : ""));
        MUST(strbuf_printf(&cells, "%d,\"", i));
        for (const char *at = texts[i]; *at; at++)
            MUST(strbuf_printf(&cells, "%s%c", *at == '"' ? "\"" : "", *at));
        MUST(strbuf_add(&cells, "\"\n"));
        mem_free(line);
        cJSON_Delete(o);
    }
    MUST(file_write(temporary_path("rows.jsonl"), lines.text, lines.length));
    MUST(file_write(temporary_path("rows.csv"), cells.text, cells.length));
    strbuf_free(&lines);
    strbuf_free(&cells);
}

static cJSON *next_object(char **at) {
    char *end = strchr(*at, '\n');
    cJSON *o = NULL;
    cr_assert_not_null(end, "%s", *at);
    *end = '\0';
    MUST(json_parse(&o, *at, (size_t)(end - *at), "line"));
    *at = end + 1;
    return o;
}

/* What a text alone gets, and the same text as a row. */
static void expect_rows(const char *task, const char *const *keys) {
    program_result said = PREDICT("--json", TEXTS_SAID);
    program_result rows = PREDICT("-i", "rows.jsonl", "--skip-bad-rows", "--text-column", "text");
    cr_assert_eq(said.exit_code, 0, "%s", said.err);
    EXPECT(rows, 0, err, "7 rows, 1 without an answer");
    char *of_said = said.out, *of_rows = rows.out;
    for (int i = 0; i < TEXTS; i++) {
        cJSON *one = next_object(&of_said), *row = next_object(&of_rows);
        for (const char *const *key = keys; *key; key++)
            cr_expect(
                cJSON_Compare(cJSON_GetObjectItem(one, *key), cJSON_GetObjectItem(row, *key), true),
                "%s of '%s'", *key, texts[i]);
        cJSON_Delete(one);
        cJSON_Delete(row);
        if (i != 1) continue;
        row = next_object(&of_rows); // as it came
        cr_expect_eq(cJSON_GetArraySize(row), 1);
        cJSON_Delete(row);
    }
    cr_expect_str_eq(of_rows, "");
}

Test(predict_units, rows_get_entities) {
    static const char *const keys[] = {"entities", NULL};
    const char *task = "klue_ner";
    train(task, "60");
    write_rows();
    expect_rows(task, keys);
    program_result r = PREDICT("-i", "rows.csv"), one = PREDICT("--json", TEXTS_SAID);
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_expect_eq(strncmp(r.out, "id,text,entities\n", 17), 0, "%s", r.out);
    cr_expect(strstr(r.out, "[{\"\"entity_group\"\":\"\""), "%s", r.out);
    cr_expect(strstr(one.out, "[{\"entity_group\":\""), "none is found: %s", one.out);
    cr_expect(strstr(r.out, "\n4,\"\",[]\n"), "%s", r.out);
    r = PREDICT("-i", "rows.csv", "--scores");
    EXPECT(r, 2, err, "a model of entities takes no --scores: each answer has its score");
    r = PREDICT("-i", "rows.csv", "--text-column", "text", "--text-pair-column", "id");
    EXPECT(r, 2, err, "takes no --text-pair-column");
}

Test(predict_units, rows_get_trees) {
    static const char *const keys[] = {"words", "heads", "labels", "scores", NULL};
    const char *task = "klue_dp_dev";
    train(task, "4");
    write_rows();
    expect_rows(task, keys);
    // one text a batch, and a window of several rounds
    program_result r = PREDICT("-i", "rows.csv"),
                   q = PREDICT("-i", "rows.csv", "--eval-batch-size", "1");
    cr_assert_eq(r.exit_code, 0, "%s", r.err);
    cr_expect_eq(strncmp(r.out, "id,text,words,heads,labels,scores\n", 34), 0, "%s", r.out);
    cr_expect(strstr(r.out, "\n2,\"끝\",\"[\"\"끝\"\"]\",[0],"), "%s", r.out);
    cr_expect(strstr(r.out, "\n4,\"\",[],[],[],[]\n"), "%s", r.out);
    char *at_r = strchr(r.out, '\n') + 1, *at_q = strchr(q.out, '\n') + 1;
    for (int i = 0; i < TEXTS; i++) {
        char *scores_r = strchr(at_r, '\n'), *scores_q = strchr(at_q, '\n');
        *scores_r = *scores_q = '\0';
        const char *of_r = strrchr(at_r, '['), *of_q = strrchr(at_q, '[');
        cr_expect_eq(strncmp(at_r, at_q, (size_t)(of_r - at_r)), 0, "%s and %s", at_r, at_q);
        cr_expect(fabs(strtod(of_r + 1, NULL) - strtod(of_q + 1, NULL)) < 1e-4, "%s", at_q);
        at_r = scores_r + 1;
        at_q = scores_q + 1;
    }
}
#endif
