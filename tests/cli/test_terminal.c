/* What a terminal gets: the program on a pseudo-terminal. */
#define _GNU_SOURCE
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "cli/terminal_text.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 150 };
static const char *wished_columns; /* $COLUMNS of sessions; NULL: not set */

static void set_columns(int terminal, unsigned short columns) {
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    cr_assert_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
}

typedef struct session {
    int terminal, exit_code;
    pid_t pid;
    strbuf said;
    double seconds;
} session;

/* All three streams of the program are a terminal of so many columns. */
static void session_start(session *s, unsigned short columns, const char *const *arguments) {
    const char *argv[40] = {HARNESS_PROGRAM};
    for (size_t i = 0; arguments[i]; i++) argv[i + 1] = arguments[i];
    *s = (session){.terminal = posix_openpt(O_RDWR | O_NOCTTY), .seconds = clock_seconds()};
    cr_assert(s->terminal >= 0 && !grantpt(s->terminal) && !unlockpt(s->terminal));
    set_columns(s->terminal, columns);
    const char *name = ptsname(s->terminal), *folder = temporary_folder();
    s->pid = fork();
    cr_assert_geq(s->pid, 0);
    if (s->pid) return;
    int own = open(name, O_RDWR | O_NOCTTY);
    if (own < 0 || dup2(own, 0) || dup2(own, 1) != 1 || dup2(own, 2) != 2 || chdir(folder) ||
        setenv("TERM", "xterm", 1) ||
        (wished_columns ? setenv("COLUMNS", wished_columns, 1) : unsetenv("COLUMNS")) ||
        prctl(PR_SET_PDEATHSIG, SIGKILL))
        _exit(126);
    close(s->terminal);
    program_forgive_loader(argv);
    execv(HARNESS_PROGRAM, (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Reads until the terminal has said `until` so often, or to the end (NULL). */
static void session_read(session *s, const char *until, unsigned times) {
    char part[4096];
    for (;;) {
        unsigned seen = 0;
        for (const char *at = s->said.text; until && at && (at = strstr(at, until)); at++) seen++;
        if (until && seen >= times) return;
        struct pollfd ready = {.fd = s->terminal, .events = POLLIN};
        cr_assert_lt(clock_seconds() - s->seconds, SECONDS, "too slow: %s", s->said.text);
        if (poll(&ready, 1, 1000) <= 0) continue;
        ssize_t n = read(s->terminal, part, sizeof part);
        if (n <= 0) return; // EIO: nobody holds the other end
        MUST(strbuf_add_bytes(&s->said, part, (size_t)n));
    }
}

static void session_end(session *s) {
    int status = 0;
    session_read(s, NULL, 0);
    cr_assert_eq(waitpid(s->pid, &status, 0), s->pid);
    s->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    s->seconds = clock_seconds() - s->seconds;
    close(s->terminal);
    if (!s->said.text) MUST(strbuf_add(&s->said, ""));
}

/* Seconds of "<figure> s left" or "<figure> min left", or -1. */
static double time_left(const char *line) {
    const char *end = strstr(line, " left"), *at = end;
    while (at && at > line && !(at[-1] == ' ' && at[-2] == ' ')) at--;
    if (!end || at == line) return -1;
    char *unit;
    double value = strtod(at, &unit);
    return strncmp(unit, " min", 4) == 0 ? 60 * value : value;
}

/* Copies the text of the next progress line; false after the last. */
static bool next_line(char line[1024], const char **at) {
    static const char begin[] = "\r\033[K";
    const char *from = *at ? strstr(*at, begin) : NULL;
    if (!from) return false;
    from += sizeof begin - 1;
    size_t n = strcspn(from, "\r\n");
    cr_assert_lt(n, 1024);
    memcpy(line, from, n);
    line[n] = '\0';
    *at = from + n;
    return true;
}

Test(terminal, progress_fits_and_falls, .timeout = 300) {
    static const char *const run[] = {
        "run", "--task", "kor_hate", "--sample",    "--device", "cpu", "--threads",
        "1",   "-o",     "out",      "--max-steps", "150",      NULL};
    session s;
    char line[1024];
    double first = -1, last = -1;
    size_t lines = 0, wide = 0;
    session_start(&s, 80, run);
    session_read(&s, " left  ", 3);
    set_columns(s.terminal, 40);
    // what was on its way when the window changed
    session_read(&s, "\033[K", 6);
    size_t changed = s.said.length;
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    for (const char *at = s.said.text; next_line(line, &at);) {
        if (!*line) continue; // the line is cleared
        size_t width = text_width(line);
        bool narrow = at - s.said.text > (ptrdiff_t)changed;
        cr_expect_leq(width, narrow ? 39 : 79, "%zu columns: %s", width, line);
        if (!lines++) cr_expect_null(strstr(line, "sentences/s"), "a rate already: %s", line);
        if (!narrow && width > 40) wide++;
        double left = time_left(line);
        if (left < 0) continue;
        if (first < 0) first = left;
        last = left;
    }
    cr_expect_geq(lines, 5);
    cr_expect_geq(wide, 1, "never used the width");
    // ten a second, and no more than a line for each step
    cr_expect_leq((double)lines, 10 * s.seconds + 3);
    cr_expect(last >= 0 && last < first, "time left went from %g to %g s", first, last);
    strbuf_free(&s.said);
}

Test(terminal, quiet_draws_nothing, .timeout = 300) {
    static const char *const run[] = {
        "run", "--task", "kor_hate", "--sample",    "--device", "cpu",     "--threads",
        "1",   "-o",     "out",      "--max-steps", "3",        "--quiet", NULL};
    session s;
    session_start(&s, 80, run);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    cr_expect_null(strstr(s.said.text, "\033"), "%s", s.said.text);
    cr_expect_null(strstr(s.said.text, "step "), "%s", s.said.text);
    strbuf_free(&s.said);
}

/* No line is wider than a window of so many columns, but one that ends with a path, the title of the
 * statistics and those with `but`. */
static void expect_fits(const char *const *arguments, const char *but, size_t columns) {
    session s;
    session_start(&s, (unsigned short)columns, arguments);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    for (char *at = strtok(s.said.text, "\r\n"); at; at = strtok(NULL, "\r\n")) {
        const char *line = strrchr(at, 'K') && strstr(at, "\033[K") ? strrchr(at, 'K') + 1 : at;
        const char *last = strrchr(line, ' '); // a path stays whole
        cr_expect(text_width(line) <= columns || strchr(last ? last : line, '/') ||
                      strstr(line, "(version 1") || (but && strstr(line, but)),
                  "%s, %zu columns: %s", arguments[0], columns, line);
    }
    strbuf_free(&s.said);
}

static void expect_narrow(const char *const *arguments, const char *but) {
    expect_fits(arguments, but, 40);
}

/* What a terminal of so many columns shows of a page. */
static char *drawn(unsigned short columns, const char *markdown) {
    session s = {.terminal = posix_openpt(O_RDWR | O_NOCTTY), .seconds = clock_seconds()};
    cr_assert(s.terminal >= 0 && !grantpt(s.terminal) && !unlockpt(s.terminal));
    set_columns(s.terminal, columns);
    const char *name = ptsname(s.terminal);
    fflush(stdout);
    s.pid = fork();
    cr_assert_geq(s.pid, 0);
    if (!s.pid) {
        int own = open(name, O_RDWR | O_NOCTTY);
        if (own < 0 || dup2(own, 1) != 1 || unsetenv("COLUMNS")) _exit(126);
        close(s.terminal);
        close(own);
        _exit(terminal_text(markdown) || fflush(stdout));
    }
    session_end(&s);
    cr_assert_eq(s.exit_code, 0);
    return s.said.text;
}

/* A table that is cut has each row in its first part; in later ones those that have something. */
Test(terminal, a_row_that_begins_with_nothing_is_shown) {
    char *said = drawn(20, "| k | one | two |\n| --- | ---: | ---: |\n| a |  | 12345678 |\n"
                           "| b | 12345678 |  |\n");
    const char *first = strstr(said, "| k   |      one |\r\n"),
               *then = strstr(said, "| k   |      two |\r\n");
    cr_assert(first && then && first < then, "%s", said);
    const char *row = strstr(first, "| a   |          |\r\n| b   | 12345678 |\r\n");
    cr_expect(row && row < then, "%s", said);
    cr_expect(strstr(then, "| a   | 12345678 |\r\n"), "%s", said);
    cr_expect_null(strstr(then, "| b   |"), "%s", said);
    mem_free(said);
}

/* Nor is there a part of which no row has anything, as of two runs that differ in nothing. */
Test(terminal, a_part_of_no_rows_is_not_shown) {
    char *said = drawn(20, "| k | one |  |\n| --- | --- | --- |\n| a | 12345678 |  |\n"
                           "| b | 12345678 |  |\n");
    cr_expect_str_eq(said, "| k   | one      |\r\n| --- | -------- |\r\n"
                           "| a   | 12345678 |\r\n| b   | 12345678 |\r\n");
    mem_free(said);
}

/* A table that is a little too wide has cells of two lines, and one that is much too wide is cut. */
Test(terminal, wide_cells_take_two_lines) {
    static const char table[] = "| k | device | n |\n| --- | --- | ---: |\n"
                                "| a | one two three four | 12 |\n| b | five |  |\n";
    static const char narrowed[] = "| k   | device         |   n |\r\n"
                                   "| --- | -------------- | --: |\r\n"
                                   "| a   | one two three  |  12 |\r\n"
                                   "|     | four           |     |\r\n"
                                   "| b   | five           |     |\r\n";
    char *said = drawn(30, table);
    cr_expect_str_eq(said, narrowed);
    mem_free(said);
    said = drawn(34, table);
    cr_expect(strstr(said, "| a   | one two three four |  12 |\r\n"), "%s", said);
    mem_free(said);
    said = drawn(26, table);
    cr_expect(strstr(said, "a\r\n") || !strstr(said, "|     | four"), "%s", said);
    mem_free(said);
}

/* A column that does not fit beside the keys takes lines there, and the others stay in line below; one
 * that would take more than three is told in paragraphs, with all others. */
Test(terminal, columns_narrower_than_their_cells) {
    char *said =
        drawn(24, "|  | A | B |\n| --- | --- | --- |\n| device | one two three four | x |\n");
    cr_expect_str_eq(said, "|        | A           |\r\n| ------ | ----------- |\r\n"
                           "| device | one two     |\r\n|        | three four  |\r\n\r\n"
                           "|        | B   |\r\n| ------ | --- |\r\n| device | x   |\r\n");
    mem_free(said);
    said = drawn(24,
                 "|  | A |\n| --- | --- |\n| device | one two three four five six seven eight |\n");
    cr_expect_null(strchr(said, '|'), "%s", said);
    mem_free(said);
}

static const char bare_task[] =
    "{\"schema\": 1, \"name\": \"bare\", \"version\": 1, \"title\": \"A task\", \"source\": \"s\", "
    "\"licence\": \"l\", \"citation\": \"c\", \"files\": [{\"role\": \"train\", \"name\": \"a\"}, "
    "{\"role\": \"test\", \"name\": \"b\"}], \"format\": {\"kind\": \"delimited\", \"delimiter\": "
    "\",\", \"quoting\": \"standard\", \"header\": true, \"columns\": [\"text\", \"label\"], "
    "\"text\": "
    "\"text\", \"label\": \"label\"}, \"labels\": [{\"value\": \"0\", \"name\": \"0\", "
    "\"readable\": \"no\"}, {\"value\": \"1\", \"name\": \"1\", \"readable\": \"yes\"}], "
    "\"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, \"cleaning\": "
    "{\"drop_empty\": true, \"drop_duplicates\": true}, \"metrics\": [\"accuracy\"], \"headline\": "
    "\"accuracy\", \"max_length\": 128}";

/* Of a task that does not say how many rows it has nothing stands in their place. */
Test(terminal, tasks_tell_what_is_known) {
    static const char *const tasks[] = {"tasks", "--task-dir", "own", NULL};
    session s;
    MUST(folder_make(temporary_path("own")));
    MUST(file_write(temporary_path("own/bare.json"), bare_task, sizeof bare_task - 1));
    session_start(&s, 40, tasks);
    session_end(&s);
    cr_expect(strstr(s.said.text, "bare\r\n  A task\r\n  2 labels, accuracy\r\n"), "%s",
              s.said.text);
    cr_expect(strstr(s.said.text, "nsmc\r\n"), "%s", s.said.text);
    strbuf_free(&s.said);
}

/* On a narrow window and on one that whole tables have room in: no line is wider but the title of
 * the statistics. */
Test(terminal, tables_fit_their_window) {
    static const char *const verbs[][6] = {{"tasks"},
                                           {"devices", "--device", "cpu"},
                                           {"data", "stats", "kor_sarcasm", "--sample"},
                                           {"data", "head", "kor_sarcasm", "--sample"},
                                           {"tasks", "show", "kor_sarcasm"},
                                           {"verify", "fill", "--device", "cpu"},
                                           {"tokenize", "--model", "words",
                                            "좋은 글 좋은 글 좋은 "
                                            "글 좋은 글 좋은 글 좋은 글 좋은 글"},
                                           {"help"}};
    model_folder_make(temporary_path("words"), NULL, 2, NULL);
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
        expect_narrow(verbs[v], NULL);
        expect_fits(verbs[v], NULL, 100);
    }
}

/* The splits' names stand above their numbers there too, and a short name on one line with its own. */
Test(terminal, statistics_keep_their_columns_at_forty) {
    static const char *const stats[] = {"data", "stats", "kor_sarcasm", "--sample", NULL};
    session s;
    session_start(&s, 40, stats);
    session_end(&s);
    const char *head = strstr(s.said.text, "    train     test\r\n"),
               *rows = head ? strstr(head, "\r\nrows ") : NULL;
    cr_assert(rows, "%s", s.said.text);
    cr_expect_eq(strcspn(rows + 2, "\r"), 40, "%s", rows);
    strbuf_free(&s.said);
}

/* The table is one, by whichever verb; label 1 has its name there. */
Test(terminal, results_fit_forty_columns, .timeout = 300) {
    static const char *const uses[][14] = {{"run", "--task", "kor_sarcasm", "--sample", "--device",
                                            "cpu", "--threads", "1", "-o", "a", "--max-steps", "1",
                                            "-q"},
                                           {"eval", "--task", "kor_sarcasm", "--sample", "--device",
                                            "cpu", "--threads", "1", "--checkpoint", "a", "-q"},
                                           {"compare", "a", "a"}};
    char *tables[2] = {NULL, NULL};
    for (size_t i = 0; i < 3; i++) {
        session s;
        session_start(&s, 100, uses[i]);
        session_end(&s);
        cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
        cr_expect(strstr(s.said.text, "F1 of sarcastic "), "%s", s.said.text);
        const char *from = strstr(s.said.text, "95 % interval"), *to;
        if (i < 2 && from && (to = strstr(from, "  MCC")))
            MUST(mem_strndup(&tables[i], from, (size_t)(to - from)));
        strbuf_free(&s.said);
    }
    cr_assert(tables[0] && tables[1]);
    cr_expect_str_eq(tables[0], tables[1]);
    for (size_t i = 0; i < 2; i++) mem_free(tables[i]);
    // the run is finished: its result is shown
    for (size_t i = 0; i < 3; i++) expect_narrow(uses[i], NULL);
    static const char *const others[][16] = {{"runs", "."},
                                             {"runs", "clean", "."},
                                             {"eval", "--record", "a"},
                                             {"run", "--task", "kor_sarcasm", "--sample",
                                              "--device", "cpu", "--threads", "1", "-o", "b",
                                              "--max-steps", "40", "--dry-run", "-q"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) expect_narrow(others[i], NULL);
}

/* The classes' table has a line a label, with its figures; a name that is longer than its column goes
 * on below itself, and the matrix keeps its place. */
Test(terminal, classes_of_long_names_fit_forty_columns, .timeout = 300) {
    static const char *const run[] = {
        "run",       "--task", "kor_3i4k", "--sample", "--device",    "cpu", "--model", "tiny",
        "--threads", "1",      "-o",       "a",        "--max-steps", "1",   "-q",      NULL};
    static const char *const eval[] = {"eval", "--record", "a", NULL};
    session s;
    session_start(&s, 80, run);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    strbuf_free(&s.said);
    expect_narrow(eval, NULL);
    session_start(&s, 40, eval);
    session_end(&s);
    double share[3];
    unsigned rows;
    const char *whole = strstr(s.said.text, "\r\n  fragment  "),
               *broken = strstr(s.said.text, "\r\n  intonation-  ");
    cr_assert(whole && broken, "%s", s.said.text);
    cr_expect_eq(sscanf(whole, " fragment %lf %lf %lf %u", share, share + 1, share + 2, &rows), 4,
                 "%s", whole);
    cr_expect_eq(rows, 8);
    cr_expect_eq(sscanf(broken, " intonation- %lf %lf %lf %u", share, share + 1, share + 2, &rows),
                 4, "%s", broken);
    cr_expect(strstr(broken, "\r\n  dependent\r\n  utterance\r\n"), "%s", broken);
    cr_expect(strstr(s.said.text, "  label         prec. recall     F1 rows\r\n"), "%s",
              s.said.text);
    cr_expect(strstr(s.said.text, "\r\n  6 intonation-dependent … "), "%s", s.said.text);
    strbuf_free(&s.said);
    session_start(&s, 80, eval);
    session_end(&s);
    cr_expect(strstr(s.said.text, "\r\n  intonation-dependent utterance  "), "%s", s.said.text);
    strbuf_free(&s.said);
}

#define HANGUL "runs/\xEA\xB8\xB4 \xEC\x9D\xB4\xEB\xA6\x84 \xED\x8F\xB4\xEB\x8D\x94"

/* The table of runs where it fits, whatever it holds, else a block a run; what a score is, and what
 * it is of. */
Test(terminal, runs_fit, .timeout = 300) {
    static const char *const run[] = {"run",  "--task",      "kor_hate", "--sample", "--device",
                                      "cpu",  "--threads",   "1",        "-q",       "-o",
                                      HANGUL, "--max-steps", "1",        NULL};
    static const char *const list[] = {"runs", NULL};
    session s;
    session_start(&s, 200, run);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    cr_expect(strstr(s.said.text, "(sample: says nothing about the model)"), "%s", s.said.text);
    strbuf_free(&s.said);
    expect_narrow(list, NULL);
    session_start(&s, 80, list);
    session_end(&s);
    cr_expect(strstr(s.said.text, "\r\n  finished (sample)  0."), "%s", s.said.text);
    cr_expect(strstr(s.said.text, " macro F1  20"), "%s", s.said.text);
    strbuf_free(&s.said);
    session_start(&s, 250, list);
    session_end(&s);
    cr_expect(strstr(s.said.text, "task      model    device "), "%s", s.said.text);
    cr_expect(strstr(s.said.text, " macro F1 "), "%s", s.said.text);
    cr_expect(strstr(s.said.text, "\r\n1 of a sample, of a part of the rows"), "%s", s.said.text);
    // the table to the column where it fits
    size_t widest = 0;
    for (char *at = strtok(s.said.text, "\r\n"); at && !strstr(at, "1 run, ");
         at = strtok(NULL, "\r\n"))
        if (text_width(at) > widest) widest = text_width(at);
    strbuf_free(&s.said);
    for (size_t columns = widest - 1; columns <= widest; columns++) {
        expect_fits(list, NULL, columns);
        session_start(&s, (unsigned short)columns, list);
        session_end(&s);
        // narrower, names are cut or each run is a block
        bool whole = strstr(s.said.text, "task   ") && !strstr(s.said.text, "…");
        cr_expect_eq(whole, columns == widest, "%s", s.said.text);
        strbuf_free(&s.said);
    }
}

/* Rows of a file on a terminal are text there: nothing in them acts. */
Test(terminal, rows_of_a_file_do_not_act) {
    static const char *const labels[] = {"a", "b"};
    static const char rows[] = "text,n\n\"x\x1b[2J\ny\",1\n\xE2\x80\xAEz,2\n";
    static const char *const use[] = {"predict", "-c",      "m",        "--device",
                                      "cpu",     "--input", "rows.csv", NULL};
    session s;
    model_folder_make(temporary_path("m"), labels, 2, NULL);
    MUST(file_write(temporary_path("rows.csv"), rows, sizeof rows - 1));
    session_start(&s, 80, use);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    cr_expect(strstr(s.said.text, "\"x\\x1b[2J\r\ny\",1,"), "%s", s.said.text);
    cr_expect(strstr(s.said.text, "\\u202ez,2,"), "%s", s.said.text);
    cr_expect_null(strstr(s.said.text, "\x1b[2J"));
    strbuf_free(&s.said);
}

/* A whole session in which that is typed once it is asked for. */
static void session_type(session *s, const char *const *use, const char *typed) {
    const ssize_t count = (ssize_t)strlen(typed);
    session_start(s, 80, use);
    session_read(s, "Ctrl-D ends", 1);
    cr_assert_eq(write(s->terminal, typed, (size_t)count), count);
    session_end(s);
    cr_assert_eq(s->exit_code, 0, "%s", s->said.text);
}

/* Enter alone asks nothing; of a pipe an empty line is a text, whose answer keeps the lines beside
 * each other. */
Test(terminal, enter_alone_is_no_sentence) {
    static const char *const labels[] = {"a", "b"};
    static const char *const use[] = {"predict", "-c", "m", "--device", "cpu", NULL};
    static const char typed[] = "x\n\n \t\ny\n\x04";
    session s;
    size_t rows = 0;
    model_folder_make(temporary_path("m"), labels, 2, NULL);
    session_type(&s, use, typed);
    for (const char *at = s.said.text; (at = strstr(at, " 0.")); at++) rows++;
    cr_expect_eq(rows, 2, "%s", s.said.text);
    strbuf_free(&s.said);
    temporary_put("lines", "x\n\n \ny\n");
    child_setup setup = {.in = temporary_path("lines")};
    program_result p = child_run(&setup, 60, use);
    rows = 0;
    for (const char *at = p.out; (at = strchr(at, '\n')); at++) rows++;
    cr_expect_eq(rows, 4, "%s", p.out);
}

/* A typed line that is none of what is asked for is told of, and the next one answered. */
Test(terminal, a_wrong_line_ends_no_session) {
    static const char *const labels[] = {"a", "b"};
    static const char *const use[] = {"predict", "--pair", "-c", "m", "--device", "cpu", NULL};
    static const char typed[] = "x\nx\ty\nx\n\x04";
    session s;
    model_folder_make(temporary_path("m"), labels, 2, NULL);
    session_type(&s, use, typed);
    const char *first = strstr(s.said.text, "warning: "), *row = strstr(s.said.text, " 0.");
    cr_expect(first && row && first < row && strstr(row, "warning: "), "%s", s.said.text);
    strbuf_free(&s.said);
    temporary_put("lines", "x\nx\ty\n");
    child_setup setup = {.in = temporary_path("lines")};
    program_result p = child_run(&setup, 60, use);
    cr_expect_neq(p.exit_code, 0);
}

/* Of a masked language model alike: Enter alone is no text, a line without a mask ends nothing. */
Test(terminal, masks_are_filled_as_lines_are_typed) {
    static const char *const use[] = {"fill-mask", "--device", "cpu", NULL};
    session s;
    session_type(&s, use, "영화\n\n \n이 [MASK]\n\x04");
    const char *first = strstr(s.said.text, "warning: text 1: there is no [MASK]");
    cr_expect(first && strstr(first, " 0."), "%s", s.said.text);
    cr_expect(first && !strstr(first + 1, "warning: "), "%s", s.said.text);
    strbuf_free(&s.said);
    temporary_put("lines", "영화\n이 [MASK]\n");
    child_setup setup = {.in = temporary_path("lines")};
    program_result p = child_run(&setup, 60, use);
    cr_expect_eq(p.exit_code, 1, "%s", p.err);
    cr_expect_str_empty(p.out);
    // nor do lines without text end a file
    temporary_put("lines", "\n이 [MASK]\n\n \n[MASK]\n");
    p = child_run(&setup, 60, use);
    cr_expect_eq(p.exit_code, 0, "%s", p.err);
    cr_expect(strstr(p.out, "이 ") && strstr(p.out, " 0."), "%s", p.out);
}

/* Columns in line, in parts that fit. */
Test(terminal, bench_is_a_table, .timeout = 300) {
    program_result p = RUN("bench", "--task", "kor_sarcasm", "--sample", "--device", "cpu",
                           "--threads", "1", "--max-steps", "1", "-q");
    size_t width = 0, lines = 0;
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    char *said = drawn(80, p.out);
    for (char *at = said, *end; (end = strstr(at, "\r\n")); at = end + 2) {
        *end = '\0';
        if (*at == '|') {
            lines++;
            cr_expect(!width || text_width(at) == width, "not in line: %s", at);
            cr_expect_leq(text_width(at), 80, "%s", at);
        }
        width = *at == '|' ? text_width(at) : 0;
    }
    cr_expect_gt(lines, 100);
    mem_free(said);
    said = drawn(40, p.out);
    for (char *at = strtok(said, "\r\n"); at; at = strtok(NULL, "\r\n"))
        cr_expect_leq(text_width(at), 40, "%s", at);
    mem_free(said);
}

/* A line of progress is taken away before anything else is printed, and at the end. */
Test(terminal, no_progress_is_left_standing, .timeout = 300) {
    static const struct {
        const char *verb[8], *progress;
    } uses[] = {
        {{"corpus", "stats", "few.txt"}, "reading "},
        {{"corpus", "text", "few.txt"}, "reading "},
        {{"verify", "fill", "--device", "cpu"}, "verifying "},
        {{"data", "stats", "kor_hate", "--sample"}, "reading "},
    };
    MUST(file_write(temporary_path("few.txt"), "one two\nthree four\n", 19));
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        static const char begin[] = "\r\033[K";
        session s;
        session_start(&s, 80, uses[i].verb);
        session_end(&s);
        cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
        for (const char *at = s.said.text; (at = strstr(at, begin));) {
            at += sizeof begin - 1;
            const char *line = strstr(at, "\r\n"), *next = strstr(at, begin);
            if (strncmp(at, uses[i].progress, strlen(uses[i].progress))) continue;
            cr_expect(next && (!line || next < line), "%s %s: left standing: %.60s",
                      uses[i].verb[0], uses[i].verb[1], at);
        }
        strbuf_free(&s.said);
    }
}

/* The widest line of what is said. */
static size_t widest(char *said) {
    size_t wide = 0;
    for (char *at = strtok(said, "\r\n"); at; at = strtok(NULL, "\r\n"))
        if (text_width(at) > wide) wide = text_width(at);
    return wide;
}

/* Help is as wide as $COLUMNS says, else the terminal; into a pipe 80 columns. */
Test(terminal, help_follows_columns) {
    static const struct {
        const char *wished;
        unsigned short terminal;
        size_t least, most;
    } uses[] = {{NULL, 120, 100, 120}, {"50", 120, 44, 50}, {"0", 120, 100, 120},
                {"99x", 70, 60, 70},   {"", 40, 34, 40},    {"100", 40, 90, 100}};
    static const char *const run[] = {"run", "--help", NULL};
    session s;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        wished_columns = uses[i].wished;
        session_start(&s, uses[i].terminal, run);
        session_end(&s);
        cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
        size_t wide = widest(s.said.text);
        cr_expect(wide >= uses[i].least && wide <= uses[i].most, "%zu: %zu columns", i, wide);
        strbuf_free(&s.said);
    }
    wished_columns = NULL;
    static const char *const piped[][2] = {{"", "80"}, {"44", "44"}};
    for (size_t i = 0; i < 2; i++) {
        setenv("COLUMNS", piped[i][0], 1);
        program_result p = RUN("predict", "--help");
        size_t wide = widest(p.out), most = strtoul(piped[i][1], NULL, 10);
        cr_expect(wide <= most && wide + 10 > most, "%zu columns of %zu", wide, most);
    }
}

/* Notes and errors are broken at blanks; those with a word in front go on below their text. */
Test(terminal, notes_are_broken_at_blanks, .timeout = 300) {
    static const char *const unknown[] = {"run", "--task", "nosuch", "--device", "cpu", NULL};
    static const char *const run[] = {"run",       "--task", "kor_hate",    "--sample", "--device",
                                      "cpu",       "-o",     "out",         "--model",  "tiny",
                                      "--threads", "1",      "--max-steps", "1",        NULL};
    session s;
    session_start(&s, 50, unknown);
    session_end(&s);
    cr_expect(strstr(s.said.text, "\r\n         kor_hate"), "%s", s.said.text);
    cr_expect_leq(widest(s.said.text), 50);
    strbuf_free(&s.said);
    session_start(&s, 50, run);
    session_end(&s);
    cr_expect(strstr(s.said.text, "task    kor_hate (sample): 48 training rows (0\r\n"
                                  "        left out by cleaning), 24 test rows\r\n"),
              "%s", s.said.text);
    strbuf_free(&s.said);
}

/* What is escaped for markdown is so in markdown alone: into a pipe, and not on a terminal. A row's
 * number stands in every part of a table. */
Test(terminal, no_markdown_on_a_terminal, .timeout = 300) {
    static const char text[] = "text,label\n"
                               "a,[x]_<b>&amp;\nb,*y|z*\nc,[x]_<b>&amp;\nd,*y|z*\n"
                               "e,[x]_<b>&amp;\nf,*y|z*\n";
    static const char *const make[] = {"tasks", "new",      "f.csv",        "g.csv",
                                       "-q",    "--output", "own/own.json", NULL};
    static const char *const run[] = {
        "run", "--task",  "own", "--task-dir", "own", "--model",     "tiny", "--device", "cpu",
        "-o",  "[o]_<*>", "-q",  "--threads",  "1",   "--max-steps", "1",    NULL};
    static const char *const errors[] = {"errors",   "[o]_<*>", "--task-dir", "own",
                                         "--device", "cpu",     "--texts",    NULL};
    static const char *const compare[] = {"compare", "[o]_<*>", "[o]_<*>", NULL};
    session s;
    MUST(file_write(temporary_path("f.csv"), text, sizeof text - 1));
    MUST(file_write(temporary_path("g.csv"), text, sizeof text - 9)); // without the last row
    MUST(folder_make(temporary_path("own")));
    session_start(&s, 80, make);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    strbuf_free(&s.said);
    session_start(&s, 200, run);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    strbuf_free(&s.said);
    session_start(&s, 40, errors);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    cr_expect(strstr(s.said.text, "[UNK]"), "%s", s.said.text);
    cr_expect(strstr(s.said.text, "[x]_<b>&amp;"), "%s", s.said.text);
    cr_expect(strstr(s.said.text, "*y|z*"), "%s", s.said.text);
    cr_expect_null(strchr(s.said.text, '\\'), "%s", s.said.text);
    cr_expect_null(strstr(s.said.text, "&lt;"), "%s", s.said.text);
    const char *part = strstr(s.said.text, "| row |");
    cr_expect(part && strstr(part + 1, "| row |"), "%s", s.said.text);
    strbuf_free(&s.said);
    // where not even two columns fit, a row is a paragraph, whose columns are all named
    session_start(&s, 20, errors);
    session_end(&s);
    cr_expect(strstr(s.said.text, "\r\nrow "), "%s", s.said.text);
    cr_expect(strstr(s.said.text, "\r\nby text, slice "), "%s", s.said.text);
    strbuf_free(&s.said);
    session_start(&s, 80, compare);
    session_end(&s);
    cr_expect(strstr(s.said.text, "[o]_<*>"), "%s", s.said.text);
    cr_expect_null(strchr(s.said.text, '\\'), "%s", s.said.text);
    strbuf_free(&s.said);
    program_result p = RUN("errors", "[o]_<*>", "--task-dir", "own", "--device", "cpu");
    cr_expect(strstr(p.out, "\\[UNK\\]"), "%s", p.out);
}

/* The rows a second of the last figure before `end`, or -1. */
static double rate_before(const char *from, const char *end) {
    const char *stop = strstr(from, end), *at = stop;
    double rate = 0;
    while (at && at > from && strchr("0123456789,", at[-1])) at--;
    for (const char *c = at; c && c < stop; c++)
        if (*c != ',') rate = 10 * rate + (*c - '0'); // of thousands
    return at ? rate : -1;
}

/* Rows that were there already tell nothing of the speed of what is left. */
Test(terminal, a_resumed_labelling_tells_its_own_speed, .timeout = 300) {
    enum { WINDOWS = 20, ROWS = 1024 };
    static const char *const labels[] = {"나쁨", "좋음"};
    static const char *const use[] = {
        "predict",   "-c",       "m",       "--device", "cpu",
        "--threads", "1",        "--input", "a.csv",    "--text-column",
        "text",      "--output", "o.csv",   "--resume", NULL};
    session s;
    strbuf text = {0};
    char line[1024];
    double last = -1;
    model_folder_make(temporary_path("m"), labels, 2, NULL);
    MUST(strbuf_add(&text, "text\n"));
    for (int i = 0; i < WINDOWS * ROWS; i++) MUST(strbuf_add(&text, "가 나 다\n"));
    MUST(file_write(temporary_path("a.csv"), text.text, text.length));
    strbuf_free(&text);
    program_result p = program_run(NULL, 120, use);
    cr_assert_eq(p.exit_code, 0, "%s", p.err);
    uint64_t bytes = 0;
    MUST(file_size(&bytes, temporary_path("o.csv")));
    MUST(file_remove(temporary_path("o.csv")));
    // a disk that is full behind nine tenths
    p = child_run(&(child_setup){.file_bytes = bytes * 9 / 10}, 120, use);
    cr_assert_eq(p.exit_code, 1, "%s", p.err);
    session_start(&s, 120, use);
    session_end(&s);
    cr_assert_eq(s.exit_code, 0, "%s", s.said.text);
    for (const char *at = s.said.text; next_line(line, &at);) {
        double rate = rate_before(line, " rows/s");
        if (rate >= 0 && strstr(line, " left")) last = rate; // the note at the end has one too
    }
    double whole = rate_before(strstr(s.said.text, "without a label"), " rows/s)");
    cr_assert(last > 0 && whole > 0, "%s", s.said.text);
    cr_expect_lt(last, 4 * whole, "%g rows/s while it worked, %g in all", last, whole);
    strbuf_free(&s.said);
}
