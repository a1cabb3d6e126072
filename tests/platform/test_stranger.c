/* Another program, run within limits. */
#include "base/log.h"
#include "platform/file.h"
#include "platform/stranger.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static err shell(stranger_output *o, const char *script, double seconds, size_t bytes) {
    const char *const words[] = {"sh", "-c", script, "it", NULL};
    return stranger_run(o, "/bin/sh", words, (stranger_limits){seconds, bytes});
}

CleanTest(stranger, says_what_it_wrote_and_how_it_ended) {
    stranger_output o;
    MUST(shell(&o, "echo out; echo first >&2; printf 'last \\001 \\n\\n' >&2; exit 3", 30, 100));
    cr_assert_str_eq(o.out.text, "out\n");
    cr_assert_str_eq(o.last, "last \001");
    cr_assert_eq(o.code, 3);
    stranger_free(&o);
    // more than a pipe holds, on both sides at once; and nothing to read from
    MUST(shell(&o,
               "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; "
               "echo complaint $i >&2; i=$((i+1)); done; wc -c",
               60, 3000 * 41 + 2));
    cr_assert_eq(o.out.length, 3000 * 41 + 2);
    cr_assert_str_eq(o.out.text + o.out.length - 2, "0\n");
    cr_assert_str_eq(o.last, "complaint 2999");
    cr_assert_eq(o.code, 0);
    stranger_free(&o);
}

static void expect_refusal(err e, err expected, const char *words) {
    cr_assert_eq(e, expected, "%s", err_message(e));
    cr_assert_not_null(strstr(err_message(e), words), "no '%s' in: %s", words, err_message(e));
}

CleanTest(stranger, is_held_to_its_limits) {
    stranger_output o;
    double begin = clock_seconds();
    expect_refusal(shell(&o, "echo begun; sleep 100", 0.5, 100), ERR_DATA,
                   "/bin/sh took longer than 0 s and was ended");
    cr_assert_lt(clock_seconds() - begin, 30);
    stranger_free(&o);
    // closing its streams does not free it of the limit
    expect_refusal(shell(&o, "exec >&- 2>&-; sleep 100", 0.5, 100), ERR_DATA, "took longer");
    stranger_free(&o);
    expect_refusal(shell(&o, "while :; do echo more; done", 60, 1000), ERR_DATA,
                   "/bin/sh wrote more than 1000 bytes");
    stranger_free(&o);
    MUST(shell(&o, "echo 123", 60, 4)); // exactly as many are fine
    stranger_free(&o);
    expect_refusal(shell(&o, "kill -SEGV $$", 60, 10), ERR_DATA, "was ended by signal 11");
    stranger_free(&o);
    const char *const none[] = {"none", NULL};
    expect_refusal(stranger_run(&o, "/no/such/program", none, (stranger_limits){1, 1}), ERR_IO,
                   "/no/such/program cannot be run: No such file");
    stranger_free(&o);
}

/* What it leaves running does not go on, and does not hold up its end. */
Test(stranger, takes_along_what_it_started) {
    char script[400], *path = (char *)(uintptr_t)temporary_path("alive");
    stranger_output o;
    snprintf(script, sizeof script, "(sleep 2; echo on > '%s') & echo done", path);
    double begin = clock_seconds();
    MUST(shell(&o, script, 60, 100));
    cr_assert_lt(clock_seconds() - begin, 1.9);
    cr_assert_str_eq(o.out.text, "done\n");
    stranger_free(&o);
    sleep(3);
    cr_assert(!file_exists(path));
}

/* A pipe that nobody reads ends it, as it would in a shell: our own handling is not passed on. */
Test(stranger, has_signals_as_a_shell_gives_them) {
    stranger_output o;
    signal(SIGPIPE, SIG_IGN);
    MUST(shell(&o, "grep SigIgn /proc/self/status", 60, 100));
    cr_assert_eq(strtoull(o.out.text + strlen("SigIgn:"), NULL, 16) & (1u << (SIGPIPE - 1)), 0,
                 "%s", o.out.text);
    stranger_free(&o);
}
