/* A program that a launcher has started where there is no MPI: told what to install; and by itself
 * it is whole. */
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char openmpi[] = "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0";
static const char mpich[] = "PMI_SIZE=2 PMI_RANK=0";
static const char slurm[] = "SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2";

/* A copy of the program, beside which no plugin lies, started with these variables. *text (size)
 * gets what it says; returns its exit status. */
static int start(char *text, size_t size, const char *variables, const char *arguments) {
    char line[1000];
    snprintf(line, sizeof line,
             "cd '%s' && ([ -e harness ] || cp '%s' harness) && env %s ./harness %s 2>&1",
             temporary_folder(), HARNESS_PROGRAM, variables, arguments);
    FILE *f = popen(line, "r");
    cr_assert_not_null(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    int status = pclose(f);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* One of the variables' group, of a verb that works as one. */
static void refuse(const char *variables, const char *part) {
    static const char *const verbs[] = {"run --sample --task kor_hate", "bench --sample",
                                        "eval --sample --task kor_hate",
                                        "pretrain --model tiny --corpus x"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char text[2000];
        int code = start(text, sizeof text, variables, verbs[i]);
        cr_expect_neq(code, 0, "%s: %s", verbs[i], text);
        cr_expect_not_null(strstr(text, part), "%s: expected '%s' in: %s", verbs[i], part, text);
        cr_expect(!strncmp(text, "harness: ", 9) && strchr(text, '\n') == text + strlen(text) - 1,
                  "%s: %s", verbs[i], text);
    }
}

Test(launch, names_what_to_install) {
    refuse(openmpi, "harness-group-openmpi.so is not here: install Open MPI and build again (on "
                    "Debian: apt-get install libopenmpi-dev), or start it without a launcher");
    refuse(mpich, "harness-group-mpich.so is not here: install MPICH and build again (on Debian: "
                  "apt-get install libmpich-dev)");
    refuse(slurm, "srun has started 2 processes without MPI");
}

/* A limit that is not one would end a group that is well. */
Test(launch, limits_are_seconds) {
    refuse("HARNESS_GROUP_WAIT=30m OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0",
           "HARNESS_GROUP_WAIT is '30m': expected seconds, more than 0");
    refuse("HARNESS_GROUP_SILENCE=0 PMI_SIZE=2 PMI_RANK=0",
           "HARNESS_GROUP_SILENCE is '0': expected seconds, more than 0");
    refuse("HARNESS_GROUP_WAIT=1e999",
           "HARNESS_GROUP_WAIT is '1e999': expected seconds, more than 0 "
           "and at most 100000000");
}

/* Taken for no launcher, each rank would be a run of its own and write where the others do. */
Test(launch, variables_that_say_nothing_are_refused) {
    refuse("OMPI_COMM_WORLD_SIZE=abc", "OMPI_COMM_WORLD_SIZE is 'abc': expected the number of "
                                       "processes that the launcher has started");
    refuse("OMPI_COMM_WORLD_SIZE=0", "OMPI_COMM_WORLD_SIZE is '0': expected the number");
    refuse("PMI_SIZE=-1", "PMI_SIZE is '-1': expected the number");
    refuse("PMI_SIZE=99999999999999999999", "PMI_SIZE is '99999999999999999999': expected");
    refuse("SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=x", "SLURM_STEP_NUM_TASKS is 'x'");
    refuse("HARNESS_GROUP=offf", "HARNESS_GROUP is 'offf': expected off, or nothing");
}

/* As where the plugin is installed and its MPI is not: the loader's own words. */
Test(launch, names_a_plugin_that_cannot_be_loaded) {
    char command[400];
    snprintf(command, sizeof command, "echo no library >'%s'",
             temporary_path("harness-group-openmpi.so"));
    cr_assert_eq(system(command), 0);
    refuse(openmpi, "harness-group-openmpi.so cannot be loaded (");
}

/* Where it is told to, and verbs that work in no group. */
Test(launch, is_whole_by_itself) {
    setenv("PMI_SIZE", "2", 1);
    setenv("PMI_RANK", "1", 1);
    program_result r = RUN_WELL("tasks");
    cr_expect_str_eq(r.err, "");
    // one of them says what that means
    setenv("PMI_RANK", "0", 1);
    r = RUN_WELL("tasks");
    cr_expect_str_eq(r.err, "warning: tasks is not divided among processes: each of the 2 that the "
                            "launcher has started does all of it (HARNESS_GROUP=off, if that is "
                            "meant)\n");
    setenv("PMI_RANK", "1", 1);
    setenv("HARNESS_GROUP", "off", 1);
    r = RUN_WELL("run", "--sample", "--task", "kor_hate", "--device", "reference", "-m", "tiny",
                 "--max-steps", "1", "--limit", "4", "--quiet");
}

/* Variables of a launcher that a shell has inherited: the rank that they name is alone, and says what
 * is wrong. */
#define ALONE "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1"
Test(launch, who_is_alone_is_heard, .timeout = 60) {
    static const struct {
        const char *plugin, *variables, *arguments, *part;
    } cases[] = {{"openmpi", "PMIX_RANK=5", "--task nosuch", "unknown task 'nosuch'"},
                 {"openmpi", "PMIX_RANK=5", "--nosuch", "unknown flag '--nosuch'"},
                 {"openmpi", ALONE, "--task nosuch", "knows of 1"},
                 // the ranks tell a wrong flag as one
                 {"openmpi", ALONE, "--nosuch", "knows of 1"},
                 {"mpich", "PMI_SIZE=2 PMI_RANK=1", "--task nosuch", "knows of 1"}};
    size_t tried = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char plugin[400], command[600], text[2000];
        snprintf(plugin, sizeof plugin, "%.*s/harness-group-%s.so",
                 (int)(strrchr(HARNESS_PROGRAM, '/') - HARNESS_PROGRAM), HARNESS_PROGRAM,
                 cases[i].plugin);
        if (!file_exists(plugin)) continue;
        snprintf(command, sizeof command, "env %s '%s' run %s 2>&1", cases[i].variables,
                 HARNESS_PROGRAM, cases[i].arguments);
        FILE *f = popen(command, "r");
        cr_assert_not_null(f);
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        cr_expect_neq(pclose(f), 0);
        cr_expect_not_null(strstr(text, cases[i].part), "%s: %s", cases[i].variables, text);
        tried++;
    }
    if (!tried) cr_skip_test("no plugin for MPI");
}
