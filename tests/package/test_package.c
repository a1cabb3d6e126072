/* What is installed and packed, by the scripts of this folder: each says what it found wrong. */
#define _POSIX_C_SOURCE 200809L
#include "base/memory.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <string.h>

/* Runs tests/package/<name> with the build folder of the program. */
static void script(const char *name) {
    static char said[1 << 16];
    char command[1024];
    snprintf(command, sizeof command, "'%s/tests/package/%s' '%.*s' 2>&1", HARNESS_SOURCE_DIR, name,
             (int)(strrchr(HARNESS_PROGRAM, '/') - HARNESS_PROGRAM), HARNESS_PROGRAM);
    FILE *out = popen(command, "r");
    cr_assert(out);
    said[fread(said, 1, sizeof said - 1, out)] = '\0';
    int status = pclose(out);
    cr_assert_eq(status, 0, "%s: %s", name, said);
}

Test(package, installed_it_works_moved_linked_and_read_only) {
    script("install");
}

#if HARNESS_CPU
Test(package, the_action_runs_keeps_and_fails_on_a_fall) {
    script("action");
}
#endif

Test(package, version_parts_licences_and_scripts) {
    script("parts");
}
