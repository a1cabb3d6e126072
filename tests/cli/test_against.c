/* `bench --against`: another build in turns, and files that are none. */
#include "base/json.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#if HARNESS_CPU

/* The reference measures its own rates on small products and copies. */
#define QUICK                                                                                      \
    "bench", "--pretrain", "--sample", "--model", "tiny", "--device", "reference", "--threads",    \
        "1", "--max-steps", "1", "--batch-size", "4"

static void write_program(const char *name, const char *text, bool is_executable) {
    const char *path = temporary_path(name);
    MUST(file_write(path, text, strlen(text)));
    cr_assert_eq(chmod(path, is_executable ? 0700 : 0600), 0);
}

static void expect_refusal(program_result r, int code, const char *words) {
    cr_expect_eq(r.exit_code, code, "%d: %s", r.exit_code, r.err);
    cr_expect(strstr(r.err, words), "no '%s' in: %s", words, r.err);
    cr_expect_str_empty(r.out);
}

Test(against, what_is_no_build_is_refused_by_name) {
    write_program("text", "no program", false);
    write_program("odd", "#!/bin/sh\necho hello\n", true);
    write_program("fails", "#!/bin/sh\necho 'harness 1 (abc)'\nexit 3\n", true);
    write_program("talks", "#!/bin/sh\nwhile :; do echo 'harness 1 (abc)'; done\n", true);
    write_program("more", "#!/bin/sh\necho 'harness 1 (abc)'\necho more\n", true);
    expect_refusal(RUN(QUICK, "--against", "none"), 1, "none: ");
    expect_refusal(RUN(QUICK, "--against", "."), 1, "--against: .: is a folder");
    expect_refusal(RUN(QUICK, "--against", "text"), 1, "text cannot be run: Permission denied");
    expect_refusal(RUN(QUICK, "--against", "odd"), 1,
                   "--against odd: no build of harness: `odd --version` should say");
    expect_refusal(RUN(QUICK, "--against", "fails"), 1, "it ended with 3");
    expect_refusal(RUN(QUICK, "--against", "talks"), 1, "talks wrote more than 4096 bytes");
    expect_refusal(RUN(QUICK, "--against", "more"), 1, "it says something else");
    expect_refusal(RUN(QUICK, "--against", "odd", "--rounds", "1"), 2,
                   "--rounds expects 2 to 100, found '1'");
    expect_refusal(RUN(QUICK, "--against", "odd", "--svg", "a.svg"), 2, "--svg is of one");
    expect_refusal(RUN(QUICK, "--rounds", "3"), 2, "--rounds goes with --against");
}

/* The other is this very program, which also notes its arguments and says the same again in a second
 * round; who is first alternates. */
Test(against, both_do_the_same_in_turns, .timeout = 300) {
    char script[600];
    snprintf(
        script, sizeof script,
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'harness 9.9 (abc)' && exit 0\n"
        "echo \"$*\" >> args\n[ -f said ] || '%s' \"$@\" | sed 's/\"version\":.*\"/\"version\": "
        "\"9.9\"/' > said\ncat said\n",
        HARNESS_PROGRAM);
    write_program("other", script, true);
    program_result r = RUN(QUICK, "--against", "other", "--rounds", "2", "--json");
    cJSON *record;
    const cJSON *pairs, *other, *one;
    const char *text, *command;
    double n;
    EXPECT(r, 0, err, "against harness 9.9 (abc)");
    MUST(json_parse(&record, r.out, strlen(r.out), "it"));
    MUST(json_string(&text, record, "schema", "it"));
    cr_assert_str_eq(text, "harness-bench-pairs-1");
    MUST(json_object(&other, record, "other", "it"));
    MUST(json_string(&text, other, "version", "it"));
    cr_assert_str_eq(text, "9.9");
    MUST(json_string(&text, other, "commit", "it"));
    cr_assert_gt(strlen(text), 0);
    MUST(json_string(&command, record, "command", "it"));
    cr_assert(strstr(command, "--max-steps 1"), "%s", command);
    MUST(json_array(&pairs, record, "pairs", "it"));
    cr_assert_gt(cJSON_GetArraySize(pairs), 10);
    one = cJSON_GetArrayItem(pairs, 0);
    MUST(json_string(&text, one, "phase", "it"));
    cr_assert_str_eq(text, "pretraining");
    double low, high;
    MUST(json_number(&n, one, "ratio", "it"));
    MUST(json_number(&low, one, "low", "it"));
    MUST(json_number(&high, one, "high", "it"));
    cr_assert(low < n && n < high);
    cJSON_Delete(record);
    void *args;
    size_t count;
    MUST(file_read(&args, &count, temporary_path("args"), 0));
    cr_assert(strstr(args, "--max-steps=1") && strstr(args, "--json"), "%s", (char *)args);
    cr_assert_null(strstr(args, "against"), "%s", (char *)args);
    cr_assert_null(strstr(args, "rounds"), "%s", (char *)args);
    mem_free(args);
    // it says that it is one, and then does what it likes: the own program is measured each time
    static const struct {
        const char *does, *words;
    } cases[] = {
        {"echo 'harness: no \\033[31m such flag' >&2; exit 2",
         "other bench ended with 2: harness: no \\x1b[31m such flag"},
        {"sed 's/\"threads\":\t1/\"threads\":\t5/' said",
         "other measured other work: the number of threads is 5 there, 1 here"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(script, sizeof script,
                 "#!/bin/sh\n[ \"$1\" = --version ] && echo 'harness 9.9 (abc)' && exit 0\n%s\n",
                 cases[i].does);
        write_program("other", script, true);
        expect_refusal(RUN(QUICK, "--against", "other", "--rounds", "2"), 1, cases[i].words);
    }
}

#endif
