/* Runs from files of the user's own, and the manifests that they amount to. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "result/record.h"
#include "support/expected.h"
#include "support/must.h"
#include "support/program.h"
#include "task/task.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(own_files, .timeout = 120);

/* In the form of public files, with sentences of our own: Naver's film ratings, a table as Excel
 * writes it, KLUE's topics, pairs as JSON lines. */
static const char ratings[] =
    "id\tdocument\tlabel\n"
    "1\t\"명작\" 이라더니 정말\t1\n2\t졸았다\t0\n3\t\t0\n4\t다시 볼래요\t1\n"
    "5\t돈 아깝다 \"\"\t0\n";
static const char excel[] =
    "\xEF\xBB\xBF번호;댓글 내용;평가 결과\r\n1;\"첫 줄\r\n둘째 줄; 끝\";긍정\r\n"
    "2;별로예요;부정\r\n3;\"그는 \"\"좋다\"\" 했다\";긍정\r\n";
static const char topics[] =
    "[\n  {\"guid\": \"t-0\", \"title\": \"새 전화기 나온다\", \"label\": 10, \"date\": "
    "\"2026\"},\n"
    "  {\"guid\": \"t-1\", \"title\": \"비가 온다\", \"label\": 2, \"date\": \"2026\"},\n"
    "  {\"guid\": \"t-2\", \"title\": \"경기 끝\", \"label\": 9, \"date\": \"2026\"},\n"
    "  {\"guid\": \"t-3\", \"title\": \"눈이 온다\", \"label\": 2}\n]\n";
static const char pairs[] =
    "{\"sentence1\": \"비가 온다\", \"sentence2\": \"땅이 젖는다\", \"gold\": {\"name\": "
    "\"맞음\"}}\n"
    "{\"sentence1\": \"해가 뜬다\", \"sentence2\": \"밤이다\", \"gold\": {\"name\": \"틀림\"}}\n"
    "{\"sentence1\": \"달이 뜬다\", \"sentence2\": \"밤이다\", \"gold\": {\"name\": \"맞음\"}}\n";
static const char scores[] = "a,score,b\n가,1.5,나\n다,4,라\n마,-2,바\n";
static const char sets[] = "text,tags\n하나,a|b\n둘,b\n셋,c|a\n";

static const struct {
    const char *file, *text;
    const char *flags[10];
    const char *format, *labels; /* parts of the manifest */
} shapes[] = {
    {"ratings_train.txt",
     ratings,
     {"--text-column", "document"},
     "\"kind\":\"delimited\",\"delimiter\":\"\\t\",\"quoting\":\"none\",\"header\":true,"
     "\"columns\":["
     "\"id\",\"document\",\"label\"],\"text\":\"document\",\"label\":\"label\"",
     "[{\"value\":\"0\",\"name\":\"0\",\"readable\":\"0\"},{\"value\":\"1\","},
    {"표 1.csv",
     excel,
     {"--text-column", "댓글 내용", "--label-column", "평가 결과"},
     "\"delimiter\":\";\",\"quoting\":\"standard\",\"header\":true,\"columns\":[\"번호\",\"댓글 "
     "내용\","
     "\"평가 결과\"]",
     "[{\"value\":\"긍정\",\"name\":\"긍정\",\"readable\":\"긍정\"},{\"value\":\"부정\","},
    {"ynat.json",
     topics,
     {NULL},
     "\"kind\":\"json\",\"text\":\"title\",\"label\":\"label\"",
     "[{\"value\":\"2\",\"name\":\"2\",\"readable\":\"2\"},{\"value\":\"9\",\"name\":\"9\","
     "\"readable\":\"9\"},{\"value\":\"10\","},
    {"pairs.jsonl",
     pairs,
     {"--text-column", "sentence1", "--text-pair-column", "sentence2", "--label-column",
      "gold.name"},
     "\"kind\":\"jsonl\",\"text\":\"sentence1\",\"text_pair\":\"sentence2\",\"label\":\"gold."
     "name\"",
     "[{\"value\":\"맞음\","},
    {"scores.csv",
     scores,
     {"--text-column", "a", "--text-pair-column", "b", "--label-column", "score", "--kind",
      "regression"},
     "\"text_pair\":\"b\",\"label\":\"score\"",
     NULL},
    {"sets.csv",
     sets,
     {"--kind", "multi_label", "--label-separator", "|", "--label-column", "tags"},
     "\"label\":\"tags\",\"label_separator\":\"|\"",
     "[{\"value\":\"a\",\"name\":\"a\",\"readable\":\"a\"},{\"value\":\"b\",\"name\":\"b\","
     "\"readable\":\"b\"},{\"value\":\"c\","},
};

/* The manifest that `tasks new` wrote, without blanks. */
static char *manifest_of(const char *file, const char *const *flags, size_t count) {
    const char *arguments[24] = {"tasks", "new", file, "--output", "mine.json", "--overwrite"};
    for (size_t i = 0; i < count && flags[i]; i++) arguments[6 + i] = flags[i];
    program_result p = program_run(NULL, 60, arguments);
    cr_assert_eq(p.exit_code, 0, "%s: %s", file, p.err);
    cJSON *root = NULL;
    char *text = NULL;
    MUST(json_read(&root, temporary_path("mine.json"), 0));
    MUST(json_print(&text, root, false));
    cJSON_Delete(root);
    return text;
}

Test(own_files, four_public_shapes_and_two_kinds) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        temporary_put(shapes[i].file, shapes[i].text);
        char *text = manifest_of(shapes[i].file, shapes[i].flags, 10);
        cr_expect(strstr(text, shapes[i].format), "%s: no %s in %s", shapes[i].file,
                  shapes[i].format, text);
        cr_expect(!shapes[i].labels || strstr(text, shapes[i].labels), "%s: no %s in %s",
                  shapes[i].file, shapes[i].labels, text);
        cr_expect_eq(!shapes[i].labels, strstr(text, "\"range\":[-2,4]") != NULL, "%s", text);
        mem_free(text);
        // the program's own readers take it: three rows and more by the hash rule
        program_result p = RUN("data", "verify", "mine", "--task-dir", ".");
        cr_expect_eq(p.exit_code, 0, "%s: %s", shapes[i].file, p.err);
    }
}

/* What a file was held against is said of each: of that without a sum that it has none. */
Test(own_files, verify_says_which_files_have_no_sum) {
    static const char none[] = "good (the manifest states no SHA-256)\n";
    temporary_put("train.csv", "text,label\n하나,a\n둘,b\n셋,a\n");
    temporary_put("test.csv", "text,label\n넷,a\n다섯,b\n");
    RUN_WELL("tasks", "new", "--train-file", "train.csv", "--test-file", "test.csv", "--output",
             "mine.json");
    cJSON *whole = NULL;
    MUST(json_read(&whole, temporary_path("mine.json"), 0));
    for (int without = -1; without < 2; without++) {
        cJSON *root = cJSON_Duplicate(whole, true), *files = cJSON_GetObjectItem(root, "files");
        cr_assert_eq(cJSON_GetArraySize(files), 2);
        if (without >= 0) cJSON_DeleteItemFromObject(cJSON_GetArrayItem(files, without), "sha256");
        MUST(json_write(temporary_path("mine.json"), root));
        cJSON_Delete(root);
        program_result p = RUN_WELL("data", "verify", "mine", "--task-dir", ".");
        const char *first = strchr(p.out, '\n');
        cr_assert(first, "%s", p.out);
        cr_expect_eq(strstr(p.out, none) != NULL, without >= 0, "%s", p.out);
        cr_expect_eq(strstr(first, none) != NULL, without == 1, "%s", p.out);
    }
    cJSON_Delete(whole);
}

static void expect_note(program_result p, const char *part, bool is_said) {
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    cr_expect_eq(strstr(p.err, part) != NULL, is_said, "%s: %s", part, p.err);
}

/* The numbers of rows that pandas writes have no name: they are neither text nor label. */
Test(own_files, a_column_without_a_name_is_not_guessed) {
    temporary_put("a.csv", ",말,label\n0,좋은 글,x\n1,나쁜 글,y\n2,다른 글,x\n3,어떤 글,y\n");
    expect_note(RUN("tasks", "new", "a.csv", "--output", "a.json"),
                "text    column '말' of a.csv, the only one left", true);
    char *text = NULL;
    size_t bytes = 0;
    MUST(file_read((void **)&text, &bytes, temporary_path("a.json"), 0));
    cr_expect_eq(text[bytes - 1], '\n');
    mem_free(text);
}

/* Lists of labels are told from labels with a bar in their names. */
Test(own_files, lists_of_labels_are_hinted_at) {
    static const char said[] =
        "label 'a|b' looks like a list of labels, and is learnt as one label "
        "of its own (--kind multi_label --label-separator '|' learns";
    temporary_put("a.csv", "text,label\nt,a|b\nu,a\nv,b\nw,a\n");
    expect_note(RUN("tasks", "new", "a.csv", "--output", "a.json"), said, true);
    temporary_put("a.csv", "text,label\nt,a|b\nu,c\nv,b\nw,c\n");
    expect_note(RUN("tasks", "new", "a.csv", "--output", "b.json"), "looks like", false);
    temporary_put("a.csv", "text,label\nt,a|b\nu,a\nv,b\nw,a\n");
    expect_note(RUN("tasks", "new", "a.csv", "--kind", "multi_label", "--label-separator", "|",
                    "--output", "c.json"),
                "looks like", false);
}

/* Columns that nobody reads may be called anything. */
Test(own_files, only_columns_that_are_read_have_to_agree) {
    temporary_put("a.csv", "번호,text,label\n1,t,x\n2,u,y\n3,v,x\n4,w,y\n");
    temporary_put("b.csv", "id,text,label\n1,s,x\n2,r,y\n");
    expect_note(RUN("tasks", "new", "a.csv", "b.csv", "--output", "a.json"), "b.csv", true);
    expect_note(RUN("data", "verify", "a", "--task-dir", "."), "differ", false);
    temporary_put("b.csv", "text,id,label\ns,1,x\n");
    program_result p = RUN("tasks", "new", "a.csv", "b.csv", "--output", "b.json");
    EXPECT(p, 1, err,
           "column 1 of b.csv is 'text', of a.csv it is '번호': all files "
           "have to have as many columns, and those that are read in the "
           "same places");
}

/* All that a manifest says, of one file and of two. */
Test(own_files, manifests_are_whole) {
    static const struct {
        const char *test; /* its text; NULL: none */
        const char *train;
        const char *flags[10];
        const char *name;
    } cases[] = {
        {NULL, ratings, {"--text-column", "document"}, "own_class.json"},
        {"a,score,b\n하,2,호\n",
         scores,
         {"--text-column", "a", "--label-column", "score", "--kind", "regression",
          "--skip-bad-rows"},
         "own_number.json"},
        {NULL,
         sets,
         {"--kind", "multi_label", "--label-separator", "|", "--label-column", "tags"},
         "own_set.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[24] = {"tasks", "new", "train.csv"};
        size_t n = 3;
        temporary_put("train.csv", cases[i].train);
        if (cases[i].test) temporary_put("test.csv", cases[i].test);
        if (cases[i].test) arguments[n++] = "test.csv";
        arguments[n++] = "--output";
        arguments[n++] = cases[i].name;
        for (size_t k = 0; k < 10 && cases[i].flags[k]; k++) arguments[n++] = cases[i].flags[k];
        program_result p = program_run(NULL, 60, arguments);
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        char *text;
        size_t count;
        MUST(file_read((void **)&text, &count, temporary_path(cases[i].name), 0));
        expect_output(cases[i].name, text);
        mem_free(text);
    }
}

/* 60 rows of two labels that words tell apart, one of them twice, and one with a quote. */
static void put_reviews(const char *name, size_t rows, bool labels) {
    static const char *const words[] = {"정말 좋아요", "너무 지루해요"};
    strbuf text = {0};
    MUST(strbuf_add(&text, labels ? "\xEF\xBB\xBF번호,댓글 내용,평가\r\n" : "번호,댓글 내용\r\n"));
    for (size_t i = 0; i < rows; i++) {
        MUST(strbuf_printf(&text, "%zu,\"%s %zu, \"\"음\"\"\"", i, words[i % 2], i / 2));
        MUST(strbuf_printf(&text, labels ? ",%s\r\n" : "\r\n", i % 2 ? "나쁨" : "좋음"));
    }
    MUST(file_write(temporary_path(name), text.text, text.length));
    strbuf_free(&text);
}

#if HARNESS_CPU
#define TRIED "--device", "cpu", "--threads", "1", "--check-device", "never", "--dry-run"

/* Counted alike with a test set of its own and without, in what is tried and what is trained. */
Test(own_files, what_is_left_out_is_counted) {
    static const char rest[] = ": 1 empty, 3 whose text came before, 1 of them with another label)";
    strbuf text = {0};
    MUST(strbuf_add(&text, "text,label\n"));
    for (int i = 0; i < 40; i++) MUST(strbuf_printf(&text, "글 %d,%d\n", i, i % 2));
    MUST(strbuf_add(&text, "글 2,0\n글 4,0\n글 5,0\n,1\n"));
    MUST(file_write(temporary_path("a.csv"), text.text, text.length));
    strbuf_free(&text);
    temporary_put("b.csv", "text,label\n글 1,1\n글 2,0\n다른 글,0\n");
    program_result p = RUN_WELL("run", "--train-file", "a.csv", TRIED);
    cr_expect(strstr(p.out, "32 training rows (4 left out by"), "%s", p.out);
    cr_expect(strstr(p.out, " 8 test rows"), "%s", p.out);
    cr_expect_not(strstr(p.out, "also in training"), "%s", p.out);
    p = RUN_WELL("run", "--train-file", "a.csv", TRIED, "--json");
    cr_expect(strstr(p.err, rest), "%s", p.err);
    p = RUN_WELL("run", "--train-file", "a.csv", "--test-file", "b.csv", TRIED, "--json");
    cr_expect(strstr(p.err, "40 training rows (4 left out by cleaning"), "%s", p.err);
    cr_expect(strstr(p.err, rest), "%s", p.err);
    cr_expect(strstr(p.err, "2 of 3 test texts are also in training (harness data stats"), "%s",
              p.err);
}

Test(own_files, two_commands_from_a_table_to_predictions) {
    put_reviews("내 댓글.csv", 60, true);
    put_reviews("새 댓글.csv", 9, false);
    program_result p = RUN_WELL("run", "--train-file", "내 댓글.csv", "--text-column", "댓글 내용",
                                "--label-column", "평가", "--device", "cpu", "--threads", "1",
                                "--check-device", "never", "--epochs", "2");
    cr_expect(strstr(p.err, "내 댓글.csv: CSV, 60 rows"), "%s", p.err);
    cr_expect(strstr(p.err, "2 labels: 나쁨 (30), 좋음 (30)"), "%s", p.err);
    cr_expect(strstr(p.err, "48 training rows (0 left out by cleaning), 12 test rows"), "%s",
              p.err);
    // no board has it, not when it is asked for again either
    cr_expect_not(file_named(temporary_path("results")));
    p = RUN("run", "--train-file", "내 댓글.csv", "--text-column", "댓글 내용", "--label-column",
            "평가", "--device", "cpu", "--threads", "1", "--check-device", "never", "--epochs",
            "2");
    cr_expect(strstr(p.err, "this very run is finished already"), "%s", p.err);
    cr_expect_not(file_named(temporary_path("results")));
    p = RUN("runs", "--json");
    cr_expect(strstr(p.out, "\"task\":\t\"own-"), "%s", p.out);
    RUN_WELL("predict", "--input", "새 댓글.csv", "--text-column", "댓글 내용", "--output",
             "답.csv", "--device", "cpu");
    char *out;
    size_t count, lines = 0;
    MUST(file_read((void **)&out, &count, temporary_path("답.csv"), 0));
    for (const char *at = out; (at = strchr(at, '\n')); at++) lines++;
    cr_expect_eq(lines, 10);
    cr_expect_eq(strncmp(out, "번호,댓글 내용,label,score\r\n0,\"정말 좋아요 0, \"\"음\"\"\",", 60),
                 0, "%s", out);
    mem_free(out);
}

/* Hangul in pieces, as macOS writes it, is known by what people type. */
Test(own_files, names_are_compared_as_they_are_read) {
    static const char *const flags[][4] = {{NULL}, {"--text-column", "댓글 내용"}};
    temporary_put(
        "a.csv",
        "\xE1\x84\x83\xE1\x85\xA2\xE1\x86\xBA\xE1\x84\x80\xE1\x85\xB3\xE1\x86\xAF\x20\xE1\x84\x82"
        "\xE1\x85\xA2\xE1\x84\x8B\xE1\x85\xAD\xE1\x86\xBC,"
        "\xE1\x84\x85\xE1\x85\xA1\xE1\x84\x87\xE1\x85\xA6\xE1\x86\xAF,n\n가,a,1\n나,b,2\n다,a,3\n");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        char *text = manifest_of("a.csv", flags[i], 4);
        cr_expect(
            strstr(text,
                   "\"text\":"
                   "\"\xE1\x84\x83\xE1\x85\xA2\xE1\x86\xBA\xE1\x84\x80\xE1\x85\xB3\xE1\x86\xAF\x20"
                   "\xE1\x84\x82\xE1\x85\xA2\xE1\x84\x8B\xE1\x85\xAD\xE1\x86\xBC\",\"label\":"
                   "\"\xE1\x84\x85\xE1\x85\xA1\xE1\x84\x87\xE1\x85\xA6\xE1\x86\xAF\""),
            "%s", text);
        mem_free(text);
    }
}

/* A model of pairs finds both columns of its training, and labels that hold commas stay apart. */
Test(own_files, what_was_trained_on_is_found_and_told) {
    temporary_put("p.csv", "sentence1,sentence2,label\n가,나,x\n나,다,y\n다,라,x\n라,마,y\n");
    temporary_put("m.csv", "text,label\n가,\"a,b\"\n나,a\n다,b;a\n라,\"b;a,b\"\n마,a\n");
    RUN_WELL("run", "--train-file", "p.csv", "--device", "cpu", "--check-device", "never",
             "--max-steps", "1", "-o", "p");
    program_result p = RUN_WELL("predict", "-m", "p", "-i", "p.csv", "--device", "cpu");
    cr_expect(strstr(p.err, "column 'sentence2' of p.csv, as in training"), "%s", p.err);
    temporary_put("t.csv", "text,label\n바,\"a,b;b\"\n사,a;b\n");
    RUN_WELL("run", "--train-file", "m.csv", "--test-file", "t.csv", "--kind", "multi_label",
             "--label-separator", ";", "--device", "cpu", "--check-device", "never", "--max-steps",
             "1", "-o", "m");
    p = RUN_WELL("eval", "-m", "m", "--predictions", "o.csv", "--device", "cpu");
    cr_expect(strstr(p.err, "';' stands between those of a row"), "%s", p.err);
    char *rows = temporary_text("o.csv");
    cr_expect(strstr(rows, "\n1,\"a,b;b\","), "%s", rows);
    cr_expect(strstr(rows, "\n2,\"a;b\","), "%s", rows);
    mem_free(rows);
}

/* The manifest of the same files gives the same rows, and its runs are kept on the board. */
Test(own_files, a_manifest_that_is_kept_stands_on_the_board) {
    put_reviews("train.csv", 40, true);
    put_reviews("test.csv", 10, true);
    program_result p = RUN_WELL("run", "--train-file", "train.csv", "--test-file", "test.csv",
                                "--text-column", "댓글 내용", "--label-column", "평가", "--device",
                                "cpu", "--check-device", "never", "--epochs", "1", "-o", "a", "-q");
    RUN_WELL("tasks", "new", "train.csv", "test.csv", "--text-column", "댓글 내용",
             "--label-column", "평가", "--output", "mine.json");
    RUN_WELL("run", "--task", "mine", "--task-dir", ".", "--device", "cpu", "--check-device",
             "never", "--epochs", "1", "-o", "b", "-q");
    cr_expect(folder_exists(temporary_path("results/mine")));
    // rows are written over none of the files that they come from
    p = RUN("eval", "--task", "mine", "--task-dir", ".", "-c", "b", "--device", "cpu",
            "--predictions", "./test.csv", "--overwrite");
    EXPECT(p, 2, err, "./test.csv is read by this command, and would be replaced");
    p = RUN("eval", "--task", "mine", "--task-dir", ".", "-c", "b", "--device", "cpu",
            "--predictions", "b/model/rows.csv");
    EXPECT(p, 2, err, "b/model/rows.csv lies among the files of the model");
    cr_expect_not(folder_exists(temporary_path("results/own-train")));
    // they are of the same rows, whatever they are called
    p = RUN("compare", "a", "b");
    cr_expect(!p.exit_code && strstr(p.out, "# own-train, version 1, 10 test rows"), "%s%s", p.out,
              p.err);
    static const char *const keys[] = {"final_weights_sha256", "gold_sha256"};
    cJSON *a, *b;
    MUST(json_read(&a, temporary_path("a/record.json"), 0));
    MUST(json_read(&b, temporary_path("b/record.json"), 0));
    for (size_t i = 0; i < 2; i++)
        cr_expect_str_eq(cJSON_GetObjectItem(a, keys[i])->valuestring,
                         cJSON_GetObjectItem(b, keys[i])->valuestring);
    const char *command = cJSON_GetObjectItem(a, "command")->valuestring;
    cr_expect_eq(strncmp(command,
                         "harness run --train-file train.csv --test-file test.csv --text-column "
                         "'댓글 내용' --label-column '평가' --model tiny",
                         100),
                 0, "%s", command);
    cJSON_Delete(a);
    cJSON_Delete(b);
}
#endif

Test(own_files, a_column_is_guessed_where_one_guess_alone_is_possible) {
    static const struct {
        const char *header;
        const char *said; /* of a guess, or of the refusal */
        int code;
    } guesses[] = {
        {"id,text,label", "column 'text' of f.csv", 0},
        {"문장,x", "column 'x' of f.csv", 0},
        {"x,Label", "column 'x' of f.csv", 0},
        {"id, Text , label", "text    column ' Text ' of f.csv", 0},
        {"x,y",
         "which column holds the text? name it with --text-column (of pairs the second with "
         "--text-pair-column); the columns are 'x', 'y', by "
         "the "
         "first line, which has to hold their names",
         2},
        {"sep=;,y", "by the first line, which is for a spreadsheet alone: remove it", 2},
        {"text,comment,label", "which column holds the text?", 2},
        // pairs as transformers' scripts know them, and no half of one
        {"id,sentence1,sentence2,label",
         "text    columns 'sentence1' and 'sentence2' of f.csv, a pair", 0},
        {"Hypothesis,premise,label", "text    columns 'premise' and 'Hypothesis' of f.csv, a pair",
         0},
        {"question,sentence,label", "text    columns 'question' and 'sentence' of f.csv, a pair",
         0},
        {"문장1,문장2,정답", "text    columns '문장1' and '문장2' of f.csv, a pair", 0},
        {"premise,hypothesis,sentence1,sentence2,label", "which column holds the text?", 2},
        {"sentence1,x,label", "which column holds the text?", 2},
        // by the word that a Korean name ends in
        {"번호,댓글 내용,감정 라벨", "label   column '감정 라벨' of f.csv", 0},
        {"댓글 수,리뷰본문 ,댓글 감정", "text    column '리뷰본문 ' of f.csv", 0},
        {"댓글 내용,리뷰 본문,라벨", "which column holds the text?", 2},
        {"번호,댓글 내용,댓글,라벨", "text    column '댓글' of f.csv", 0},
        {"id,text,x", "which column holds the label?", 2},
        {"text", "which column holds the label?", 2},
    };
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
        strbuf text = {0};
        size_t columns = 1;
        for (const char *at = guesses[i].header; *at; at++) columns += *at == ',';
        MUST(strbuf_printf(&text, "%s\n", guesses[i].header));
        for (int row = 0; row < 4; row++)
            for (size_t c = 0; c < columns; c++)
                MUST(strbuf_printf(&text, "%c%d%s", 'a' + (int)c, c + 1 == columns ? row % 2 : row,
                                   c + 1 == columns ? "\n" : ","));
        temporary_put("f.csv", text.text);
        strbuf_free(&text);
        program_result p = RUN("tasks", "new", "f.csv", "--overwrite");
        cr_expect_eq(p.exit_code, guesses[i].code, "%s: %s", guesses[i].header, p.err);
        cr_expect(strstr(p.err, guesses[i].said), "%s: %s", guesses[i].header, p.err);
    }
}

#define ROWS "text,label\na1,x\na2,y\na3,x\n"

Test(own_files, bad_input_is_named_before_training) {
    strbuf many = {0};
    MUST(strbuf_add(&many, "text,label\n"));
    for (int i = 0; i < 4000; i++) MUST(strbuf_printf(&many, "t%d,l%d\n", i, i));
    const struct {
        const char *train, *test;
        const char *flags[6];
        int code;
        const char *said;
    } cases[] = {
        {many.text,
         NULL,
         {NULL},
         1,
         "train.csv: column 'label' holds 4000 different values in 4000 rows, at most 2000 labels"},
        {"text,label\n,x\n,y\n", NULL, {NULL}, 1, "column 'text' is empty in all 2 rows"},
        {"text,label\na,x\na,y\na,x\n", NULL, {NULL}, 1, "all texts of column 'text' are alike"},
        {"text,label\na,x\nb,x\n", NULL, {NULL}, 1, "all 2 rows have the label 'x'"},
        {"text,label\na,x\nb,\nc,y\nd,\n",
         NULL,
         {NULL},
         1,
         "train.csv:3: column 'label' is empty (2 such rows); --skip-bad-rows"},
        {"text,label\na,x\nb,\nc,y\n",
         NULL,
         {NULL},
         1,
         "train.csv:3: column 'label' is empty (1 such row); --skip-bad-rows"},
        {ROWS,
         "text,label\nb,x\nc,z\n",
         {NULL},
         1,
         "test.csv:3: no training row has the label 'z', so a model of them never answers it (1 "
         "row "
         "with such labels); --skip-bad-rows"},
        {"text,label\na,x\nb,y\n",
         NULL,
         {NULL},
         1,
         "train.csv: each of its 2 labels has one row, which goes to the test set"},
        {"{\"data\": [{\"text\": \"a\"}]}\n",
         NULL,
         {NULL},
         2,
         "the columns are 'data', and that is a list: rows are expected at the top, as `jq '.[]'`"},
        {"{\"text\": {\"0\": \"a\"}, \"label\": {\"0\": 1}}\n",
         NULL,
         {NULL},
         1,
         "train.csv:1: key 'text' is no string (of pandas: to_json(..., orient='records', "
         "lines=True))"},
        {"{\"text\": \"a\", \"label\": null}\n{\"text\": \"b\", \"label\": 1}\n{\"text\": \"c\"}\n",
         NULL,
         {NULL},
         1,
         "train.csv:1: column 'label' is empty (2 such rows)"},
        {"text,label\ra,x\rb,y\r",
         NULL,
         {NULL},
         1,
         "where all lines end in one: tr '\\r' '\\n' converts them"},
        {ROWS, ROWS, {NULL}, 1, "train.csv and test.csv are the same file"},
        {"{\"text\": \"a\", \"label\": [\"x\"]}\n",
         NULL,
         {NULL},
         2,
         "train.csv:1: key 'label' is a list, and one label a row is expected (--kind multi_label "
         "takes lists of labels)"},
        {"{\"text\": \"a\", \"label\": 0.5}\n",
         NULL,
         {NULL},
         2,
         "train.csv:1: key 'label' is the number 0.5, and a label is expected (--kind regression "
         "learns numbers)"},
        {ROWS,
         "label,text\nx,b\n",
         {NULL},
         1,
         "column 1 of test.csv is 'label', of train.csv it is 'text'"},
        {ROWS,
         "{\"text\": \"b\", \"label\": \"x\"}\n",
         {NULL},
         1,
         "train.csv is CSV and test.csv is JSON lines"},
        {ROWS, "text,label\n", {NULL}, 1, "test.csv: no rows there"},
        {ROWS,
         NULL,
         {"--text-column", "texd"},
         2,
         "no column 'texd'; did you mean 'text'? (--text-column); the columns are 'text', 'label'"},
        {ROWS,
         NULL,
         {"--text-column", "label", "--label-column", "label"},
         2,
         "are different columns"},
        {ROWS, NULL, {"--kind", "ranking"}, 2, "unknown kind 'ranking'"},
        {ROWS,
         NULL,
         {"--kind", "multi_label"},
         2,
         "train.csv: what stands between the labels of column 'label'? name it with "
         "--label-separator"},
        {ROWS,
         NULL,
         {"--kind", "regression"},
         1,
         "train.csv:2: column 'label' holds 'x', which is"},
        {"text,label\na,1\nb,1e10\n",
         NULL,
         {"--kind", "regression"},
         1,
         "train.csv:3: column 'label' holds 1e10, numbers from -1e+09 to 1e+09 are allowed"},
        {"text,label\na,x|y\nb,x||y\nc,|x\nd,\n",
         NULL,
         {"--kind", "multi_label", "--label-separator", "|"},
         1,
         "train.csv:3: an empty label in column 'label' (2 in all): labels have one '|' between "
         "them"},
        {"{\"text\": \"a\", \"label\": [\"x\"]}\n{\"text\": \"b\", \"label\": [\"\", \"x\", "
         "\"\"]}\n",
         NULL,
         {"--kind", "multi_label"},
         1,
         "train.csv:2: an empty label in the list at key 'label' (2 in all)"},
        {ROWS, NULL, {"--label-separator", "|"}, 2, "goes with --kind multi_label"},
        {"text,label\na,1\nb,1.0\n", NULL, {"--kind", "regression"}, 1, "the same number"},
        {"text,label\na,x\nb,y,z\nc,y\nd,x\n",
         NULL,
         {NULL},
         1,
         "train.csv:3: 3 columns, expected 2"},
        {"text,label\n\xC7\xD1\xB1\xB9,x\nb,y\n",
         NULL,
         {NULL},
         1,
         "converted first: iconv -f CP949 -t UTF-8 train.csv > utf8-train.csv"},
        {"text,label\na,긍정\nb,부정\nc,"
         "\xE1\x84\x80\xE1\x85\xB3\xE1\x86\xBC\xE1\x84\x8C\xE1\x85\xA5\xE1\x86\xBC\nd,부정\n",
         NULL,
         {NULL},
         1,
         "column 'label' differs from that of line 4 only in letters that do not show, or in how"},
        {"text,label\na,x\nb,y\na,x\n",
         NULL,
         {NULL},
         1,
         "train.csv: each of its labels has one text, which goes to the test set"},
        {"\xFF\xFEt", NULL, {NULL}, 1, "iconv -f UTF-16 -t UTF-8 train.csv > utf8-train.csv"},
        {ROWS, NULL, {"--validation-file", "train.csv"}, 2, "--validation-file needs --test-file"},
        {ROWS, NULL, {"--sample"}, 2, "--sample and --train-file exclude each other"},
        {ROWS, NULL, {"--task", "kor_hate"}, 2, "--task and --train-file exclude each other"},
        {ROWS, NULL, {"--data", "."}, 2, "--data and --train-file exclude each other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[20] = {"run", "--device", "reference", "--train-file", "train.csv"};
        size_t n = 5;
        temporary_put("train.csv", cases[i].train);
        if (cases[i].test) {
            temporary_put("test.csv", cases[i].test);
            arguments[n++] = "--test-file";
            arguments[n++] = "test.csv";
        }
        for (size_t k = 0; k < 6 && cases[i].flags[k]; k++) arguments[n++] = cases[i].flags[k];
        program_result p = program_run(NULL, 60, arguments);
        cr_expect_eq(p.exit_code, cases[i].code, "case %zu: %s", i, p.err);
        cr_expect(strstr(p.err, cases[i].said), "case %zu: no '%s' in %s", i, cases[i].said, p.err);
    }
    strbuf_free(&many);
    cr_expect_not(file_named(temporary_path("runs")), "something was begun");
}

/* Numbers that have 17 digits lie within the range that is written of them. */
Test(own_files, a_range_holds_its_ends) {
    char rows[4000] = "text,label\n";
    for (int i = 0; i < 40; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "글 %d,%s\n", i,
                 i % 3 == 0   ? "0.30000000000000004"
                 : i % 3 == 1 ? "5.220000000000001"
                              : "2.5");
    temporary_put("exact.csv", rows);
    program_result p =
        RUN("run", "--train-file", "exact.csv", "--kind", "regression", "--text-column", "text",
            "--label-column", "label", "-m", "tiny", "--device", "cpu", "--check-device", "never",
            "--max-steps", "1", "-q", "-o", "exact");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    RUN_WELL("tasks", "new", "exact.csv", "--kind", "regression", "--text-column", "text",
             "--label-column", "label", "--output", "exact.json");
    char *manifest = temporary_text("exact.json");
    cr_expect(strstr(manifest, "0.30000000000000004") && strstr(manifest, "5.220000000000001"),
              "%s", manifest);
    mem_free(manifest);
}

/* Scores that are taken for classes are told, whole numbers and names are classes. */
Test(own_files, scores_are_told_from_classes) {
    static const struct {
        const char *rows, *kind;
        bool told;
    } files[] = {{"t,label\na,1.5\nb,2\nc,1.5\nd,2\n", "classification", true},
                 {"t,label\na,1.5\nb,2\nc,1.5\nd,2\n", "regression", false},
                 {"t,label\na,1.0\nb,2\nc,1.0\nd,2\n", "classification", false},
                 {"t,label\na,1.5\nb,x\nc,1.5\nd,x\n", "classification", false}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        temporary_put("f.csv", files[i].rows);
        program_result p =
            RUN_WELL("tasks", "new", "f.csv", "--overwrite", "--kind", files[i].kind);
        cr_expect_eq(strstr(p.err, "(--kind regression learns scores)") != NULL, files[i].told,
                     "%s: %s", files[i].rows, p.err);
    }
}

/* More labels than a byte counts: a run, its record, what it predicts and what eval says of it. */
Test(own_files, five_hundred_labels_are_learnt_and_told) {
    enum { LABELS = 500 };
    strbuf rows = {0};
    record r;
    MUST(strbuf_add(&rows, "text,label\n"));
    for (int i = 0; i < 3 * LABELS; i++)
        MUST(strbuf_printf(&rows, "text %d of %d,l%d\n", i, i % LABELS, i % LABELS));
    temporary_put("many.csv", rows.text);
    strbuf_free(&rows);
    program_result p = RUN_WELL("run", "--train-file", "many.csv", "--model", "tiny", "--epochs",
                                "1", "--device", "cpu", "--output-dir", "many", "--max-steps", "2");
    cr_expect(strstr(p.err, "holds 500 different values in 1,500 rows"), "%s", p.err);
    MUST(record_read(&r, temporary_path("many/record.json")));
    cr_assert_eq(r.task.label_count, LABELS);
    record_free(&r);
    p = RUN_WELL("eval", "--record", "many/record.json", "--json");
    cr_assert(strstr(p.out, "\"confusion\":[["), "%s", p.out);
    RUN_WELL("predict", "--checkpoint", "many", "text 7 of 7");
}

/* Between rows, of which no quote is open, and at the end. */
Test(own_files, blank_lines_are_counted) {
    static const struct {
        const char *name, *text, *said;
    } files[] = {
        {"none.csv", "text,label\n가,0\n나,1\n", ": CSV, 2 rows\n"},
        {"one.csv", "text,label\n가,0\n\n나,1\n", ": CSV, 2 rows (1 blank line passed over)\n"},
        {"more.csv", "text,label\r\n\r\n가,0\r\n\"나\n\n\",1\r\n\r\n\r\n",
         ": CSV, 2 rows (3 blank lines passed over)\n"},
        {"blanks.csv", "text,label\n   \n가,0\n\t\r\n\"나\n   \n\",1\n \t",
         ": CSV, 2 rows (3 blank lines passed over)\n"},
        // tabs of TSV are empty fields
        {"tabs.tsv", "text\tlabel\tnote\n \n가\t0\t\n\t\t\n나\t1\t\n",
         ": TSV whose quotes are text, 3 rows (1 blank line passed over)\n"},
        {"more.jsonl", "{\"text\":\"가\",\"label\":0}\n\n \n{\"text\":\"나\",\"label\":1}\n",
         ": JSON lines, 2 rows (2 blank lines passed over)\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        temporary_put(files[i].name, files[i].text);
        program_result p = RUN("tasks", "new", files[i].name);
        cr_expect(strstr(p.err, files[i].said), "%s: no '%s' in %s", files[i].name, files[i].said,
                  p.err);
    }
}

/* Rows without a label, or with one that training lacks, are left out and counted on request. */
Test(own_files, bad_rows_are_skipped_on_request) {
    temporary_put("train.csv", "text,label\na1,x\na2,\na3,y\na4,x\n");
    temporary_put("test.csv", "text,label\nb1,x\nb2,z\nb3,y\nb4,w\n");
    program_result p =
        RUN("tasks", "new", "train.csv", "test.csv", "--skip-bad-rows", "--output", "mine.json");
    EXPECT(p, 0, err, "1 row without label is left out, the first is train.csv:3");
    cr_expect(strstr(p.err, "2 rows are left out whose label no training row has, the first is "
                            "test.csv:3 ('z')"),
              "%s", p.err);
    p = RUN_WELL("data", "stats", "mine", "--task-dir", ".", "--json");
    cr_expect(strstr(p.out, "\"invalid_rows\":\t3"), "%s", p.out);
}

/* In JSON a label that is null, or not there at all, is none. */
Test(own_files, labels_that_are_null_are_none) {
    static const char *const kinds[][5] = {
        {"\"x\"", "\"y\"", "--kind", "classification"},
        {"1", "2.5", "--kind", "regression"},
        {"[\"x\"]", "[\"y\", \"x\"]", "--kind", "multi_label"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        strbuf text = {0};
        for (int row = 0; row < 12; row++)
            MUST(strbuf_printf(&text, "{\"text\": \"t%d\", \"label\": %s}\n", row,
                               row == 5 ? "null" : kinds[i][row % 2]));
        MUST(strbuf_add(&text, "{\"text\": \"u\"}\n"));
        temporary_put("f.jsonl", text.text);
        strbuf_free(&text);
        program_result p = RUN_WELL("tasks", "new", "f.jsonl", "--skip-bad-rows", "--output",
                                    "n.json", "--overwrite", kinds[i][2], kinds[i][3]);
        cr_expect(strstr(p.err, "2 rows without label are left out, the first is f.jsonl:6"), "%s",
                  p.err);
        p = RUN("data", "stats", "n", "--task-dir", ".", "--json");
        cr_expect(strstr(p.out, "\"invalid_rows\":\t2"), "%s%s", p.out, p.err);
    }
}

Test(own_files, labels_that_differ_in_blanks_are_told) {
    temporary_put("f.csv", ROWS "a4,y \na5,y \n");
    program_result p = RUN_WELL("tasks", "new", "f.csv", "--output", "n.json");
    cr_expect(strstr(p.err, "label 'y ' is another than the one without blanks"), "%s", p.err);
    temporary_put("f.csv", ROWS "a4,\xE3\x80\x80y\xC2\xA0\na5,\xE3\x80\x80y\xC2\xA0\n");
    p = RUN("tasks", "new", "f.csv", "--output", "n.json", "--overwrite");
    cr_expect(strstr(p.err, "is another than the one without blanks"), "%s", p.err);
    temporary_put("f.csv", ROWS "a4,z \na5,z \n");
    p = RUN("tasks", "new", "f.csv", "--output", "n.json", "--overwrite");
    cr_expect_not(strstr(p.err, "without blanks"), "%s", p.err);
}

/* A file that changed since its manifest was written is not read as if it had not. */
Test(own_files, manifests_hold_the_files_to_their_hashes) {
    temporary_put("train.csv", ROWS "a4,y\na5,x\n");
    program_result p = RUN_WELL("tasks", "new", "train.csv", "--output", "mine.json");
    p = RUN("tasks", "new", "train.csv", "--output", "mine.json");
    EXPECT(p, 1, err, "mine.json: there already (--overwrite replaces it)");
    temporary_put("rows.json", "[{\"text\": \"a\", \"label\": 1}, {\"text\": \"b\", \"label\": 2}, "
                               "{\"text\": \"c\", \"label\": 2}]");
    p = RUN("tasks", "new", "rows.json", "--output", "./rows.json", "--overwrite");
    EXPECT(p, 2, err, "./rows.json is read by this command, and would be replaced");
    // by whatever verb and link
    MUST(file_write(temporary_path("kept.csv"), ROWS, strlen(ROWS)));
    char kept[PATH_MAX];
    snprintf(kept, sizeof kept, "%s", temporary_path("kept.csv"));
    cr_assert_eq(link(kept, temporary_path("linked.csv")), 0);
    p = RUN("tune", "--train-file", "kept.csv", "--lr", "1e-3,2e-3", "--output", "linked.csv",
            "--overwrite");
    EXPECT(p, 2, err, "linked.csv is read by this command (--train-file), and would be replaced");
    p = RUN("tasks", "new", "--train-file", "train.csv", "--test-file", "kept.csv", "--output",
            "kept.csv", "--overwrite");
    EXPECT(p, 2, err, "kept.csv is read by this command (--test-file), and would be replaced");
    p = RUN("data", "stats", "kept.csv", "--svg", "kept.csv");
    EXPECT(p, 2, err, "kept.csv is read by this command, and would be replaced");
    MUST(folder_make(temporary_path("run")));
    temporary_put("run/run.json", "{\"harness\": {\"version\": \"1\", \"numerics_version\": 1}}");
    p = RUN("tasks", "new", "train.csv", "--output", "run/run.json", "--overwrite");
    cr_expect(p.exit_code == 2 && strstr(p.err, "lies among the files of a run"), "%s", p.err);
    p = RUN("tasks", "new", "train.csv", "--output", "mine.txt");
    cr_expect_eq(p.exit_code, 2);
    temporary_put("train.csv", ROWS "a4,y\na5,y\n");
    p = RUN("data", "verify", "mine", "--task-dir", ".");
    EXPECT(p, 1, err, "SHA-256");
}
