/* `predict --input` and its output: what is there, whatever ended the run, is never lost unasked, and is
 * gone on with to the same bytes. */
#define _GNU_SOURCE
#include "base/memory.h"
#include "base/shown.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/long_table.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if HARNESS_CPU

static void setup(void) {
    static const char *const labels[] = {"좋음", "=1+1", "-1"};
    model_folder_make(temporary_path("m"), labels, 3, NULL);
}

TestSuite(predict_resume, .init = setup, .timeout = 240);

#define PREDICT(...) RUN("predict", "-c", "m", "--device", "cpu", "--threads", "1", __VA_ARGS__)

static const char *const long_run[] = {
    "predict",   "-c",       "m",       "--device",        "cpu",
    "--threads", "1",        "--input", "a.csv",           "--text-column",
    "text",      "--output", "o.csv",   "--skip-bad-rows", "-q",
    "--resume",  NULL};

static void expect_same(const char *whole) {
    char *out = temporary_text("o.csv");
    cr_expect(!strcmp(out, whole), "%zu bytes, expected %zu", strlen(out), strlen(whole));
    mem_free(out);
}

/* Runs to the end. */
static void run_whole(const char *const *words) {
    program_result p = program_run(NULL, 120, words);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
}

enum { TOLD_BYTES = 200 };

/* The same, and how many rows it says to be without a label, and to have each. */
static void run_told(char told[TOLD_BYTES]) {
    const char *words[sizeof long_run / sizeof *long_run];
    size_t count = 0;
    for (size_t i = 0; long_run[i]; i++)
        if (strcmp(long_run[i], "-q") != 0) words[count++] = long_run[i];
    words[count] = NULL;
    program_result p = program_run(NULL, 120, words);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    const char *end = NULL; // the last one: behind a number
    for (const char *at = p.err; (at = strstr(at, " without a label")); at++) end = at;
    cr_assert_not_null(end, "%s", p.err);
    const char *at = end;
    while (at > p.err && at[-1] >= '0' && at[-1] <= '9') at--;
    cr_assert_lt(at, end, "%s", p.err);
    snprintf(told, TOLD_BYTES, "%.*s", (int)strcspn(at, "("), at);
    cr_assert(strstr(told, "without a label: "), "%s", p.err);
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

/* Bytes of the output that are said to be on the disk. */
static off_t bytes_kept(void) {
    if (!file_named(temporary_path("o.csv.unfinished.json"))) return 0;
    char *text = temporary_text("o.csv.unfinished.json");
    const char *at = strstr(text, "\"kept_bytes\":");
    cr_assert_not_null(at, "%s", text);
    off_t bytes = (off_t)atoll(strchr(at, ':') + 1);
    mem_free(text);
    return bytes;
}

/* Killed in the middle twenty times, or cut within a row, or stopped: what is gone on with ends as
 * if it had never been. */
Test(predict_resume, a_killed_run_goes_on_to_the_same_bytes) {
    long_table_put("a.csv", false);
    char told[TOLD_BYTES];
    run_told(told);
    char *whole = temporary_text("o.csv");
    off_t all = (off_t)strlen(whole);
    srand(7);
    MUST(file_remove(temporary_path("o.csv")));
    for (int i = 0; i < 20; i++) {
        child c;
        child_start(&c, NULL, long_run);
        await_bytes(&c, bytes_of("o.csv") + 1 + rand() % (int)(all / 8));
        kill(c.pid, SIGKILL);
        child_end(&c, 60);
        off_t there = bytes_of("o.csv"), cut = there - 1 - rand() % 40;
        // a crash may leave a part of a row, behind what was said to be on the disk
        if (there > 40 && i % 3 == 0 && cut >= bytes_kept())
            cr_assert_eq(truncate(temporary_path("o.csv"), cut), 0);
        if (!file_named(temporary_path("o.csv.unfinished.json"))) break;
    }
    if (file_named(temporary_path("o.csv.unfinished.json"))) run_whole(long_run);
    expect_same(whole);
    // the rows of before are counted with those of now
    MUST(file_remove(temporary_path("o.csv")));
    child half;
    child_start(&half, NULL, long_run);
    await_bytes(&half, all / 2);
    kill(half.pid, SIGKILL);
    child_end(&half, 60);
    bool is_left = file_named(temporary_path("o.csv.unfinished.json"));
    char both[TOLD_BYTES];
    run_told(both);
    if (is_left) cr_expect_str_eq(both, told);
    expect_same(whole);
    // once more: it is finished
    run_whole(long_run);
    expect_same(whole);
    mem_free(whole);
}

/* Without what says how its rows were labelled an output is finished, empty, or neither. */
Test(predict_resume, an_output_is_finished_when_all_rows_are_there) {
    long_table_put("a.csv", true);
    program_result p;
    run_whole(long_run);
    char *whole = temporary_text("o.csv");
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
                 {0, "{}\n", "o.csv: its first line does not name the columns of a.csv and"},
                 {0, "", NULL}}; // as a full disk leaves it: begun anew
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text;
        MUST(mem_printf(&text, "%.*s%s", (int)cases[i].kept, whole, cases[i].more));
        temporary_put("o.csv", text);
        p = program_run(NULL, 120, long_run);
        cr_expect_eq(p.exit_code, cases[i].said ? 1 : 0, "case %zu: %s", i, p.err);
        if (cases[i].said)
            cr_expect(strstr(p.err, cases[i].said), "case %zu: %s", i, p.err);
        else
            expect_same(whole);
        mem_free(text);
    }
    // a file of that name that is somebody's
    static const char precious[] = "{\"model\": \"mine\", \"max_length\": 1}\n";
    temporary_put("o.csv.unfinished.json", precious);
    MUST(file_remove(temporary_path("o.csv")));
    p = program_run(NULL, 120, long_run);
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    char *kept = temporary_text("o.csv.unfinished.json");
    cr_expect_str_eq(kept, precious);
    cr_expect_not(file_named(temporary_path("o.csv")));
    mem_free(kept);
    mem_free(whole);
}

static void put_zeros_behind(const char *name, const char *text, size_t bytes, const char *end) {
    enum { BLOCK = 4096 };
    char *all;
    size_t n = bytes + BLOCK;
    MUST(mem_calloc((void **)&all, n + strlen(end), 1));
    memcpy(all, text, bytes);
    memcpy(all + n, end, strlen(end));
    MUST(file_write(temporary_path(name), all, n + strlen(end)));
    mem_free(all);
}

/* A power cut leaves zeros where the last rows did not reach the disk: they go as half a row does.
 * Zeros with a line's end behind them are somebody's rows. */
Test(predict_resume, a_power_cut_is_gone_on_from) {
    program_result p;
    child c;
    long_table_put("a.csv", true);
    child_start(&c, NULL, long_run);
    await_bytes(&c, 100);
    kill(c.pid, SIGKILL);
    p = child_end(&c, 60);
    char *state = temporary_text("o.csv.unfinished.json");
    run_whole(long_run);
    char *whole = temporary_text("o.csv");
    size_t names = strcspn(whole, "\n") + 1, rows = (size_t)(strrchr(whole, ',') - whole);
    while (whole[rows - 1] != '\n') rows--;
    const size_t cases[] = {
        0, 3, names, names + 3, rows, rows + 3, rows + strlen(whole + rows) - 2, strlen(whole)};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const size_t bytes = cases[i / 2];
        put_zeros_behind("o.csv", whole, bytes, i % 2 ? "\n" : "");
        temporary_put("o.csv.unfinished.json", state);
        p = program_run(NULL, 120, long_run);
        const bool goes_on = i % 2 == 0 || bytes == strlen(whole); // what is behind all rows goes
        cr_expect_eq(p.exit_code, goes_on ? 0 : 1, "%zu of %zu bytes: %s", bytes, strlen(whole),
                     p.err);
        if (goes_on) expect_same(whole);
    }
    mem_free(whole);
    mem_free(state);
}

/* In a row that is whole there are none. */
Test(predict_resume, zeros_within_a_row_are_refused) {
    temporary_put("i.csv", "text\na\n");
    temporary_put("i.jsonl", "{\"text\": \"a\"}\n");
    static const struct {
        const char *in, *out, *row, *end;
    } cases[] = {
        {"i.csv", "o.csv", "text,label,score\na,좋음,0.5", "\n"},
        {"i.csv", "o.csv", "text,label,score\na,좋음", ",0.5\n"},
        {"i.csv", "o.csv", "text,label,score", "\na,좋음,0.5\n"},
        {"i.csv", "o.csv", "text,label,score\na", ",좋음,0.5\n"},
        {"i.jsonl", "o.jsonl", "{\"text\": \"a\", \"label\": \"좋음\", \"score\": 0.5}", "\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_zeros_behind(cases[i].out, cases[i].row, strlen(cases[i].row), cases[i].end);
        program_result p = PREDICT("-i", cases[i].in, "--text-column", "text", "--output",
                                   cases[i].out, "--resume");
        cr_expect(p.exit_code == 1 && strstr(p.err, "cannot go on"), "case %zu: %s", i, p.err);
    }
}

/* Rows that are kept are labelled, by a label of the model and a score. */
Test(predict_resume, only_answers_of_the_model_are_kept) {
    static const struct {
        const char *name, *rows;
        bool is_kept;
    } cases[] = {
        {"o.jsonl", "{\"text\": \"a\", \"label\": \"좋음\", \"score\": 0.5}\n", true},
        {"o.jsonl", "{\"text\": \"a\"}\n", false},
        {"o.jsonl", "{\"text\": \"a\", \"label\": \"BOGUS\", \"score\": 0.5}\n", false},
        {"o.jsonl", "{\"text\": \"a\", \"label\": \"좋음\", \"score\": 7}\n", false},
        {"o.jsonl", "{\"text\": \"a\", \"label\": \"좋음\", \"score\": -0.5}\n", false},
        {"o.jsonl", "{\"text\": \"a\", \"label\": \"좋음\", \"score\": \"0.5\"}\n", false},
        {"o.jsonl", "{\"text\": \"a\", \"label\": \"좋음\"}\n", false},
        {"o.jsonl", "{\"text\": \"a\", \"label\": \"좋음\", \"score\": 0.5, \"x\": 1}\n", false},
        {"o.csv", "text,label,score\na,좋음,0.5\n", true},
        {"o.csv", "text,label,score\na,'=1+1,0.5\n", true},
        {"o.csv", "text,label,score\na,-1,0.5\n", true},
        {"o.csv", "text,label,score\na,,\n", false},
        {"o.csv", "text,label,score\na,BOGUS,0.5\n", false},
        {"o.csv", "text,label,score\na,좋음,7\n", false},
        {"o.csv", "text,label,score\na,좋음,\n", false},
        {"o.csv", "text,label,score\na,좋음\n", false},
        {"o.csv", "text,label,score\na,좋음,0.5,1\n", false},
    };
    temporary_put("i.jsonl", "{\"text\": \"a\"}\n");
    temporary_put("i.csv", "text\na\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        temporary_put(cases[i].name, cases[i].rows);
        program_result p = PREDICT("-i", strcmp(cases[i].name, "o.csv") ? "i.jsonl" : "i.csv",
                                   "--text-column", "text", "--output", cases[i].name, "--resume");
        cr_expect_eq(p.exit_code, cases[i].is_kept ? 0 : 1, "case %zu: %s", i, p.err);
        cr_expect(
            strstr(p.err, cases[i].is_kept ? "finished already" : "cannot go on (put it back, or"),
            "case %zu: %s", i, p.err);
    }
    temporary_put("o.csv", "text,label,score\na,BOGUS,0.5\n");
    program_result other =
        PREDICT("-i", "i.csv", "--text-column", "text", "--output", "o.csv", "--resume");
    cr_expect(strstr(other.err, "row 1: behind the columns of line 2 of i.csv the label 'BOGUS' is "
                                "none of this model's: cannot go on (put it back, or"),
              "%s", other.err);
    MUST(file_remove(temporary_path("o.jsonl")));
    char input[PATH_MAX];
    snprintf(input, sizeof input, "%s", temporary_path("i.jsonl"));
    cr_assert_eq(link(input, temporary_path("o.jsonl")), 0);
    program_result p =
        PREDICT("-i", "i.jsonl", "--text-column", "text", "--output", "o.jsonl", "--resume");
    cr_expect(p.exit_code == 2 &&
                  strstr(p.err, "o.jsonl is read by this command (--input), and would"),
              "%s", p.err);
}

/* Of an input whose rows begin as those that are there the answers are others. */
Test(predict_resume, a_row_is_another_than_a_longer_one) {
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
        temporary_put(in, cases[i].then);
        program_result p = PREDICT("-i", in, "--text-column", "text", "--skip-bad-rows", "--output",
                                   out, "--overwrite");
        cr_assert_eq(p.exit_code, 0, "case %zu: %s", i, p.err);
        temporary_put(in, cases[i].now);
        p = PREDICT("-i", in, "--text-column", "text", "--skip-bad-rows", "--output", out,
                    "--resume");
        cr_expect_eq(p.exit_code, cases[i].code, "case %zu: %s", i, p.err);
        size_t names = strcspn(cases[i].then, "\n") + 1;
        bool named = *in == 'a' && strcmp(strrchr(in, '.'), ".jsonl") != 0 &&
                     strncmp(cases[i].then, cases[i].now, names) != 0;
        const char *said = !cases[i].code ? "finished already"
                           : named ? "o.csv: its first line does not name the columns of a.csv"
                                   : "cannot go on (put it back, or";
        cr_expect(strstr(p.err, said), "case %zu: %s", i, p.err);
    }
}

/* What is there goes when rows are there in its place, and an output that never began leaves none. */
Test(predict_resume, a_run_that_never_began_changes_nothing) {
    temporary_put("a.csv", "id,text\n1,가\n");
    program_result p = PREDICT("-i", "a.csv", "--output", "o.csv", "--text-column", "text");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    char *whole = temporary_text("o.csv");
    temporary_put("a.csv", "id,text\n1\n");
    p = PREDICT("-i", "a.csv", "--output", "o.csv", "--text-column", "text", "--overwrite");
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    expect_same(whole);
    cr_expect_not(file_named(temporary_path("o.csv.unfinished.json")));
    p = PREDICT("-i", "a.csv", "--output", "new.csv", "--text-column", "text");
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    cr_expect_not(file_named(temporary_path("new.csv")));
    mem_free(whole);
}

/* A disk that has no room for what says who makes the rows: the old ones stay, and nothing is left
 * where none were. */
Test(predict_resume, old_rows_stay_where_their_maker_cannot_be_named) {
    static const char *const words[] = {
        "predict",       "-c",   "m",        "--device", "cpu",         "-i",      "a.csv",
        "--text-column", "text", "--output", "o.csv",    "--overwrite", "--quiet", NULL};
    temporary_put("a.csv", "id,text\n1,가\n");
    const child_setup setup = {.file_bytes = 200}; // fewer than what it says
    char *whole = NULL;
    for (int i = 0; i < 2; i++) {
        program_result p = child_run(&setup, 60, words);
        cr_expect_eq(p.exit_code, 1, "%d: %s", p.exit_code, p.err);
        cr_expect(strstr(p.err, "o.csv.unfinished.json"), "%s", p.err);
        cr_expect_not(file_named(temporary_path("o.csv.unfinished.json")));
        if (i) {
            expect_same(whole);
            break;
        }
        cr_expect_not(file_named(temporary_path("o.csv")));
        p = PREDICT("-i", "a.csv", "--output", "o.csv", "--text-column", "text");
        cr_assert_eq(p.exit_code, 0, "%s", p.err);
        whole = temporary_text("o.csv");
    }
    mem_free(whole);
}

/* Old rows never stand beside what says that others made them: they are gone when it gets its name. */
Test(predict_resume, old_rows_go_before_the_new_maker_is_named) {
    static const char *const words[] = {
        "predict",       "-c",   "m",        "--device", "cpu",         "-i",      "a.csv",
        "--text-column", "text", "--output", "o.csv",    "--overwrite", "--quiet", NULL};
    temporary_put("a.csv", "id,text\n1,가\n");
    program_result p = PREDICT("-i", "a.csv", "--output", "o.csv", "--text-column", "text");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    const child_setup setup = {.preload = listed_path(HARNESS_DISK_SHIM)};
    cr_assert_eq(setenv("HARNESS_DISK_CALLS", temporary_path("calls"), 1), 0);
    p = child_run(&setup, 60, words);
    unsetenv("HARNESS_DISK_CALLS");
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    char *calls = temporary_text("calls"), *gone, *named;
    MUST(mem_printf(&gone, "sync\t0\t%s\n", temporary_path("o.csv")));
    MUST(mem_printf(&named, "\t%s\n", temporary_path("o.csv.unfinished.json")));
    const char *first = strstr(calls, gone), *then = strstr(calls, named);
    cr_expect(first && then && first < then, "%s", calls);
    mem_free(calls);
    mem_free(gone);
    mem_free(named);
}

/* Standard input is the file that rows would go to. */
Test(predict_resume, what_is_read_is_not_written) {
    static const char *const words[] = {"predict", "-c",       "m",     "--device",    "cpu", "-i",
                                        "-",       "--output", "o.csv", "--overwrite", NULL};
    static const char in[] = "text\n가\n";
    temporary_put("o.csv", in);
    const child_setup setup = {.in = temporary_path("o.csv")};
    program_result p = child_run(&setup, 60, words);
    cr_expect(p.exit_code == 2 && strstr(p.err, "o.csv is both --input and --output"), "%d: %s",
              p.exit_code, p.err);
    expect_same(in);
}

/* Standard output at the end of the file that is read: its own rows would be read again, for ever. */
Test(predict_resume, what_is_read_is_not_appended_to) {
    static const char *const commands[] = {"predict -c m --device cpu -q < o.csv >> o.csv",
                                           "predict -c m --device cpu -q -i - < o.csv >> o.csv",
                                           "predict -c m --device cpu -q -i o.csv >> o.csv",
                                           "tokenize -c m < o.csv >> o.csv"};
    static const char in[] = "text\n가\n";
    cr_assert_eq(chdir(temporary_folder()), 0);
    temporary_put("o.csv", in);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char *command;
        MUST(mem_printf(&command, "ulimit -f 100; exec '%s' %s 2> said", HARNESS_PROGRAM,
                        commands[i]));
        int status = system(command);
        mem_free(command);
        char *said = temporary_text("said");
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s: %d", commands[i], status);
        cr_expect(strstr(said, " and standard output are one file: what is written would be read "),
                  "%s: %s", commands[i], said);
        mem_free(said);
        expect_same(in);
    }
}

/* Rows that were written to a file that nobody finds any more were not written. */
Test(predict_resume, an_output_that_is_taken_away_is_said) {
    long_table_put("a.csv", true);
    for (int i = 0; i < 2; i++) {
        child c;
        child_start(&c, NULL, long_run);
        await_bytes(&c, 100);
        cr_assert_not(has_ended(&c));
        MUST(file_remove(temporary_path("o.csv")));
        if (i) temporary_put("o.csv", "mine\n");
        program_result p = child_end(&c, 100);
        cr_expect(p.exit_code == 1 && strstr(p.err, "o.csv: removed or replaced by another"),
                  "%d: %s", p.exit_code, p.err);
        MUST(file_remove(temporary_path("o.csv.unfinished.json")));
    }
    expect_same("mine\n");
}

/* Where no file can be locked it is done without, and where one is locked it is left alone. */
Test(predict_resume, a_lock_of_another_is_kept_and_none_is_needed) {
    const child_setup setup = {.preload = listed_path(HARNESS_LOCK_SHIM)};
    const char *const words[] = {"predict", "-c",      "m",     "--device", "cpu",   "--threads",
                                 "1",       "--input", "a.csv", "--output", "o.csv", NULL};
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    child c;
    temporary_put("a.csv", "text\n가\n");
    child_start(&c, &setup, words);
    program_result p = child_end(&c, 60);
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    char *before = temporary_text("o.csv");
    int fd = open(temporary_path("o.csv"), O_RDWR);
    cr_assert(fd >= 0 && !fcntl(fd, F_OFD_SETLK, &whole));
    p = PREDICT("--input", "a.csv", "--output", "o.csv", "--overwrite");
    cr_expect(p.exit_code == 1 && strstr(p.err, "o.csv: another process writes it; wait for it"),
              "%d: %s", p.exit_code, p.err);
    close(fd);
    char *after = temporary_text("o.csv");
    cr_expect_str_eq(after, before);
    mem_free(before);
    mem_free(after);
}

/* The rows of o.csv are not gone on with: `what` is another. */
static void expect_refused(const char *what, const char *flag, const char *value) {
    char *said;
    MUST(
        mem_printf(&said, "cannot go on: the rows there were labelled with %s (--overwrite", what));
    program_result p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv",
                               "--skip-bad-rows", "--resume", flag, value);
    cr_expect(p.exit_code == 1 && strstr(p.err, said), "%d, no '%s': %s", p.exit_code, said, p.err);
    mem_free(said);
}

Test(predict_resume, ctrl_c_leaves_whole_rows) {
    long_table_put("a.csv", false);
    child c;
    child_start(&c, NULL, long_run);
    await_bytes(&c, 100);
    kill(c.pid, SIGINT);
    program_result p = child_end(&c, 60);
    cr_expect_eq(p.exit_code, 130, "%d: %s", p.exit_code, p.err);
    char *out = temporary_text("o.csv");
    size_t n = strlen(out);
    cr_assert(n > 100 && out[n - 1] == '\n');
    cr_expect(file_named(temporary_path("o.csv.unfinished.json")));
    mem_free(out);
    // another model, or another option, does not go on with these rows; nor does another file
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv");
    cr_expect(p.exit_code == 1 && strstr(p.err, "there already, unfinished: --resume goes on"),
              "%s", p.err);
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv", "--resume",
                "--max-length", "8");
    cr_expect(p.exit_code == 1 && strstr(p.err, "labelled with a maximum length of ") &&
                  strstr(p.err, ", and now it is 8 (--over"),
              "%s", p.err);
    expect_refused("other names of labels", "--label-map", "좋음=나쁨,-1=x");
    model_folder_copy(temporary_path("kept"), temporary_path("m"));
    model_folder_edit(temporary_path("m"), "config.json", "좋음", "나쁨");
    expect_refused("other names of labels", NULL, NULL);
    MUST(folder_remove(temporary_path("m")));
    model_folder_copy(temporary_path("m"), temporary_path("kept"));
    model_folder_edit(temporary_path("m"), "config.json", "\"gelu\"", "\"relu\"");
    expect_refused("another config.json", NULL, NULL);
    MUST(folder_remove(temporary_path("m")));
    model_folder_copy(temporary_path("m"), temporary_path("kept"));
    MUST(file_remove(temporary_path("m/tokenizer_config.json")));
    expect_refused("cased true, and now it is false", NULL, NULL);
    MUST(folder_remove(temporary_path("m")));
    model_folder_copy(temporary_path("m"), temporary_path("kept"));
    temporary_put("a.csv", "id,text\n0,다른\n");
    p = PREDICT("-i", "a.csv", "--text-column", "text", "--output", "o.csv", "--resume");
    cr_expect(p.exit_code == 1 &&
                  strstr(p.err, "row 1 does not begin with the columns of line 2 of a.csv: "),
              "%s", p.err);
}

/* As many rows are there as the program says. */
static void expect_rows_said(const char *said) {
    char *out = temporary_text("o.csv"), part[40];
    size_t lines = 0;
    for (const char *at = out; (at = strchr(at, '\n')); at++) lines++;
    snprintf(part, sizeof part, "%s rows are labelled",
             shown_count((char[SHOWN_COUNT_BYTES]){""}, lines ? lines - 1 : 0));
    cr_expect(strstr(said, part), "%s: %s", part, said);
    mem_free(out);
}

/* With all processors the device's, rows are made and read between two windows' scoring: those that
 * were scored go out, whole, and what goes on behind them ends as if it had never been stopped. */
Test(predict_resume, ctrl_c_with_all_threads_is_gone_on_with) {
    // nothing is done beside then, all of it behind
#ifdef __SANITIZE_ADDRESS__
    const child_setup late = {0}; // which wants to be the first library
#else
    const child_setup late = {.preload = listed_path(HARNESS_LATE_SHIM)};
#endif
    enum { THREADS = 6, QUIET = 14, RESUME = 15, STOPS = 3 };
    const char *words[sizeof long_run / sizeof *long_run];
    char all[16];
    snprintf(all, sizeof all, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    memcpy(words, long_run, sizeof long_run);
    cr_assert_str_eq(words[THREADS], "1");
    cr_assert_str_eq(words[RESUME], "--resume");
    words[THREADS] = all;
    words[QUIET] = words[RESUME]; // how many rows there are is looked at
    words[RESUME] = NULL;
    long_table_put("a.csv", true);
    program_result p;
    run_whole(words);
    char *whole = temporary_text("o.csv");
    MUST(file_remove(temporary_path("o.csv")));
    for (off_t i = 0; i < STOPS; i++) {
        child c;
        off_t there = bytes_of("o.csv");
        child_start(&c, &late, words);
        // three windows on, what rows are made in holds old ones
        await_bytes(&c, i ? there + 100 : (off_t)strlen(whole) * 2 / 5);
        kill(c.pid, SIGINT);
        p = child_end(&c, 60);
        cr_expect(p.exit_code == 130 || p.exit_code == 0, "%d: %s", p.exit_code, p.err);
        if (p.exit_code == 130) expect_rows_said(p.err);
    }
    run_whole(words);
    expect_same(whole);
    mem_free(whole);
}

/* Starts what reads rows from a pipe, which stays open for writing; returns its end. */
static int start_reader(child *c, const char *const *words) {
    const child_setup setup = {.in = temporary_path("pipe")};
    cr_assert_eq(mkfifo(setup.in, 0600), 0);
    int fd = open(setup.in, O_RDWR);
    cr_assert(fd >= 0);
    child_start(c, &setup, words);
    return fd;
}

/* Ctrl-C while the pipe that rows come from is silent. */
Test(predict_resume, ctrl_c_ends_the_wait_for_a_pipe) {
    static const char *const words[] = {"predict", "-c",       "m",     "--device", "cpu", "-i",
                                        "-",       "--output", "o.csv", "-q",       NULL};
    enum { GIVEN = 4000, BYTES = 100 };
    child c;
    int fd = start_reader(&c, words);
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
    char *out = temporary_text("o.csv");
    size_t rows = 0;
    for (const char *at = out; (at = strchr(at, '\n')); at++) rows++;
    cr_expect_eq(rows, 1 + 3 * 1024, "%zu", rows);
    mem_free(out);
}

/* Nothing is there to go on with. */
Test(predict_resume, ctrl_c_before_the_first_row) {
    static const char *const words[] = {"predict", "-c", "m",        "--device", "cpu",
                                        "-i",      "-",  "--output", "o.csv",    NULL};
    enum { GIVEN = 900 }; // less than a window, more than is read ahead
    child c;
    int fd = start_reader(&c, words);
    for (int i = 0; i < GIVEN; i++) {
        char row[700];
        int n = snprintf(row, sizeof row, "%s%599d\n", i ? "" : "text\n", i);
        cr_assert_eq(write(fd, row, (size_t)n), n);
    }
    child_await_path(&c, temporary_path("o.csv"), 60);
    usleep(500000);
    kill(c.pid, SIGHUP);
    program_result p = child_end(&c, 60);
    close(fd);
    cr_expect(p.exit_code == 130 && strstr(p.err, "nothing was written"), "%d: %s", p.exit_code,
              p.err);
    cr_expect_not(file_named(temporary_path("o.csv")));
}

/* A disk that fills: whole rows stay, and one error says how many. */
Test(predict_resume, a_full_disk_leaves_whole_rows) {
    long_table_put("a.csv", true);
    program_result p;
    run_whole(long_run);
    char *whole = temporary_text("o.csv"), next[24];
    MUST(file_remove(temporary_path("o.csv")));
    const child_setup setup = {.file_bytes = strlen(whole) / 2};
    p = child_run(&setup, 60, long_run);
    cr_expect_eq(p.exit_code, 1, "%d", p.exit_code);
    const char *said = strstr(p.err, "o.csv: cannot write: "),
               *count = said ? strchr(said, ';') : "";
    int rows = count && *count ? atoi(count + 1) : 0; // of 2,048: 2
    if (count && strchr(count, ',')) rows = 1000 * rows + atoi(strchr(count, ',') + 1);
    cr_expect(rows >= 1024 && rows % 1024 == 0 && strstr(count, " rows are there, whole"), "%s",
              p.err);
    char *out = temporary_text("o.csv");
    size_t n = strlen(out);
    // what is there is the whole output's, up to the next row
    snprintf(next, sizeof next, "\n%d,", rows);
    cr_expect_eq(strncmp(out, whole, n), 0);
    cr_expect_eq(strncmp(whole + n - 1, next, strlen(next)), 0, "%.40s", whole + n - 1);
    mem_free(out);
    run_whole(long_run);
    expect_same(whole);
    mem_free(whole);
}
#endif
