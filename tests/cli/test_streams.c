/* Both standard streams in one file: lines are whole and in the order in which things happened. */
#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(streams, .timeout = 120);

/* What `harness FLAGS` writes to both, in one file. Owned. */
static char *run_both(const char *flags) {
    strbuf command = {0};
    MUST(strbuf_printf(&command, "cd '%s' && '%s' %s >both 2>&1", temporary_folder(),
                       HARNESS_PROGRAM, flags));
    int status = system(command.text);
    char *text = temporary_text("both");
    cr_assert_eq(status, 0, "%s: %s", flags, text);
    strbuf_free(&command);
    return text;
}

/* Each begins a line, and they stand in this order. */
static void expect_order(const char *text, const char *const *lines, size_t count) {
    const char *at = text;
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, lines[i]);
        cr_assert(found, "'%s' is not behind what comes before it: %s", lines[i], text);
        cr_expect(found == text || found[-1] == '\n', "'%s' begins no line: %s", lines[i], text);
        at = found + 1;
    }
}

Test(streams, of_a_sweep) {
    static const char *const lines[] = {"sweep   run 1 of 2",
                                        "device  ",
                                        "kor_hate  tiny",
                                        "Files\n",
                                        "sweep   run 2 of 2",
                                        "device  ",
                                        "kor_hate  tiny",
                                        "Files\n",
                                        "| kor_hate | tiny  | macro F1 |    2 |",
                                        "Next\n",
                                        "  harness predict --model runs/kor_hate/tiny-cpu-s",
                                        "  harness errors runs/kor_hate/tiny-cpu-*"};
    char *text = run_both("run --task kor_hate --sample --model tiny --device cpu --max-steps 1 "
                          "--runs 2");
    expect_order(text, lines, sizeof lines / sizeof *lines);
    mem_free(text);
}

/* Beside much output, which comes in blocks of the stream's own size. */
Test(streams, of_much_output) {
    enum { LINES = 5000, EVERY = 100 };
    int out = dup(1), messages = dup(2),
        fd = open(temporary_path("both"), O_WRONLY | O_CREAT, 0600);
    fflush(stdout);
    cr_assert(fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
    for (int i = 0; i < LINES; i++) {
        printf("line %d\n", i);
        log_set_quiet(false);
        if (i % EVERY == 0) log_warn("behind line %d", i);
        if (i % EVERY == EVERY / 2) log_note("behind line %d", i);
    }
    // a note that nobody sees lets out what came before it all the same
    log_set_quiet(true);
    printf("last\n");
    log_note("unseen");
    off_t end = lseek(fd, 0, SEEK_CUR);
    fflush(stdout);
    cr_expect_eq(end, lseek(fd, 0, SEEK_CUR));
    dup2(out, 1);
    dup2(messages, 2);
    char *text = temporary_text("both"), *at = text;
    for (int i = 0; i < LINES; i++) {
        char line[64];
        int n = snprintf(line, sizeof line, "line %d\n%s", i,
                         i % EVERY == 0           ? "warning: behind line "
                         : i % EVERY == EVERY / 2 ? "behind line "
                                                  : "");
        cr_assert_eq(strncmp(at, line, (size_t)n), 0, "found %.40s, not %s", at, line);
        at += n;
        if (i % (EVERY / 2) == 0) at += strcspn(at, "\n") + 1;
    }
    cr_expect_str_eq(at, "last\n");
    mem_free(text);
}
