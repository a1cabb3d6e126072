#include "base/memory.h"
#include "platform/file.h"

#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

Test(ci, hosted_copies_are_equal) {
    void *a, *b;
    size_t na, nb;
    cr_assert_eq(file_read(&a, &na, HARNESS_SOURCE_DIR "/CI.yml", 0), ERR_OK);
    cr_assert_eq(file_read(&b, &nb, HARNESS_SOURCE_DIR "/.github/workflows/ci.yml", 0), ERR_OK);
    cr_assert_eq(na, nb);
    cr_assert_eq(memcmp(a, b, na), 0);
    cr_assert_not_null(strstr(a, ".ci/run"));
    mem_free(a);
    mem_free(b);
}

/* What fails stands first: tests/run-suite over a program that ends as Criterion does. */
Test(ci, run_suite_names_what_failed_first) {
    static const char program[] =
        "#!/bin/sh\n"
        "echo '[RUN ] a::good'\n"
        "echo '[PASS] a::good: (0.00s)'\n"
        "echo '[----] x.c:7: Assertion Failed'\n"
        "echo '[FAIL] a::bad: (0.01s)'\n"
        "echo '[FAIL] b::worse: CRASH!'\n"
        "echo '[====] Synthesis: Tested: 3 | Passing: 1 | Failing: 1 | Crashing: 1 '\n";
    char *path = NULL, text[2048];
    MUST(path_join(&path, temporary_folder(), "suite"));
    MUST(file_write(path, program, strlen(program)));
    cr_assert_eq(chmod(path, 0700), 0);
    // by name, not in the command: either path may hold blanks and quotes
    setenv("SUITE", path, 1);
    setenv("RUN_SUITE", HARNESS_SOURCE_DIR "/tests/run-suite", 1);
    FILE *out = popen("\"$RUN_SUITE\" \"$SUITE\"", "r");
    cr_assert_not_null(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    cr_expect_neq(pclose(out), 0);
    cr_expect_not_null(strstr(text, "failed:\n  a::bad\n  b::worse\n"), "%s", text);
    cr_expect_lt(strstr(text, "b::worse"), strstr(text, "x.c:7"));
    cr_expect_lt(strstr(text, "x.c:7"), strstr(text, "a::good"));
    mem_free(path);
}
