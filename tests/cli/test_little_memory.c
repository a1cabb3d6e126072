/* Runs under address spaces that grow until one suffices: each that does not is told of, none crashes. */
#include "base/memory.h"
#include "support/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#if HARNESS_CPU && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
/* Below what suffices for its own parts the program is not begun: the loader says so, with 127. Where
 * threads cannot start libgomp says so. */
static bool is_told(int code, const char *said) {
    return (code == 127 && strstr(said, "error while loading")) ||
           (code == 1 && (strstr(said, "harness: ") || strstr(said, "libgomp: ")));
}

Test(little_memory, a_run_tells_of_it, .timeout = 240) {
    enum { FIRST_MIB = 72, LAST_MIB = 400 };
    char command[700];
    int code = 1, tried = 0;
    for (int kib = FIRST_MIB << 10; code && kib < LAST_MIB << 10; kib += 1500) {
        snprintf(command, sizeof command,
                 "cd '%s' && ulimit -v %d && exec '%s' run --sample --task kor_hate --model tiny "
                 "--device "
                 "cpu --threads 2 -o r%d --max-steps 3 --quiet > out 2> said",
                 temporary_folder(), kib, HARNESS_PROGRAM, kib);
        int status = system(command);
        code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        char *said = temporary_text("said");
        cr_assert(!code || is_told(code, said), "%d KiB: %d: %s", kib, code, said);
        mem_free(said);
        tried++;
    }
    cr_expect(!code && tried > 4, "%d after %d", code, tried);
}
#endif
