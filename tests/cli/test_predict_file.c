/* `predict --input`: rows of files with their labels, whatever becomes of the run. */
#define _GNU_SOURCE
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/long_table.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if HARNESS_CPU

static const char *const labels[] = {"좋음", "=1+1", "-1"};

static void setup(void) {
    model_folder_make(temporary_path("m"), labels, 3, NULL);
}

TestSuite(predict_file, .init = setup, .timeout = 240);

#define PREDICT(...) RUN("predict", "-c", "m", "--device", "cpu", "--threads", "1", __VA_ARGS__)

/* What stands behind `kept`, up to the line's end. */
static const char *behind(const char **at, const char *kept) {
    static char rest[400];
    size_t n = strlen(kept);
    cr_assert(strncmp(*at, kept, n) == 0, "'%.*s' is not '%s'", (int)n, *at, kept);
    const char *end = strchr(*at + n, '\n');
    cr_assert_not_null(end);
    snprintf(rest, sizeof rest, "%.*s", (int)(end - *at - (ptrdiff_t)n), *at + n);
    *at = end + 1;
    return rest;
}

/* Label, score and scores of a row of CSV are what `predict --json` says of its text. */
Test(predict_file, rows_keep_their_bytes_and_get_what_predict_says) {
    static const char csv[] = "\xEF\xBB\xBFid,text,label\r\n1,\"가 나, \"\"다\"\"\",x\r\n\r\n"
                              " \t \n2,라 마,\"y\nz\"\n3,,";
    temporary_put("a.csv", csv);
    program_result p = PREDICT("--input", "a.csv", "--output", "o.csv", "--scores"), one;
    EXPECT(p, 0, err, "column 'text' of a.csv");
    cr_expect(strstr(p.err, "3 rows (2 blank lines passed over)"), "%s", p.err);
    cr_expect_not(file_named(temporary_path("o.csv.unfinished.json")));
    static const char *const kept[] = {"1,\"가 나, \"\"다\"\"\",x,", "2,라 마,\"y\nz\",", "3,,,"};
    static const char *const texts[] = {"가 나, \"다\"", "라 마", ""};
    char *out = temporary_text("o.csv");
    const char *at = out;
    cr_expect_str_eq(behind(&at, "\xEF\xBB\xBFid,text,label,predicted_label,predicted_score,"
                                 "predicted_scores\r"),
                     "");
    for (size_t i = 0; i < 3; i++) {
        const char *rest = behind(&at, kept[i]);
        one = PREDICT("--json", texts[i]);
        cJSON *said = NULL;
        MUST(json_parse(&said, one.out, strlen(one.out), "predict"));
        const char *label = cJSON_GetObjectItem(said, "label")->valuestring;
        double score = cJSON_GetObjectItem(said, "score")->valuedouble;
        // a spreadsheet takes no label for a formula, and a number is one
        const char *cell = *label == '=' ? "'=1+1" : label;
        cr_expect_eq(strncmp(rest, cell, strlen(cell)), 0, "%s: %s", label, rest);
        const char *comma = strchr(rest + strlen(cell), ',');
        cr_assert_not_null(comma);
        // alone or among others a sentence has the same score, to rounding
        cr_expect(fabs(strtod(comma + 1, NULL) - score) < 1e-6, "%s: %g", rest, score);
        cr_expect(strstr(rest, ",\"{\"\"좋음\"\":0."), "%s", rest);
        cr_expect_eq(rest[strlen(rest) - 1] == '\r', i == 0, "%s", rest);
        cJSON_Delete(said);
    }
    cr_expect_str_eq(at, "");
    mem_free(out);
}

Test(predict_file, json_lines_get_keys_and_tsv_columns) {
    temporary_put("a.jsonl", "{\"text\": \"가\", \"n\": [1]}\n\n{\"text\":\"나\" } \n");
    program_result p = PREDICT("-i", "a.jsonl");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    const char *at = p.out, *rest = behind(&at, "{\"text\": \"가\", \"n\": [1], \"label\": \"");
    cr_expect(strstr(rest, "\", \"score\": 0.") && rest[strlen(rest) - 1] == '}', "%s", rest);
    (void)behind(&at, "{\"text\":\"나\" , \"label\": \"");
    temporary_put("a.tsv", "a\tb\n\"가\" 나\t다\n\"\t마\n");
    p = PREDICT("-i", "a.tsv", "--text-column", "a", "--text-pair-column", "b");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    at = p.out;
    cr_expect_str_eq(behind(&at, "a\tb\tlabel\tscore"), "");
    (void)behind(&at, "\"가\" 나\t다\t");
    (void)behind(&at, "\"\t마\t");
}

/* A label of no text says nothing: such rows are counted at the end. */
Test(predict_file, rows_with_an_empty_text_are_counted) {
    temporary_put("a.csv", "text,n\n가,1\n,2\n나,3\n,4\n");
    program_result p = PREDICT("-i", "a.csv");
    EXPECT(p, 0, err, "4 rows, 0 without a label");
    cr_expect(strstr(p.err, ", of them 2 with an empty text ("), "%s", p.err);
}

/* Of a file that was predicted before the names are others. */
Test(predict_file, names_that_are_taken_are_not_given_again) {
    temporary_put("a.csv", "text,score,predicted_label\n가,1,x\n");
    program_result p = PREDICT("-i", "a.csv", "--scores");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    const char *at = p.out;
    cr_expect_str_eq(behind(&at, "text,score,predicted_label,predicted_2_label,predicted_2_score,"
                                 "predicted_2_scores"),
                     "");
}

/* No second column and one that is called so are two things. */
Test(predict_file, a_column_may_be_called_none) {
    strbuf rows = {0};
    MUST(strbuf_add(&rows, "text,none\n"));
    for (int i = 0; i < 1100; i++) MUST(strbuf_add(&rows, "가,나\n"));
    MUST(strbuf_add(&rows, "\xFF,나\n"));
    temporary_put("a.csv", rows.text);
    strbuf_free(&rows);
    program_result p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv");
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--text-pair-column", "none", "--output",
                "o.csv", "--skip-bad-rows", "--resume");
    cr_expect(p.exit_code == 1 && strstr(p.err, "the rows there were labelled with second texts of "
                                                "column null, and now it is \"none\""),
              "%s", p.err);
}

Test(predict_file, bad_rows_stop_it_or_pass) {
    temporary_put("a.csv", "id,text\n0,\"가, 나\"\n1,가\n2,나,다\n\xFF,라\n4,마\n\"5,바\n6,사\n");
    program_result p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv");
    EXPECT(p, 1, err, "a.csv:4: 3 columns, expected 2 (--skip-bad-rows");
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv", "--skip-bad-rows",
                "--resume");
    EXPECT(p, 0, err, "warning: a.csv:4: 3 columns, expected 2: passed through");
    cr_expect(strstr(p.err, "a.csv:5: invalid UTF-8"), "%s", p.err);
    cr_expect(strstr(p.err, "a.csv:7: a quote opens in this record and never closes"), "%s", p.err);
    cr_expect(strstr(p.err, "7 rows, 3 without a label"), "%s", p.err);
    char *out = temporary_text("o.csv");
    const char *at = out;
    (void)behind(&at, "id,text,label,score");
    (void)behind(&at, "0,\"가, 나\",");
    (void)behind(&at, "1,가,");
    cr_expect_str_eq(behind(&at, "2,나,다,"), ",");
    cr_expect_str_eq(behind(&at, "\xFF,라,"), ",");
    (void)behind(&at, "4,마,");
    cr_expect_str_eq(behind(&at, "\"5,바,"), ",");
    (void)behind(&at, "6,사,");
    mem_free(out);
    // so many are named one by one, and that there are more is said once
    strbuf many = {0};
    MUST(strbuf_add(&many, "id,text\n0,가\n"));
    for (int i = 0; i < 24; i++) MUST(strbuf_add(&many, "1,a,b\n"));
    temporary_put("many.csv", many.text);
    strbuf_free(&many);
    p = PREDICT("-i", "many.csv", "--text-column", "text", "--skip-bad-rows");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    size_t named = 0, further = 0;
    for (const char *w = p.err; (w = strstr(w, "passed through without")); w++) named++;
    for (const char *w = p.err; (w = strstr(w, "further bad rows")); w++) further++;
    cr_expect(named == 20 && further == 1, "%zu and %zu: %s", named, further, p.err);
    // also where it would have named the columns
    temporary_put("b.jsonl", "{\"text\": \"가\", \"text\": \"나\"}\n{\"text\": \"다\"}\n");
    p = PREDICT("-i", "b.jsonl", "--skip-bad-rows");
    EXPECT(p, 0, err, "b.jsonl:1: key 'text' stands there twice: passed through");
    p = PREDICT("-i", "b.jsonl");
    EXPECT(p, 1, err, "b.jsonl:1: key 'text' stands there twice (--skip");
    // of JSON a line that is none passes as it is
    temporary_put("a.jsonl",
                  "{\"text\": \"가\"}\n{\"text\": 3}\n{\n{\"text\": \"나\", \"label\": 1}\n");
    p = PREDICT("-i", "a.jsonl", "--skip-bad-rows");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    at = p.out;
    (void)behind(&at, "{\"text\": \"가\", \"label\"");
    cr_expect_str_eq(at, "{\"text\": 3}\n{\n{\"text\": \"나\", \"label\": 1}\n");
    // also the first one, before any line told the keys
    temporary_put("b.jsonl", "{\"text\": \"\\ud800\"}\n[1]\n{\"text\": \"나\"}\n");
    p = PREDICT("-i", "b.jsonl");
    EXPECT(p, 1, err,
           "b.jsonl:1:11: a lone surrogate: its second half lacks "
           "(--skip-bad-rows passes such rows through)");
    p = PREDICT("-i", "b.jsonl", "--skip-bad-rows");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    at = p.out;
    cr_expect_str_eq(behind(&at, "{\"text\": \"\\ud800\"}"), "");
    cr_expect_str_eq(behind(&at, "[1]"), "");
    (void)behind(&at, "{\"text\": \"나\", \"label\"");
    cr_expect(strstr(p.err, "3 rows, 2 without a label"), "%s", p.err);
}

/* A line that is too long for a row passes as any bad one, and so do first lines that say nothing. */
Test(predict_file, bad_rows_of_any_kind_pass) {
    enum { LONG = 3 << 20 };
    static const char *const starts[] = {"id,text\n1,가\n2,", "{\"text\": \"가\"}\n{\"text\": \""};
    static const char *const ends[] = {"\n3,나\n", "\"}\n{\"text\": \"나\"}\n"};
    for (int i = 0; i < 2; i++) {
        strbuf text = {0};
        const char *in = i ? "a.jsonl" : "a.csv";
        MUST(strbuf_add(&text, starts[i]));
        for (size_t k = 0; k < LONG / 8; k++) MUST(strbuf_add(&text, "12345678"));
        MUST(strbuf_add(&text, ends[i]));
        temporary_put(in, text.text);
        program_result p = PREDICT("-i", in, "--text-column", "text");
        cr_expect(p.exit_code == 1 && strstr(p.err, "of more than 1048576 bytes"), "%s", p.err);
        p = PREDICT("-i", in, "--text-column", "text", "--skip-bad-rows");
        EXPECT(p, 0, err, "3 rows, 1 without a label");
        cr_expect(strlen(p.out) > text.length);
        strbuf_free(&text);
    }
    strbuf long_first = {0}, long_bad = {0};
    MUST(strbuf_add(&long_first, "{\"text\": \""));
    for (size_t i = 0; i < 1 << 17; i++) MUST(strbuf_add(&long_first, "0123456789"));
    MUST(strbuf_add_bytes(&long_bad, long_first.text, long_first.length));
    MUST(strbuf_add(&long_first, "\"}\n{\"text\": \"가\"}\n"));
    MUST(strbuf_add(&long_bad, "\n{\"text\": \"가\"}\n"));
    memcpy(long_bad.text, "a long", 6); // no JSON at all
    const struct {
        const char *name, *text, *said;
        int code;
    } firsts[] = {
        {"b.jsonl", "[1]\n{\"text\": \"가\"}\n{\"text\": \"나\"}\n", "3 rows, 1 without", 0},
        {"b.jsonl", "[{}]\n{\"text\": \"가\"}\n{\"text\": \"나\"}\n", "3 rows, 1 without", 0},
        {"b.jsonl", "garbage\n{\"text\": \"가\"}\n{\"text\": \"나\"}\n", "3 rows, 1 without", 0},
        {"b.txt", "{}\n{\"text\": \"가\"}\n", "2 rows, 1 without", 0},
        {"b.jsonl", "{\"id\": 0}\n{\"id\": 1, \"text\": \"a\"}\n", "2 rows, 1 without", 0},
        {"b.jsonl", "{\"id\": 0}\n{\"id\": 1}\n", "no column 'text'", 2},
        {"b.jsonl", long_first.text, "2 rows, 1 without", 0},
        {"b.txt", long_first.text, "2 rows, 1 without", 0},
        {"b.jsonl", long_bad.text, "2 rows, 1 without", 0},
        {"b.txt", "{}\n", "b.txt:1: no object with a key is there", 1},
        {"b.txt", "[\n{\"text\": \"가\"}\n]\n", "b.txt is a JSON array", 2},
    };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        temporary_put(firsts[i].name, firsts[i].text);
        program_result p =
            PREDICT("-i", firsts[i].name, "--text-column", "text", "--skip-bad-rows");
        cr_expect_eq(p.exit_code, firsts[i].code, "case %zu: %s", i, p.err);
        cr_expect(strstr(p.err, firsts[i].said), "case %zu: %s", i, p.err);
    }
    strbuf_free(&long_first);
    strbuf_free(&long_bad);
}

Test(predict_file, the_first_sentence_of_a_list_is_no_name_of_a_column) {
    static const struct {
        const char *name, *text, *said;
        int code;
    } firsts[] = {
        {"b b.TXT", "정말 좋아요\n별로예요\n",
         "b b.TXT: its first line has to name the columns, and may be a sentence ('정말 좋아요'): "
         "where it names them, name the text's with --text-column; a sentence a line goes through "
         "standard input, as in `harness predict < 'b b.TXT'`",
         2},
        {"b.txt", "최고의 리뷰\n별로예요\n", "b.txt: its first line has to name", 2},
        {"b.txt", "좋아요, 정말\n별로, 예요\n", "b.txt: its first line has to name", 2},
        {"b.txt", "text\n별로예요\n", "column 'text' of b.txt, by its name", 0},
        {"b.csv", "좋아요!\n별로예요\n", "b.csv: its first line has to name", 2},
        {"b.csv", "배우들의 연기가 아주 좋았고 음악도 그랬어요\n별로\n", "b.csv: its first line",
         2},
        {"b.csv", "두 낱말\n별로\n", "column '두 낱말' of b.csv, the only one", 0},
        {"b.csv", "id,댓글 내용\n1,별로\n", "column '댓글 내용' of b.csv, by its name", 0},
    };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        temporary_put(firsts[i].name, firsts[i].text);
        program_result p = PREDICT("-i", firsts[i].name);
        cr_expect_eq(p.exit_code, firsts[i].code, "case %zu: %s", i, p.err);
        cr_expect(strstr(p.err, firsts[i].said), "case %zu: %s", i, p.err);
    }
}

/* What a run left in its folder stays; rows may lie there. */
Test(predict_file, files_of_runs_are_no_outputs) {
    static const char record[] = "{\"harness\": {\"version\": \"1\", \"numerics_version\": 1}}";
    static const struct {
        const char *output;
        bool is_refused;
    } cases[] = {{"r/record.json", true},
                 {"r/log.jsonl", true},
                 {"r/notes.txt", true},
                 {"nsmc.json", true},
                 {"r/rows.csv", false}};
    MUST(folder_make(temporary_path("r")));
    temporary_put("a.csv", "text\n가\n");
    temporary_put("a.jsonl", "{\"text\": \"가\"}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *output = cases[i].output;
        temporary_put("r/record.json", record);
        temporary_put(output, record);
        program_result p = PREDICT("-i", strstr(output, ".jsonl") ? "a.jsonl" : "a.csv", "--output",
                                   output, "--overwrite");
        cr_expect_eq(p.exit_code, cases[i].is_refused ? 2 : 0, "%s: %s", output, p.err);
        char *now = temporary_text(output);
        cr_expect_eq(!strcmp(now, record), cases[i].is_refused, "%s: %s", output, now);
        mem_free(now);
    }
}

Test(predict_file, flags_that_do_not_go_together) {
    static const struct {
        const char *flags[6], *said;
    } cases[] = {
        {{"x", "--output", "o"}, "--output goes with --input"},
        {{"x", "--scores"}, "--scores goes with --input"},
        {{"-i", "a.csv", "x"}, "found also the sentence 'x'"},
        {{"-i", "a.csv", "--json"}, "--json does not go with --input"},
        {{"-i", "a.csv", "--top-k", "2"}, "--top-k does not go with --input"},
        {{"-i", "a.csv", "--pair"}, "--pair does not go with --input"},
        {{"-i", "a.csv", "--resume"}, "--resume needs --output"},
        {{"-i", "-", "--output", "o", "--resume"}, "--resume needs --output and an --input that"},
        {{"-i", "a.csv", "--output", "o", "--resume", "--overwrite"}, "exclude each other"},
        {{"-i", "a.csv", "--text-column", "y"}, "no column 'y'"},
        {{"-i", "a.csv", "--text-column", "a", "--text-pair-column", "a"},
         "text and second text are different columns, found 'a' twice"},
        {{"-i", "a.csv", "--text-column", "a", "--output=a.csv", "--overwrite"},
         "a.csv is read by this command (--input), and would be replaced"},
        {{"-i", "a.csv", "--text-column", "a", "--output=m/vocab.txt", "--overwrite"},
         "m/vocab.txt lies among the files of the model"},
        {{"-i", "a.csv", "--text-column", "a", "--output=m/new.csv"},
         "m/new.csv lies among the files of the model"},
        {{"-i", "o.unfinished.json", "--output=o"}, "o.unfinished.json is read by this command"},
        {{"-i", "a.csv"}, "which column holds the text?"},
        {{"-i", "a.json"}, "a.json is a JSON array: make lines of it first (jq -c '.[]')"},
    };
    temporary_put("a.csv", "a,b\n1,2\n");
    temporary_put("a.json", "[{\"text\": \"가\"}]");
    temporary_put("o.unfinished.json", "{\"unfinished_predictions\": true, \"text\": \"a\"}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[16] = {"predict", "-c", "m", "--device", "cpu"};
        for (size_t k = 0; k < 6 && cases[i].flags[k]; k++) arguments[5 + k] = cases[i].flags[k];
        program_result p = program_run(NULL, 60, arguments);
        cr_expect_eq(p.exit_code, 2, "%s: %s", cases[i].said, p.err);
        cr_expect(strstr(p.err, cases[i].said), "%s: %s", cases[i].said, p.err);
    }
}

/* What is no file is never replaced, and is not said to be there already. */
Test(predict_file, a_device_or_a_fifo_is_no_output) {
    static const char *const kinds[] = {"a device", "a FIFO"};
    temporary_put("a.csv", "text\n가\n");
    cr_assert_eq(mkfifo(temporary_path("pipe"), 0600), 0);
    for (int i = 0; i < 4; i++) {
        program_result p = PREDICT("-i", "a.csv", "--output", i / 2 ? "pipe" : "/dev/null",
                                   i % 2 ? "--overwrite" : NULL);
        char said[80];
        snprintf(said, sizeof said, ": cannot write: is %s, a file was expected", kinds[i / 2]);
        cr_expect(p.exit_code == 1 && strstr(p.err, said), "%d: %s", p.exit_code, p.err);
    }
    struct stat st;
    cr_expect(!stat(temporary_path("pipe"), &st) && S_ISFIFO(st.st_mode));
    static const char *const words[] = {"predict", "-c", "m", "--device", "cpu", "가", NULL};
    const child_setup full = {.full_out = true};
    program_result p = child_run(&full, 60, words);
    cr_expect(p.exit_code == 1 &&
                  strstr(p.err, "cannot write standard output: No space left on device"),
              "%d: %s", p.exit_code, p.err);
}

/* What stands behind a row's object is no part of it, whatever ends the line. */
Test(predict_file, line_ends_of_json_rows_are_any) {
    static const char *const ends[] = {"\n", "\r\n", " \t\r\n", "\r \n", "\r\r\n", ""};
    static const char start[] = "{\"text\": \"가\", \"label\": \"";
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char text[64];
        cJSON *object = NULL;
        snprintf(text, sizeof text, "{\"text\": \"가\"}%s", ends[i]);
        temporary_put("a.jsonl", text);
        program_result p = PREDICT("-i", "a.jsonl");
        cr_expect_eq(p.exit_code, 0, "%zu: %s", i, p.err);
        cr_expect_eq(strncmp(p.out, start, sizeof start - 1), 0, "%zu: %s", i, p.out);
        MUST(json_parse(&object, p.out, strlen(p.out), "the row"));
        cJSON_Delete(object);
    }
}

/* `| head`: as of every verb, nothing is said. */
Test(predict_file, a_reader_may_leave_early) {
    static const char *const words[] = {"predict", "-c", "m",     "--device",
                                        "cpu",     "-i", "a.csv", NULL};
    const child_setup setup = {.no_reader = true};
    temporary_put("a.csv", "text\n가\n");
    program_result p = child_run(&setup, 60, words);
    cr_expect_eq(p.exit_code, 141, "%d: %s", p.exit_code, p.err);
    cr_expect_not(strstr(p.err, "harness: "), "%s", p.err);
}

/* A label that a spreadsheet takes for a formula, where cells have no quotes. */
Test(predict_file, labels_of_tsv_are_no_formulas) {
    static const char *const formulas[] = {"=1+1", "＝2"};
    model_folder_make(temporary_path("f"), formulas, 2, NULL);
    temporary_put("a.tsv", "text\tid\n가\t1\n");
    program_result p = RUN_WELL("predict", "-c", "f", "--device", "cpu", "-i", "a.tsv");
    cr_expect(strstr(p.out, "가\t1\t'=1+1\t") || strstr(p.out, "가\t1\t'＝2\t"), "%s", p.out);
}

/* Labels stand in as many rows as the summary says. */
static void expect_counts(const char *out, const char *summary) {
    static const char *const cells[] = {",좋음,", ",'=1+1,", ",-1,"};
    size_t said = 0;
    for (int k = 0; k < 3; k++) {
        char part[40];
        size_t count = 0;
        for (const char *at = out; (at = strstr(at, cells[k])); at++) count++;
        snprintf(part, sizeof part, "%s %zu", labels[k], count);
        cr_expect(!count || strstr(summary, part), "%s: %s", part, summary);
        said += count > 0;
    }
    cr_expect(said > 1, "one label alone: %s", summary);
}

/* Rows are read and written beside the device where processors are left for it, and else in turn:
 * the same bytes, and of a bad row the windows before it. */
Test(predict_file, beside_the_device_or_in_turn_rows_are_the_same) {
    char all[16];
    snprintf(all, sizeof all, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    const char *const threads[] = {"1", all};
    char *outs[2], *in;
    long_table_put("a.csv", true);
    in = temporary_text("a.csv");
    cr_assert(LONG_TABLE_ROWS > 2600);
    char *row = strstr(in, "\n2500,");
    cr_assert_not_null(row);
    for (int i = 0; i < 2; i++) {
        program_result p =
            RUN("predict", "-c", "m", "--device", "cpu", "--threads", threads[i], "-i", "a.csv",
                "--text-column", "text", "--output", "o.csv", "--overwrite");
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        outs[i] = temporary_text("o.csv");
        expect_counts(outs[i], p.err);
    }
    cr_expect(!strcmp(outs[0], outs[1]));
    row[5] = ';'; // one column is left
    temporary_put("a.csv", in);
    for (int i = 0; i < 2; i++) {
        program_result p =
            RUN("predict", "-c", "m", "--device", "cpu", "--threads", threads[i], "-i", "a.csv",
                "--text-column", "text", "--output", "o.csv", "--overwrite");
        EXPECT(p, 1, err, "a.csv:2502: 1 column, expected 2");
        char *out = temporary_text("o.csv");
        size_t n = strlen(out);
        cr_expect(!strncmp(out, outs[0], n) && !strncmp(outs[0] + n - 1, "\n2048,", 6), "%zu bytes",
                  n);
        mem_free(out);
    }
    for (int i = 0; i < 2; i++) mem_free(outs[i]);
    mem_free(in);
}

/* What a thread beside the device has not come to is done behind each window: here all of it. */
Test(predict_file, what_is_not_done_beside_is_done_behind) {
    static const char *const words[] = {"predict",     "-c",
                                        "m",           "--device",
                                        "cpu",         "-i",
                                        "a.csv",       "--text-column",
                                        "text",        "--quiet",
                                        "--output",    "o.csv",
                                        "--overwrite", "--skip-bad-rows",
                                        NULL};
    const child_setup setup = {.preload = listed_path(HARNESS_LATE_SHIM)};
    char *outs[2];
    long_table_put("a.csv", false);
    for (int i = 0; i < 2; i++) {
        program_result p = child_run(i ? &setup : NULL, 120, words);
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        outs[i] = temporary_text("o.csv");
    }
    cr_expect(!strcmp(outs[0], outs[1]));
    for (int i = 0; i < 2; i++) mem_free(outs[i]);
}

/* The output's name says how rows are written, where it says anything. */
Test(predict_file, the_name_of_the_output_says_its_form) {
    temporary_put("a.tsv", "id\t글\n1\t가,나\n2\t그는 \"다\" 라고\n3\t라\n4\n");
    program_result p =
        PREDICT("-i", "a.tsv", "--text-column", "글", "--output", "o.CSV", "--skip-bad-rows");
    EXPECT(p, 0, err, "output  CSV, as the name o.CSV says; the input is TSV");
    char *out = temporary_text("o.CSV");
    const char *at = out;
    cr_expect(!strcmp(behind(&at, "id,글"), ",label,score"), "%s", out);
    cr_expect(*behind(&at, "1,\"가,나\",") != '\0');
    cr_expect(*behind(&at, "2,\"그는 \"\"다\"\" 라고\",") != '\0');
    cr_expect(*behind(&at, "3,라,") != '\0');
    cr_expect(!strcmp(behind(&at, "4"), ",,"), "%s", out); // which had one column
    cr_expect_eq(*at, '\0');
    // its rows are known again
    p = PREDICT("-i", "a.tsv", "--text-column", "글", "--output", "o.CSV", "--skip-bad-rows",
                "--resume");
    cr_expect(p.exit_code == 0 &&
                  strstr(p.err, "o.CSV: finished already (of a finished one nothing says"),
              "%s", p.err);
    // and the way back; a bar is a CSV's too
    p = PREDICT("-i", "o.CSV", "--text-column", "글", "--output", "back.tsv", "--skip-bad-rows");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    mem_free(out);
    out = temporary_text("back.tsv");
    cr_expect(strstr(out, "\n1\t가,나\t") && strstr(out, "\n2\t\"그는 \"\"다\"\" 라고\"\t"), "%s",
              out);
    mem_free(out);
    temporary_put("b.csv", "a|글\n1|가\n");
    p = PREDICT("-i", "b.csv", "--text-column", "글", "--output", "b.o.csv");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect_not(strstr(p.err, "output  "));
    temporary_put("a.jsonl", "{\"글\": \"가\"}\n");
    p = PREDICT("-i", "a.jsonl", "--text-column", "글", "--output", "o.csv");
    cr_expect(p.exit_code == 2 &&
                  strstr(p.err, "o.csv: the input is JSON lines, and rows go out in the form that "
                                "they came in: name the output .jsonl"),
              "%s", p.err);
    p = PREDICT("-i", "a.tsv", "--text-column", "글", "--output", "o.jsonl");
    cr_expect(p.exit_code == 2 && strstr(p.err, "name the output .csv or .tsv"), "%s", p.err);
    cr_expect_not(file_named(temporary_path("o.jsonl")));
}
#endif
