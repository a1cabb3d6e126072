#include "base/json.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/resource.h>

Test(cli, help_and_version_go_to_stdout) {
    program_result r = RUN("--help");
    EXPECT(r, 0, out, "Usage: harness VERB");
    cr_expect_str_eq(r.err, "");
    for (const char *const *word = (const char *const[]){"--version", "-V", "version", NULL}; *word;
         word++) {
        r = RUN(*word);
        EXPECT(r, 0, out, "harness 0.");
        r = RUN(*word, "--json");
        EXPECT(r, 0, out, "{\"name\":\"harness\",\"version\":\"0.");
        EXPECT(r, 0, out, "\"numerics_version\":");
    }
    r = RUN("--version", "--json", "--jsn");
    EXPECT(r, 2, err, "--version takes --json alone, found '--jsn'");
    r = RUN("help", "results", "--json");
    cJSON *help;
    cr_assert_not(json_parse(&help, r.out, strlen(r.out), "help"));
    cr_expect_str_eq(cJSON_GetObjectItem(help, "name")->valuestring, "results");
    cr_expect_gt(cJSON_GetArraySize(cJSON_GetObjectItem(help, "flags")), 4);
    cJSON_Delete(help);
    r = RUN("help", "--json");
    EXPECT(r, 0, out, "\"verbs\":");
    r = RUN("help", "help");
    EXPECT(r, 0, out, "Example:");
}

Test(cli, unknown_verbs_and_flags_name_the_nearest) {
    program_result r = RUN("hlep");
    EXPECT(r, 2, err, "unknown verb 'hlep'; did you mean 'help'?");
    cr_expect_str_eq(r.out, "");
    r = RUN("help", "--quite");
    EXPECT(r, 2, err, "unknown flag '--quite' for `harness help`; did you mean --quiet?");
}

static program_result run_on_stack(rlim_t bytes, const char *verb) {
    struct rlimit stack, before;
    cr_assert_eq(getrlimit(RLIMIT_STACK, &before), 0);
    stack = before;
    stack.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_STACK, &stack), 0);
    program_result r = RUN(verb);
    cr_assert_eq(setrlimit(RLIMIT_STACK, &before), 0);
    return r;
}

/* Of one OpenMP makes no thread at all, and a library divides by their number; at another it ends the
 * program. */
Test(cli, a_number_of_threads_is_one) {
    setenv("OMP_NUM_THREADS", "4294967296", 1);
    program_result r = RUN("tasks");
    EXPECT(r, 2, err, "harness: OMP_NUM_THREADS is '4294967296': expected a number of threads");
    setenv("OMP_NUM_THREADS", "99999999", 1);
    r = RUN("tasks");
    EXPECT(r, 2, err, "harness: OMP_NUM_THREADS is '99999999': expected a number of threads");
    setenv("OMP_NUM_THREADS", "3", 1);
    r = RUN("tasks");
    EXPECT(r, 0, out, "kor_hate");
}

/* It would end in a kill without a word. */
Test(cli, a_stack_that_is_too_small_is_told) {
    program_result r = run_on_stack(1023 << 10, "tasks");
    EXPECT(r, 1, err,
           "harness: the stack is limited to 1023 KiB, expected 1024 or more (ulimit -s)");
    r = run_on_stack(1024 << 10, "tasks");
    EXPECT(r, 0, out, "kor_hate");
}
