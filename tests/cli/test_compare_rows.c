/* `harness compare` on two sides of the sample: rows on which they part, fields of the recipe that
 * differ, losses of all runs over each other. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TRAIN                                                                                      \
    "run", "--task", "kor_hate", "--sample", "--model", "tiny", "--device", "cpu", "--threads",    \
        "1", "-q", "-o"
enum { SEEDS = 2 };

static void setup(void) {
    static const char *const sides[][2] = {{"a", "12"}, {"b", "40"}};
    for (size_t s = 0; s < 2; s++)
        for (int seed = 0; seed < SEEDS; seed++) {
            char folder[16], number[4];
            snprintf(folder, sizeof folder, "%s/%d", sides[s][0], seed);
            snprintf(number, sizeof number, "%d", 42 + seed);
            RUN_WELL(TRAIN, folder, "--seed", number, "--max-steps", sides[s][1]);
        }
}

TestSuite(compare_rows, .init = setup, .timeout = 300);

static cJSON *json_of(program_result p) {
    cJSON *root = NULL;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    MUST(json_parse(&root, p.out, strlen(p.out), "compare"));
    return root;
}

/* What each run answers, by the rows that eval writes of its record. */
typedef struct answer_list {
    cJSON *rows[2][SEEDS];
} answer_list;

static const char *answer_of(const answer_list *l, size_t side, size_t seed, int row) {
    return cJSON_GetObjectItem(cJSON_GetArrayItem(l->rows[side][seed], row), "predicted")
        ->valuestring;
}

static void read_answers(answer_list *l) {
    for (size_t s = 0; s < 2; s++)
        for (size_t k = 0; k < SEEDS; k++) {
            char folder[16], *text, *rest = NULL;
            size_t count;
            snprintf(folder, sizeof folder, "%c/%zu", (char)('a' + s), k);
            RUN_WELL("eval", "--record", folder, "--predictions", "rows.jsonl", "-q");
            MUST(file_read((void **)&text, &count, temporary_path("rows.jsonl"), 0));
            MUST(file_remove(temporary_path("rows.jsonl")));
            l->rows[s][k] = cJSON_CreateArray();
            for (char *at = strtok_r(text, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest))
                cJSON_AddItemToArray(l->rows[s][k], cJSON_Parse(at));
            mem_free(text);
        }
}

/* Total variation of the answers to one row, counted here label by label. */
static double distance_of(const answer_list *l, int row) {
    static const char *const labels[] = {"hate", "offensive", "none"};
    double sum = 0;
    for (size_t c = 0; c < 3; c++) {
        int counts[2] = {0, 0};
        for (size_t s = 0; s < 2; s++)
            for (size_t k = 0; k < SEEDS; k++)
                counts[s] += !strcmp(answer_of(l, s, k, row), labels[c]);
        sum += 0.5 * fabs((double)(counts[0] - counts[1]) / SEEDS);
    }
    return sum;
}

/* What a row is said to be is what it is: in JSON, and in the table. */
static void expect_rows_described(const answer_list *l, int parted) {
    char more[64];
    cJSON *root = json_of(RUN("compare", "a", "b", "--texts", "--json"));
    const cJSON *item;
    char *texts[64], *rest = NULL;
    int rows = 0;
    program_result head =
        RUN("data", "head", "kor_hate", "--sample", "--split", "test", "--rows", "64", "--json");
    for (char *at = strtok_r(head.out, "\n", &rest); at && rows < 64;
         at = strtok_r(NULL, "\n", &rest)) {
        cJSON *object = cJSON_Parse(at);
        MUST(mem_strdup(&texts[rows++], cJSON_GetObjectItem(object, "text")->valuestring));
        cJSON_Delete(object);
    }
    cr_assert_eq(rows, cJSON_GetArraySize(l->rows[0][0]));
    program_result p = RUN("compare", "a", "b", "--texts", "--rows", "1");
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "parted")) {
        int row = cJSON_GetObjectItem(item, "row")->valueint - 1;
        const cJSON *known = cJSON_GetArrayItem(l->rows[0][0], row);
        cr_expect_str_eq(cJSON_GetObjectItem(item, "text")->valuestring, texts[row]);
        cr_expect_str_eq(cJSON_GetObjectItem(item, "gold")->valuestring,
                         cJSON_GetObjectItem(known, "gold")->valuestring, "row %d", row + 1);
        for (size_t s = 0; s < 2; s++) {
            const cJSON *answers = cJSON_GetObjectItem(item, s ? "b" : "a"), *count;
            int sum = 0;
            cJSON_ArrayForEach(count, answers) {
                sum += count->valueint;
            }
            cr_expect_eq(sum, SEEDS);
            cr_expect(cJSON_GetObjectItem(answers, answer_of(l, s, 0, row)), "row %d", row + 1);
        }
    }
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "parted"), 0);
    cr_expect(strstr(p.out, cJSON_GetObjectItem(first, "text")->valuestring), "%s", p.out);
    snprintf(more, sizeof more, "- and %d more (--rows N)\n", parted - 1);
    cr_expect(strstr(p.out, more), "no '%s' in: %s", more, p.out);
    for (int i = 0; i < rows; i++) mem_free(texts[i]);
    cJSON_Delete(root);
}

Test(compare_rows, are_those_whose_answers_differ) {
    answer_list l;
    read_answers(&l);
    int rows = cJSON_GetArraySize(l.rows[0][0]), parted = 0;
    for (int i = 0; i < rows; i++) parted += distance_of(&l, i) > 0;
    cJSON *root = json_of(RUN("compare", "a", "b", "--json"));
    const cJSON *list = cJSON_GetObjectItem(root, "parted"), *item;
    double before = 2;
    cr_assert_gt(parted, 0);
    cr_expect_eq(cJSON_GetArraySize(list), parted);
    cJSON_ArrayForEach(item, list) {
        int row = cJSON_GetObjectItem(item, "row")->valueint - 1;
        double distance = cJSON_GetObjectItem(item, "distance")->valuedouble;
        cr_expect_float_eq(distance, distance_of(&l, row), 1e-12, "row %d", row + 1);
        cr_expect_leq(distance, before, "row %d is out of order", row + 1);
        before = distance;
        cr_expect_null(cJSON_GetObjectItem(item, "text"), "a text that nobody asked for");
    }
    const cJSON *steps =
        cJSON_GetObjectItem(cJSON_GetObjectItem(root, "recipe_differences"), "max_steps");
    cr_expect_eq(cJSON_GetArrayItem(steps, 0)->valueint, 12);
    cr_expect_eq(cJSON_GetArrayItem(steps, 1)->valueint, 40);
    cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(root, "recipe_differences")), 1);
    cJSON_Delete(root);
    expect_rows_described(&l, parted);
    for (size_t s = 0; s < 2; s++)
        for (size_t k = 0; k < SEEDS; k++) cJSON_Delete(l.rows[s][k]);
}

static void expect_said(const char *const *words, const char *const *says, const char *not_said) {
    program_result p = program_run(NULL, 60, words);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    for (size_t i = 0; says[i]; i++)
        cr_expect(strstr(p.out, says[i]), "no '%s': %s", says[i], p.out);
    if (not_said) cr_expect_null(strstr(p.out, not_said), "%s", p.out);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(compare_rows, texts_and_rows_are_asked_for) {
    expect_said(WORDS("compare", "a", "b"),
                WORDS("\n- max_steps: 12 in A, 40 in B\n", "## Rows on which the sides part",
                      "| A right |", "mean loss of steps", "| 36 to 40           |      - |"),
                "| text");
    expect_said(WORDS("compare", "a/0", "b/0", "--texts", "--rows", "2"),
                WORDS("| text", "more (--rows N)", "1 of 1"), NULL);
    expect_said(WORDS("compare", "a", "b", "--rows", "0"), WORDS("## Losses"),
                "on which the sides");
    expect_said(WORDS("compare", "a/0", "a/0"), WORDS("- 0 of 24 rows\n"), "in A, ");
    program_result p = RUN("compare", "a", "b", "a", "--texts");
    EXPECT(p, 2, err, "--texts is of two sides, found 3");
    p = RUN("compare", "a", "b", "--texts", "--limit", "5");
    EXPECT(p, 1, err, "other rows than those that are here");
}

/* A line for each run, those of a side alike. */
Test(compare_rows, losses_lie_over_each_other) {
    program_result p = RUN("compare", "a", "b", "--format", "html");
    size_t lines[2] = {0, 0};
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    for (size_t s = 0; s < 2; s++) {
        const char *line = s ? "class=\"line side1\" points=\"" : "class=\"line side0\" points=\"";
        for (const char *at = p.out; (at = strstr(at, line)); at++) {
            size_t points = 1, end = strcspn(at += strlen(line), "\"");
            for (size_t i = 0; i < end; i++) points += at[i] == ' ';
            cr_expect_eq(points, s ? 40 : 12);
            lines[s]++;
        }
    }
    cr_expect_eq(lines[0], SEEDS);
    cr_expect_eq(lines[1], SEEDS);
    const char *chart = strstr(p.out, "<h2>Losses of all runs</h2>");
    cr_expect(chart && chart < strstr(p.out, "<h2>Speed</h2>"));
}
