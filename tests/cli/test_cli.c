#include "support/program.h"

#include <criterion/criterion.h>
#include <string.h>

#define EXPECT(r, code, stream, text)                                                              \
    do {                                                                                           \
        cr_expect_eq((r).exit_code, (code), "exit code %d\n%s", (r).exit_code, (r).err);           \
        cr_expect_not_null(strstr((r).stream, (text)), "no '%s' in:\n%s", (text), (r).stream);     \
    } while (0)

Test(cli, help_and_version_go_to_stdout) {
    program_result r = RUN("--help");
    EXPECT(r, 0, out, "Usage: harness VERB");
    cr_expect_str_eq(r.err, "");
    program_free(&r);
    r = RUN("--version");
    EXPECT(r, 0, out, "harness 0.");
    program_free(&r);
    r = RUN("help", "help");
    EXPECT(r, 0, out, "Example:");
    program_free(&r);
}

Test(cli, unknown_verbs_and_flags_name_the_nearest) {
    program_result r = RUN("hlep");
    EXPECT(r, 2, err, "unknown verb 'hlep'; did you mean 'help'?");
    cr_expect_str_eq(r.out, "");
    program_free(&r);
    r = RUN("help", "--quite");
    EXPECT(r, 2, err, "unknown flag '--quite' for `harness help`; did you mean --quiet?");
    program_free(&r);
}
