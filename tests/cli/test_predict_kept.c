/* `predict --resume`: of models that say several labels, entities or trees a row that is there is kept
 * when it says what such a model can say, and refused by its number else. */
#include "base/json.h"
#include "platform/file.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#if HARNESS_CPU

typedef struct kept_case {
    const char *answer; /* what stands behind the text */
    bool is_kept;
} kept_case;

static void teardown(void) {
    temporary_remove();
}

TestSuite(predict_kept, .init = json_setup, .fini = teardown, .timeout = 240);

/* Files of one row, "가나 다"; names: the columns that labelling adds, NULL: JSON lines. */
static void expect_kept(const char *names, const kept_case *cases, size_t count) {
    char row[600];
    const char *input = names ? "i.csv" : "i.jsonl", *output = names ? "o.csv" : "o.jsonl";
    temporary_put(input, names ? "text\n가나 다\n" : "{\"text\": \"가나 다\"}\n");
    for (size_t i = 0; i < count; i++) {
        if (names)
            snprintf(row, sizeof row, "text,%s\n가나 다,%s\n", names, cases[i].answer);
        else
            snprintf(row, sizeof row, "{\"text\": \"가나 다\", %s}\n", cases[i].answer);
        temporary_put(output, row);
        program_result p = RUN("predict", "-c", "m", "--device", "cpu", "--threads", "1", "-i",
                               input, "--text-column", "text", "--output", output, "--resume");
        cr_expect_eq(p.exit_code, cases[i].is_kept ? 0 : 1, "%s: %s", row, p.err);
        cr_expect(
            strstr(p.err, cases[i].is_kept ? "finished already" : "row 1 is not that of line "),
            "%s: %s", row, p.err);
        program_free(&p);
    }
}
#define EXPECT_KEPT(names, cases) expect_kept(names, cases, sizeof(cases) / sizeof *(cases))

static void train(const char *task) {
    program_result p = RUN("run", "--sample", "--task", task, "-m", "tiny", "--device", "cpu",
                           "--check-device", "never", "--max-steps", "1", "-q", "-o", "m");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
}

/* Labels with commas between, where one holds a comma itself. */
Test(predict_kept, several_labels) {
    static const char *const labels[] = {"가", "나,다", "=1"};
    static const kept_case keys[] = {{"\"label\": \"\", \"score\": 0.5", true},
                                     {"\"label\": \"가\", \"score\": 1", true},
                                     {"\"label\": \"나,다,가\", \"score\": 0.5", true},
                                     {"\"label\": \"나\", \"score\": 0.5", false},
                                     {"\"label\": \"가,\", \"score\": 0.5", false},
                                     {"\"label\": \",가\", \"score\": 0.5", false},
                                     {"\"label\": \"가,다\", \"score\": 0.5", false},
                                     {"\"label\": \"가가\", \"score\": 0.5", false},
                                     {"\"label\": [\"가\"], \"score\": 0.5", false},
                                     {"\"label\": \"가\", \"score\": 1.5", false},
                                     {"\"label\": \"가\", \"score\": null", false}};
    static const kept_case cells[] = {{",0.5", true},
                                      {"가,0.5", true},
                                      {"\"가,나,다\",0.5", true},
                                      {"'=1,0.5", true},
                                      {"\"'=1,가\",0.5", true},
                                      {"\"가,나\",0.5", false},
                                      {"가,나,다,0.5", false},
                                      {"\"가,나,다,0.5", false},
                                      {"\"가\",0.5,", false},
                                      {"가,2", false},
                                      {"가", false}};
    model_folder_make(temporary_path("m"), labels, 3, NULL);
    model_folder_edit(temporary_path("m"), "config.json", "single_label_classification",
                      "multi_label_classification");
    EXPECT_KEPT(NULL, keys);
    EXPECT_KEPT("label,score", cells);
}

#define ENTITY(of, score, word, begin, end)                                                        \
    "\"entities\": [{\"entity_group\":\"" of "\",\"score\":" score ",\"word\":" word               \
    ",\"start\":" begin ",\"end\":" end "}]"
#define ENTITY_CELL(of, score, end)                                                                \
    "\"[{\"\"entity_group\"\":\"\"" of "\"\",\"\"score\"\":" score                                 \
    ",\"\"word\"\":\"\"가나\"\",\"\"start\"\":0,\"\"end\"\":2}]" end

Test(predict_kept, entities) {
    static const kept_case keys[] = {{ENTITY("PS", "0.5", "\"가나\"", "0", "2"), true},
                                     {"\"entities\": []", true},
                                     {ENTITY("B-PS", "0.5", "\"가나\"", "0", "2"), false},
                                     {ENTITY("XX", "0.5", "\"가나\"", "0", "2"), false},
                                     {ENTITY("PS", "1.5", "\"가나\"", "0", "2"), false},
                                     {ENTITY("PS", "\"1\"", "\"가나\"", "0", "2"), false},
                                     {ENTITY("PS", "0.5", "3", "0", "2"), false},
                                     {ENTITY("PS", "0.5", "\"가나\"", "2", "2"), false},
                                     {ENTITY("PS", "0.5", "\"가나\"", "0.5", "2"), false},
                                     {ENTITY("PS", "0.5", "\"가나\"", "-1", "2"), false},
                                     {"\"entities\": [3]", false},
                                     {"\"entities\": {}", false},
                                     {"\"entities\": [], \"label\": \"PS\"", false}};
    static const kept_case cells[] = {{ENTITY_CELL("PS", "0.5", "\""), true},
                                      {"[]", true},
                                      {ENTITY_CELL("XX", "0.5", "\""), false},
                                      {ENTITY_CELL("PS", "2", "\""), false},
                                      {ENTITY_CELL("PS", "0.5", ""), false},
                                      {ENTITY_CELL("PS", "0.5", "\",[]"), false},
                                      {"", false},
                                      {"[", false}};
    train("klue_ner");
    EXPECT_KEPT(NULL, keys);
    EXPECT_KEPT("entities", cells);
}

#define TREE(words, heads, labels, scores)                                                         \
    "\"words\": " words ", \"heads\": " heads ", \"labels\": " labels ", \"scores\": " scores
#define WORDS "[\"가나\",\"다\"]"
#define NAMES "[\"NP_SBJ\",\"VP\"]"
#define WORD_CELLS "\"[\"\"가나\"\",\"\"다\"\"]\","
#define NAME_CELLS "\"[\"\"NP_SBJ\"\",\"\"VP\"\"]\","

Test(predict_kept, trees) {
    static const kept_case keys[] = {{TREE(WORDS, "[2,0]", NAMES, "[0.5,1]"), true},
                                     {TREE("[]", "[]", "[]", "[]"), true},
                                     {TREE(WORDS, "[3,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[-1,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[0.5,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[\"2\",0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[2]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[2,0]", "[\"VP\"]", "[0.5,1]"), false},
                                     {TREE(WORDS, "[2,0]", "[\"VP\",\"XX\"]", "[0.5,1]"), false},
                                     {TREE(WORDS, "[2,0]", "[\"VP\",3]", "[0.5,1]"), false},
                                     {TREE(WORDS, "[2,0]", NAMES, "[0.5,1.5]"), false},
                                     {TREE(WORDS, "[2,0]", NAMES, "[0.5]"), false},
                                     {TREE("[1,2]", "[2,0]", NAMES, "[0.5,1]"), false},
                                     {TREE("{}", "[]", "[]", "[]"), false},
                                     {"\"words\": [], \"heads\": [], \"labels\": []", false},
                                     {TREE("[]", "[]", "[]", "[]") ", \"x\": []", false}};
    static const kept_case cells[] = {{WORD_CELLS "\"[2,0]\"," NAME_CELLS "\"[0.5,1]\"", true},
                                      {WORD_CELLS "\"[2,3]\"," NAME_CELLS "\"[0.5,1]\"", false},
                                      {WORD_CELLS "\"[2,0]\"," NAME_CELLS "[0.5,1]", false},
                                      {WORD_CELLS "\"[2,0]\"," NAME_CELLS "\"[0.5,1]\",1", false},
                                      {WORD_CELLS "\"[2,0]\"," NAME_CELLS, false},
                                      {",,,", false}};
    train("klue_dp");
    EXPECT_KEPT(NULL, keys);
    EXPECT_KEPT("words,heads,labels,scores", cells);
}

#endif
