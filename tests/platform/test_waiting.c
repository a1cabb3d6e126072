/* How the program starts: once, with threads that sleep soon, and without a driver. */
#define _POSIX_C_SOURCE 200809L
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the program says under `env VARIABLES`, both streams; owned. */
static char *under(const char *variables, const char *arguments) {
    char command[1024], *said;
    snprintf(command, sizeof command,
             "cd '%s' && env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT %s '%s' %s 2>&1",
             temporary_folder(), variables, HARNESS_PROGRAM, arguments);
    FILE *out = popen(command, "r");
    MUST(mem_new(&said, 1 << 20));
    said[fread(said, 1, (1 << 20) - 1, out)] = '\0';
    pclose(out);
    return said;
}

Test(waiting, threads_sleep_soon_unless_told_otherwise) {
    static const struct {
        const char *variables, *spins;
    } rows[] = {
        {"", "'200'"},
        {"-i HOME=/nowhere", "'200'"},
        {"-i PATH=/nowhere OMP_NUM_THREADS=2", "'200'"},
        {"-i OMP_NUM_THREADS=2", "'300000'"}, // no place for another variable: as libgomp does
        {"OMP_WAIT_POLICY=active", "'30000000000'"},
        {"OMP_WAIT_POLICY=passive", "'0'"},
        {"GOMP_SPINCOUNT=17", "'17'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char variables[200];
        snprintf(variables, sizeof variables, "%s OMP_DISPLAY_ENV=verbose", rows[i].variables);
        char *said = under(variables, "--version"), *at = strstr(said, "GOMP_SPINCOUNT = ");
        if (!at && !i) cr_skip_test("another OpenMP than gcc's");
        cr_expect(
            at && !strncmp(at + strlen("GOMP_SPINCOUNT = "), rows[i].spins, strlen(rows[i].spins)),
            "%s: %s", rows[i].variables, said);
        mem_free(said);
    }
}

// the variable whose place was lent is there again
Test(waiting, the_environment_is_as_it_was) {
    char *said = under("-i HOME=/nowhere", "data stats kor_hate --offline");
    cr_expect(strstr(said, "/nowhere/.cache/harness/data/kor_hate/"), "%s", said);
    mem_free(said);
}

Test(waiting, libraries_are_loaded_once_and_no_driver) {
    char *said = under("LD_DEBUG=files", "--version");
    size_t starts = 0;
    for (const char *at = said; (at = strstr(at, "initialize program: ")); at++) starts++;
    cr_expect_eq(starts, 1, "the program starts %zu times", starts);
    cr_expect_null(strstr(said, "libvulkan"));
    cr_expect_null(strstr(said, "icd"));
    mem_free(said);
}
