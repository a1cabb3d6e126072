/* `predict --input`: rows of files with their labels, whatever becomes of the run. */
#define _GNU_SOURCE
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/child.h"
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
    json_setup();
    model_folder_make(temporary_path("m"), labels, 3, NULL);
}

static void teardown(void) {
    temporary_remove();
}

TestSuite(predict_file, .init = setup, .fini = teardown, .timeout = 240);

static void put(const char *name, const char *text) {
    MUST(file_write(temporary_path(name), text, strlen(text)));
}

static char *read_text(const char *name) {
    char *text;
    size_t count;
    MUST(file_read((void **)&text, &count, temporary_path(name), 0));
    return text;
}

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
                              "2,라 마,\"y\nz\"\n3,,";
    put("a.csv", csv);
    program_result p = PREDICT("--input", "a.csv", "--output", "o.csv", "--scores"), one;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.err, "column 'text' of a.csv"), "%s", p.err);
    cr_expect_not(file_named(temporary_path("o.csv.unfinished.json")));
    program_free(&p);
    static const char *const kept[] = {"1,\"가 나, \"\"다\"\"\",x,", "2,라 마,\"y\nz\",", "3,,,"};
    static const char *const texts[] = {"가 나, \"다\"", "라 마", ""};
    char *out = read_text("o.csv");
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
        program_free(&one);
    }
    cr_expect_str_eq(at, "");
    mem_free(out);
}

Test(predict_file, json_lines_get_keys_and_tsv_columns) {
    put("a.jsonl", "{\"text\": \"가\", \"n\": [1]}\n\n{\"text\":\"나\" } \n");
    program_result p = PREDICT("-i", "a.jsonl");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    const char *at = p.out, *rest = behind(&at, "{\"text\": \"가\", \"n\": [1], \"label\": \"");
    cr_expect(strstr(rest, "\", \"score\": 0.") && rest[strlen(rest) - 1] == '}', "%s", rest);
    (void)behind(&at, "{\"text\":\"나\" , \"label\": \"");
    program_free(&p);
    put("a.tsv", "a\tb\n\"가\" 나\t다\n\"\t마\n");
    p = PREDICT("-i", "a.tsv", "--text-column", "a", "--text-pair-column", "b");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    at = p.out;
    cr_expect_str_eq(behind(&at, "a\tb\tlabel\tscore"), "");
    (void)behind(&at, "\"가\" 나\t다\t");
    (void)behind(&at, "\"\t마\t");
    program_free(&p);
}

/* Of a file that was predicted before the names are others. */
Test(predict_file, names_that_are_taken_are_not_given_again) {
    put("a.csv", "text,score,predicted_label\n가,1,x\n");
    program_result p = PREDICT("-i", "a.csv", "--scores");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    const char *at = p.out;
    cr_expect_str_eq(behind(&at, "text,score,predicted_label,predicted_2_label,predicted_2_score,"
                                 "predicted_2_scores"),
                     "");
    program_free(&p);
}

Test(predict_file, bad_rows_stop_it_or_pass) {
    put("a.csv", "id,text\n0,\"가, 나\"\n1,가\n2,나,다\n\xFF,라\n4,마\n\"5,바\n6,사\n");
    program_result p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv");
    cr_expect_eq(p.exit_code, 1);
    cr_expect(strstr(p.err, "a.csv:4: 3 columns, expected 2 (--skip-bad-rows"), "%s", p.err);
    program_free(&p);
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv", "--skip-bad-rows",
                "--resume");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.err, "warning: a.csv:4: 3 columns, expected 2: passed through"), "%s",
              p.err);
    cr_expect(strstr(p.err, "a.csv:5: invalid UTF-8"), "%s", p.err);
    cr_expect(strstr(p.err, "a.csv:7: a quote opens in this record and never closes"), "%s", p.err);
    cr_expect(strstr(p.err, "7 rows, 3 without a label"), "%s", p.err);
    program_free(&p);
    char *out = read_text("o.csv");
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
    put("many.csv", many.text);
    strbuf_free(&many);
    p = PREDICT("-i", "many.csv", "--text-column", "text", "--skip-bad-rows");
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    size_t named = 0, further = 0;
    for (const char *w = p.err; (w = strstr(w, "passed through without")); w++) named++;
    for (const char *w = p.err; (w = strstr(w, "further bad rows")); w++) further++;
    cr_expect(named == 20 && further == 1, "%zu and %zu: %s", named, further, p.err);
    program_free(&p);
    // of JSON a line that is none passes as it is
    put("a.jsonl", "{\"text\": \"가\"}\n{\"text\": 3}\n{\n{\"text\": \"나\", \"label\": 1}\n");
    p = PREDICT("-i", "a.jsonl", "--skip-bad-rows");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    at = p.out;
    (void)behind(&at, "{\"text\": \"가\", \"label\"");
    cr_expect_str_eq(at, "{\"text\": 3}\n{\n{\"text\": \"나\", \"label\": 1}\n");
    program_free(&p);
    // also the first one, before any line told the keys
    put("b.jsonl", "{\"text\": \"\\ud800\"}\n[1]\n{\"text\": \"나\"}\n");
    p = PREDICT("-i", "b.jsonl");
    cr_expect_eq(p.exit_code, 1);
    cr_expect(strstr(p.err, "b.jsonl:1:11: a lone surrogate: its second half lacks "
                            "(--skip-bad-rows passes such rows through)"),
              "%s", p.err);
    program_free(&p);
    p = PREDICT("-i", "b.jsonl", "--skip-bad-rows");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    at = p.out;
    cr_expect_str_eq(behind(&at, "{\"text\": \"\\ud800\"}"), "");
    cr_expect_str_eq(behind(&at, "[1]"), "");
    (void)behind(&at, "{\"text\": \"나\", \"label\"");
    cr_expect(strstr(p.err, "3 rows, 2 without a label"), "%s", p.err);
    program_free(&p);
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
        put(in, text.text);
        program_result p = PREDICT("-i", in, "--text-column", "text");
        cr_expect(p.exit_code == 1 && strstr(p.err, "of more than 1048576 bytes"), "%s", p.err);
        program_free(&p);
        p = PREDICT("-i", in, "--text-column", "text", "--skip-bad-rows");
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        cr_expect(strstr(p.err, "3 rows, 1 without a label"), "%s", p.err);
        cr_expect(strlen(p.out) > text.length);
        program_free(&p);
        strbuf_free(&text);
    }
    static const struct {
        const char *name, *text, *said;
        int code;
    } firsts[] = {
        {"b.jsonl", "[1]\n{\"text\": \"가\"}\n{\"text\": \"나\"}\n", "3 rows, 1 without", 0},
        {"b.jsonl", "[{}]\n{\"text\": \"가\"}\n{\"text\": \"나\"}\n", "3 rows, 1 without", 0},
        {"b.jsonl", "garbage\n{\"text\": \"가\"}\n{\"text\": \"나\"}\n", "3 rows, 1 without", 0},
        {"b.txt", "{}\n{\"text\": \"가\"}\n", "2 rows, 1 without", 0},
        {"b.txt", "{}\n", "b.txt:1: no object with a key is there", 1},
        {"b.txt", "[\n{\"text\": \"가\"}\n]\n", "b.txt is a JSON array", 2},
    };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        put(firsts[i].name, firsts[i].text);
        program_result p = PREDICT("-i", firsts[i].name, "--skip-bad-rows");
        cr_expect_eq(p.exit_code, firsts[i].code, "case %zu: %s", i, p.err);
        cr_expect(strstr(p.err, firsts[i].said), "case %zu: %s", i, p.err);
        program_free(&p);
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
                 {"r/rows.csv", false}};
    MUST(folder_make(temporary_path("r")));
    put("a.csv", "text\n가\n");
    put("a.jsonl", "{\"text\": \"가\"}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *output = cases[i].output;
        put("r/record.json", record);
        put(output, record);
        program_result p = PREDICT("-i", strstr(output, ".jsonl") ? "a.jsonl" : "a.csv", "--output",
                                   output, "--overwrite");
        cr_expect_eq(p.exit_code, cases[i].is_refused ? 2 : 0, "%s: %s", output, p.err);
        program_free(&p);
        char *now = read_text(output);
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
         "a.csv is both --input and --output"},
        {{"-i", "a.csv", "--text-column", "a", "--output=m/vocab.txt", "--overwrite"},
         "m/vocab.txt lies among the files of the model"},
        {{"-i", "a.csv", "--text-column", "a", "--output=m/new.csv"},
         "m/new.csv lies among the files of the model"},
        {{"-i", "o.unfinished.json", "--output=o"}, "o.unfinished.json is read by this command"},
        {{"-i", "a.csv"}, "which column holds the text?"},
        {{"-i", "a.json"}, "a.json is a JSON array: make lines of it first (jq -c '.[]')"},
    };
    put("a.csv", "a,b\n1,2\n");
    put("a.json", "[{\"text\": \"가\"}]");
    put("o.unfinished.json", "{\"unfinished_predictions\": true, \"text\": \"a\"}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[16] = {"predict", "-c", "m", "--device", "cpu"};
        for (size_t k = 0; k < 6 && cases[i].flags[k]; k++) arguments[5 + k] = cases[i].flags[k];
        program_result p = program_run(NULL, 60, arguments);
        cr_expect_eq(p.exit_code, 2, "%s: %s", cases[i].said, p.err);
        cr_expect(strstr(p.err, cases[i].said), "%s: %s", cases[i].said, p.err);
        program_free(&p);
    }
}

/* --- stopping and going on --- */

enum { ROWS = 6000 };

/* Rows of several lines, some of them without an end; or, plain, each on a line of its own. */
static void put_rows(const char *name, bool plain) {
    strbuf text = {0};
    MUST(strbuf_add(&text, "id,text\n"));
    for (int i = 0; i < ROWS; i++) {
        MUST(strbuf_printf(&text, "%d,\"가 %d", i, i % 7));
        for (int k = 0; k < i % 11; k++)
            MUST(strbuf_add(&text, k % 3 || plain ? " 나 다" : "\n라,"));
        MUST(strbuf_add(&text, i % 501 || plain ? "\"\n" : ",\n"));
    }
    MUST(file_write(temporary_path(name), text.text, text.length));
    strbuf_free(&text);
}

static const char *const long_run[] = {
    "predict",   "-c",       "m",       "--device",        "cpu",
    "--threads", "1",        "--input", "a.csv",           "--text-column",
    "text",      "--output", "o.csv",   "--skip-bad-rows", "-q",
    "--resume",  NULL};

static void expect_same(const char *whole) {
    char *out = read_text("o.csv");
    cr_expect(!strcmp(out, whole), "%zu bytes, expected %zu", strlen(out), strlen(whole));
    mem_free(out);
}

static off_t bytes_of(const char *name) {
    struct stat st;
    return stat(temporary_path(name), &st) ? 0 : st.st_size;
}

static bool has_ended(const child *c) {
    siginfo_t info = {.si_pid = 0};
    return !waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
           info.si_pid == c->pid;
}

/* Waits until the output has so many bytes, or the program has ended. */
static void await_bytes(const child *c, off_t bytes) {
    while (bytes_of("o.csv") < bytes && !has_ended(c)) usleep(500);
}

/* Killed in the middle twenty times, or cut within a row, or stopped: what is gone on with ends as
 * if it had never been. */
Test(predict_file, a_killed_run_goes_on_to_the_same_bytes) {
    put_rows("a.csv", false);
    program_result p = program_run(NULL, 120, long_run);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    char *whole = read_text("o.csv");
    off_t all = (off_t)strlen(whole);
    srand(7);
    MUST(file_remove(temporary_path("o.csv")));
    for (int i = 0; i < 20; i++) {
        child c;
        child_start(&c, NULL, long_run);
        await_bytes(&c, bytes_of("o.csv") + 1 + rand() % (int)(all / 8));
        kill(c.pid, SIGKILL);
        p = child_end(&c, 60);
        program_free(&p);
        off_t there = bytes_of("o.csv");
        // a crash may leave a part of a row
        if (there > 40 && i % 3 == 0)
            cr_assert_eq(truncate(temporary_path("o.csv"), there - 1 - rand() % 40), 0);
        if (!file_named(temporary_path("o.csv.unfinished.json"))) break;
    }
    p = program_run(NULL, 120, long_run);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    expect_same(whole);
    // once more: it is finished
    p = program_run(NULL, 120, long_run);
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    expect_same(whole);
    mem_free(whole);
}

/* Without what says how its rows were labelled an output is finished, empty, or neither. */
Test(predict_file, an_output_is_finished_when_all_rows_are_there) {
    put_rows("a.csv", true);
    program_result p = program_run(NULL, 120, long_run);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    char *whole = read_text("o.csv");
    size_t bytes = strlen(whole);
    const struct {
        size_t kept;
        const char *more, *said;
    } cases[] = {{bytes, "", NULL},
                 {bytes, "x\n",
                  "not all rows of a.csv are there, or more than these, and "
                  "o.csv.unfinished.json, which"},
                 {bytes - 5, "", "not all rows of a.csv are there"},
                 {bytes / 2, "", "not all rows of a.csv are there"},
                 {0, "{}\n", "is not that of line 1 of a.csv"},
                 {0, "", NULL}}; // as a full disk leaves it: begun anew
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text;
        MUST(mem_printf(&text, "%.*s%s", (int)cases[i].kept, whole, cases[i].more));
        put("o.csv", text);
        p = program_run(NULL, 120, long_run);
        cr_expect_eq(p.exit_code, cases[i].said ? 1 : 0, "case %zu: %s", i, p.err);
        if (cases[i].said)
            cr_expect(strstr(p.err, cases[i].said), "case %zu: %s", i, p.err);
        else
            expect_same(whole);
        program_free(&p);
        mem_free(text);
    }
    // a file of that name that is somebody's
    static const char precious[] = "{\"model\": \"mine\", \"max_length\": 1}\n";
    put("o.csv.unfinished.json", precious);
    MUST(file_remove(temporary_path("o.csv")));
    p = program_run(NULL, 120, long_run);
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    program_free(&p);
    char *kept = read_text("o.csv.unfinished.json");
    cr_expect_str_eq(kept, precious);
    cr_expect_not(file_named(temporary_path("o.csv")));
    mem_free(kept);
    mem_free(whole);
}

/* Of an input whose rows begin as those that are there the answers are others. */
Test(predict_file, a_row_is_another_than_a_longer_one) {
    static const struct {
        const char *name, *then, *now;
        int code;
    } cases[] = {
        {"a.csv", "id,text\n1,hello world 1\n", "id,text\n1,hello\n", 1},
        {"a.csv", "text,b,id\nhello,1,2\n", "text,b\nhello,1\n", 1},
        {"a.csv", "id,text\n1,a,b\n2,c\n", "id,text\n1,a\n2,c\n", 1},
        {"a.csv", "id,text\n1,a\n2,c\n", "id,text\n1\n2,c\n", 1},
        {"a.csv", "id,text\n1,a\r\n", "id,text\n1,a\n", 1},
        {"a.csv", "id,text\r\n1\r\n2,c", "id,text\r\n1\r\n2,c", 0},
        {"a.jsonl", "{\"text\": \"a\", \"x\": 1}\n", "{\"text\": \"a\"}\n", 1},
        {"a.jsonl", "{\"text\": \"a\"}\n{}x\n", "{\"text\": \"a\"}\n{}\n", 1},
        {"a.jsonl", "{\"text\": \"a\"}\n{}x\n[1]", "{\"text\": \"a\"}\n{}x\n[1]", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *in = cases[i].name, *out = *(strrchr(in, '.') + 1) == 'j' ? "o.jsonl" : "o.csv";
        put(in, cases[i].then);
        program_result p = PREDICT("-i", in, "--text-column", "text", "--skip-bad-rows", "--output",
                                   out, "--overwrite");
        cr_assert_eq(p.exit_code, 0, "case %zu: %s", i, p.err);
        program_free(&p);
        put(in, cases[i].now);
        p = PREDICT("-i", in, "--text-column", "text", "--skip-bad-rows", "--output", out,
                    "--resume");
        cr_expect_eq(p.exit_code, cases[i].code, "case %zu: %s", i, p.err);
        cr_expect(strstr(p.err, cases[i].code ? " is not that of line " : "finished already"),
                  "case %zu: %s", i, p.err);
        program_free(&p);
    }
}

/* What is there goes when rows are there in its place, and an output that never began leaves none. */
Test(predict_file, a_run_that_never_began_changes_nothing) {
    put("a.csv", "id,text\n1,가\n");
    program_result p = PREDICT("-i", "a.csv", "--output", "o.csv", "--text-column", "text");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    char *whole = read_text("o.csv");
    put("a.csv", "id,text\n1\n");
    p = PREDICT("-i", "a.csv", "--output", "o.csv", "--text-column", "text", "--overwrite");
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    program_free(&p);
    expect_same(whole);
    cr_expect_not(file_named(temporary_path("o.csv.unfinished.json")));
    p = PREDICT("-i", "a.csv", "--output", "new.csv", "--text-column", "text");
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    program_free(&p);
    cr_expect_not(file_named(temporary_path("new.csv")));
    mem_free(whole);
}

/* Old rows never stand beside what says that others made them: they are gone when it is written, here
 * in vain. */
Test(predict_file, old_rows_go_before_the_new_maker_is_named) {
    static const char *const words[] = {
        "predict",       "-c",   "m",        "--device", "cpu",         "-i",      "a.csv",
        "--text-column", "text", "--output", "o.csv",    "--overwrite", "--quiet", NULL};
    put("a.csv", "id,text\n1,가\n");
    program_result p = PREDICT("-i", "a.csv", "--output", "o.csv", "--text-column", "text");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    const child_setup setup = {.file_bytes = 200}; // fewer than what it says
    p = child_run(&setup, 60, words);
    cr_expect_eq(p.exit_code, 1, "%d: %s", p.exit_code, p.err);
    cr_expect(strstr(p.err, "o.csv.unfinished.json"), "%s", p.err);
    program_free(&p);
    cr_expect_eq(bytes_of("o.csv"), 0);
    cr_expect_not(file_named(temporary_path("o.csv.unfinished.json")));
}

/* Standard input is the file that rows would go to. */
Test(predict_file, what_is_read_is_not_written) {
    static const char *const words[] = {"predict", "-c",       "m",     "--device",    "cpu", "-i",
                                        "-",       "--output", "o.csv", "--overwrite", NULL};
    static const char in[] = "text\n가\n";
    put("o.csv", in);
    const child_setup setup = {.in = temporary_path("o.csv")};
    program_result p = child_run(&setup, 60, words);
    cr_expect(p.exit_code == 2 && strstr(p.err, "o.csv is both --input and --output"), "%d: %s",
              p.exit_code, p.err);
    program_free(&p);
    expect_same(in);
}

/* Rows that were written to a file that nobody finds any more were not written. */
Test(predict_file, an_output_that_is_taken_away_is_said) {
    put_rows("a.csv", true);
    for (int i = 0; i < 2; i++) {
        child c;
        child_start(&c, NULL, long_run);
        await_bytes(&c, 100);
        cr_assert_not(has_ended(&c));
        MUST(file_remove(temporary_path("o.csv")));
        if (i) put("o.csv", "mine\n");
        program_result p = child_end(&c, 100);
        cr_expect(p.exit_code == 1 && strstr(p.err, "o.csv: removed or replaced by another"),
                  "%d: %s", p.exit_code, p.err);
        program_free(&p);
        MUST(file_remove(temporary_path("o.csv.unfinished.json")));
    }
    expect_same("mine\n");
}

/* Where no file can be locked it is done without, and where one is locked it is left alone. */
Test(predict_file, a_lock_of_another_is_kept_and_none_is_needed) {
    const child_setup setup = {.preload = listed_path(HARNESS_LOCK_SHIM)};
    const char *const words[] = {"predict", "-c",      "m",     "--device", "cpu",   "--threads",
                                 "1",       "--input", "a.csv", "--output", "o.csv", NULL};
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    child c;
    put("a.csv", "text\n가\n");
    child_start(&c, &setup, words);
    program_result p = child_end(&c, 60);
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    char *before = read_text("o.csv");
    int fd = open(temporary_path("o.csv"), O_RDWR);
    cr_assert(fd >= 0 && !fcntl(fd, F_OFD_SETLK, &whole));
    p = PREDICT("--input", "a.csv", "--output", "o.csv", "--overwrite");
    cr_expect(p.exit_code == 1 && strstr(p.err, "o.csv: another process writes it; wait for it"),
              "%d: %s", p.exit_code, p.err);
    program_free(&p);
    close(fd);
    char *after = read_text("o.csv");
    cr_expect_str_eq(after, before);
    mem_free(before);
    mem_free(after);
}

/* What stands behind a row's object is no part of it, whatever ends the line. */
Test(predict_file, line_ends_of_json_rows_are_any) {
    static const char *const ends[] = {"\n", "\r\n", " \t\r\n", "\r \n", "\r\r\n", ""};
    static const char start[] = "{\"text\": \"가\", \"label\": \"";
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char text[64];
        cJSON *object = NULL;
        snprintf(text, sizeof text, "{\"text\": \"가\"}%s", ends[i]);
        put("a.jsonl", text);
        program_result p = PREDICT("-i", "a.jsonl");
        cr_expect_eq(p.exit_code, 0, "%zu: %s", i, p.err);
        cr_expect_eq(strncmp(p.out, start, sizeof start - 1), 0, "%zu: %s", i, p.out);
        MUST(json_parse(&object, p.out, strlen(p.out), "the row"));
        cJSON_Delete(object);
        program_free(&p);
    }
}

/* The rows of o.csv are not gone on with: `what` is another. */
static void expect_refused(const char *what, const char *flag, const char *value) {
    char *said;
    MUST(mem_printf(&said, "cannot go on: %s is another one than the rows there", what));
    program_result p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv",
                               "--skip-bad-rows", "--resume", flag, value);
    cr_expect(p.exit_code == 1 && strstr(p.err, said), "%d, no '%s': %s", p.exit_code, said, p.err);
    program_free(&p);
    mem_free(said);
}

Test(predict_file, ctrl_c_leaves_whole_rows) {
    put_rows("a.csv", false);
    child c;
    child_start(&c, NULL, long_run);
    await_bytes(&c, 100);
    kill(c.pid, SIGINT);
    program_result p = child_end(&c, 60);
    cr_expect_eq(p.exit_code, 130, "%d: %s", p.exit_code, p.err);
    program_free(&p);
    char *out = read_text("o.csv");
    size_t n = strlen(out);
    cr_assert(n > 100 && out[n - 1] == '\n');
    cr_expect(file_named(temporary_path("o.csv.unfinished.json")));
    mem_free(out);
    // another model, or another option, does not go on with these rows; nor does another file
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv");
    cr_expect(p.exit_code == 1 && strstr(p.err, "there already, unfinished: --resume goes on"),
              "%s", p.err);
    program_free(&p);
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv", "--resume",
                "--max-length", "8");
    cr_expect(p.exit_code == 1 && strstr(p.err, "max_length is another one"), "%s", p.err);
    program_free(&p);
    expect_refused("label_names", "--label-map", "좋음=나쁨,-1=x");
    model_folder_copy(temporary_path("kept"), temporary_path("m"));
    model_folder_edit(temporary_path("m"), "config.json", "좋음", "나쁨");
    expect_refused("label_names", NULL, NULL);
    MUST(folder_remove(temporary_path("m")));
    model_folder_copy(temporary_path("m"), temporary_path("kept"));
    model_folder_edit(temporary_path("m"), "config.json", "\"gelu\"", "\"relu\"");
    expect_refused("configuration", NULL, NULL);
    MUST(folder_remove(temporary_path("m")));
    model_folder_copy(temporary_path("m"), temporary_path("kept"));
    MUST(file_remove(temporary_path("m/tokenizer_config.json")));
    expect_refused("cased", NULL, NULL);
    MUST(folder_remove(temporary_path("m")));
    model_folder_copy(temporary_path("m"), temporary_path("kept"));
    put("a.csv", "id,text\n0,다른\n");
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv", "--resume");
    cr_expect(p.exit_code == 1 && strstr(p.err, "row 1 is not that of line 2 of a.csv"), "%s",
              p.err);
    program_free(&p);
}

/* With all processors the device's, rows are made and read between two windows' scoring: those that
 * were scored go out, whole, and what goes on behind them ends as if it had never been stopped. */
Test(predict_file, ctrl_c_with_all_threads_is_gone_on_with) {
    enum { THREADS = 6, RESUME = 15, STOPS = 3 };
    const char *words[sizeof long_run / sizeof *long_run];
    char all[16];
    snprintf(all, sizeof all, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    memcpy(words, long_run, sizeof long_run);
    cr_assert_str_eq(words[THREADS], "1");
    cr_assert_str_eq(words[RESUME], "--resume");
    words[THREADS] = all;
    put_rows("a.csv", false);
    program_result p = child_run(NULL, 120, words);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    char *whole = read_text("o.csv");
    MUST(file_remove(temporary_path("o.csv")));
    for (off_t i = 0; i < STOPS; i++) {
        child c;
        off_t there = bytes_of("o.csv");
        child_start(&c, NULL, words);
        await_bytes(&c, there + 100);
        kill(c.pid, SIGINT);
        p = child_end(&c, 60);
        cr_expect(p.exit_code == 130 || p.exit_code == 0, "%d: %s", p.exit_code, p.err);
        program_free(&p);
    }
    p = child_run(NULL, 120, words);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    expect_same(whole);
    mem_free(whole);
}

/* Ctrl-C while the pipe that rows come from is silent. */
Test(predict_file, ctrl_c_ends_the_wait_for_a_pipe) {
    static const char *const words[] = {"predict", "-c",       "m",     "--device", "cpu", "-i",
                                        "-",       "--output", "o.csv", "-q",       NULL};
    enum { GIVEN = 4000, BYTES = 100 };
    cr_assert_eq(mkfifo(temporary_path("pipe"), 0600), 0);
    int fd = open(temporary_path("pipe"), O_RDWR);
    cr_assert(fd >= 0);
    const child_setup setup = {.in = temporary_path("pipe")};
    child c;
    child_start(&c, &setup, words);
    for (int i = 0; i < GIVEN; i++) {
        char row[BYTES + 8];
        int n = snprintf(row, sizeof row, "%s%*d\n", i ? "" : "text\n", BYTES - 1, i);
        cr_assert_eq(write(fd, row, (size_t)n), n);
    }
    await_bytes(&c, 3 * 1024 * BYTES);
    usleep(300000);
    kill(c.pid, SIGINT);
    program_result p = child_end(&c, 60);
    close(fd);
    cr_expect_eq(p.exit_code, 130, "%d: %s", p.exit_code, p.err);
    program_free(&p);
    char *out = read_text("o.csv");
    size_t rows = 0;
    for (const char *at = out; (at = strchr(at, '\n')); at++) rows++;
    cr_expect_eq(rows, 1 + 3 * 1024, "%zu", rows);
    mem_free(out);
}

/* `| head`: as of every verb, nothing is said. */
Test(predict_file, a_reader_may_leave_early) {
    static const char *const words[] = {"predict", "-c", "m",     "--device",
                                        "cpu",     "-i", "a.csv", NULL};
    const child_setup setup = {.no_reader = true};
    put("a.csv", "text\n가\n");
    program_result p = child_run(&setup, 60, words);
    cr_expect_eq(p.exit_code, 141, "%d: %s", p.exit_code, p.err);
    cr_expect_not(strstr(p.err, "harness: "), "%s", p.err);
    program_free(&p);
}

/* A label that a spreadsheet takes for a formula, where cells have no quotes. */
Test(predict_file, labels_of_tsv_are_no_formulas) {
    static const char *const formulas[] = {"=1+1", "＝2"};
    model_folder_make(temporary_path("f"), formulas, 2, NULL);
    put("a.tsv", "text\tid\n가\t1\n");
    program_result p = RUN("predict", "-c", "f", "--device", "cpu", "-i", "a.tsv");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.out, "가\t1\t'=1+1\t") || strstr(p.out, "가\t1\t'＝2\t"), "%s", p.out);
    program_free(&p);
}

/* A disk that fills: whole rows stay, and one error says how many. */
Test(predict_file, a_full_disk_leaves_whole_rows) {
    put_rows("a.csv", true);
    program_result p = program_run(NULL, 120, long_run);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    char *whole = read_text("o.csv"), next[24];
    MUST(file_remove(temporary_path("o.csv")));
    const child_setup setup = {.file_bytes = strlen(whole) / 2};
    p = child_run(&setup, 60, long_run);
    cr_expect_eq(p.exit_code, 1, "%d", p.exit_code);
    const char *said = strstr(p.err, "o.csv: cannot write: "),
               *count = said ? strchr(said, ';') : "";
    int rows = count && *count ? atoi(count + 1) : 0;
    cr_expect(rows >= 1024 && rows % 1024 == 0 && strstr(count, " rows are there, whole"), "%s",
              p.err);
    program_free(&p);
    char *out = read_text("o.csv");
    size_t n = strlen(out);
    // what is there is the whole output's, up to the next row
    snprintf(next, sizeof next, "\n%d,", rows);
    cr_expect_eq(strncmp(out, whole, n), 0);
    cr_expect_eq(strncmp(whole + n - 1, next, strlen(next)), 0, "%.40s", whole + n - 1);
    mem_free(out);
    p = program_run(NULL, 120, long_run);
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    expect_same(whole);
    mem_free(whole);
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
    put_rows("a.csv", true);
    in = read_text("a.csv");
    cr_assert(ROWS > 2600);
    char *row = strstr(in, "\n2500,");
    cr_assert_not_null(row);
    for (int i = 0; i < 2; i++) {
        program_result p =
            RUN("predict", "-c", "m", "--device", "cpu", "--threads", threads[i], "-i", "a.csv",
                "--text-column", "text", "--output", "o.csv", "--overwrite");
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        outs[i] = read_text("o.csv");
        expect_counts(outs[i], p.err);
        program_free(&p);
    }
    cr_expect(!strcmp(outs[0], outs[1]));
    row[5] = ';'; // one column is left
    put("a.csv", in);
    for (int i = 0; i < 2; i++) {
        program_result p =
            RUN("predict", "-c", "m", "--device", "cpu", "--threads", threads[i], "-i", "a.csv",
                "--text-column", "text", "--output", "o.csv", "--overwrite");
        cr_expect_eq(p.exit_code, 1);
        cr_expect(strstr(p.err, "a.csv:2502: 1 column, expected 2"), "%s", p.err);
        program_free(&p);
        char *out = read_text("o.csv");
        size_t n = strlen(out);
        cr_expect(!strncmp(out, outs[0], n) && !strncmp(outs[0] + n - 1, "\n2048,", 6), "%zu bytes",
                  n);
        mem_free(out);
    }
    for (int i = 0; i < 2; i++) mem_free(outs[i]);
    mem_free(in);
}

/* The output's name says how rows are written, where it says anything. */
Test(predict_file, the_name_of_the_output_says_its_form) {
    put("a.tsv", "id\t글\n1\t가,나\n2\t그는 \"다\" 라고\n3\t라\n4\n");
    program_result p =
        PREDICT("-i", "a.tsv", "--text-column", "글", "--output", "o.CSV", "--skip-bad-rows");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.err, "output  CSV, as the name o.CSV says; the input is TSV"), "%s", p.err);
    program_free(&p);
    char *out = read_text("o.CSV");
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
    program_free(&p);
    // and the way back; a bar is a CSV's too
    p = PREDICT("-i", "o.CSV", "--text-column", "글", "--output", "back.tsv", "--skip-bad-rows");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    program_free(&p);
    mem_free(out);
    out = read_text("back.tsv");
    cr_expect(strstr(out, "\n1\t가,나\t") && strstr(out, "\n2\t\"그는 \"\"다\"\" 라고\"\t"), "%s",
              out);
    mem_free(out);
    put("b.csv", "a|글\n1|가\n");
    p = PREDICT("-i", "b.csv", "--text-column", "글", "--output", "b.o.csv");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    cr_expect_not(strstr(p.err, "output  "));
    program_free(&p);
    put("a.jsonl", "{\"글\": \"가\"}\n");
    p = PREDICT("-i", "a.jsonl", "--text-column", "글", "--output", "o.csv");
    cr_expect(p.exit_code == 2 &&
                  strstr(p.err, "o.csv: the input is JSON lines, and rows go out in the form that "
                                "they came in: name the output .jsonl"),
              "%s", p.err);
    program_free(&p);
    p = PREDICT("-i", "a.tsv", "--text-column", "글", "--output", "o.jsonl");
    cr_expect(p.exit_code == 2 && strstr(p.err, "name the output .csv or .tsv"), "%s", p.err);
    program_free(&p);
    cr_expect_not(file_named(temporary_path("o.jsonl")));
}
#endif
