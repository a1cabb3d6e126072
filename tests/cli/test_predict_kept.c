/* `predict --resume`: of models that say several labels, entities or trees a row that is there is kept
 * when it says what such a model can say, and refused by its number else; and rows that are said to
 * be on the disk are as they were. */
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/long_table.h"
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

TestSuite(predict_kept, .timeout = 240);

static const char *with_scores; /* "--scores", or NULL */

/* Files of one row, "가나 다"; names: the columns that labelling adds, NULL: JSON lines. */
static void expect_kept(const char *names, const kept_case *cases, size_t count) {
    char row[4000];
    const char *input = names ? "i.csv" : "i.jsonl", *output = names ? "o.csv" : "o.jsonl";
    temporary_put(input, names ? "text\n가나 다\n" : "{\"text\": \"가나 다\"}\n");
    for (size_t i = 0; i < count; i++) {
        if (names)
            snprintf(row, sizeof row, "text,%s\n가나 다,%s\n", names, cases[i].answer);
        else
            snprintf(row, sizeof row, "{\"text\": \"가나 다\", %s}\n", cases[i].answer);
        temporary_put(output, row);
        program_result p =
            RUN("predict", "-c", "m", "--device", "cpu", "--threads", "1", "-i", input,
                "--text-column", "text", "--output", output, "--resume", with_scores);
        cr_expect_eq(p.exit_code, cases[i].is_kept ? 0 : 1, "%s: %s", row, p.err);
        cr_expect(
            strstr(p.err, cases[i].is_kept ? "finished already" : "cannot go on (put it back, or"),
            "%s: %s", row, p.err);
    }
}
#define EXPECT_KEPT(names, cases) expect_kept(names, cases, sizeof(cases) / sizeof *(cases))

static void train(const char *task) {
    RUN_WELL("run", "--sample", "--task", task, "-m", "tiny", "--device", "cpu", "--check-device",
             "never", "--max-steps", "1", "-q", "-o", "m");
}

/* What the model itself says is kept, also of a text that is cut, has no word, or blanks at its rim. */
static void expect_own(void) {
    static const char texts[] = "text\n\"  가나, \"\"다\"\"  라 마바사  아자 \"\n\" \"\n"
                                "서울에서 만난 김철수는 내일 부산으로 간다고 말했다\nx\n";
    temporary_put("own.csv", texts);
    for (int i = 0; i < 2; i++) {
        program_result p = RUN_WELL("predict", "-c", "m", "--device", "cpu", "--threads", "1", "-i",
                                    "own.csv", "--text-column", "text", "--output", "own_out.csv",
                                    "--max-length", "8", i ? "--resume" : "--overwrite");
        cr_expect(!i || strstr(p.err, "finished already"), "%s", p.err);
    }
}

/* Labels with what none of them holds between. */
Test(predict_kept, several_labels) {
    static const char *const labels[] = {"가", "나,다", "=1"};
    static const kept_case keys[] = {{"\"label\": \"\", \"score\": 0.5", true},
                                     {"\"label\": \"가\", \"score\": 1", true},
                                     {"\"label\": \"가\", \"score\": 0.5", false},
                                     {"\"label\": \"\", \"score\": 0.75", false},
                                     {"\"label\": \"나,다;가\", \"score\": 0.75", true},
                                     {"\"label\": \"나,다,가\", \"score\": 0.75", false},
                                     {"\"label\": \"나\", \"score\": 0.75", false},
                                     {"\"label\": \"가;\", \"score\": 0.75", false},
                                     {"\"label\": \"나,다;\", \"score\": 0.75", false},
                                     {"\"label\": \";가\", \"score\": 0.75", false},
                                     {"\"label\": \"가,다\", \"score\": 0.75", false},
                                     {"\"label\": \"가가\", \"score\": 0.75", false},
                                     {"\"label\": \"가;가\", \"score\": 0.75", false},
                                     {"\"label\": \"나,다;나,다\", \"score\": 0.75", false},
                                     {"\"label\": [\"가\"], \"score\": 0.75", false},
                                     {"\"label\": \"가\", \"score\": 1.5", false},
                                     {"\"label\": \"가\", \"score\": null", false}};
    static const kept_case cells[] = {{",0.5", true},
                                      {"가,0.75", true},
                                      {"\"가;나,다\",0.75", true},
                                      {"'=1,0.75", true},
                                      {"'=1;가,0.75", true},
                                      {"가;나,0.75", false},
                                      {"가;나,다,0.75", false},
                                      {"가;가,0.75", false},
                                      {"\"가;나,다,0.75", false},
                                      {"\"가,나,다\",0.75", false},
                                      {"\"가\",0.5,", false},
                                      {"가,2", false},
                                      {"가", false}};
    model_folder_make(temporary_path("m"), labels, 3, NULL);
    model_folder_edit(temporary_path("m"), "config.json", "single_label_classification",
                      "multi_label_classification");
    EXPECT_KEPT(NULL, keys);
    EXPECT_KEPT("label,score", cells);
}

/* Labels that a cell has otherwise: with control characters, quotes and what a spreadsheet computes. */
Test(predict_kept, several_labels_that_are_escaped) {
    static const char *const labels[] = {"a\nb", "'=c", "\"d\t", "-1", "=e"};
    static const kept_case cells[] = {
        {"\"a\\nb,'=c\",0.75", true},   {"a\\nb,0.75", true},           {"'=c,0.75", true},
        {"\"'=c,a\\nb\",0.75", true},   {"\"\"\"d\\t,-1\",0.75", true}, {"-1,0.75", true},
        {"\"'-1,a\\nb\",0.75", true},   {"\"'=e,-1\",0.75", true},      {"=e,0.75", false},
        {"\"-1,a\\nb\",0.75", false},   {"\"a\\tb,-1\",0.75", false},   {"'-1,0.75", false},
        {"\"a\\nb,a\\nb\",0.75", false}};
    static const kept_case scores[] = {
        {"\"a\\nb,\"\"d\\t\",0.9,\"{\"\"a\\nb\"\":0.9,\"\"'=c\"\":0.1,\"\"\\\"\"d\\t\"\":0.8,"
         "\"\"-1\"\":0.2,\"\"=e\"\":0.3}\"",
         true},
        {"\"a\\nb,-1\",0.9,\"{\"\"a\\nb\"\":0.9,\"\"'=c\"\":0.1,\"\"\\\"\"d\\t\"\":0.8,"
         "\"\"-1\"\":0.2,\"\"=e\"\":0.3}\"",
         false}};
    model_folder_make(temporary_path("m"), labels, 5, NULL);
    model_folder_edit(temporary_path("m"), "config.json", "single_label_classification",
                      "multi_label_classification");
    EXPECT_KEPT("label,score", cells);
    with_scores = "--scores";
    EXPECT_KEPT("label,score,scores", scores);
    with_scores = NULL;
}

Test(predict_kept, one_label_that_is_escaped) {
    static const char *const labels[] = {"a\nb", "'=c"};
    static const kept_case cells[] = {
        {"a\\nb,0.75", true}, {"a\\tb,0.75", false}, {"'=c,0.75", true}, {"=c,0.75", false}};
    model_folder_make(temporary_path("m"), labels, 2, NULL);
    EXPECT_KEPT("label,score", cells);
}

/* Where one label begins another and holds commas, a list can be read in more ways than can be tried. */
Test(predict_kept, labels_of_labels) {
    enum { LABELS = 24 };
    static char labels[LABELS][2 * LABELS + 2], list[LABELS * LABELS * 2],
        answers[2][sizeof list + 60];
    const char *names[LABELS + 1] = {[LABELS] = ",;|/"}; // nothing is left to stand between
    for (size_t i = 0; i < LABELS; i++) {
        for (size_t k = 0; k <= i; k++) strcat(labels[i], k ? ",a" : "a");
        names[i] = labels[i];
    }
    for (size_t k = 0; k < (size_t)LABELS * (LABELS + 1) / 2; k++) strcat(list, k ? ",a" : "a");
    snprintf(answers[0], sizeof answers[0], "\"label\": \"%s\", \"score\": 0.75", list);
    list[strlen(list) - 1] = 'b';
    snprintf(answers[1], sizeof answers[1], "\"label\": \"%s\", \"score\": 0.75", list);
    const kept_case keys[] = {{answers[0], true},
                              {answers[1], false},
                              {"\"label\": \"a,a\", \"score\": 0.75", true},
                              {"\"label\": \"b\", \"score\": 0.75", false}};
    model_folder_make(temporary_path("m"), names, LABELS + 1, NULL);
    model_folder_edit(temporary_path("m"), "config.json", "single_label_classification",
                      "multi_label_classification");
    double begin = clock_seconds();
    EXPECT_KEPT(NULL, keys);
    cr_expect_lt(clock_seconds() - begin, 60);
}

/* Label and score are those of the scores. */
Test(predict_kept, scores_and_what_is_said_of_them) {
    static const char *const labels[] = {"가", "나", "다"};
    static const kept_case one[] = {
        {"\"label\": \"나\", \"score\": 0.5, \"scores\": {\"가\":0.3,\"나\":0.5,\"다\":0.2}", true},
        {"\"label\": \"가\", \"score\": 0.4, \"scores\": {\"가\":0.4,\"나\":0.4,\"다\":0.2}", true},
        {"\"label\": \"나\", \"score\": 0.4, \"scores\": {\"가\":0.4,\"나\":0.4,\"다\":0.2}",
         false},
        {"\"label\": \"가\", \"score\": 0.3, \"scores\": {\"가\":0.3,\"나\":0.5,\"다\":0.2}",
         false},
        {"\"label\": \"나\", \"score\": 0.6, \"scores\": {\"가\":0.3,\"나\":0.5,\"다\":0.2}",
         false},
        {"\"label\": \"나\", \"score\": 0.5, \"scores\": {\"나\":0.5,\"가\":0.3,\"다\":0.2}",
         false},
        {"\"label\": \"나\", \"score\": 0.5, \"scores\": {\"나\":0.3,\"가\":0.5,\"다\":0.2}",
         false},
        {"\"label\": \"나\", \"score\": 0.5, \"scores\": {\"나\":0.5,\"나\":0.5,\"나\":0.5}",
         false},
        {"\"label\": \"나\", \"score\": 0.5, \"scores\": {\"가\":0.3,\"나\":0.5}", false},
        {"\"label\": \"나\", \"score\": 0.5", false}};
    static const kept_case several[] = {
        {"\"label\": \"다,가\", \"score\": 0.9, \"scores\": {\"가\":0.8,\"나\":0.5,\"다\":0.9}",
         true},
        {"\"label\": \"\", \"score\": 0.5, \"scores\": {\"가\":0.4,\"나\":0.5,\"다\":0.1}", true},
        {"\"label\": \"가,다\", \"score\": 0.9, \"scores\": {\"가\":0.8,\"나\":0.5,\"다\":0.9}",
         false},
        {"\"label\": \"다\", \"score\": 0.9, \"scores\": {\"가\":0.8,\"나\":0.5,\"다\":0.9}",
         false}};
    static const kept_case least[] = {{"\"label\": \"나\", \"score\": 0.34", true},
                                      {"\"label\": \"나\", \"score\": 0.33", false}};
    model_folder_make(temporary_path("m"), labels, 3, NULL);
    EXPECT_KEPT(NULL, least);
    with_scores = "--scores";
    EXPECT_KEPT(NULL, one);
    model_folder_edit(temporary_path("m"), "config.json", "single_label_classification",
                      "multi_label_classification");
    EXPECT_KEPT(NULL, several);
    with_scores = NULL;
}

#define ENTITY(of, score, word, begin, end)                                                        \
    "\"entities\": [{\"entity_group\":\"" of "\",\"score\":" score ",\"word\":" word               \
    ",\"start\":" begin ",\"end\":" end "}]"
#define ONE(word, begin, end)                                                                      \
    "{\"entity_group\":\"PS\",\"score\":0.3,\"word\":\"" word "\",\"start\":" begin                \
    ",\"end\":" end "}"
#define ENTITY_CELL(of, score, end)                                                                \
    "\"[{\"\"entity_group\"\":\"\"" of "\"\",\"\"score\"\":" score                                 \
    ",\"\"word\"\":\"\"가나\"\",\"\"start\"\":0,\"\"end\"\":2}]" end

Test(predict_kept, entities) {
    static const kept_case keys[] = {
        {ENTITY("PS", "0.5", "\"가나\"", "0", "2"), true},
        {"\"entities\": []", true},
        {ENTITY("B-PS", "0.5", "\"가나\"", "0", "2"), false},
        {ENTITY("XX", "0.5", "\"가나\"", "0", "2"), false},
        {ENTITY("PS", "1.5", "\"가나\"", "0", "2"), false},
        {ENTITY("PS", "\"1\"", "\"가나\"", "0", "2"), false},
        {ENTITY("PS", "0.5", "3", "0", "2"), false},
        {ENTITY("PS", "0.5", "\"가나\"", "2", "2"), false},
        {ENTITY("PS", "0.5", "\"가나\"", "0.5", "2"), false},
        {ENTITY("PS", "0.5", "\"가나\"", "-1", "2"), false},
        {ENTITY("PS", "0.5", "\"가나 다\"", "0", "4"), true},
        {ENTITY("PS", "0.5", "\"나\"", "0", "2"), false},
        {ENTITY("PS", "0.5", "\"가나 \"", "0", "3"), false},
        {ENTITY("PS", "0.5", "\"가나 다\"", "0", "5"), false},
        {ENTITY("PS", "0.5", "\"가\"", "9", "10"), false},
        {"\"entities\": [" ONE("가", "0", "1") "," ONE("나", "1", "2") "]", true},
        {"\"entities\": [" ONE("나", "1", "2") "," ONE("가", "0", "1") "]", false},
        {"\"entities\": [" ONE("가", "0", "1") "," ONE("가나", "0", "2") "]", false},
        {"\"entities\": [{\"entity_group\":\"PS\",\"word\":\"가\","
         "\"start\":0,\"end\":1}]",
         false},
        {"\"entities\": [{\"entity_group\":\"PS\",\"score\":1,"
         "\"word\":\"가\",\"start\":0,\"end\":1,\"x\":1}]",
         false},
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
    expect_own();
}

#define TREE(words, heads, labels, scores)                                                         \
    "\"words\": " words ", \"heads\": " heads ", \"labels\": " labels ", \"scores\": " scores
#define WORDS "[\"가나\",\"다\"]"
#define NAMES "[\"NP_SBJ\",\"VP\"]"
#define WORD_CELLS "\"[\"\"가나\"\",\"\"다\"\"]\","
#define NAME_CELLS "\"[\"\"NP_SBJ\"\",\"\"VP\"\"]\","

Test(predict_kept, trees) {
    static const kept_case keys[] = {{TREE(WORDS, "[2,0]", NAMES, "[0.5,1]"), true},
                                     {TREE(WORDS, "[0,1]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[0,1]", NAMES, "[0.5,0]"), true},
                                     {TREE("[]", "[]", "[]", "[]"), false},
                                     {TREE("[\"가나\"]", "[0]", "[\"VP\"]", "[1]"), false},
                                     {TREE("[\"가\",\"나 다\"]", "[2,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[1,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[2,1]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[0,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[3,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[-1,0]", NAMES, "[0.5,1]"), false},
                                     {TREE(WORDS, "[2,0.5]", NAMES, "[0.5,1]"), false},
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
    expect_own();
}

/* A model without a rule for trees says a head for each word, which need make no tree. */
Test(predict_kept, heads_without_a_rule) {
    static const kept_case keys[] = {{TREE(WORDS, "[2,1]", NAMES, "[0.5,1]"), true},
                                     {TREE(WORDS, "[0,0]", NAMES, "[0.5,1]"), true},
                                     {TREE(WORDS, "[1,0]", NAMES, "[0.5,1]"), false}};
    train("klue_dp");
    MUST(file_remove(temporary_path("m/model/SHA256SUMS")));
    model_folder_edit(temporary_path("m/model"), "config.json", "\"head_final_projective\"",
                      "\"any\"");
    EXPECT_KEPT(NULL, keys);
    expect_own();
}

/* What was there with one text in another's place. */
static char *changed(const char *whole, const char *from, const char *to) {
    char *text;
    const char *at = strstr(whole, from);
    cr_assert_not_null(at, "no '%s' in %.200s", from, whole);
    MUST(mem_printf(&text, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from)));
    return text;
}

static const char *const half_words[] = {
    "predict",       "-c",   "m",        "--device", "cpu",      "--threads", "1", "-i", "a.csv",
    "--text-column", "text", "--output", "o.csv",    "--resume", NULL};

/* o.csv, and half of it as an error leaves it, with what is said behind its rows then. */
static void make_half(char **whole, char **half, char **state) {
    static const char *const labels[] = {"aa", "bb", "ccc"};
    model_folder_make(temporary_path("m"), labels, 3, NULL);
    long_table_put("a.csv", true);
    program_result p = program_run(NULL, 120, half_words);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    *whole = temporary_text("o.csv");
    MUST(file_remove(temporary_path("o.csv")));
    const child_setup full = {.file_bytes = strlen(*whole) / 2};
    p = child_run(&full, 120, half_words);
    EXPECT(p, 1, err, "o.csv: cannot write: ");
    *half = temporary_text("o.csv");
    *state = temporary_text("o.csv.unfinished.json");
}

static void expect_gone_on(const char *whole, const char *said) {
    program_result p = program_run(NULL, 120, half_words);
    cr_expect(p.exit_code == 0 && strstr(p.err, said), "%d: %s", p.exit_code, p.err);
    char *now = temporary_text("o.csv");
    cr_expect_str_eq(now, whole);
    mem_free(now);
}

/* What is there stays, and the refusal says both. */
static void expect_left(const char *text, size_t bytes, const char *said, const char *more) {
    void *now = NULL;
    size_t count = 0;
    MUST(file_write(temporary_path("o.csv"), text, bytes));
    program_result p = program_run(NULL, 120, half_words);
    cr_expect(p.exit_code == 1 && strstr(p.err, said) && strstr(p.err, more), "%d, '%s': %s",
              p.exit_code, said, p.err);
    MUST(file_read(&now, &count, temporary_path("o.csv"), 0));
    cr_expect(count == bytes && !memcmp(now, text, bytes), "%zu bytes of %zu", count, bytes);
    mem_free(now);
}

/* Another label of the model, with the score of the one that was said, is an answer that it could
 * have given; what was written says that it did not. Nor are rows gone by themselves, all of them or
 * some. */
Test(predict_kept, rows_that_were_changed_are_not_gone_on_with) {
    static const char lost[] = "rows that were written there were changed, or are gone";
    static const char zeros[4096];
    char *whole, *half, *state;
    make_half(&whole, &half, &state);
    const char *said = strstr(half, ",aa,") ? ",aa," : strstr(half, ",bb,") ? ",bb," : ",ccc,";
    char *others[] = {changed(half, said, said[1] == 'a' ? ",bb," : ",aa,"),
                      changed(half, said, said[1] == 'c' ? ",bb," : ",ccc,")};
    for (size_t i = 0; i < 2; i++) {
        expect_left(others[i], strlen(others[i]), lost, "(--overwrite begins anew)");
        mem_free(others[i]);
    }
    const size_t lengths[] = {strlen(half) * 2 / 3, strcspn(half, "\n") + 1, 3, 0};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        expect_left(half, lengths[i], lost, "(--overwrite begins anew)");
    expect_left(zeros, sizeof zeros, lost, "(--overwrite begins anew)");
    expect_left("mine", 4, "o.csv: its first line does not name the columns", "--overwrite");
    temporary_put("o.csv", half);
    expect_gone_on(whole, "labelled already");
    mem_free(state);
    mem_free(half);
    mem_free(whole);
}

/* The state with another value of its key. */
static char *with_value(const char *state, const char *key, const char *value) {
    char *text;
    const char *at = strstr(state, key);
    cr_assert_not_null(at, "%s", state);
    at = strchr(at, ':') + 1;
    MUST(mem_printf(&text, "%.*s%s%s", (int)(at - state), state, value, at + strcspn(at, ",\n")));
    return text;
}

/* No value that cannot be switches the look at the rows off. */
Test(predict_kept, what_is_said_of_the_rows_is_checked) {
    static const struct {
        const char *key, *value;
    } cases[] = {
        {"kept_bytes", "-1"},
        {"kept_bytes", "1e300"},
        {"kept_bytes", "0.5"},
        {"kept_bytes", "\"x\""},
        {"kept_bytes", "null"},
        {"kept_bytes", "[]"},
        {"kept_bytes", "{}"},
        {"kept_bytes", "true"},
        {"kept_bytes", "1e999"},
        {"kept_bytes", "9007199254740994"},
        {"kept_sha256", "5"},
        {"kept_sha256", "null"},
        {"kept_sha256", "[]"},
        {"kept_sha256", "\"ab\""},
        {"kept_sha256", "\"g123456789012345678901234567890123456789012345678901234567890123\""}};
    char *whole, *half, *state, said[80];
    make_half(&whole, &half, &state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = with_value(state, cases[i].key, cases[i].value);
        snprintf(said, sizeof said, "o.csv.unfinished.json: key '%s' is ", cases[i].key);
        temporary_put("o.csv.unfinished.json", text);
        expect_left(half, strlen(half), said, "cannot go on (--overwrite begins anew)");
        mem_free(text);
    }
    char *one = changed(state, "kept_bytes", "other"), *none = changed(one, "kept_sha256", "more");
    temporary_put("o.csv.unfinished.json", one);
    expect_left(half, strlen(half), "key 'kept_bytes' is missing", "(--overwrite begins anew)");
    // damaged, and of a program that did not say it yet
    for (int i = 0; i < 2; i++) {
        char *cut;
        MUST(mem_printf(&cut, "%.*s", i ? 60 : 0, state));
        temporary_put("o.csv.unfinished.json", cut);
        expect_left(half, strlen(half), "unfinished.json",
                    "cannot go on (--overwrite begins anew)");
        mem_free(cut);
    }
    temporary_put("o.csv.unfinished.json", none);
    expect_gone_on(whole, "is of an older program: whether rows were changed is not seen");
    mem_free(one);
    mem_free(none);
    mem_free(state);
    mem_free(half);
    mem_free(whole);
}
#endif
